"""Takes keyframes out of the outbox, decides who reads them, and has them read.

Threads may call it side by side: one adds what was stored, others take jobs and serve them.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from streamwatch.clock import Clock
from streamwatch.errors import Doubtful, PictureRefused, RecognitionError, StorageFailed, StoreError
from streamwatch.model import Engine, Keyframe, PlateText, Recognizer
from streamwatch.pipeline.budget import Budget, Usage
from streamwatch.pipeline.events import (
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeWaits,
    PlatesConfirmed,
    PlatesRead,
    ReadFailed,
)
from streamwatch.pipeline.governor import Breaker, Governor
from streamwatch.pipeline.opinion import doubted, evidence
from streamwatch.pipeline.outbox import Dropped, Outbox
from streamwatch.pipeline.reading import RecordedLedger
from streamwatch.store import WaitingKeyframe

log = logging.getLogger(__name__)

LOOK_AGAIN = 1.0  # s; the longest sleep between two looks at an outbox whose budget or breakers hold it back


class Desk(Protocol):
    """Where keyframes are stored and events are written down; both return once that is safely done."""

    def load(self, key: str) -> Keyframe:
        """A stored keyframe with its JPEG. Raises StoreError where it is gone or damaged."""

    def record(self, event: Event) -> None:
        """Writes an event down."""


class Route(Enum):
    """Who reads a keyframe. NOBODY: the budget is used up and no local engine is there."""

    ENGINE = auto()
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
    why: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What became of a job. plates: None where no engine answered. again: it waits in the outbox for another try.

    A plate that the local engine contradicts has no confidence here, so that another view is asked for.
    """

    keyframe: Keyframe | None
    plates: tuple[PlateText, ...] | None
    again: bool = False


class Dispatcher:
    """recognizer: the configured engine. fallback: gives the local engine where it is installed, else None."""

    def __init__(
        self,
        outbox: Outbox,
        governor: Governor,
        budget: Budget,
        recognizer: Recognizer,
        fallback: Callable[[], Recognizer | None],
        clock: Clock,
        desk: Desk,
    ) -> None:
        self._outbox, self._governor, self._budget = outbox, governor, budget
        self._recognizer, self._fallback, self._clock, self._desk = recognizer, fallback, clock, desk
        self._paid = recognizer.engine is Engine.OCRCARS
        self._only_local: set[str] = set()
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
            self._changed.notify()
            return dropped

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
        until = self._clock.monotonic() + timeout
        with self._changed:
            while not self._closed:
                job, pause = self._choose()
                left = until - self._clock.monotonic()
                if job is not None or left <= 0:
                    return job
                self._changed.wait(min(left, pause))
        return None

    def serve(self, job: Job) -> Served:
        """Has a job's keyframe read and all that follows written down. Raises StoreError."""
        try:
            keyframe = self._desk.load(job.waiting.key)
        except StorageFailed:
            raise
        except StoreError as error:
            if job.route is Route.ENGINE and self._paid:
                self._call_off(job.waiting.camera)
            log.error("%s: a stored picture is lost: %s", job.waiting.camera, error)
            self._desk.record(KeyframeDropped(job.waiting.key, job.waiting.passage, job.waiting.camera, str(error)))
            return Served(None, None)
        if job.route is Route.NOBODY:
            self._desk.record(KeyframeDropped(keyframe.key, keyframe.passage, keyframe.camera, job.why))
            return Served(keyframe, None)
        if job.route is Route.FALLBACK or not self._paid:
            return self._read_free(keyframe, self._recognizer if not self._paid else self._fallback())
        return self._read_paid(job, keyframe)

    def held_for(self) -> float:
        """Seconds until the first job can come out of the outbox as things stand."""
        with self._changed:
            now = self._clock.monotonic()
            return min((self._governor.wait_for(i.camera, now) for i in self._outbox.newest_first()), default=0.0)

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

    def _choose(self) -> tuple[Job | None, float]:
        """A job, taken out of the outbox; or how many seconds to sleep at most."""
        pause = LOOK_AGAIN
        for item in self._outbox.newest_first():
            job, wait = self._route(item)
            if job is not None:
                self._outbox.remove(item.key)
                return job, 0.0
            pause = min(pause, max(wait, 0.01))
        return None, pause

    def _route(self, item: WaitingKeyframe) -> tuple[Job | None, float]:
        since = self._outbox.since(item.key)
        if not self._paid:
            return Job(item, since, Route.ENGINE), 0.0
        if item.key in self._only_local:
            self._only_local.discard(item.key)
            return Job(item, since, Route.FALLBACK), 0.0
        first_view, now = self._outbox.is_first_view(item), self._clock.monotonic()
        exhausted = self._budget.forbids(item.camera, first_view, self._clock.now(), now)
        if exhausted is not None and exhausted.for_second_views:
            return None, LOOK_AGAIN
        if exhausted is not None:
            route = Route.FALLBACK if self._fallback() is not None else Route.NOBODY
            return Job(item, since, route, exhausted.words), 0.0
        wait = self._governor.wait_for(item.camera, now)
        if wait > 0:
            return None, wait
        self._governor.began(now)
        self._budget.pay(item.camera, 1, self._clock.now(), now)
        return Job(item, since, Route.ENGINE), 0.0

    def _call_off(self, camera: str) -> None:
        """The call that was to begin is not made."""
        with self._changed:
            self._governor.called_off()
            self._budget.pay(camera, -1, self._clock.now(), self._clock.monotonic())
            self._changed.notify()

    def _read_paid(self, job: Job, keyframe: Keyframe) -> Served:
        ledger = RecordedLedger(self._desk.record, self._clock, self._recognizer.engine, keyframe.key)
        try:
            plates = tuple(self._recognizer.read(keyframe.jpeg, ledger))
        except RecognitionError as error:
            self._account(job.waiting, ledger, error, 0)
            return self._after_failure(job, keyframe, ledger, error)
        self._account(job.waiting, ledger, None, len(plates))
        self._desk.record(PlatesRead(keyframe, self._recognizer.engine, plates, ledger.call))
        local = self._second_opinion(keyframe) if plates else None
        if local is None:
            return Served(keyframe, plates)
        said = evidence(plates, local)
        if said:
            self._desk.record(PlatesConfirmed(keyframe, said))
        return Served(keyframe, doubted(plates, local))

    def _second_opinion(self, keyframe: Keyframe) -> tuple[PlateText, ...] | None:
        """What the local engine reads in the same picture; None where there is none or it fails."""
        local = self._fallback()
        if local is None:
            return None
        ledger = RecordedLedger(self._desk.record, self._clock, local.engine, keyframe.key)
        try:
            return tuple(local.read(keyframe.jpeg, ledger))
        except RecognitionError:
            return None

    def _account(
        self, item: WaitingKeyframe, ledger: RecordedLedger, error: RecognitionError | None, plates: int
    ) -> None:
        with self._changed:
            self._budget.pay(item.camera, ledger.paid - 1, self._clock.now(), self._clock.monotonic())
            if error is not None:
                self._governor.failed(error, self._clock.monotonic())
            else:
                self._governor.answered(item.camera, plates)
                self._governor.check_runaway(item.camera, self._clock.monotonic())
                self._outbox.answered(item.passage)
            self._changed.notify()

    def _after_failure(self, job: Job, keyframe: Keyframe, ledger: RecordedLedger, error: RecognitionError) -> Served:
        """Try again later what surely was not charged; read locally what may have been, so that it is paid once."""
        if not ledger.paid and not isinstance(error, PictureRefused):
            self._desk.record(KeyframeWaits(keyframe, str(error)))
            for dropped in self.add(job.waiting, since=job.since):
                self._desk.record(_dropping(dropped))
            return Served(keyframe, None, again=True)
        local = self._fallback()
        if local is not None:
            return self._read_free(keyframe, local)
        lost = KeyframeDoubtful(keyframe, str(error)) if isinstance(error, Doubtful) else ReadFailed(keyframe, error)
        self._desk.record(lost)
        return Served(keyframe, None)

    def _read_free(self, keyframe: Keyframe, engine: Recognizer | None) -> Served:
        assert engine is not None
        ledger = RecordedLedger(self._desk.record, self._clock, engine.engine, keyframe.key)
        try:
            plates = tuple(engine.read(keyframe.jpeg, ledger))
        except RecognitionError as error:
            self._desk.record(ReadFailed(keyframe, error))
            return Served(keyframe, None)
        self._desk.record(PlatesRead(keyframe, engine.engine, plates, None))
        with self._changed:
            self._outbox.answered(keyframe.passage)
        return Served(keyframe, plates)


def _dropping(dropped: Dropped) -> KeyframeDropped:
    item = dropped.waiting
    return KeyframeDropped(item.key, item.passage, item.camera, dropped.reason)
