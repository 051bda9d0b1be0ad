"""Counts paid calls: for the budget, for the circuit breakers, and for vehicles whose calls brought no answer."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from streamwatch.core.clock import Clock
from streamwatch.core.errors import RecognitionError, Transient
from streamwatch.pipeline.budget import Budget, CallLimits, Exhausted, Usage
from streamwatch.pipeline.circuit_breaker import CircuitBreaker, OpenBreaker
from streamwatch.store import WaitingKeyframe

REMEMBERED = 500  # passages whose calls without an answer are remembered


@dataclass(frozen=True, slots=True)
class Standing:
    """The facts about a call that could be made.

    in_vain: calls for its passage that brought no answer. held: an open breaker keeps it from being made. exhausted:
    the limit that it would break. wait: seconds until it may begin.
    """

    in_vain: int = 0
    held: bool = False
    exhausted: Exhausted | None = None
    wait: float = 0.0


UNHINDERED = Standing()


class PaidCalls:
    """Counts paid calls. Several threads may use it at once.

    It takes no other lock, so it may be used while any other lock is held.
    """

    def __init__(self, breakers: CircuitBreaker, budget: Budget, clock: Clock) -> None:
        self._breakers, self._budget, self._clock = breakers, budget, clock
        self._in_vain: dict[str, int] = {}
        self._lock = threading.Lock()

    def standing(self, item: WaitingKeyframe, first_view: bool) -> Standing:
        """Return how things stand for a call that reads this keyframe."""
        with self._lock:
            now = self._clock.monotonic()
            return Standing(
                self._in_vain.get(item.passage, 0),
                self._breakers.holds(item.camera, now),
                self._budget.forbids(item.camera, first_view, self._clock.now(), now),
                self._breakers.wait_for(item.camera, now),
            )

    def begin(self, camera: str) -> None:
        """Count a call that is about to be made."""
        with self._lock:
            now = self._clock.monotonic()
            self._breakers.began(now)
            self._budget.pay(camera, 1, self._clock.now(), now)

    def call_off(self, camera: str) -> None:
        """Take back a call that was begun and is not made."""
        with self._lock:
            self._breakers.called_off()
            self._budget.pay(camera, -1, self._clock.now(), self._clock.monotonic())

    def begin_by_hand(self, camera: str) -> Exhausted | None:
        """Count a call that a person is about to make; return the limit that forbids it, if one does."""
        with self._lock:
            now, monotonic = self._clock.now(), self._clock.monotonic()
            exhausted = self._budget.forbids(camera, True, now, monotonic)
            if exhausted is None:
                self._budget.pay(camera, 1, now, monotonic)
            return exhausted

    def end_by_hand(self, camera: str, paid: int) -> None:
        """Correct the count of a call that a person has made: it has cost this number of fee units."""
        with self._lock:
            self._budget.pay(camera, paid - 1, self._clock.now(), self._clock.monotonic())

    def answered(self, camera: str, plates: int, paid: int) -> float | None:
        """Count a call that was answered with this number of plates, for this number of fee units.

        Return for how many seconds calls were held back, if that is over now; else None.
        """
        with self._lock:
            now = self._clock.monotonic()
            self._budget.pay(camera, paid - 1, self._clock.now(), now)
            since = self._breakers.answered(camera, plates)
            self._breakers.check_runaway(camera, now)
            return None if since is None else now - since

    def failed(self, camera: str, error: RecognitionError, paid: int) -> None:
        """Count a call that failed, for which this number of fee units was or may have been charged."""
        with self._lock:
            now = self._clock.monotonic()
            self._budget.pay(camera, paid - 1, self._clock.now(), now)
            self._breakers.failed(error, now)
            if paid and isinstance(error, Transient):
                self._breakers.paid_in_vain(camera)
            self._breakers.check_runaway(camera, now)

    def count_in_vain(self, passage: str) -> int:
        """Count a call that brought no answer, and return how many there were for this passage."""
        with self._lock:
            calls = self._in_vain[passage] = self._in_vain.pop(passage, 0) + 1
            if len(self._in_vain) > REMEMBERED:
                del self._in_vain[next(iter(self._in_vain))]
            return calls

    def probe_in(self, pause: float) -> None:
        """Let an open breaker make its next probe after `pause` seconds at the latest; refused calls cost nothing."""
        with self._lock:
            self._breakers.probe_by(self._clock.monotonic() + pause)

    def limit(self, account: CallLimits, cameras: Mapping[str, CallLimits]) -> None:
        """Let other limits count from now on."""
        with self._lock:
            self._budget.limit(account, cameras, self._clock.now(), self._clock.monotonic())

    def usage(self) -> list[Usage]:
        """Return the limits of the budget as they stand."""
        with self._lock:
            return self._budget.usage(self._clock.now(), self._clock.monotonic())

    def breakers(self) -> list[OpenBreaker]:
        """Return what holds calls back."""
        with self._lock:
            return self._breakers.breakers(self._clock.monotonic())
