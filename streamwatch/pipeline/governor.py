"""May this call be paid now? Budget, breakers and pace: a pure state machine, without clock, file or thread.

The classes are those of the error tree. What a person must mend opens a breaker: one ERROR, no calls, a slow probe.
What passes by itself (no connection, a service that stumbles) pauses all calls for a growing time, and one probe tells
when it is over. Throttling spaces the calls out.
"""

import logging
from dataclasses import dataclass, field

from streamwatch.core.errors import ClockWrong, Doubtful, NotSent, RecognitionError, Refused, Throttled, Transient

log = logging.getLogger(__name__)

PROBE_EVERY = 900.0  # s between probes while a person has to act; refused calls cost nothing
OUTAGE_FIRST, OUTAGE_LONGEST = 2.0, 60.0  # s; pauses while the service can not be reached or stumbles
PACE_FIRST, PACE_LONGEST = 1.0, 60.0  # s between calls while throttled
RUNAWAY_FIRST, RUNAWAY_LONGEST = 600.0, 6 * 3600.0  # s; pauses of a camera whose calls find no plate


@dataclass(frozen=True, slots=True)
class Breaker:
    """Why calls are held back. since, until the next try: monotonic seconds. camera: None for all."""

    name: str
    why: str
    since: float
    until: float
    camera: str | None = None


@dataclass
class _Runaway:
    """Calls in a row without a plate of one camera."""

    without_plate: int = 0
    pause: float = RUNAWAY_FIRST
    since: float = 0.0
    until: float = 0.0


@dataclass
class _Hold:
    """A breaker that is open. kind: failures of one kind keep it open. pause: what the next one will be."""

    kind: str
    name: str
    why: str
    since: float
    until: float
    pause: float


@dataclass
class Governor:
    """All times are monotonic seconds. runaway_after: calls in a row without a plate that pause a camera."""

    runaway_after: int
    _hold: _Hold | None = None
    _probing: bool = False
    _pace: float = 0.0
    _next_call: float = 0.0
    _cameras: dict[str, _Runaway] = field(default_factory=dict)

    def wait_for(self, camera: str, now: float) -> float:
        """Seconds until a call for this camera may begin; 0 for at once."""
        if self._hold is not None and self._probing:
            return OUTAGE_FIRST
        holds = [self._next_call, self._hold.until if self._hold else 0.0]
        if camera in self._cameras:
            holds.append(self._cameras[camera].until)
        return max(0.0, max(holds) - now)

    def holds(self, camera: str, now: float) -> bool:
        """Whether an outage, a refusal or a run of calls without a plate keeps this camera's calls from being made."""
        runaway = self._cameras.get(camera)
        return (self._hold is not None and (self._probing or self._hold.until > now)) or (
            runaway is not None and runaway.until > now
        )

    def began(self, now: float) -> None:
        """A call begins; while something is held back it is the probe."""
        self._probing = self._hold is not None
        self._next_call = now + self._pace

    def probe_by(self, at: float) -> None:
        """An open breaker lets its next probe through at that time at the latest."""
        if self._hold is not None:
            self._hold.until = min(self._hold.until, at)

    def called_off(self) -> None:
        """The call that began was not made after all."""
        self._probing = False

    def answered(self, camera: str, plates: int) -> float | None:
        """The service has answered, with so many plates. Since when calls were held back, if that is over now."""
        over = None if self._hold is None else self._hold.since
        self._hold, self._probing, self._pace = None, False, self._pace / 2 if self._pace > PACE_FIRST else 0.0
        if plates:
            self._cameras[camera] = _Runaway()
        else:
            self.paid_in_vain(camera)
        return over

    def paid_in_vain(self, camera: str) -> None:
        """A call was charged, and brought no plate: nothing was seen, or the answer was an error."""
        self._cameras.setdefault(camera, _Runaway()).without_plate += 1

    def check_runaway(self, camera: str, now: float) -> None:
        """Pauses a camera whose calls find no plate, for longer each time."""
        runaway = self._cameras.get(camera)
        if runaway is None or runaway.without_plate < self.runaway_after:
            return
        runaway.since, runaway.until, runaway.without_plate = now, now + runaway.pause, 0
        log.error(
            "camera %s: %d calls in a row found no plate; its calls pause for %.0f min. Check its zone.",
            camera,
            self.runaway_after,
            runaway.pause / 60,
        )
        runaway.pause = min(RUNAWAY_LONGEST, 2 * runaway.pause)

    def failed(self, error: RecognitionError, now: float) -> None:
        """A call has failed."""
        self._probing = False
        if isinstance(error, Throttled):
            self._pace = min(PACE_LONGEST, max(PACE_FIRST, 2 * self._pace))
            self._next_call = now + self._pace
        elif isinstance(error, Refused):
            self._open(error, now, PROBE_EVERY, PROBE_EVERY, logging.ERROR)
        elif isinstance(error, NotSent | Transient | ClockWrong | Doubtful):
            self._open(error, now, OUTAGE_FIRST, OUTAGE_LONGEST, logging.WARNING)

    def breakers(self, now: float) -> list[Breaker]:
        """What is held back, for status pages."""
        hold = self._hold
        found = [] if hold is None else [Breaker(hold.name, hold.why, hold.since, hold.until)]
        paused = [(name, r) for name, r in self._cameras.items() if r.until > now]
        return found + [Breaker("runaway", "calls find no plate", r.since, r.until, name) for name, r in paused]

    def _open(self, error: RecognitionError, now: float, first: float, longest: float, level: int) -> None:
        kind = "outage" if isinstance(error, NotSent | Transient | Doubtful) else error.outcome
        if self._hold is None or self._hold.kind != kind:
            log.log(level, "calls are held back: %s", error)
            self._hold = _Hold(kind, error.outcome, str(error), now, now + first, min(longest, 2 * first))
        else:
            self._hold.name, self._hold.why = error.outcome, str(error)
            self._hold.until = now + self._hold.pause
            self._hold.pause = min(longest, 2 * self._hold.pause)
