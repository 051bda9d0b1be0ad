"""Who reads what, and what becomes of it: the dispatcher with a service that does what it is told."""

from datetime import UTC, datetime, timedelta

import pytest

from streamwatch import errors
from streamwatch.model import Box, CallResult, Engine, Keyframe, Ledger, PlateText, Recognizer
from streamwatch.pipeline import (
    Budget,
    Dispatcher,
    Event,
    Governor,
    KeyframeDropped,
    Limits,
    Outbox,
    PlatesRead,
    Served,
)
from streamwatch.pipeline.events import KeyframeDoubtful, KeyframeWaits, PlatesConfirmed, ReadFailed
from streamwatch.store import WaitingKeyframe

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PLATE = PlateText("京AF0236", 0.99, None)


class FakeClock:
    trusted = plausible = True

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time


class Service:
    """Answers with what stands next: plates, or an error and whether it was charged."""

    engine = Engine.OCRCARS

    def __init__(self, *answers: list[PlateText] | tuple[errors.RecognitionError, bool | None]) -> None:
        self.answers, self.read_keys = list(answers), list[bytes]()

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.read_keys.append(jpeg)
        ledger.about_to_pay(1, jpeg)
        answer = self.answers.pop(0) if self.answers else [PLATE]
        if isinstance(answer, list):
            ledger.ended(1, CallResult("read", True, 1, 0.1, plates=tuple(answer)))
            return answer
        error, charged = answer
        ledger.ended(1, CallResult(error.outcome, charged, int(bool(charged)), 0.1))
        raise error

    def close(self) -> None:
        pass


class Local(Service):
    engine = Engine.LOCAL

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.read_keys.append(jpeg)
        answer = self.answers.pop(0) if self.answers else [PLATE]
        assert isinstance(answer, list)
        return answer


class Desk:
    """Keeps events; every keyframe but the lost ones can be loaded."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost: set[str] = set()

    def load(self, key: str) -> Keyframe:
        if key in self.lost:
            raise errors.StoreError(f"The picture of {key} is gone.")
        return Keyframe(key, f"p-{key}", "gate", START, key.encode(), 9, 9, Box(0, 0, 9, 9), 1.0, 1.0, "test")

    def record(self, event: Event) -> None:
        self.events.append(event)

    def said(self, kind: type[object]) -> list[object]:
        return [event for event in self.events if isinstance(event, kind)]


class Scene:
    """A dispatcher with everything around it."""

    def __init__(self, service: Recognizer, local: Local | None = None, **limits: int) -> None:
        self.clock, self.desk, self.service = FakeClock(), Desk(), service
        budget = Budget(Limits(**limits), {}, lambda since, camera: 0, self.clock.now(), self.clock.monotonic())
        outbox = Outbox(100, 10**9, 3600)
        self.dispatcher = Dispatcher(outbox, Governor(20), budget, service, lambda: local, self.clock, self.desk)

    def add(self, *keys: str, only_local: bool = False) -> None:
        for key in keys:
            self.clock.time += 1
            item = WaitingKeyframe(key, f"p-{key}", "gate", self.clock.now(), 10, 1.0, True)
            self.dispatcher.add(item, only_local)

    def serve(self) -> Served | None:
        job = self.dispatcher.next(0.0)
        return None if job is None else self.dispatcher.serve(job)


def test_the_newest_is_read_first() -> None:
    service = Service()
    scene = Scene(service)
    scene.add("a", "b", "c")
    while scene.serve():
        pass
    assert service.read_keys == [b"c", b"b", b"a"]
    assert len(scene.desk.said(PlatesRead)) == 3
    assert scene.dispatcher.backlog() == (0, 0, 0.0)


@pytest.mark.parametrize("error", [errors.NotSent("no connection"), errors.Transient("503"), errors.Throttled("429")])
def test_what_surely_was_not_charged_waits_and_is_tried_again(error: errors.RecognitionError) -> None:
    scene = Scene(Service((error, False)))
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.again
    assert len(scene.desk.said(KeyframeWaits)) == 1
    assert scene.serve() is None, "held back for now"
    assert 0 < scene.dispatcher.held_for() <= 2
    scene.clock.time += 2
    served = scene.serve()
    assert served is not None
    assert served.plates == (PLATE,)


@pytest.mark.errors_expected
def test_what_may_have_been_charged_is_never_sent_again() -> None:
    service = Service((errors.Doubtful("no answer"), None), (errors.Transient("ret_code 80"), True))
    scene = Scene(service)
    scene.add("a", "b")
    scene.serve()
    scene.clock.time += 100
    scene.serve()
    scene.clock.time += 100
    assert scene.serve() is None
    assert service.read_keys == [b"b", b"a"]
    assert len(scene.desk.said(KeyframeDoubtful)) == 1
    assert len(scene.desk.said(ReadFailed)) == 1


@pytest.mark.parametrize(
    ("paid", "local", "confirmed", "believed"),
    [
        (("京AF0236", 0.99), [("京AF0236", 0.6)], True, 0.99),
        (("京AF0236", None), [("京AF0236", 0.6)], True, None),
        (("京AF0236", None), [], False, 0.0),
        (("京AF0236", None), [("京AF0Z36", 0.95)], True, 0.0),
        (("京AF0236", 0.97), [], False, 0.97),
        (("京AF0236", 0.97), [("京AF0Z36", 0.95)], False, 0.0),
        (("京AF0236", 0.97), [("京AF0Z36", 0.7)], False, 0.97),
        (("京AF0236", 0.97), [("川B99887", 0.99)], False, 0.97),
    ],
)
def test_the_local_engine_looks_at_what_was_paid_for(
    paid: tuple[str, float | None], local: list[tuple[str, float]], confirmed: bool, believed: float | None
) -> None:
    answer = [PlateText(*paid, None)]
    scene = Scene(Service(answer), Local([PlateText(text, sure, None) for text, sure in local]))
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.plates == (PlateText(paid[0], believed, None),)
    (read,) = scene.desk.said(PlatesRead)
    assert isinstance(read, PlatesRead)
    assert read.plates == tuple(answer), "what is written down is what the service said"
    assert len(scene.desk.said(PlatesConfirmed)) == confirmed


def test_where_it_is_installed_the_local_engine_reads_what_may_have_been_charged() -> None:
    scene = Scene(Service((errors.Doubtful("no answer"), None)), Local())
    scene.add("a")
    scene.serve()
    (read,) = scene.desk.said(PlatesRead)
    assert isinstance(read, PlatesRead)
    assert (read.engine, read.call) == (Engine.LOCAL, None)


def test_a_used_up_budget_falls_back_to_the_local_engine() -> None:
    service = Service()
    scene = Scene(service, Local(), hour=1)
    scene.add("a", "b")
    scene.serve()
    scene.serve()
    assert service.read_keys == [b"b"]
    assert [read.engine for read in scene.desk.said(PlatesRead)] == [Engine.OCRCARS, Engine.LOCAL]  # type: ignore[attr-defined]


def test_without_a_local_engine_a_used_up_budget_is_recorded_as_the_reason() -> None:
    service = Service()
    scene = Scene(service, hour=1)
    scene.add("a", "b")
    scene.serve()
    scene.serve()
    assert service.read_keys == [b"b"]
    (dropped,) = scene.desk.said(KeyframeDropped)
    assert isinstance(dropped, KeyframeDropped)
    assert "1 of 1 calls of this hour" in dropped.reason


def test_a_call_that_was_not_charged_costs_no_budget() -> None:
    scene = Scene(Service((errors.NotSent("no connection"), False)), hour=1)
    scene.add("a")
    scene.serve()
    assert scene.dispatcher.usage()[0].used == 0


@pytest.mark.errors_expected
def test_a_lost_picture_stops_nobody_and_costs_nothing() -> None:
    service = Service((errors.NotSent("no connection"), False))
    scene = Scene(service, hour=5)
    scene.add("a")
    scene.serve()
    scene.clock.time += 2
    scene.add("lost")
    scene.desk.lost.add("lost")
    scene.clock.time += 2
    scene.serve()
    assert len(scene.desk.said(KeyframeDropped)) == 1
    assert scene.dispatcher.usage()[0].used == 0
    served = scene.serve()
    assert served is not None
    assert served.plates == (PLATE,), "the probe that was called off blocks no other"


def test_a_doubtful_picture_of_an_earlier_run_is_read_locally_only() -> None:
    service, local = Service(), Local()
    scene = Scene(service, local)
    scene.add("a", only_local=True)
    scene.serve()
    assert service.read_keys == []
    assert local.read_keys == [b"a"]


def test_a_free_engine_knows_no_budget() -> None:
    local = Local()
    scene = Scene(local, None, hour=1)
    scene.add("a", "b", "c")
    while scene.serve():
        pass
    assert len(local.read_keys) == 3


def test_closed_gives_no_more_jobs() -> None:
    scene = Scene(Service())
    scene.add("a")
    scene.dispatcher.close()
    assert scene.dispatcher.next(5.0) is None
    assert scene.dispatcher.backlog()[0] == 1
