"""Hands keyframes from the outbox to the threads that read them.

recorder ──add, heard──▶ Outbox ──router──▶ next ──Job──▶ serve ──▶ KeyframeReader ──put_back, hold, answered──▶ Outbox
"""

import logging
import math
import threading
from collections.abc import Mapping

from streamwatch.core.clock import Clock
from streamwatch.core.events import Event, PassageClosed, PassageOpened
from streamwatch.core.text import age
from streamwatch.pipeline.budget import Budget, CallLimits, Usage
from streamwatch.pipeline.calls import PaidCalls
from streamwatch.pipeline.circuit_breaker import CircuitBreaker, OpenBreaker
from streamwatch.pipeline.engines import Engines, EnginesOf
from streamwatch.pipeline.in_flight import OVERDUE, InFlight
from streamwatch.pipeline.keyframe_reader import Job, KeyframeReader, KeyframeStorage, Served, dropping
from streamwatch.pipeline.outbox import Dropped, Entry, EntryState, Outbox
from streamwatch.pipeline.router import LOOK_AGAIN, Case, Decision, Route, route
from streamwatch.store import WaitingKeyframe

__all__ = ["Dispatcher", "Job", "KeyframeStorage", "Served", "dropping"]

log = logging.getLogger(__name__)

URGENT_FOR = 10.0  # s after which nothing opens for a picture that waits, so that it need not be read


class Dispatcher:
    """The lock around the outbox. Several threads may use it at once: one adds keyframes, others take and serve jobs.

    engines: those of each camera.

    A sure local reading saves the call; if the camera itself has read a plate, the local engine must have read the same
    instead. With `local.first` the local engine reads every picture. With `local.stands_in` it reads every picture for
    which no call can be made now (an outage, a refusal, a runaway camera, or no reader is free because the answers to
    all calls are overdue), and every one of which the camera itself has read the plate. If it is not sure, the picture
    is paid for once, now or when calls go on. Its reading is final only if nothing will be paid any more: the budget is
    used up, or the call may have been charged already.

    This class has more methods than others because three sorts of threads meet here: the recorder (`add`, `heard`),
    readers (`next`, `serve`, and what KeyframeReader calls) and those that ask for the state. Each method is short.
    """

    def __init__(
        self,
        outbox: Outbox,
        breaker: CircuitBreaker,
        budget: Budget,
        engines: EnginesOf,
        clock: Clock,
        storage: KeyframeStorage,
    ) -> None:
        self._outbox, self._engines, self._clock = outbox, engines, clock
        self._calls, self._in_flight = PaidCalls(breaker, budget, clock), InFlight()
        self._reader = KeyframeReader(clock, storage, self._calls, self._in_flight, self)
        self._changed = threading.Condition()
        self._idle = 0
        self._told_of: float | None = None
        self._closed = False

    def add(
        self, item: WaitingKeyframe, state: EntryState = EntryState.FRESH, since: float | None = None
    ) -> list[Dropped]:
        """Put a stored keyframe into the outbox and return what had to give way.

        state: FRESH, LOCAL_ONLY or URGENT. since: monotonic seconds since when it waits; None for now.
        """
        return self.put_back(Entry(item, self._clock.monotonic() if since is None else since, state))

    def heard(self, event: Event) -> list[Dropped]:
        """Take note of a passage that opened or closed, and return what had to give way."""
        with self._changed:
            match event:
                case PassageOpened(passage):
                    self._outbox.opened(passage.key)
                case PassageClosed(passage):
                    return [lost for entry in self._outbox.closed(passage.key) for lost in self.put_back(entry)]
            return []

    def put_back(self, entry: Entry) -> list[Dropped]:
        """Put an entry into the outbox and return what had to give way."""
        with self._changed:
            dropped = [*self._outbox.expire(self._clock.monotonic()), *self._outbox.put(entry)]
            self._changed.notify_all()
            return dropped

    def hold(self, entry: Entry) -> bool:
        """Hold an entry back until its passage closes or another view is read; False if the passage is not open."""
        with self._changed:
            self._changed.notify_all()
            return self._outbox.hold(entry)

    def answered(self, passage: str) -> list[Dropped]:
        """Take note that a view of a passage was read, and return what was held back for it."""
        with self._changed:
            self._changed.notify_all()
            return self._outbox.answered(passage)

    def close(self) -> None:
        """Stop handing out jobs; what waits stays on disk for the next run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """True if no job will come out any more."""
        with self._changed:
            return self._closed

    def next(self, timeout: float) -> Job | None:
        """Return the job that is worth most, after up to `timeout` seconds; None if there is none."""
        with self._changed:
            self._idle += 1
            try:
                return self._take(timeout, only_free=False)
            finally:
                self._idle -= 1

    def next_while_held(self, timeout: float) -> Job | None:
        """Return a job that costs nothing while all readers wait for overdue answers; for a further thread."""
        with self._changed:
            job = self._take(timeout, only_free=True)
            if job is not None and self._told_of != (oldest := self._in_flight.oldest):
                self._told_of = oldest
                owed = age(self._in_flight.longest(self._clock.monotonic()))
                log.warning("ocrCars has not answered a call for %s; the local engine reads what waits", owed)
            return job

    def serve(self, job: Job) -> Served:
        """Have a job's keyframe read, and write down what follows. Raise StoreError."""
        return self._reader.serve(job)

    def held_for(self) -> float:
        """Return the seconds until the first job can leave the outbox, as things stand."""
        with self._changed:
            waits = [
                self._decide(entry, self._engines(entry.keyframe.camera)).wait for entry in self._outbox.newest_first()
            ]
            return min(waits, default=0.0)

    def probe_in(self, pause: float) -> None:
        """Let an open breaker make its next probe after `pause` seconds at the latest; refused calls cost nothing."""
        self._calls.probe_in(pause)

    @property
    def calls(self) -> PaidCalls:
        """Return the count of the paid calls, for those that a person makes beside the outbox."""
        return self._calls

    def limit(self, account: CallLimits, cameras: Mapping[str, CallLimits]) -> None:
        """Let other limits of calls count from now on."""
        self._calls.limit(account, cameras)
        with self._changed:
            self._changed.notify_all()

    def usage(self) -> list[Usage]:
        """Return the budget's limits as they stand."""
        return self._calls.usage()

    def breakers(self) -> list[OpenBreaker]:
        """Return the breakers that hold calls back."""
        return self._calls.breakers()

    def backlog(self) -> tuple[int, int, float]:
        """Return how many keyframes wait, their bytes, and the age of the oldest in seconds."""
        with self._changed:
            oldest = self._outbox.oldest
            return len(self._outbox), self._outbox.bytes, 0.0 if oldest is None else self._clock.monotonic() - oldest

    def in_flight(self) -> tuple[int, float, bool]:
        """Return how many calls run, the seconds for which the oldest has run, and True if that is too long."""
        longest = self._in_flight.longest(self._clock.monotonic())
        return len(self._in_flight), longest, longest > OVERDUE

    def _take(self, timeout: float, only_free: bool) -> Job | None:
        """Wait for a job and take it out of the outbox; None after `timeout` seconds, or once closed."""
        until = self._clock.monotonic() + timeout
        while not self._closed:
            pause = LOOK_AGAIN if len(self._outbox) else math.inf
            resting = only_free and not self._readers_are_held()
            for entry in () if resting else self._outbox.newest_first():
                engines = self._engines(entry.keyframe.camera)
                decision = self._decide(entry, engines)
                if decision.route.free or (decision.route is Route.CALL and not only_free):
                    if decision.route is Route.CALL:
                        self._calls.begin(entry.keyframe.camera)
                    return Job(self._outbox.take(entry.key), engines, decision.route, decision.why)
                pause = min(pause, max(decision.wait, 0.01))
            left = until - self._clock.monotonic()
            if left <= 0:
                return None
            self._changed.wait(min(left, pause))
        return None

    def _decide(self, entry: Entry, engines: Engines) -> Decision:
        """Return the router's decision for an entry at this moment."""
        late = entry.state is EntryState.URGENT and self._clock.monotonic() - entry.since > URGENT_FOR
        if not engines.paid:
            return route(Case(entry.state, paid=False, late=late))
        standing = self._calls.standing(entry.keyframe, self._outbox.is_first_view(entry.keyframe))
        local, readers_held = engines.local, self._readers_are_held()
        seen = bool(entry.keyframe.seen)
        return route(Case(entry.state, True, standing, local.first, local.stands_in, readers_held, seen, late))

    def _readers_are_held(self) -> bool:
        """True if no reader is free, and the answers to all calls are overdue."""
        return self._idle == 0 and self._in_flight.all_overdue(self._clock.monotonic())
