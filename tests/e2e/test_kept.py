"""A passage that nothing is paid for keeps its best view: from the gate to the rows, over a crash, and in a replay."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import Person, render
from fakes import FakeOcrCars
from records import Database, plain_sqlite, rows
from test_cli import SECRET, paid, streamwatch
from test_cli import START as BEGIN
from test_gate import FPS, HEIGHT, ROAD, START, WIDTH, Scene, Stay, gate_for, paste, texture, vehicle

from streamwatch.app import wiring
from streamwatch.app.resume import resume
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import ViewReason
from streamwatch.core.errors import StorageFailed
from streamwatch.core.events import Event, KeyframeKept, PassageClosed, PassageOpened
from streamwatch.core.model import Engine, Frame, Keyframe, Picture
from streamwatch.gate import Closed, Gate, Kept, Opened
from streamwatch.gate.part_detector import PartDetector
from streamwatch.pipeline import Acceptance, DirectAccess, Dispatcher, Engines, Intake, JpegLimits, Pipeline, Recorder
from streamwatch.store import Recovery, Store, open_store
from streamwatch.store.evidence_writer import EvidenceWriter

COAT = texture(9, 120, 240, 25, 10, 70)


def walker(picture: Picture, t: float) -> None:
    """Draw a large person who comes nearer for two seconds, stands for one, and is gone."""
    if 2 < t < 5:
        size = 0.6 + 0.4 * min(1.0, (t - 2) / 2)
        width, height = round(120 * size), round(240 * size)
        paste(picture, COAT, 320 - width // 2 + round(2 * t), 340 - height, width, height)


def plateless(**settings: Any) -> Scene:
    return Scene([], Gate(find_plates=lambda luma: [], **settings), extra=walker)


# ---- the gate -------------------------------------------------------------------------------------------------------


def test_of_what_shows_no_plate_the_view_is_kept_that_shows_most_of_it() -> None:
    opened, kept, closed = plateless().play(8).finish().events
    assert isinstance(opened, Opened)
    assert isinstance(kept, Kept)
    assert isinstance(closed, Closed)
    assert opened.passage == kept.passage == closed.passage
    assert kept.reason == ViewReason.NO_PLATE_SEEN
    assert timedelta(seconds=3.5) <= kept.frame.captured_at - START < timedelta(seconds=5)
    assert kept.crop.height >= 210


def test_if_it_is_not_wanted_nothing_is_kept() -> None:
    assert [type(e) for e in plateless(keep_unpaid=False).play(8).finish().events] == [Opened, Closed]


@pytest.mark.parametrize(("keep", "most"), [(True, 2), (False, 1)])
def test_of_what_moves_one_frame_is_held(keep: bool, most: int) -> None:
    gc.collect()
    before = {id(thing) for thing in gc.get_objects() if isinstance(thing, Frame)}
    scene = plateless(keep_unpaid=keep).play(4.5)
    gc.collect()
    held = [thing for thing in gc.get_objects() if isinstance(thing, Frame) and id(thing) not in before]
    assert len(held) <= most
    assert scene.events == []


class Crosser(Stay):
    """A vehicle that drives from left to right in four seconds, at a scale."""

    scale = 0.4

    def place(self, t: float) -> tuple[float, float, float] | None:
        part = (t - self.come) / 4
        return (140 + 380 * part, self.y, self.scale) if 0 <= part < 1 else None


class CutOff(Crosser):
    """The same vehicle with its plate at the lower edge, where it is never wholly in the picture."""

    scale = 1.0


@pytest.mark.parametrize(
    "stay",
    [Crosser(vehicle(1, 1), 2.0, 6.0), CutOff(vehicle(1, 1), 2.0, 6.0, y=304)],
    ids=["too far away", "cut off"],
)
def test_of_a_plate_that_was_never_worth_a_call_the_best_view_is_kept(stay: Stay) -> None:
    opened, kept, closed = Scene([stay]).play(9).finish().events
    assert isinstance(kept, Kept)
    assert (opened.passage, closed.passage, kept.reason) == (kept.passage, kept.passage, ViewReason.NEVER_WORTH_IT)
    at = (kept.frame.captured_at - START).total_seconds()
    box = stay.box(at)
    assert box is not None
    assert kept.crop.x <= box[0] + 0.3 * box[2]
    assert kept.crop.x + kept.crop.width >= box[0] + 0.7 * box[2]
    quiet = Scene([stay], gate_for(stay, keep_unpaid=False)).play(9).finish()
    assert [type(e) for e in quiet.events] == [Opened, Closed]


class Lorry(Crosser):
    """A lorry that crosses with a plate of 36 px, which is too small for a passage of its own."""

    scale = 0.3

    def draw(self, picture: Picture, t: float) -> None:
        box = self.box(t)
        if box is not None:
            paste(picture, COAT, box[0] - 120, box[1] - 80, 300, 150)
            paste(picture, self.picture, *box)


def test_a_large_vehicle_whose_plate_is_too_small_for_a_passage_is_recorded_with_its_view() -> None:
    lorry = Lorry(vehicle(1, 1), 2.0, 6.0)
    scene = Scene([], gate_for(lorry), extra=lorry.draw).play(9).finish()
    opened, kept, closed = scene.events
    assert isinstance(opened, Opened)
    assert isinstance(kept, Kept)
    assert isinstance(closed, Closed)
    assert (kept.reason, kept.crop.width >= 240) == (ViewReason.NO_PLATE_SEEN, True)


def test_a_plate_that_a_closer_look_never_sees_keeps_the_view_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PartDetector, "confirm", lambda *_: None)
    scene = Scene([Stay(vehicle(1, 1), 2.0, 6.0)]).play(9).finish()
    assert [type(e) for e in scene.events] == [Opened, Kept, Closed]


def test_a_passage_with_a_call_keeps_nothing_else() -> None:
    scene = Scene([Stay(vehicle(1, 1), 2.0, 6.0)], readable=lambda call: False).play(9).finish()
    assert scene.shots
    assert not [e for e in scene.events if isinstance(e, Kept)]


# ---- intake, recorder and store -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unpaid() -> list[Event]:
    """Return the events that an intake makes of a passage without a call."""
    scene = plateless()
    intake = Intake("gate", scene.gate, JpegLimits(1920, 88, 1_500_000), 0.85)
    events = [event for n in range(8 * FPS) for event in intake.look(scene.frame(n / FPS))]
    return [*events, *intake.finish()]


def kept_in(events: list[Event]) -> Keyframe:
    (keyframe,) = [event.keyframe for event in events if isinstance(event, KeyframeKept)]
    return keyframe


def test_the_kept_view_becomes_a_keyframe_that_nobody_asks_about(unpaid: list[Event]) -> None:
    opened, _, closed = unpaid
    keyframe = kept_in(unpaid)
    assert isinstance(opened, PassageOpened)
    assert isinstance(closed, PassageClosed)
    assert keyframe.passage == opened.passage.key == closed.passage.key
    assert (keyframe.camera, keyframe.reason, keyframe.scale) == ("gate", ViewReason.NO_PLATE_SEEN, 1.0)
    picture = cv2.imdecode(np.frombuffer(keyframe.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture.shape == (keyframe.height, keyframe.width) == (keyframe.crop.height, keyframe.crop.width)
    assert picture.mean() < ROAD.mean() - 20, "it shows the coat"


@pytest.fixture
def open_again(database: Database, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Open the database once more after a crash."""
    stores: list[Store] = []

    def opened() -> Store:
        for store in stores:
            store.close()
        stores.append(open_store(database.url, tmp_path / "data"))
        return stores[-1]

    yield opened
    stores[-1].close()


def recorder_of(store: Store) -> Recorder:
    counts = Acceptance({Engine.OCRCARS: 0.85, Engine.LOCAL: 0.95})
    return Recorder(store, acceptance=lambda _: counts, notify=lambda sighting, corrected: None)


def passages(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in rows(database, "SELECT closed, outcome FROM passages")]


def test_a_kept_view_is_evidence_and_waits_for_nothing(
    open_again: Callable[[], Store], database: Database, tmp_path: Path, unpaid: list[Event]
) -> None:
    store = open_again()
    recorder = recorder_of(store)
    for event in unpaid:
        recorder.record(event)
    (row,) = rows(database, "SELECT state, state_reason, path FROM keyframes")
    assert (row["state"], row["state_reason"]) == ("kept", "")
    assert (tmp_path / "data" / row["path"]).read_bytes() == kept_in(unpaid).jpeg
    assert store.keyframes.load_keyframe(kept_in(unpaid).key) == kept_in(unpaid)
    assert passages(database) == [(True, "unread")], "as it is without a picture"
    assert store.keyframes.waiting() == []
    assert store.passages.pending() == []
    assert store.keyframes.recover() == Recovery()
    assert store.passages.last_views("gate", START + timedelta(hours=1)) == [], (
        "it was not paid for, so it settles nothing"
    )
    assert not rows(database, "SELECT * FROM calls")
    assert not rows(database, "SELECT * FROM sightings")


@pytest.mark.parametrize("written", [1, 2, 3])
def test_after_a_crash_nothing_of_it_is_paid_for(
    open_again: Callable[[], Store], database: Database, unpaid: list[Event], written: int
) -> None:
    recorder = recorder_of(open_again())
    for event in unpaid[:written]:
        recorder.record(event)
    store = open_again()
    settings, clock = Settings(), SystemClock()
    recorder = wiring.make_recorder(lambda: settings, store, lambda sighting, corrected: None)

    class NoReader:
        engine = Engine.OCRCARS

        def read(self, jpeg: bytes, ledger: object) -> list[object]:
            raise AssertionError("it would be paid for")

        def close(self) -> None:
            pass

    def make(take: Callable[[Event], None]) -> Dispatcher:
        engines = Engines(NoReader(), wiring.make_local_help(settings))  # type: ignore[arg-type]
        return wiring.make_dispatcher(settings, store, lambda _: engines, clock, DirectAccess(store, take))

    pipeline = Pipeline(recorder, make)
    dispatcher = pipeline.dispatcher
    resume(settings, store, pipeline, clock)
    assert dispatcher.backlog()[0] == 0
    assert dispatcher.next(0.0) is None
    assert passages(database) == [(True, "unread")]
    assert [row["state"] for row in rows(database, "SELECT state FROM keyframes")] == ["kept"][: written - 1]
    assert not rows(database, "SELECT * FROM calls")


def test_a_transaction_that_fails_leaves_the_view_owed(
    open_again: Callable[[], Store], database: Database, unpaid: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_again()
    recorder = recorder_of(store)
    opened, kept, closed = unpaid
    recorder.record(opened)

    def full(*_: object) -> None:
        raise StorageFailed("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(EvidenceWriter, "write", full)
        with pytest.raises(StorageFailed):
            recorder.record(kept)
    assert not rows(database, "SELECT * FROM keyframes")
    recorder.record(closed)
    assert [row["state"] for row in rows(database, "SELECT state FROM keyframes")] == ["kept"]


def test_beside_a_view_that_is_read_it_changes_no_outcome(
    open_again: Callable[[], Store], database: Database, unpaid: list[Event]
) -> None:
    store = open_again()
    opened, kept, _ = unpaid
    assert isinstance(kept, KeyframeKept)
    recorder = recorder_of(store)
    recorder.record(opened)
    store.keyframes.save(replace(kept.keyframe, key="read"))
    recorder.record(kept)
    standing = store.passages.standing(kept.keyframe.passage)
    assert (standing.unsettled, standing.unanswered, standing.answered) == (1, 0, 0)
    (item,) = store.keyframes.waiting()
    assert (item.key, item.first_view) == ("read", True)


# ---- a replay -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [True, False])
def test_a_replay_keeps_a_picture_of_somebody_and_pays_nothing(tmp_path: Path, keep: bool) -> None:
    render(tmp_path / "walk.mp4", [Person(enter=2.0, cross=4.0, depth=1.3)], 9, fps=10, size=(WIDTH, HEIGHT))
    with FakeOcrCars(appcode=SECRET) as service:
        paid(tmp_path, service)
        if not keep:
            config = tmp_path / "config.yaml"
            config.write_text(config.read_text() + "\ngate: {keep_unpaid: false}\n")
        done = streamwatch(
            "replay", "--camera", "gate", "--start", BEGIN, "--explain", "why.html", "walk.mp4", cwd=tmp_path
        )
        told = streamwatch("calls", "--since", "2000-01-01", cwd=tmp_path)
        again = streamwatch("replay", "--camera", "gate", "--start", BEGIN, "walk.mp4", cwd=tmp_path)
    assert done.returncode == again.returncode == told.returncode == 0, done.stderr + again.stderr + told.stderr
    assert service.calls == []
    with plain_sqlite(tmp_path / "data" / "streamwatch.db") as database:
        found = [tuple(row) for row in database.execute("SELECT outcome FROM passages")]
        views = [tuple(row) for row in database.execute("SELECT state, captured_at, sha256 FROM keyframes")]
    assert found == [("unread",), ("unread",)]
    page = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert ("kept, not paid" in page) is keep
    if keep:
        first, second = views
        assert first == second, "the same frames give the same picture"
        assert first[0] == "kept"
        assert "No call was made for 1 picture of gate: kept for people to look at, not worth a call." in told.stdout
    else:
        assert views == []
