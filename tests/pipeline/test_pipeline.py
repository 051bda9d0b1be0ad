"""The one way from frames to rows: what happens with an event, and in which order."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from records import JPEG, NOON, Database, keyframe, passage

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import StorageFailed
from streamwatch.core.events import Event, KeyframeDropped, KeyframeTaken, PassageClosed, PassageOpened
from streamwatch.core.model import Engine, JudgedPlate, Ledger, PlateText
from streamwatch.pipeline import (
    Acceptance,
    Budget,
    CallLimits,
    CircuitBreaker,
    DirectAccess,
    Dispatcher,
    Engines,
    LocalHelp,
    Outbox,
    Pipeline,
    Recorder,
)
from streamwatch.store import Store, open_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database.url, tmp_path)
    yield opened
    opened.close()


class Local:
    """Reads one plate in every picture."""

    engine = Engine.LOCAL

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        return [PlateText("京A12345", 0.99, None)]

    def close(self) -> None:
        pass


def pipeline_of(store: Store, events: list[Event], items: int = 10) -> Pipeline:
    """Return a pipeline whose outbox holds `items` keyframes. events: gets each event once it is recorded."""
    clock = SystemClock()

    def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
        budget = Budget(CallLimits(), {}, store.calls.spent, clock.now(), clock.monotonic())
        nobody = LocalHelp(lambda: None, first=False, stands_in=False, pay_below=1.0)
        outbox = Outbox(items, 10**9, 3600)
        engines = Engines(Local(), nobody)
        return Dispatcher(outbox, CircuitBreaker(20), budget, lambda _: engines, clock, DirectAccess(store, take))

    counts = Acceptance({Engine.LOCAL: 0.9})
    recorder = Recorder(store, acceptance=lambda _: counts, notify=lambda sighting, corrected: None)
    return Pipeline(recorder, dispatcher, events.append)


def test_a_vehicle_comes_is_read_and_goes(store: Store, database: Database) -> None:
    events: list[Event] = []
    pipeline, stay = pipeline_of(store, events), passage()
    view = keyframe(stay)
    for event in (PassageOpened(stay), KeyframeTaken(view), PassageClosed(replace(stay, closed=True))):
        pipeline.take(event)
    job = pipeline.dispatcher.next(0.0)
    assert job is not None
    served = pipeline.dispatcher.serve(job)
    assert (served.keyframe, served.plates) == (view, (JudgedPlate(PlateText("京A12345", 0.99, None)),))
    assert [type(event).__name__ for event in events] == [
        "PassageOpened",
        "KeyframeTaken",
        "PassageClosed",
        "PlatesRead",
    ], "what a reader says takes the same way"
    assert [tuple(row) for row in database.rows("SELECT plate, status FROM sightings")] == [("京A12345", "final")]
    assert [row["outcome"] for row in database.rows("SELECT outcome FROM passages")] == ["read"]
    assert pipeline.recorder.counters.evidence == len(JPEG)


def test_what_gives_way_in_the_outbox_is_recorded(store: Store, database: Database) -> None:
    events: list[Event] = []
    pipeline = pipeline_of(store, events, items=1)
    first, second = passage(), passage()
    pipeline.take(PassageOpened(first))
    pipeline.take(PassageOpened(second))
    older, newer = keyframe(first), keyframe(second)
    pipeline.take(KeyframeTaken(replace(older, captured_at=NOON.replace(hour=1))))
    pipeline.take(KeyframeTaken(newer))
    assert [event.key for event in events if isinstance(event, KeyframeDropped)] == [older.key]
    assert [tuple(row) for row in database.rows("SELECT key, state FROM keyframes ORDER BY id")] == [
        (older.key, "dropped"),
        (newer.key, "waiting"),
    ]
    assert pipeline.dispatcher.backlog()[0] == 1


def test_a_keyframe_that_is_not_stored_is_not_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    pipeline, stay = pipeline_of(store, events), passage()
    pipeline.take(PassageOpened(stay))

    def full(*_: object) -> None:
        raise StorageFailed("The disk is full.")

    monkeypatch.setattr(store.keyframes, "save", full)
    with pytest.raises(StorageFailed):
        pipeline.take(KeyframeTaken(keyframe(stay)))
    assert events == [PassageOpened(stay)]
    assert pipeline.dispatcher.backlog()[0] == 0
