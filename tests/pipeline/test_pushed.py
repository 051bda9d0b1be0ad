"""A vehicle that a camera has sent, with its own reading: who reads it then, what is paid, and what becomes a row."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from records import NOON, Database, keyframe, passage

from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CallOutcome, ViewReason
from streamwatch.core.errors import StorageFailed
from streamwatch.core.events import Event, VehiclePushed
from streamwatch.core.model import CallResult, Engine, JpegCorners, Ledger, PlateText
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
    ignore,
)
from streamwatch.store import Store, open_store

A, B = "京A12345", "京A99999"


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database.url, tmp_path)
    yield opened
    opened.close()


class Reader:
    """An engine that reads what it is told, and counts."""

    def __init__(self, engine: Engine, *plates: tuple[str, float]) -> None:
        self.engine, self.read_so_far = engine, 0
        self._plates = [PlateText(text, confidence, None) for text, confidence in plates]

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.read_so_far += 1
        if self.engine is Engine.OCRCARS:
            ledger.about_to_pay(1, jpeg)
            outcome = CallOutcome.READ if self._plates else CallOutcome.NO_PLATE
            ledger.ended(1, CallResult(outcome, True, 1, 0.1, plates=tuple(self._plates)))
        return self._plates

    def read_near(self, jpeg: bytes, places: Sequence[JpegCorners | None], ledger: Ledger) -> list[PlateText]:
        return self.read(jpeg, ledger)

    def close(self) -> None:
        pass


def engines_of(paid: Reader | None, local: Reader | None, first: bool = False) -> Engines:
    there = local is not None
    help_ = LocalHelp(lambda: local, first=first and there, stands_in=there, pay_below=0.95)
    reader = paid or local
    assert reader is not None
    return Engines(reader, help_)


def pipeline_of(
    store: Store, engines: Engines, alone: float | None = None, limits: CallLimits | None = None
) -> Pipeline:
    """Return a pipeline. alone: the floor of the camera's own reading."""
    clock = SystemClock()
    floors = {Engine.OCRCARS: 0.85, Engine.LOCAL: 0.95} | ({} if alone is None else {Engine.CAMERA: alone})

    def dispatcher(take: Callable[[Event], None]) -> Dispatcher:
        budget = Budget(limits or CallLimits(), {}, store.calls.spent, clock.now(), clock.monotonic())
        outbox = Outbox(100, 10**9, 3600)
        return Dispatcher(outbox, CircuitBreaker(20), budget, lambda _: engines, clock, DirectAccess(store, take))

    recorder = Recorder(store, acceptance=lambda _: Acceptance(floors), notify=lambda *_: None)
    return Pipeline(recorder, dispatcher, ignore)


def pushed(*plates: tuple[str, float], is_read: bool = True) -> VehiclePushed:
    stay = replace(passage(), key=uuid4().hex, opened_at=NOON, last_seen=NOON, closed=True)
    view = replace(keyframe(stay), captured_at=NOON, reason=ViewReason.PUSHED)
    return VehiclePushed(stay, view, tuple(PlateText(text, sure, None) for text, sure in plates), is_read)


def read_all(pipeline: Pipeline) -> None:
    while (job := pipeline.dispatcher.next(0.0)) is not None:
        pipeline.dispatcher.serve(job)


def sightings(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in database.rows("SELECT plate, engine, status, reads FROM sightings ORDER BY id")]


def passages(database: Database) -> list[object]:
    return [row["outcome"] for row in database.rows("SELECT outcome FROM passages ORDER BY id")]


def test_what_camera_and_local_engine_agree_on_is_not_paid_for(store: Store, database: Database) -> None:
    paid, local = Reader(Engine.OCRCARS, (A, 0.99)), Reader(Engine.LOCAL, (A, 0.6))
    pipeline = pipeline_of(store, engines_of(paid, local))
    pipeline.take(pushed((A, 0.96)))
    read_all(pipeline)
    assert (paid.read_so_far, local.read_so_far) == (0, 1)
    assert sightings(database) == [(A, "camera", "final", 2)]
    assert [tuple(row) for row in database.rows("SELECT state, state_reason FROM keyframes")] == [
        ("answered", "camera_agrees")
    ]
    assert passages(database) == ["read"]


@pytest.mark.parametrize("first", [True, False], ids=["local-first", "ocrcars"])
@pytest.mark.parametrize("local", [(B, 0.99), ("not one", 0.9)], ids=["another plate", "no plate"])
def test_what_they_do_not_agree_on_is_paid_for(
    store: Store, database: Database, first: bool, local: tuple[str, float]
) -> None:
    paid = Reader(Engine.OCRCARS, (A, 0.99))
    pipeline = pipeline_of(store, engines_of(paid, Reader(Engine.LOCAL, local), first))
    pipeline.take(pushed((A, 0.96)))
    read_all(pipeline)
    assert paid.read_so_far == 1
    assert (A, "ocrcars", "final", 2) in sightings(database)


def test_a_second_vehicle_that_only_the_local_engine_sees_is_paid_for(store: Store) -> None:
    paid = Reader(Engine.OCRCARS, (A, 0.99))
    pipeline = pipeline_of(store, engines_of(paid, Reader(Engine.LOCAL, (A, 0.9), (B, 0.8))))
    pipeline.take(pushed((A, 0.96)))
    read_all(pipeline)
    assert paid.read_so_far == 1


def test_without_a_local_engine_every_vehicle_is_paid_for(store: Store, database: Database) -> None:
    paid = Reader(Engine.OCRCARS, (A, 0.99))
    pipeline = pipeline_of(store, engines_of(paid, None))
    pipeline.take(pushed((A, 0.96)))
    read_all(pipeline)
    assert paid.read_so_far == 1
    assert sightings(database) == [(A, "ocrcars", "final", 2)]


def test_where_the_camera_saw_no_plate_the_usual_rules_hold(store: Store, database: Database) -> None:
    paid = Reader(Engine.OCRCARS, (A, 0.99))
    pipeline = pipeline_of(store, engines_of(paid, Reader(Engine.LOCAL, (A, 0.99)), first=True))
    pipeline.take(pushed())
    read_all(pipeline)
    assert paid.read_so_far == 0
    assert sightings(database) == [(A, "local", "final", 1)]


def test_the_cameras_reading_alone_is_no_sighting(store: Store, database: Database) -> None:
    paid = Reader(Engine.OCRCARS, (A, 0.99))
    pipeline = pipeline_of(store, engines_of(paid, None), limits=CallLimits(day=0))
    pipeline.take(pushed((A, 1.0)))
    assert sightings(database) == []
    read_all(pipeline)
    assert paid.read_so_far == 0
    assert sightings(database) == []
    assert passages(database) == ["unsure"]


def test_with_a_floor_of_its_own_it_is_one_at_once(store: Store, database: Database) -> None:
    pipeline = pipeline_of(store, engines_of(None, Reader(Engine.LOCAL)), alone=0.9)
    pipeline.take(pushed((A, 0.96)))
    assert sightings(database) == [(A, "camera", "final", 1)]
    pipeline.take(pushed((B, 0.89)))
    assert len(sightings(database)) == 1


@pytest.mark.parametrize(
    ("local", "wanted"),
    [((A, 0.99), A), ((A, 0.7), None), (("京A12346", 0.99), "京A12346"), (("京A12346", 0.7), None), ((B, 0.99), B)],
)
def test_with_the_local_engine_alone_both_are_weighed(
    store: Store, database: Database, local: tuple[str, float], wanted: str | None
) -> None:
    """Two that agree are sure; of two that differ, only a local reading above its floor is one."""
    pipeline = pipeline_of(store, engines_of(None, Reader(Engine.LOCAL, local)))
    pipeline.take(pushed((A, 0.96)))
    read_all(pipeline)
    agreed = local[0] == A
    assert [row[0] for row in sightings(database)] == ([A] if agreed else [] if wanted is None else [wanted])


def test_a_vehicle_without_plate_is_kept_for_people(store: Store, database: Database) -> None:
    local = Reader(Engine.LOCAL, (A, 0.99))
    pipeline = pipeline_of(store, engines_of(None, local))
    pipeline.take(pushed(is_read=False))
    read_all(pipeline)
    assert local.read_so_far == 0
    assert passages(database) == ["unread"]
    assert [row["state"] for row in database.rows("SELECT state FROM keyframes")] == ["kept"]


def test_after_a_restart_it_is_known_what_the_camera_has_read(store: Store, database: Database) -> None:
    paid, local = Reader(Engine.OCRCARS, (A, 0.99)), Reader(Engine.LOCAL, (A, 0.6))
    event = pushed((A, 0.96))
    pipeline_of(store, engines_of(paid, local)).take(event)
    (waiting,) = store.keyframes.waiting()
    assert waiting.seen == (A,)
    again = pipeline_of(store, engines_of(paid, local))
    again.recorder.resume([waiting.passage])
    again.dispatcher.add(waiting)
    read_all(again)
    assert (paid.read_so_far, local.read_so_far) == (0, 1)
    assert [row[0] for row in sightings(database)] == [A]


def test_all_of_it_is_stored_or_nothing(store: Store, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, event = pipeline_of(store, engines_of(None, Reader(Engine.LOCAL, (A, 0.99)))), pushed((A, 0.96))

    def full(*_: object) -> None:
        raise StorageFailed("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(store.keyframes, "add_readings", full)
        with pytest.raises(StorageFailed):
            pipeline.take(event)
    assert not store.keyframes.is_stored(event.keyframe.key)
    assert database.rows("SELECT * FROM passages") == []
    pipeline.recorder.catch_up()
    assert store.keyframes.is_stored(event.keyframe.key)
    assert [row["engine"] for row in database.rows("SELECT engine FROM readings")] == ["camera"]
