"""Circuit breakers and pace: they say when a call may be made. A pure state machine without clock, file or thread.

The class of an error decides. A fault that a person must repair opens the breaker with one ERROR and a slow probe. A
fault that passes by itself (no connection, a fault of the service) opens it for a growing time. Throttling spaces the
calls out. A camera whose calls find no plate is paused alone.
"""

import logging
from dataclasses import dataclass, field
from enum import Enum, auto

from streamwatch.core.errors import ClockWrong, Doubtful, NotSent, RecognitionError, Refused, Throttled, Transient

log = logging.getLogger(__name__)

PROBE_EVERY = 900.0  # s between probes while a person has to act; refused calls cost nothing
OUTAGE_FIRST, OUTAGE_LONGEST = 2.0, 60.0  # s; pauses while the service cannot be reached or has a fault
PACE_FIRST, PACE_LONGEST = 1.0, 60.0  # s between calls while throttled
RUNAWAY_FIRST, RUNAWAY_LONGEST = 600.0, 6 * 3600.0  # s; pauses of a camera whose calls find no plate


class BreakerState(Enum):
    """The circuit breaker in front of the service.

        CLOSED ──a call fails──▶ OPEN ──its pause is over and a call begins──▶ HALF_OPEN
          ▲                       ▲ │                                            │   │
          │                       │ └─another call is answered──▶ CLOSED         │   │
          │                       └──the call fails, or is not made──────────────┘   │
          └──────────────────────────the call is answered────────────────────────────┘

    HALF_OPEN lets no second call through: the one that runs is the probe.
    """

    CLOSED = auto()
    OPEN = auto()
    HALF_OPEN = auto()


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """A reason why calls are held back. since, until (the next try): monotonic seconds. camera: None for all."""

    name: str
    why: str
    since: float
    until: float
    camera: str | None = None


@dataclass(slots=True)
class ProbeBackoff:
    """A pause in seconds that doubles each time, up to the longest."""

    pause: float
    longest: float

    def take(self) -> float:
        """Return the pause, and double it for the next time."""
        pause, self.pause = self.pause, min(self.longest, 2 * self.pause)
        return pause


@dataclass
class _Runaway:
    """Calls in a row without a plate of one camera."""

    without_plate: int = 0
    backoff: ProbeBackoff = field(default_factory=lambda: ProbeBackoff(RUNAWAY_FIRST, RUNAWAY_LONGEST))
    since: float = 0.0
    until: float = 0.0


@dataclass
class _Trouble:
    """The reason why the breaker is not closed. kind: further failures of this kind only lengthen the pause."""

    kind: str
    name: str
    why: str
    since: float
    until: float
    backoff: ProbeBackoff


@dataclass
class CircuitBreaker:
    """All breakers. Times are monotonic seconds. runaway_after: calls in a row without a plate that pause a camera."""

    runaway_after: int
    state: BreakerState = BreakerState.CLOSED
    _trouble: _Trouble | None = None
    _pace: float = 0.0
    _next_call: float = 0.0
    _cameras: dict[str, _Runaway] = field(default_factory=dict)

    def wait_for(self, camera: str, now: float) -> float:
        """Return the seconds until a call for this camera may begin; 0 for at once."""
        if self.state is BreakerState.HALF_OPEN:
            return OUTAGE_FIRST
        holds = [self._next_call, self._trouble.until if self._trouble else 0.0]
        if camera in self._cameras:
            holds.append(self._cameras[camera].until)
        return max(0.0, max(holds) - now)

    def holds(self, camera: str, now: float) -> bool:
        """True if an outage, a refusal or a run of calls without a plate keeps this camera's calls from being made."""
        runaway = self._cameras.get(camera)
        if runaway is not None and runaway.until > now:
            return True
        return self.state is BreakerState.HALF_OPEN or (self._trouble is not None and self._trouble.until > now)

    def began(self, now: float) -> None:
        """Note that a call begins. Unless the breaker is closed it is the probe."""
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
        self._next_call = now + self._pace

    def probe_by(self, at: float) -> None:
        """Let an open breaker make its next probe at that time at the latest."""
        if self._trouble is not None:
            self._trouble.until = min(self._trouble.until, at)

    def called_off(self) -> None:
        """Note that the call that began was not made after all."""
        self._probe_is_over()

    def answered(self, camera: str, plates: int) -> float | None:
        """Note that the service has answered with this number of plates.

        Return since when calls were held back, if that is over now; else None.
        """
        since = None if self._trouble is None else self._trouble.since
        self.state, self._trouble = BreakerState.CLOSED, None
        self._pace = self._pace / 2 if self._pace > PACE_FIRST else 0.0
        if plates:
            self._cameras[camera] = _Runaway()
        else:
            self.paid_in_vain(camera)
        return since

    def paid_in_vain(self, camera: str) -> None:
        """Count a call that was charged and brought no plate: nothing was seen, or the answer was an error."""
        self._cameras.setdefault(camera, _Runaway()).without_plate += 1

    def check_runaway(self, camera: str, now: float) -> None:
        """Pause a camera whose calls find no plate, for longer each time."""
        runaway = self._cameras.get(camera)
        if runaway is None or runaway.without_plate < self.runaway_after:
            return
        pause = runaway.backoff.take()
        runaway.since, runaway.until, runaway.without_plate = now, now + pause, 0
        log.error(
            "camera %s: %d calls in a row found no plate; its calls pause for %.0f min. Check its zone.",
            camera,
            self.runaway_after,
            pause / 60,
        )

    def failed(self, error: RecognitionError, now: float) -> None:
        """Note that a call has failed."""
        self._probe_is_over()
        if isinstance(error, Throttled):
            self._pace = min(PACE_LONGEST, max(PACE_FIRST, 2 * self._pace))
            self._next_call = now + self._pace
        elif isinstance(error, Refused):
            self._open(error, now, ProbeBackoff(PROBE_EVERY, PROBE_EVERY), logging.ERROR)
        elif isinstance(error, NotSent | Transient | ClockWrong | Doubtful):
            self._open(error, now, ProbeBackoff(OUTAGE_FIRST, OUTAGE_LONGEST), logging.WARNING)

    def breakers(self, now: float) -> list[OpenBreaker]:
        """Return the reasons why calls are held back, for status pages."""
        trouble = self._trouble
        found = [] if trouble is None else [OpenBreaker(trouble.name, trouble.why, trouble.since, trouble.until)]
        paused = [(name, r) for name, r in self._cameras.items() if r.until > now]
        return found + [OpenBreaker("runaway", "calls find no plate", r.since, r.until, name) for name, r in paused]

    def _probe_is_over(self) -> None:
        if self.state is BreakerState.HALF_OPEN:
            self.state = BreakerState.OPEN

    def _open(self, error: RecognitionError, now: float, backoff: ProbeBackoff, level: int) -> None:
        kind = "outage" if isinstance(error, NotSent | Transient | Doubtful) else error.outcome
        self.state = BreakerState.OPEN
        if self._trouble is None or self._trouble.kind != kind:
            log.log(level, "calls are held back: %s", error)
            self._trouble = _Trouble(kind, error.outcome, str(error), now, now + backoff.take(), backoff)
        else:
            self._trouble.name, self._trouble.why = error.outcome, str(error)
            self._trouble.until = now + self._trouble.backoff.take()
