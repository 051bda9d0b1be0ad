"""The recorder turns events into rows and sightings, in a real database."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from records import Database

from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.errors import Doubtful, Throttled, Transient
from streamwatch.core.events import (
    CallEnded,
    CallStarted,
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeKept,
    KeyframeTaken,
    KeyframeWaits,
    PassageClosed,
    PassageOpened,
    PlatesCrossChecked,
    PlatesRead,
    ReadFailed,
)
from streamwatch.core.model import Box, CallResult, Corners, Engine, Keyframe, Passage, PlateText, Sighting
from streamwatch.pipeline import Acceptance, Recorder, sighting_log
from streamwatch.store import KeyframeState, Store, open_store

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
CORNERS: Corners = ((10.0, 10.0), (60.0, 10.0), (60.0, 25.0), (10.0, 25.0))


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database.url, tmp_path)
    yield opened
    opened.close()


class Scene:
    """A recorder, a list of what it told, and short names for events."""

    def __init__(self, store: Store) -> None:
        self.told: list[tuple[str, bool]] = []
        counts = Acceptance({Engine.OCRCARS: 0.85, Engine.LOCAL: 0.95})
        self.recorder = Recorder(store, acceptance=lambda _: counts, notify=self._notify)

    def _notify(self, sighting: Sighting, corrected: bool) -> None:
        self.told.append((sighting.plate, corrected))

    def open(self, key: str, at: float) -> Passage:
        time = START + timedelta(seconds=at)
        passage = Passage(key, "gate", time, time)
        self.recorder.record(PassageOpened(passage))
        return passage

    def view(self, passage: Passage, key: str, at: float) -> Keyframe:
        time = START + timedelta(seconds=at)
        box = Box(100, 50, 400, 300)
        return Keyframe(key, passage.key, "gate", time, b"\xff\xd8jpeg", 200, 150, box, 0.5, 1.0, ViewReason.BEST_VIEW)

    def take(self, passage: Passage, key: str, at: float) -> Keyframe:
        keyframe = self.view(passage, key, at)
        self.recorder.record(KeyframeTaken(keyframe))
        return keyframe

    def answer(self, keyframe: Keyframe, *plates: tuple[str, float | None], call: str | None = None) -> None:
        texts = tuple(PlateText(text, confidence, CORNERS) for text, confidence in plates)
        self.recorder.record(PlatesRead(keyframe, Engine.LOCAL, texts, call))

    def close(self, passage: Passage, at: float) -> None:
        self.recorder.record(PassageClosed(replace(passage, last_seen=START + timedelta(seconds=at), closed=True)))


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in database.rows(query)]


def test_a_passage_becomes_a_final_sighting(store: Store, database: Database) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    scene.answer(scene.take(passage, "k1", 2), ("京A·F0236", 0.97))
    assert rows(database, "SELECT plate, status FROM sightings") == [("京AF0236", "provisional")]
    scene.close(passage, 8)
    assert rows(database, "SELECT plate, kind, status, reads FROM sightings") == [("京AF0236", "ordinary", "final", 1)]
    assert rows(database, "SELECT outcome, closed FROM passages") == [("read", 1)]
    assert scene.told == [("京AF0236", False)]


def test_what_a_person_typed_stays_whatever_engines_answer_later(store: Store, database: Database) -> None:
    """Fusion knows nothing of it; a second visit that is misread in the same way is the engine's again."""
    scene = Scene(store)
    passage = scene.open("p1", 0)
    scene.answer(scene.take(passage, "k1", 1), ("京A12B45", 0.96))
    later = scene.take(passage, "k2", 2)
    store.corrections.read_by_operator("p1", "k1", "京A12845", "Li", START)
    scene.answer(later, ("京A12B45", 0.97))
    scene.close(passage, 8)
    assert rows(database, "SELECT plate, engine, status FROM sightings") == [("京A12845", "operator", "final")]
    second = scene.open("p2", 60)
    scene.answer(scene.take(second, "k3", 61), ("京A12B45", 0.98))
    scene.close(second, 68)
    found = rows(database, "SELECT plate, engine, outcome FROM passages ORDER BY id")
    assert found == [("京A12845", "operator", "read"), ("京A12B45", "local", "read")]
    sightings = rows(database, "SELECT plate, passage_id, reads FROM sightings ORDER BY passage_id")
    assert sightings == [("京A12845", 1, 2), ("京A12B45", 2, 1)]


def test_corners_are_stored_in_pixels_of_the_frame(store: Store, database: Database) -> None:
    scene = Scene(store)
    scene.answer(scene.take(scene.open("p1", 0), "k1", 2), ("京AF0236", 0.97))
    ((corners, raw),) = rows(database, "SELECT corners, raw FROM readings")
    assert corners.replace(" ", "").startswith("[[120.0,70.0],[220.0,70.0]")
    assert raw == "京AF0236"


def test_a_correction_is_told_once(store: Store, database: Database) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    scene.answer(scene.take(passage, "k1", 1), ("京A12B45", 0.96))
    scene.answer(scene.take(passage, "k2", 2), ("京A12845", 0.99))
    scene.close(passage, 8)
    assert scene.told == [("京A12B45", False), ("京A12845", True)]
    assert rows(database, "SELECT plate FROM sightings") == [("京A12845",)]
    assert rows(database, "SELECT count(*) FROM readings WHERE sighting_id IS NOT NULL") == [(2,)]


@pytest.mark.errors_expected
def test_outcomes_without_a_sighting(store: Store, database: Database) -> None:
    scene = Scene(store)
    unread = scene.open("unread", 0)
    scene.answer(scene.take(unread, "k1", 1))
    scene.close(unread, 5)
    unsure = scene.open("unsure", 10)
    scene.answer(scene.take(unsure, "k2", 11), ("京AF0236", 0.4))
    scene.close(unsure, 15)
    failed = scene.open("failed", 20)
    scene.recorder.record(ReadFailed(scene.take(failed, "k3", 21), Transient("The service stumbled.")))
    scene.close(failed, 25)
    dropped = scene.open("dropped", 30)
    scene.recorder.record(
        KeyframeDropped(scene.take(dropped, "k4", 31).key, dropped.key, "gate", StateReason.OUTBOX_ITEMS)
    )
    scene.close(dropped, 35)
    assert rows(database, "SELECT key, outcome FROM passages ORDER BY id") == [
        ("unread", "unread"),
        ("unsure", "unsure"),
        ("failed", "failed"),
        ("dropped", "failed"),
    ]
    assert rows(database, "SELECT key, state, state_reason FROM keyframes ORDER BY id")[2:] == [
        ("k3", "failed", "transient"),
        ("k4", "dropped", "outbox_items"),
    ]
    assert rows(database, "SELECT * FROM sightings") == []


@pytest.mark.parametrize("closed", [False, True])
def test_what_the_local_engine_confirms_counts_as_a_reading(store: Store, database: Database, closed: bool) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    keyframe = scene.take(passage, "k1", 2)
    scene.answer(keyframe, ("京AF0236", 0.97))
    if closed:
        scene.close(passage, 8)
    scene.recorder.record(PlatesCrossChecked(keyframe, (PlateText("京AF0236", 0.7, CORNERS),)))
    if not closed:
        scene.close(passage, 8)
    assert rows(database, "SELECT plate, reads, status FROM sightings") == [("京AF0236", 2, "final")]
    assert rows(database, "SELECT outcome FROM passages") == [("read",)]
    assert scene.recorder.counters.passages["gate", "read"] == 1


def test_what_the_local_engine_contradicts_is_no_sighting_and_stays_as_it_was_read(
    store: Store, database: Database
) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    keyframe = scene.take(passage, "k1", 2)
    paid, local = PlateText("京 AF0236", 0.97, None), PlateText("京AF0Z36", 0.7, None)
    scene.recorder.record(PlatesRead(keyframe, Engine.OCRCARS, (paid,), None))
    scene.recorder.record(PlatesCrossChecked(keyframe, (local,), contradicted=(paid,)))
    scene.close(passage, 8)
    assert rows(database, "SELECT plate FROM sightings") == []
    assert rows(database, "SELECT plate, confidence FROM readings ORDER BY id") == [
        ("京AF0236", 0.97),
        ("京AF0Z36", 0.7),
    ]
    assert rows(database, "SELECT outcome FROM passages") == [("unsure",)]


def test_a_vehicle_of_an_earlier_run_that_leaves_later_was_there_until_then(store: Store, database: Database) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    scene.answer(scene.take(passage, "k1", 2), ("京AF0236", 0.97))
    scene.close(passage, 8)
    Scene(store).close(passage, 900)
    assert rows(database, "SELECT plate, last_seen FROM sightings") == [("京AF0236", "2026-03-01 08:15:00.000000")]
    assert rows(database, "SELECT outcome, last_seen FROM passages") == [("read", "2026-03-01 08:15:00.000000")]


def test_an_answer_after_the_passage_has_closed(store: Store, database: Database) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    keyframe = scene.take(passage, "k1", 2)
    scene.close(passage, 8)
    assert rows(database, "SELECT outcome FROM passages") == [("pending",)]
    scene.answer(keyframe, ("京AF0236", 0.97))
    assert rows(database, "SELECT outcome FROM passages") == [("read",)]
    assert rows(database, "SELECT status, last_seen FROM sightings") == [("final", "2026-03-01 08:00:08.000000")]


def test_after_a_restart_the_same_plate_is_the_same_sighting(store: Store, database: Database) -> None:
    for at in (0, 100):
        scene = Scene(store)
        passage = scene.open(f"p{at}", at)
        scene.answer(scene.take(passage, f"k{at}", at + 2), ("京AF0236", 0.97))
        scene.close(passage, at + 8)
    assert rows(database, "SELECT plate, reads, last_seen FROM sightings") == [
        ("京AF0236", 2, "2026-03-01 08:01:48.000000")
    ]
    assert scene.told == [], "a sighting that goes on is no news"


def test_the_ledger_row_comes_before_the_call_and_is_completed_after_it(store: Store, database: Database) -> None:
    scene = Scene(store)
    keyframe = scene.take(scene.open("p1", 0), "k1", 2)
    now = START + timedelta(seconds=3)
    scene.recorder.record(CallStarted("c1", "k1", Engine.OCRCARS, 1, now, keyframe.jpeg))
    assert rows(database, "SELECT outcome, ended_at FROM calls") == [(None, None)]
    scene.recorder.record(CallEnded("c1", CallResult(CallOutcome.READ, True, 1, 0.3, 200), now))
    scene.answer(keyframe, ("京AF0236", 0.97), call="c1")
    assert rows(database, "SELECT outcome, charged, fee FROM calls") == [("read", 1, 1)]
    assert rows(database, "SELECT c.key FROM readings r JOIN calls c ON c.id = r.call_id") == [("c1",)]


def test_why_nothing_was_paid_stands_beside_the_answer(store: Store, database: Database) -> None:
    scene = Scene(store)
    keyframe = scene.take(scene.open("p1", 0), "k1", 2)
    scene.recorder.record(
        PlatesRead(keyframe, Engine.LOCAL, (PlateText("京AF0236", 0.98, CORNERS),), None, StateReason.LOCAL_SURE)
    )
    assert rows(database, "SELECT state, state_reason FROM keyframes") == [("answered", "local_sure")]


@pytest.mark.errors_expected
@pytest.mark.parametrize(
    ("event", "state", "reason"),
    [
        (lambda view: KeyframeKept(view), "kept", ""),
        (lambda view: KeyframeWaits(view, Throttled("Too many requests.")), "waiting", "throttled"),
        (lambda view: KeyframeDoubtful(view, Doubtful("No answer came.")), "doubtful", "doubtful"),
    ],
    ids=["kept", "waits", "doubtful"],
)
def test_the_state_of_a_keyframe_and_its_reason_are_stored(
    event: Callable[[Keyframe], Event], state: str, reason: str, store: Store, database: Database
) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    view = scene.view(passage, "k1", 2) if state == "kept" else scene.take(passage, "k1", 2)
    scene.recorder.record(event(view))
    assert rows(database, "SELECT state, state_reason FROM keyframes") == [(state, reason)]
    assert scene.recorder.counters.evidence == len(view.jpeg)


def test_at_a_start_what_was_owed_is_given_up_and_the_database_counts(store: Store, database: Database) -> None:
    scene = Scene(store)
    passage = scene.open("p1", 0)
    scene.answer(scene.take(passage, "k1", 2), ("京AF0236", 0.97))
    keyframe = scene.take(passage, "k2", 3)
    scene.recorder.work_out(PassageOpened(replace(passage, key="p2")))
    scene.recorder.forget()
    scene.recorder.catch_up()
    assert rows(database, "SELECT key FROM passages") == [("p1",)]
    scene.recorder.resume(["p1"])
    scene.close(passage, 8)
    assert rows(database, "SELECT outcome FROM passages") == [("pending",)], "its answer is still awaited"
    scene.answer(keyframe)
    assert rows(database, "SELECT outcome FROM passages") == [("read",)]
    assert rows(database, "SELECT plate, reads FROM sightings") == [("京AF0236", 1)]


def test_after_a_restart_closed_passages_get_their_outcome_unless_a_keyframe_waits(
    store: Store, database: Database
) -> None:
    scene = Scene(store)
    for key, state in (("failed", KeyframeState.FAILED), ("waits", KeyframeState.WAITING)):
        passage = scene.open(key, 0)
        keyframe = scene.take(passage, f"k-{key}", 1)
        scene.close(passage, 5)
        store.keyframes.set_state(keyframe.key, state)
    Scene(store).recorder.settle_rest(store.passages.pending())
    assert rows(database, "SELECT key, outcome FROM passages ORDER BY id") == [
        ("failed", "failed"),
        ("waits", "pending"),
    ]


def test_of_very_many_sightings_what_was_told_first_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sighting_log, "REMEMBERED", 1)
    scene = Scene(store)
    views = []
    for n, plate in enumerate(("京AF0236", "沪B12345")):
        passage = scene.open(f"p{n}", n)
        views.append(passage)
        scene.answer(scene.take(passage, f"k{n}", n + 1), (plate, 0.97))
    scene.close(views[1], 8)
    assert scene.told == [("京AF0236", False), ("沪B12345", False)], "the second is remembered"
    scene.close(views[0], 8)
    assert scene.told[2:] == [("京AF0236", False)], "the first was forgotten"
