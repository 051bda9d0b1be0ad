"""The dispatcher, with a service whose answers the test sets: who reads a keyframe, and what happens to it then."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from streamwatch.core import errors
from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.events import (
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeWaits,
    PassageClosed,
    PassageOpened,
    PlatesCrossChecked,
    PlatesRead,
    ReadFailed,
)
from streamwatch.core.model import (
    Box,
    CallResult,
    Corners,
    Engine,
    JudgedPlate,
    Keyframe,
    Ledger,
    Passage,
    PlateText,
    Recognizer,
    Trust,
)
from streamwatch.pipeline import Budget, CallLimits, CircuitBreaker, Dispatcher, Engines, LocalHelp, Outbox, Served
from streamwatch.pipeline.calls import REMEMBERED, PaidCalls
from streamwatch.pipeline.dispatcher import URGENT_FOR
from streamwatch.pipeline.outbox import EntryState
from streamwatch.pipeline.router import Route
from streamwatch.store import WaitingKeyframe

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
PLATE = PlateText("京AF0236", 0.99, None)
T = TypeVar("T")
STUMBLE = (errors.Transient("ret_code 80"), True)


class FakeClock:
    trusted = plausible = True
    leapt = False

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time)

    def monotonic(self) -> float:
        return self.time


class Service:
    """Gives the next answer in its list: plates, or an error and whether it was charged."""

    engine = Engine.OCRCARS

    def __init__(self, *answers: list[PlateText] | tuple[errors.RecognitionError, bool | None]) -> None:
        self.answers, self.read_keys = list(answers), list[bytes]()

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.read_keys.append(jpeg)
        ledger.about_to_pay(1, jpeg)
        answer = self.answers.pop(0) if self.answers else [PLATE]
        if isinstance(answer, list):
            ledger.ended(1, CallResult(CallOutcome.READ, True, 1, 0.1, plates=tuple(answer)))
            return answer
        error, charged = answer
        ledger.ended(1, CallResult(error.outcome, charged, int(bool(charged)), 0.1))
        raise error

    def close(self) -> None:
        pass


class Local(Service):
    engine = Engine.LOCAL
    places: Sequence[Corners | None] = ()

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.read_keys.append(jpeg)
        answer = self.answers.pop(0) if self.answers else [PLATE]
        if not isinstance(answer, list):
            raise answer[0]
        return answer

    def read_near(self, jpeg: bytes, places: Sequence[Corners | None], ledger: Ledger) -> list[PlateText]:
        self.places = list(places)
        return self.read(jpeg, ledger)


class KeyframeStorage:
    """Keeps events; every keyframe except the lost ones can be loaded."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lost: set[str] = set()
        self.passages: dict[str, str] = {}

    def load(self, key: str) -> Keyframe:
        if key in self.lost:
            raise errors.StoreError(f"The picture of {key} is gone.")
        return Keyframe(
            key, self.passages[key], "gate", START, key.encode(), 9, 9, Box(0, 0, 9, 9), 1.0, 1.0, ViewReason.BEST_VIEW
        )

    def record(self, event: Event) -> None:
        self.events.append(event)

    def said(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


class Scene:
    """A dispatcher with everything around it."""

    def __init__(
        self,
        service: Recognizer,
        local: Local | None = None,
        first: bool = False,
        stands_in: bool = True,
        **limits: int,
    ) -> None:
        self.clock, self.storage, self.service = FakeClock(), KeyframeStorage(), service
        budget = Budget(CallLimits(**limits), {}, lambda since, camera: 0, self.clock.now(), self.clock.monotonic())
        outbox = Outbox(100, 10**9, 3600)
        help_ = LocalHelp(lambda: local, first=first, stands_in=stands_in and local is not None, pay_below=0.95)
        engines = Engines(service, help_)
        self.dispatcher = Dispatcher(outbox, CircuitBreaker(20), budget, lambda _: engines, self.clock, self.storage)

    def add(self, *keys: str, only_local: bool = False, passage: str = "") -> None:
        for key in keys:
            self.clock.time += 1
            self.storage.passages[key] = passage or f"p-{key}"
            item = WaitingKeyframe(key, self.storage.passages[key], "gate", self.clock.now(), 10, 1.0, True)
            self.dispatcher.add(item, EntryState.LOCAL_ONLY if only_local else EntryState.FRESH)

    def serve(self) -> Served | None:
        job = self.dispatcher.next(0.0)
        return None if job is None else self.dispatcher.serve(job)


def plates_of(served: Served) -> list[PlateText]:
    return [judged.plate for judged in served.plates or ()]


def test_the_newest_is_read_first() -> None:
    service = Service()
    scene = Scene(service)
    scene.add("a", "b", "c")
    while scene.serve():
        pass
    assert service.read_keys == [b"c", b"b", b"a"]
    assert len(scene.storage.said(PlatesRead)) == 3
    assert scene.dispatcher.backlog() == (0, 0, 0.0)


@pytest.mark.parametrize("error", [errors.NotSent("no connection"), errors.Transient("503"), errors.Throttled("429")])
def test_what_surely_was_not_charged_waits_and_is_tried_again(error: errors.RecognitionError) -> None:
    scene = Scene(Service((error, False)))
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.again
    assert len(scene.storage.said(KeyframeWaits)) == 1
    assert scene.serve() is None, "held back for now"
    assert 0 < scene.dispatcher.held_for() <= 2
    scene.clock.time += 2
    served = scene.serve()
    assert served is not None
    assert plates_of(served) == [PLATE]


@pytest.mark.errors_expected
def test_what_may_have_been_charged_without_an_answer_is_never_sent_again() -> None:
    service = Service((errors.Doubtful("no answer"), None))
    scene = Scene(service)
    scene.add("a")
    scene.serve()
    scene.clock.time += 100
    assert scene.serve() is None
    assert service.read_keys == [b"a"]
    assert len(scene.storage.said(KeyframeDoubtful)) == 1


def test_after_a_charged_stumble_another_view_is_paid_and_not_the_same_picture() -> None:
    service = Service(STUMBLE)
    scene = Scene(service)
    scene.dispatcher.heard(PassageOpened(Passage("p", "gate", START, START)))
    scene.add("a", passage="p")
    served = scene.serve()
    assert served is not None
    assert (served.plates, served.again) == (None, False), "the gate may send another view"
    scene.clock.time += 100
    assert scene.serve() is None, "it is held back while its vehicle is in view"
    scene.add("b", passage="p")
    scene.serve()
    assert [event.key for event in scene.storage.said(KeyframeDropped)] == ["a"]
    assert scene.dispatcher.heard(PassageClosed(Passage("p", "gate", START, START, closed=True))) == []
    assert scene.serve() is None
    assert service.read_keys == [b"a", b"b"]


@pytest.mark.errors_expected
def test_the_only_view_of_a_vehicle_is_sent_once_more_after_a_charged_stumble() -> None:
    service = Service(STUMBLE, STUMBLE)
    scene = Scene(service)
    scene.dispatcher.heard(PassageOpened(Passage("p", "gate", START, START)))
    scene.add("a", passage="p")
    scene.serve()
    scene.dispatcher.heard(PassageClosed(Passage("p", "gate", START, START, closed=True)))
    for _ in range(3):
        scene.clock.time += 100
        scene.serve()
    assert service.read_keys == [b"a", b"a"]
    assert len(scene.storage.said(ReadFailed)) == 1


@pytest.mark.errors_expected
def test_a_service_that_charges_for_errors_pauses_the_camera() -> None:
    service = Service(*[STUMBLE] * 50)
    scene = Scene(service)
    for n in range(20):
        scene.add(f"k{n}")
        scene.clock.time += 100
        scene.serve()
    scene.clock.time += 100
    assert scene.serve() is None
    assert len(service.read_keys) == 20
    assert [breaker.name for breaker in scene.dispatcher.breakers()][-1] == "runaway"


def test_a_stumble_that_comes_when_the_vehicle_has_gone_is_tried_again_at_once() -> None:
    service = Service(STUMBLE)
    scene = Scene(service)
    scene.add("a")
    scene.serve()
    scene.clock.time += 3
    served = scene.serve()
    assert served is not None
    assert plates_of(served) == [PLATE]


@pytest.mark.errors_expected
def test_a_refusal_waits_for_a_person_even_where_it_came_as_an_answer() -> None:
    scene = Scene(Service((errors.QuotaExhausted("used up"), True)))
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.again
    assert scene.dispatcher.held_for() > 800
    scene.dispatcher.probe_in(1.0)
    assert 0 < scene.dispatcher.held_for() <= 1
    scene.clock.time += 1
    served = scene.serve()
    assert served is not None
    assert plates_of(served) == [PLATE]


@pytest.mark.parametrize(
    ("paid", "local", "confirmed", "trust"),
    [
        (("京AF0236", 0.99), [("京AF0236", 0.6)], True, Trust.CONFIRMED),
        (("京AF0236", None), [("京AF0236", 0.6)], True, Trust.CONFIRMED),
        (("京AF0236", None), [], False, Trust.DOUBTED),
        (("京AF0236", None), [("京AF0Z36", 0.95)], True, Trust.CONTRADICTED),
        (("京AF0236", 0.97), [], False, Trust.UNCHECKED),
        (("京AF0236", 0.97), [("京AF0Z36", 0.95)], True, Trust.CONTRADICTED),
        (("京AF0236", 0.97), [("京AF0Z36", 0.05)], False, Trust.UNCHECKED),
        (("京AF0236", 0.97), [("川B99887", 0.99)], False, Trust.UNCHECKED),
    ],
)
def test_the_local_engine_looks_at_what_was_paid_for(
    paid: tuple[str, float | None], local: list[tuple[str, float]], confirmed: bool, trust: Trust
) -> None:
    answer = [PlateText(*paid, None)]
    look = [PlateText(text, sure, None) for text, sure in local]
    scene = Scene(Service(answer), Local(look, look))
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.plates == (JudgedPlate(PlateText(*paid, None), trust),)
    (read,) = scene.storage.said(PlatesRead)
    assert isinstance(read, PlatesRead)
    assert read.plates == tuple(answer), "what is written down is what the service said"
    assert len(scene.storage.said(PlatesCrossChecked)) == confirmed


def test_an_objection_of_a_cheap_look_counts_only_if_the_whole_picture_bears_it_out() -> None:
    local = Local([PlateText("京AF0Z36", 0.6, None)], [PlateText("京AF0236", 0.9, None)])
    scene = Scene(Service([PlateText("京AF0236", 0.97, None)]), local)
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.plates == (JudgedPlate(PlateText("京AF0236", 0.97, None), Trust.CONFIRMED),)
    assert local.read_keys == [b"a", b"a"]


def test_the_local_engine_looks_where_the_service_saw_plates() -> None:
    corners = ((1.0, 2.0), (3.0, 2.0), (3.0, 4.0), (1.0, 4.0))
    scene = Scene(Service([PlateText("京AF0236", 0.97, corners), PlateText("川B99887", 0.97, None)]), local := Local())
    scene.add("a")
    scene.serve()
    assert local.places == [corners, None]


def test_where_it_is_installed_the_local_engine_reads_what_may_have_been_charged() -> None:
    scene = Scene(Service((errors.Doubtful("no answer"), None)), Local())
    scene.add("a")
    scene.serve()
    (read,) = scene.storage.said(PlatesRead)
    assert isinstance(read, PlatesRead)
    assert (read.engine, read.call) == (Engine.LOCAL, None)


@pytest.mark.parametrize(
    "failure", [(errors.Doubtful("no answer"), None), STUMBLE, (errors.PictureBroken("damaged"), False)]
)
def test_after_a_call_without_an_answer_another_view_is_paid_where_the_local_engine_is_unsure(
    failure: tuple[errors.RecognitionError, bool | None],
) -> None:
    weak = [PlateText("京AF0236", 0.936, None)]
    service = Service(failure)
    scene = Scene(service, Local(weak, weak))
    scene.add("a", passage="p")
    served = scene.serve()
    assert served is not None
    assert (served.plates, served.again) == (None, False), "the gate may send another view"
    assert [read.plates for read in scene.storage.said(PlatesRead)] == [tuple(weak)], "it stays visible as unsure"
    scene.clock.time += 100
    scene.add("b", passage="p")
    served = scene.serve()
    assert served is not None
    assert served.plates == (JudgedPlate(PLATE, Trust.CONFIRMED),)
    assert service.read_keys == [b"a", b"b"]


def test_after_a_call_without_an_answer_nothing_more_is_paid_where_the_local_engine_is_sure() -> None:
    scene = Scene(Service((errors.Doubtful("no answer"), None)), Local([PLATE]))
    scene.add("a", passage="p")
    served = scene.serve()
    assert served is not None
    assert plates_of(served) == [PLATE]


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.errors_expected
def test_no_third_call_is_paid_for_a_vehicle_whose_calls_bring_no_answer(local: bool) -> None:
    weak = [PlateText("京AF0236", 0.9, None)]
    service = Service(*[(errors.Doubtful("no answer"), None)] * 3)
    scene = Scene(service, Local(*[weak] * 9) if local else None)
    for key in "abc":
        scene.clock.time += 100
        scene.add(key, passage="p")
        served = scene.serve()
        assert served is not None
    assert service.read_keys == [b"a", b"b"]
    assert (served.plates is not None) == local
    assert [event.key for event in scene.storage.said(KeyframeDropped)] == ([] if local else ["c"])
    scene.clock.time += 100
    scene.add("d", passage="q")
    scene.serve()
    assert service.read_keys[2:] == [b"d"], "another vehicle is another matter"


def test_a_used_up_budget_falls_back_to_the_local_engine() -> None:
    service = Service()
    scene = Scene(service, Local(), hour=1)
    scene.add("a", "b")
    scene.serve()
    scene.serve()
    assert service.read_keys == [b"b"]
    assert [read.engine for read in scene.storage.said(PlatesRead)] == [Engine.OCRCARS, Engine.LOCAL]  # type: ignore[attr-defined]


def test_without_a_local_engine_a_used_up_budget_is_recorded_as_the_reason() -> None:
    service = Service()
    scene = Scene(service, hour=1)
    scene.add("a", "b")
    scene.serve()
    scene.serve()
    assert service.read_keys == [b"b"]
    (dropped,) = scene.storage.said(KeyframeDropped)
    assert isinstance(dropped, KeyframeDropped)
    assert dropped.reason is StateReason.BUDGET_HOUR


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
    scene.storage.lost.add("lost")
    scene.clock.time += 2
    scene.serve()
    assert len(scene.storage.said(KeyframeDropped)) == 1
    assert scene.dispatcher.usage()[0].used == 0
    served = scene.serve()
    assert served is not None
    assert plates_of(served) == [PLATE], "the probe that was called off blocks no other"


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


UNSURE = PlateText("京AF0236", 0.7, None)
NO_FORM = PlateText("AF0236", 0.99, None)
FOLDED = PlateText("京A12O36", 0.99, None)


def test_local_first_pays_nothing_for_what_the_local_engine_is_sure_of() -> None:
    service, local = Service(), Local([PLATE, PlateText("京A00000", 0.4, None)])
    scene = Scene(service, local, first=True, hour=5)
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.plates is not None
    assert served.plates[0] == JudgedPlate(PLATE)
    assert service.read_keys == []
    (read,) = scene.storage.said(PlatesRead)
    assert (read.engine, read.call) == (Engine.LOCAL, None)
    assert read.why is StateReason.LOCAL_SURE
    assert scene.dispatcher.usage()[0].used == 0


@pytest.mark.parametrize(
    "found",
    [[], [UNSURE], [NO_FORM], [FOLDED], [PLATE, UNSURE], (errors.PictureBroken("damaged"), False)],
    ids=["nothing", "unsure", "breaks the grammar", "repaired", "one of two unsure", "failed"],
)
def test_local_first_pays_once_for_what_it_is_not_sure_of(
    found: list[PlateText] | tuple[errors.RecognitionError, bool | None],
) -> None:
    service, local = Service(), Local(found)
    scene = Scene(service, local, first=True)
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.again
    while scene.serve():
        pass
    assert (local.read_keys, service.read_keys) == ([b"a"], [b"a"])
    assert [read.engine for read in scene.storage.said(PlatesRead)] == [Engine.OCRCARS]


def test_local_first_is_asked_once_however_often_the_service_fails() -> None:
    service, local = Service(*[(errors.NotSent("no connection"), False)] * 3), Local([UNSURE])
    scene = Scene(service, local, first=True)
    scene.add("a")
    for _ in range(12):
        scene.serve()
        scene.clock.time += 60
    assert (len(local.read_keys), len(service.read_keys)) == (1, 4)


def test_while_calls_are_held_back_the_local_engine_reads_what_it_is_sure_of() -> None:
    service, local = Service((errors.NotSent("no connection"), False)), Local([UNSURE], [PLATE])
    scene = Scene(service, local)
    scene.add("a")
    for _ in range(3):
        scene.serve()
    assert (service.read_keys, local.read_keys) == ([b"a"], [b"a"]), "the sender's picture, which stays unsure"
    scene.add("b")
    served = scene.serve()
    assert served is not None
    assert plates_of(served) == [PLATE], "the gate works at once"
    assert scene.serve() is None
    assert scene.dispatcher.backlog()[0] == 1
    scene.clock.time += 10
    served = scene.serve()
    assert served is not None
    assert service.read_keys == [b"a", b"a"], "the better reading comes later, paid once; b is never paid"


def test_when_calls_go_on_the_service_reads_again() -> None:
    service, local = Service((errors.NotSent("no connection"), False)), Local([UNSURE])
    scene = Scene(service, local)
    scene.add("a")
    for _ in range(2):
        scene.serve()
    scene.clock.time += 10
    scene.serve()
    scene.add("b")
    scene.serve()
    assert service.read_keys == [b"a", b"a", b"b"]
    assert local.read_keys == [b"a", b"b"], "b for a second opinion, a only once"


def test_without_fallback_pictures_wait_and_a_used_up_budget_drops_them() -> None:
    service, local = Service((errors.NotSent("no connection"), False)), Local()
    scene = Scene(service, local, stands_in=False, hour=1)
    scene.add("a")
    scene.serve()
    assert scene.serve() is None
    scene.clock.time += 10
    scene.add("b")
    while scene.serve():
        pass
    assert local.read_keys == []
    assert len(scene.storage.said(KeyframeDropped)) == 1


def test_local_first_with_a_used_up_budget_keeps_what_the_local_engine_says() -> None:
    service, local = Service(), Local([UNSURE])
    scene = Scene(service, local, first=True, hour=1)
    scene.add("a")
    while scene.serve():
        pass
    local.answers = [[UNSURE], [UNSURE]]
    scene.add("b")
    while scene.serve():
        pass
    assert service.read_keys == [b"a"]
    assert [(read.engine, read.why) for read in scene.storage.said(PlatesRead)][1:] == [
        (Engine.LOCAL, StateReason.BUDGET_HOUR)
    ]


class Hanging(Service):
    """Answers a call only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.called, self.answer = threading.Event(), threading.Event()

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        self.read_keys.append(jpeg)
        ledger.about_to_pay(1, jpeg)
        self.called.set()
        assert self.answer.wait(60)
        ledger.ended(1, CallResult(CallOutcome.READ, True, 1, 0.1, plates=(PLATE,)))
        return [PLATE]


@contextmanager
def held_reader(scene: Scene, service: Hanging) -> Iterator[None]:
    """Keep a reader waiting for the answer to a call."""
    scene.add("a")
    reader = threading.Thread(target=scene.serve)
    reader.start()
    try:
        assert service.called.wait(60)
        yield
    finally:
        service.answer.set()
        reader.join()


def test_while_every_reader_waits_for_an_overdue_answer_the_local_engine_reads_what_waits() -> None:
    service, local = Hanging(), Local([PLATE], [UNSURE])
    scene = Scene(service, local, hour=9)
    with held_reader(scene, service):
        scene.add("b")
        assert scene.dispatcher.next_while_held(0.0) is None, "answers may take a while"
        assert scene.dispatcher.in_flight() == (1, 1.0, False)
        scene.clock.time += 6
        assert scene.dispatcher.in_flight() == (1, 7.0, True)
        job = scene.dispatcher.next_while_held(0.0)
        assert job is not None
        assert plates_of(scene.dispatcher.serve(job)) == [PLATE], "the gate goes on"
        scene.add("c")
        job = scene.dispatcher.next_while_held(0.0)
        assert job is not None
        assert scene.dispatcher.serve(job).again, "what the local engine is not sure of waits"
        assert scene.dispatcher.next_while_held(0.0) is None
        assert (service.read_keys, local.read_keys) == ([b"a"], [b"b", b"c"])
    assert scene.dispatcher.in_flight() == (0, 0.0, False)
    assert scene.dispatcher.next_while_held(0.0) is None
    while scene.serve():
        pass
    assert service.read_keys == [b"a", b"c"], "b is never paid, c once"
    assert scene.dispatcher.usage()[0].used == 2


def test_where_another_reader_is_free_an_overdue_answer_keeps_nothing_from_being_paid() -> None:
    service = Hanging()
    scene = Scene(service, Local())
    with held_reader(scene, service):
        scene.clock.time += 6
        scene.add("b")
        job = scene.dispatcher.next(0.0)
        assert job is not None
        assert job.route is Route.CALL
        service.answer.set()
        scene.dispatcher.serve(job)


def test_without_fallback_nobody_stands_in_for_a_reader() -> None:
    service = Hanging()
    scene = Scene(service, Local(), stands_in=False)
    with held_reader(scene, service):
        scene.clock.time += 6
        scene.add("b")
        assert scene.dispatcher.next_while_held(0.0) is None
    assert scene.dispatcher.backlog()[0] == 1


def test_a_replay_knows_that_a_free_reading_need_not_wait() -> None:
    scene = Scene(Service((errors.NotSent("no connection"), False)), Local([PLATE]))
    scene.add("a")
    scene.serve()
    assert scene.dispatcher.held_for() == 0.0


def test_a_picture_that_a_free_engine_cannot_read_is_recorded_as_failed() -> None:
    error = errors.PictureBroken("The picture is not a JPEG.")
    scene = Scene(Local((error, None)))
    scene.add("a")
    assert scene.serve() == Served(scene.storage.load("a"), None)
    assert scene.storage.events == [ReadFailed(scene.storage.load("a"), error)]


def test_a_paid_reading_stands_unchecked_if_the_local_engine_fails() -> None:
    scene = Scene(Service(), Local((errors.PictureBroken("The picture is not a JPEG."), None)))
    scene.add("a")
    served = scene.serve()
    assert served is not None
    assert served.plates == (JudgedPlate(PLATE, Trust.UNCHECKED),)
    assert scene.storage.said(PlatesCrossChecked) == []


@pytest.mark.parametrize("error", [errors.StorageFailed("The disk is full."), errors.DatabaseUnusable("Damaged.")])
def test_a_picture_that_cannot_be_loaded_now_is_not_given_up(
    error: errors.StoreError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(key: str) -> Keyframe:
        raise error

    scene = Scene(Service())
    scene.add("a")
    monkeypatch.setattr(scene.storage, "load", fail)
    with pytest.raises(type(error)):
        scene.serve()
    assert scene.storage.events == []


@pytest.mark.errors_expected
def test_a_lost_picture_that_nobody_would_have_paid_for_takes_back_no_call() -> None:
    scene = Scene(Service(), Local(), hour=5)
    scene.add("paid")
    scene.serve()
    scene.add("lost", only_local=True)
    scene.storage.lost.add("lost")
    scene.serve()
    (dropped,) = scene.storage.said(KeyframeDropped)
    assert dropped.reason is StateReason.PICTURE_LOST
    assert scene.dispatcher.usage()[0].used == 1


def test_an_earlier_probe_changes_nothing_while_calls_go_on() -> None:
    service = Service()
    scene = Scene(service)
    scene.add("a")
    scene.dispatcher.probe_in(0.0)
    assert scene.dispatcher.breakers() == []
    assert scene.serve() is not None
    assert service.read_keys == [b"a"]


def test_calls_in_vain_are_forgotten_for_the_passage_that_had_one_longest_ago() -> None:
    clock = FakeClock()
    calls = PaidCalls(CircuitBreaker(20), Budget(CallLimits(), {}, lambda since, camera: 0, START, 0.0), clock)
    for n in range(REMEMBERED):
        assert calls.count_in_vain(f"p{n}") == 1
    assert calls.count_in_vain("p0") == 2
    assert calls.count_in_vain("one more") == 1
    assert calls.count_in_vain("p0") == 3
    assert calls.count_in_vain("p1") == 1, "it was forgotten"


def test_each_camera_is_read_by_its_own_engines() -> None:
    paid, free = Service(), Local()
    scene = Scene(paid)
    nobody = LocalHelp(lambda: None, first=False, stands_in=False, pay_below=0.95)
    scene.dispatcher = Dispatcher(
        Outbox(100, 10**9, 3600),
        CircuitBreaker(20),
        Budget(CallLimits(), {}, lambda since, camera: 0, scene.clock.now(), scene.clock.monotonic()),
        lambda camera: Engines(free if camera == "exit" else paid, nobody),
        scene.clock,
        scene.storage,
    )
    scene.add("a", "b")
    scene.storage.passages["c"] = "p-c"
    scene.dispatcher.add(WaitingKeyframe("c", "p-c", "exit", scene.clock.now(), 10, 1.0, True))
    while scene.serve():
        pass
    assert (sorted(paid.read_keys), free.read_keys) == ([b"a", b"b"], [b"c"])


def test_what_was_routed_before_a_reload_is_read_by_the_engines_of_then() -> None:
    """So that a call that was counted is made, and no local reading is taken for one."""
    paid, free = Service(), Local()
    scene = Scene(paid)
    nobody = LocalHelp(lambda: None, first=False, stands_in=False, pay_below=0.95)
    engines = [Engines(paid, nobody)]
    budget = Budget(CallLimits(), {}, lambda since, camera: 0, scene.clock.now(), scene.clock.monotonic())
    outbox, breaker = Outbox(100, 10**9, 3600), CircuitBreaker(20)
    scene.dispatcher = Dispatcher(outbox, breaker, budget, lambda _: engines[0], scene.clock, scene.storage)
    scene.add("a", "b")
    job = scene.dispatcher.next(0.0)
    assert job is not None
    engines[0] = Engines(free, nobody)
    scene.dispatcher.serve(job)
    scene.serve()
    assert (paid.read_keys, free.read_keys) == ([b"b"], [b"a"])


def test_a_picture_on_which_an_opening_depends_is_not_read_late() -> None:
    service = Service()
    scene = Scene(service)
    scene.storage.passages["a"] = scene.storage.passages["b"] = "p"
    scene.dispatcher.add(WaitingKeyframe("a", "p", "gate", scene.clock.now(), 10, 1.0, False), EntryState.URGENT)
    assert scene.serve() is not None
    assert service.read_keys == [b"a"]
    scene.dispatcher.add(WaitingKeyframe("b", "p", "gate", scene.clock.now(), 10, 1.0, False), EntryState.URGENT)
    scene.clock.time += URGENT_FOR + 1
    scene.serve()
    assert service.read_keys == [b"a"]
    (dropped,) = scene.storage.said(KeyframeDropped)
    assert dropped.reason is StateReason.NO_TIME
