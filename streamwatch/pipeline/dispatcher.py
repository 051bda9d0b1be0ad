"""Takes keyframes out of the outbox, decides who reads them, and has them read.

Threads may call it side by side: one adds what was stored, others take jobs and serve them.
"""

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol

from streamwatch.core.clock import Clock
from streamwatch.core.codes import StateReason
from streamwatch.core.errors import (
    DatabaseUnusable,
    Doubtful,
    PictureRefused,
    RecognitionError,
    Refused,
    StorageFailed,
    StoreError,
    Transient,
)
from streamwatch.core.events import (
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeWaits,
    PassageClosed,
    PassageOpened,
    PlatesConfirmed,
    PlatesRead,
    ReadFailed,
)
from streamwatch.core.model import Engine, FreeRecognizer, Keyframe, PlateText, Recognizer
from streamwatch.core.words import age, some
from streamwatch.pipeline.budget import Budget, Usage
from streamwatch.pipeline.governor import Breaker, Governor
from streamwatch.pipeline.in_flight import OVERDUE, InFlight
from streamwatch.pipeline.local import LocalHelp
from streamwatch.pipeline.opinion import Opinions, contradicts
from streamwatch.pipeline.outbox import Dropped, Outbox
from streamwatch.pipeline.reading import RecordedLedger
from streamwatch.store import WaitingKeyframe

log = logging.getLogger(__name__)

REMEMBERED = 500  # passages of which is known how many calls brought no answer
LOOK_AGAIN = 1.0  # s; the longest sleep between two looks at an outbox whose budget or breakers hold it back


class Desk(Protocol):
    """Where keyframes are stored and events are written down; both return once that is safely done."""

    def load(self, key: str) -> Keyframe:
        """A stored keyframe with its JPEG. Raises StoreError where it is gone or damaged."""

    def record(self, event: Event) -> None:
        """Writes an event down."""


class Route(Enum):
    """Who reads a keyframe. LOCAL_FIRST: the local engine, and if it is not sure the keyframe waits for the other one.

    NOBODY: nothing will be paid for it, and no local engine stands in.
    """

    ENGINE = auto()
    LOCAL_FIRST = auto()
    FALLBACK = auto()
    NOBODY = auto()


@dataclass(frozen=True, slots=True)
class Job:
    """A keyframe that was taken out of the outbox, where it waited since then.

    why: the reason for its route, where it is not the usual one.
    """

    waiting: WaitingKeyframe
    since: float
    route: Route
    why: StateReason = StateReason.NONE


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a job.

    plates: None where no engine settled what the view shows, so that another one is worth a call. again: it waits in
    the outbox for another try.
    A plate that the local engine contradicts has no confidence here, so that another view is asked for.
    """

    keyframe: Keyframe | None
    plates: tuple[PlateText, ...] | None
    again: bool = False


Router = Callable[[WaitingKeyframe], tuple[Job | None, float]]
"""A waiting keyframe's job; or None, and how many seconds to sleep at most."""


class Dispatcher:
    """recognizer: the engine that is paid, or the local one, which then reads everything. local: how the latter helps.

    A local reading that is sure saves the call: of every picture where `local.first`, and where it stands in of every
    picture for which no call can be made now (an outage, a refusal, a runaway camera, or no reader is free because the
    answers to all calls are overdue). A picture of which it is not sure is paid for once, now or when calls go on. It
    has the last word only where nothing will be paid any more: the budget is used up, or the call may have been paid
    already.
    """

    def __init__(
        self,
        outbox: Outbox,
        governor: Governor,
        budget: Budget,
        recognizer: Recognizer,
        local: LocalHelp,
        clock: Clock,
        desk: Desk,
    ) -> None:
        self._outbox, self._governor, self._budget = outbox, governor, budget
        self._recognizer, self._local, self._clock, self._desk = recognizer, local, clock, desk
        self._paid = recognizer.engine is Engine.OCRCARS
        self._only_local: set[str] = set()
        self._unsure: dict[str, tuple[PlateText, ...]] = {}
        self._opinions = Opinions()
        self._in_view: set[str] = set()
        self._stumbled: set[str] = set()
        self._in_vain: dict[str, int] = {}
        self._in_flight = InFlight()
        self._idle, self._stood_in = 0, False
        self._held: dict[str, list[Job]] = {}
        self._changed = threading.Condition()
        self._closed = False

    def add(self, item: WaitingKeyframe, only_local: bool = False, since: float | None = None) -> list[Dropped]:
        """Puts a stored keyframe into the outbox; returns what had to give way.

        only_local: never to be paid. since: monotonic seconds since when it waits; None for now.
        """
        with self._changed:
            if only_local:
                self._only_local.add(item.key)
            now = self._clock.monotonic()
            dropped = [*self._outbox.expire(now), *self._outbox.add(item, now if since is None else since)]
            for lost in dropped:
                self._unsure.pop(lost.waiting.key, None)
            self._changed.notify_all()
            return dropped

    def heard(self, event: Event) -> list[Dropped]:
        """Takes note of a passage that opened or closed; returns what had to give way, as `add` does."""
        with self._changed:
            if isinstance(event, PassageOpened):
                self._in_view.add(event.passage.key)
            if not isinstance(event, PassageClosed):
                return []
            self._in_view.discard(event.passage.key)
            held = self._held.pop(event.passage.key, [])
            return [dropped for job in held for dropped in self.add(job.waiting, since=job.since)]

    def close(self) -> None:
        """No job comes out any more; what waits stays on disk for the next run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether no job will come out any more."""
        with self._changed:
            return self._closed

    def next(self, timeout: float) -> Job | None:
        """The job that is worth most now, waited for up to `timeout` seconds; None where none came."""
        with self._changed:
            self._idle += 1
            try:
                return self._wait_for_job(timeout, self._route)
            finally:
                self._idle -= 1

    def next_while_held(self, timeout: float) -> Job | None:
        """The same for a thread beside the readers: free jobs only, while every reader waits for an overdue answer."""
        with self._changed:
            job = self._wait_for_job(timeout, self._route_while_held)
            if job is not None and not self._stood_in:
                self._stood_in = True
                owed = age(self._in_flight.longest(self._clock.monotonic()))
                log.warning("ocrCars has not answered a call for %s; the local engine reads what waits", owed)
            return job

    def _wait_for_job(self, timeout: float, route: Router) -> Job | None:
        until = self._clock.monotonic() + timeout
        while not self._closed:
            job, pause = self._choose(route)
            left = until - self._clock.monotonic()
            if job is not None or left <= 0:
                return job
            self._changed.wait(min(left, pause))
        return None

    def serve(self, job: Job) -> Served:
        """Has a job's keyframe read and all that follows written down. Raises StoreError."""
        served = self._serve(job)
        if not served.again:
            with self._changed:
                self._unsure.pop(job.waiting.key, None)
        return served

    def _serve(self, job: Job) -> Served:
        try:
            keyframe = self._desk.load(job.waiting.key)
        except (StorageFailed, DatabaseUnusable):
            raise
        except StoreError as error:
            if job.route is Route.ENGINE and self._paid:
                self._call_off(job.waiting.camera)
            log.error("%s: a stored picture is lost: %s", job.waiting.camera, error)
            self._desk.record(
                KeyframeDropped(job.waiting.key, job.waiting.passage, job.waiting.camera, StateReason.PICTURE_LOST)
            )
            return Served(None, None)
        if job.route is Route.NOBODY:
            self._desk.record(KeyframeDropped(keyframe.key, keyframe.passage, keyframe.camera, job.why))
            return Served(keyframe, None)
        if job.route is Route.LOCAL_FIRST:
            return self._read_first(job, keyframe)
        if not self._paid:
            return self._read_free(keyframe, self._recognizer)
        if job.route is Route.FALLBACK:
            return self._read_free(keyframe, self._local.engine(), job.why)
        return self._read_paid(job, keyframe)

    def held_for(self) -> float:
        """Seconds until the first job can come out of the outbox as things stand."""
        with self._changed:
            now = self._clock.monotonic()
            return min((self._wait_for(item, now) for item in self._outbox.newest_first()), default=0.0)

    def probe_in(self, pause: float) -> None:
        """What is held back until a person acts is tried after so many seconds already; refused calls cost nothing."""
        with self._changed:
            self._governor.probe_by(self._clock.monotonic() + pause)

    def usage(self) -> list[Usage]:
        """The budget's limits as they stand."""
        with self._changed:
            return self._budget.usage(self._clock.now(), self._clock.monotonic())

    def breakers(self) -> list[Breaker]:
        """What holds calls back."""
        with self._changed:
            return self._governor.breakers(self._clock.monotonic())

    def backlog(self) -> tuple[int, int, float]:
        """Keyframes that wait, their bytes, and the age of the oldest in seconds."""
        with self._changed:
            oldest = self._outbox.oldest
            age = 0.0 if oldest is None else self._clock.monotonic() - oldest
            return len(self._outbox), self._outbox.bytes, age

    def in_flight(self) -> tuple[int, float, bool]:
        """Calls that have begun and not ended, the seconds for which the oldest has run, True if that is too long."""
        longest = self._in_flight.longest(self._clock.monotonic())
        return len(self._in_flight), longest, longest > OVERDUE

    def _choose(self, route: Router) -> tuple[Job | None, float]:
        """A job, taken out of the outbox; or how many seconds to sleep at most."""
        pause = LOOK_AGAIN if len(self._outbox) else math.inf
        for item in self._outbox.newest_first():
            job, wait = route(item)
            if job is not None:
                self._outbox.remove(item.key)
                return job, 0.0
            pause = min(pause, max(wait, 0.01))
        return None, pause

    def _wait_for(self, item: WaitingKeyframe, now: float) -> float:
        """Seconds until somebody may read it."""
        return 0.0 if self._local_reads_first(item, now) else self._governor.wait_for(item.camera, now)

    def _local_reads_first(self, item: WaitingKeyframe, now: float) -> bool:
        if not self._paid or item.key in self._unsure:
            return False
        held = self._governor.holds(item.camera, now) or self._readers_are_held(now)
        wanted = self._local.first or (self._local.stands_in and held)
        return wanted and self._local.engine() is not None

    def _readers_are_held(self, now: float) -> bool:
        """True if no reader is free, and each call under way has been without an answer for too long."""
        return self._idle == 0 and self._in_flight.all_overdue(now)

    def _route_while_held(self, item: WaitingKeyframe) -> tuple[Job | None, float]:
        held = self._readers_are_held(self._clock.monotonic())
        return self._route_free(item) if held else None, LOOK_AGAIN

    def _route_free(self, item: WaitingKeyframe) -> Job | None:
        """The job of a keyframe for which no call is made as things stand."""
        since = self._outbox.since(item.key)
        if not self._paid:
            return Job(item, since, Route.ENGINE)
        if item.key in self._only_local:
            self._only_local.discard(item.key)
            return Job(item, since, Route.FALLBACK, StateReason.CALL_WITHOUT_ANSWER)
        if self._in_vain.get(item.passage, 0) > 1:
            return Job(item, since, self._without_paying(), StateReason.TWO_CALLS_WITHOUT_ANSWER)
        if self._local_reads_first(item, self._clock.monotonic()):
            return Job(item, since, Route.LOCAL_FIRST)
        return None

    def _route(self, item: WaitingKeyframe) -> tuple[Job | None, float]:
        free = self._route_free(item)
        if free is not None:
            return free, 0.0
        since, first_view = self._outbox.since(item.key), self._outbox.is_first_view(item)
        now = self._clock.monotonic()
        exhausted = self._budget.forbids(item.camera, first_view, self._clock.now(), now)
        if exhausted is not None and exhausted.for_second_views:
            return None, LOOK_AGAIN
        if exhausted is not None:
            return Job(item, since, self._without_paying(), exhausted.reason), 0.0
        wait = self._governor.wait_for(item.camera, now)
        if wait > 0:
            return None, wait
        self._governor.began(now)
        self._budget.pay(item.camera, 1, self._clock.now(), now)
        return Job(item, since, Route.ENGINE), 0.0

    def _without_paying(self) -> Route:
        """Who reads what will not be paid for."""
        return Route.NOBODY if self._stand_in() is None else Route.FALLBACK

    def _stand_in(self) -> FreeRecognizer | None:
        """The local engine, if it is to have the last word where nothing will be paid."""
        return self._local.engine() if self._local.stands_in else None

    def _call_off(self, camera: str) -> None:
        """The call that was to begin is not made."""
        with self._changed:
            self._governor.called_off()
            self._budget.pay(camera, -1, self._clock.now(), self._clock.monotonic())
            self._changed.notify_all()

    def _read_paid(self, job: Job, keyframe: Keyframe) -> Served:
        ledger = self._ledger(self._recognizer, keyframe)
        try:
            plates = tuple(self._recognizer.read(keyframe.jpeg, ledger))
        except RecognitionError as error:
            self._account(job.waiting, ledger, error, 0)
            return self._after_failure(job, keyframe, ledger, error)
        self._account(job.waiting, ledger, None, len(plates))
        why = StateReason.PAID_BEFORE if ledger.call is None else StateReason.NONE
        self._desk.record(PlatesRead(keyframe, self._recognizer.engine, plates, ledger.call, why))
        self._give_up_held(keyframe.passage)
        return Served(keyframe, self._checked(keyframe, plates))

    def _checked(self, keyframe: Keyframe, plates: tuple[PlateText, ...]) -> tuple[PlateText, ...]:
        """A paid reading as the gate should take it, after the local engine has looked at the same picture."""
        local = self._second_opinion(keyframe, plates) if plates else None
        with self._changed:
            weighed = self._opinions.weigh(keyframe.passage, plates, local)
        if weighed.seen:
            self._desk.record(PlatesConfirmed(keyframe, weighed.seen))
        return weighed.plates

    def _second_opinion(self, keyframe: Keyframe, paid: tuple[PlateText, ...]) -> tuple[PlateText, ...] | None:
        """What the local engine reads where these plates are; None where it is not to be asked, or fails."""
        if keyframe.key in self._unsure:
            return self._unsure[keyframe.key]
        local = self._stand_in()
        if local is None:
            return None
        try:
            ledger = self._ledger(local, keyframe)
            near = local.read_near(keyframe.jpeg, [plate.corners for plate in paid], ledger)
            # An objection may cost another call, so it is not raised after the cheap look alone.
            return tuple(local.read(keyframe.jpeg, ledger) if contradicts(near, paid) else near)
        except RecognitionError:
            return None

    def _account(
        self, item: WaitingKeyframe, ledger: RecordedLedger, error: RecognitionError | None, plates: int
    ) -> None:
        with self._changed:
            now = self._clock.monotonic()
            self._stood_in = False
            self._budget.pay(item.camera, ledger.paid - 1, self._clock.now(), now)
            if error is not None:
                self._governor.failed(error, now)
                if ledger.paid and isinstance(error, Transient):
                    self._governor.paid_in_vain(item.camera)
            else:
                held_since = self._governor.answered(item.camera, plates)
                if held_since is not None:
                    waiting = some(len(self._outbox), "picture")
                    log.warning("ocrCars answers again after %s; %s waiting", age(now - held_since), waiting)
                self._outbox.answered(item.passage)
            self._governor.check_runaway(item.camera, now)
            self._changed.notify_all()

    def _after_failure(self, job: Job, keyframe: Keyframe, ledger: RecordedLedger, error: RecognitionError) -> Served:
        """Try again later what surely was not charged; read locally what may have been, so that it is paid once.

        Where the local engine is not sure of it, the gate may send another view of the vehicle, once. A refusal (quota,
        credentials) waits for a person even where it came with HTTP 200.
        """
        if isinstance(error, Refused) or (not ledger.paid and not isinstance(error, PictureRefused)):
            self._desk.record(KeyframeWaits(keyframe, error))
            return self._put_back(job, keyframe)
        local = self._stand_in()
        if local is None and isinstance(error, Transient) and keyframe.key not in self._stumbled:
            return self._hold_back(job, keyframe, error)
        another = self._another_view_may_be_paid(keyframe.passage)
        if local is not None:
            served = self._read_free(keyframe, local, StateReason.CALL_WITHOUT_ANSWER)
            known = served.plates and (self._local.is_sure(served.plates) or not another)
            return served if known else replace(served, plates=None)
        lost = KeyframeDoubtful(keyframe, error) if isinstance(error, Doubtful) else ReadFailed(keyframe, error)
        self._desk.record(lost)
        return Served(keyframe, None)

    def _another_view_may_be_paid(self, passage: str) -> bool:
        """Takes note of a call that brought no answer: the vehicle is worth one more, of another view, and no third."""
        with self._changed:
            calls = self._in_vain[passage] = self._in_vain.pop(passage, 0) + 1
            if len(self._in_vain) > REMEMBERED:
                del self._in_vain[next(iter(self._in_vain))]
        return calls == 1

    def _hold_back(self, job: Job, keyframe: Keyframe, error: RecognitionError) -> Served:
        """The service was paid and stumbled. Another view is better worth the next call than the same picture.

        Only if its vehicle goes without one that is answered, this one is sent a second and last time.
        """
        self._desk.record(KeyframeWaits(keyframe, error))
        with self._changed:
            self._stumbled.add(keyframe.key)
            if keyframe.passage in self._in_view:
                self._held.setdefault(keyframe.passage, []).append(job)
                return Served(keyframe, None)
        return self._put_back(job, keyframe)

    def _put_back(self, job: Job, keyframe: Keyframe) -> Served:
        for dropped in self.add(job.waiting, since=job.since):
            self._desk.record(dropping(dropped))
        return Served(keyframe, None, again=True)

    def _give_up_held(self, passage: str) -> None:
        with self._changed:
            held = self._held.pop(passage, [])
        for job in held:
            item = job.waiting
            self._desk.record(KeyframeDropped(item.key, passage, item.camera, StateReason.OTHER_VIEW_READ))

    def _read_first(self, job: Job, keyframe: Keyframe) -> Served:
        """A local reading that is sure is the answer; otherwise the keyframe waits for the paid engine."""
        engine = self._local.engine()
        assert engine is not None
        try:
            plates = tuple(engine.read(keyframe.jpeg, self._ledger(engine, keyframe)))
        except RecognitionError as error:
            log.debug("%s: not read locally: %s", keyframe.camera, error)
            plates = ()
        if self._local.is_sure(plates):
            return self._answered_free(keyframe, engine, plates, StateReason.LOCAL_SURE)
        with self._changed:
            self._unsure[keyframe.key] = plates
        return self._put_back(job, keyframe)

    def _read_free(self, keyframe: Keyframe, engine: Recognizer | None, why: StateReason = StateReason.NONE) -> Served:
        assert engine is not None
        try:
            plates = tuple(engine.read(keyframe.jpeg, self._ledger(engine, keyframe)))
        except RecognitionError as error:
            self._desk.record(ReadFailed(keyframe, error))
            return Served(keyframe, None)
        return self._answered_free(keyframe, engine, plates, why)

    def _answered_free(
        self, keyframe: Keyframe, engine: Recognizer, plates: tuple[PlateText, ...], why: StateReason
    ) -> Served:
        self._desk.record(PlatesRead(keyframe, engine.engine, plates, None, why))
        with self._changed:
            self._outbox.answered(keyframe.passage)
        self._give_up_held(keyframe.passage)
        return Served(keyframe, plates)

    def _ledger(self, engine: Recognizer, keyframe: Keyframe) -> RecordedLedger:
        return RecordedLedger(self._desk.record, self._clock, engine.engine, keyframe, self._in_flight)


def dropping(dropped: Dropped) -> KeyframeDropped:
    """The event of a keyframe that gave way in the outbox."""
    item = dropped.waiting
    return KeyframeDropped(item.key, item.passage, item.camera, dropped.reason)
