"""Wall time that never runs backwards within a run and says if it can be trusted; the windows of budgets.

Capture times order everything in the database, so a clock step (NTP after a start without a clock battery, a person at
the keyboard) must not put a later frame before an earlier one. A step forward is followed at once. After a step
backward time goes on from where it was, a little slower than real time until the wall clock has caught up.
"""

import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Protocol

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2060, 1, 1, tzinfo=UTC).timestamp()
"""A right clock is always between them: the program is newer than the first, and will not be in use at the second."""
CATCH_UP = 0.95
"""Pace of time while the wall clock is behind: one second of difference is gone after 20 s, and waits hardly change."""
TOLERANCE = 2.0
"""Seconds by which time may be ahead of the wall clock and still be trusted."""
DRIFT = 60.0
"""Seconds that the wall clock may drift from the monotonic one without synchronisation before it counts as stepped.
A quartz of 100 ppm takes a week for it."""
LEAP = 86400.0
"""Seconds that wall time may gain on monotonic time in a run before ages that are computed from it are doubted."""
STEP = 5.0
"""Seconds by which wall time must jump before a budget treats it as a step."""
BEAT, STOOD_STILL = 0.5, 2.0
"""Seconds between two beats of a running process, and seconds without a beat after which it counts as stopped."""
TIMESYNC = Path("/run/systemd/timesync")
"""systemd-timesyncd makes the file `synchronized` in it; it lasts until the next boot."""
_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised


class Clock(Protocol):
    """The times that the pipeline needs. Tests pass a fake."""

    def now(self) -> datetime:
        """Return the aware UTC wall time, never earlier than any time returned before."""

    def monotonic(self) -> float:
        """Return the seconds since some fixed moment; for waits and deadlines."""

    @property
    def trusted(self) -> bool:
        """Return True if `now` is right as far as this machine can know."""

    @property
    def plausible(self) -> bool:
        """Return True if `now` can be right at all."""

    @property
    def leapt(self) -> bool:
        """Return True if the clock was set ahead by more than a day in this run, and was not set back."""


def kernel_synchronised(timesync: Path = TIMESYNC) -> bool | None:
    """Return True if the wall clock follows a time server; None if this machine cannot say. No privilege is needed."""
    state = _adjtimex()
    if (state is not None and state != _TIME_ERROR) or (timesync / "synchronized").exists():
        return True
    return None if state is None and not timesync.is_dir() else False


def _adjtimex() -> int | None:
    """Return the kernel's clock state; None if it cannot be read. adjtimex(2) without a mode changes nothing."""
    try:
        # Larger than `struct timex` on any machine; only the returned state is looked at.
        state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(1024))
    except (OSError, AttributeError):
        return None
    return state if state >= 0 else None


class SystemClock:
    """The machine's clock. The arguments are the sources of time, in seconds; tests pass fakes."""

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        synchronised: Callable[[], bool | None] = kernel_synchronised,
    ) -> None:
        self._wall, self._monotonic, self._synchronised = wall, monotonic, synchronised
        self._lock = threading.Lock()
        self._latest, self._looked = wall(), monotonic()
        self._first_offset: float | None = None  # wall time minus monotonic time when the clock was first plausible
        self._good_offset: float | None = None  # wall time minus monotonic time when the clock was last synchronised
        self._advance()

    def now(self) -> datetime:
        """Return the aware UTC wall time, never earlier than any time that this clock returned before."""
        with self._lock:
            return datetime.fromtimestamp(self._advance(), UTC)

    def monotonic(self) -> float:
        """Return the seconds of `time.monotonic`."""
        return self._monotonic()

    @property
    def trusted(self) -> bool:
        """Return True if `now` is plausible, not ahead of the wall clock, and synchronised if the kernel can say so.

        A clock that was synchronised in this run stays trusted without a network, until it is stepped.
        """
        return self.plausible and self._in_step()

    @property
    def plausible(self) -> bool:
        """Return True if `now` can be right, though no time server may have said so."""
        return self.ahead <= TOLERANCE and EARLIEST <= self._wall() < LATEST

    @property
    def leapt(self) -> bool:
        """Return True if wall time has gained more than a day on monotonic time in this run.

        The comparison begins when the clock is first plausible: a box without a clock battery starts with a wrong time,
        and its correction is no leap.
        """
        with self._lock:
            self._advance()
            return self._first_offset is not None and self._wall() - self._monotonic() - self._first_offset > LEAP

    @property
    def ahead(self) -> float:
        """Return the seconds by which `now` is ahead of the wall clock after that was set back; usually 0."""
        with self._lock:
            return max(0.0, self._advance() - self._wall())

    def _advance(self) -> float:
        wall, looked = self._wall(), self._monotonic()
        self._latest = max(wall, self._latest + CATCH_UP * (looked - self._looked))
        self._looked = looked
        if self._first_offset is None and EARLIEST <= wall < LATEST:
            self._first_offset = wall - looked
        return self._latest

    def _in_step(self) -> bool:
        synchronised = self._synchronised()
        offset = self._wall() - self._monotonic()
        with self._lock:
            if synchronised:
                self._good_offset = offset
            elif self._good_offset is not None:
                return abs(offset - self._good_offset) <= DRIFT
        return synchronised is not False


class Awake:
    """A clock whose monotonic time stands still while the process does: SIGSTOP, Ctrl+Z, a paused virtual machine.

    Code that treats silence as a fault uses it, because a stopped process hears nothing. The first call after a stop
    notices the stop, because `beat` was not called for `STOOD_STILL` seconds. Before the first beat no stop is noticed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._beaten: float | None = None
        self._stood = 0.0

    def beat(self) -> None:
        """Call every `BEAT` seconds from a thread that does nothing else."""
        now = self._clock.monotonic()
        with self._lock:
            self._notice(now)
            self._beaten = now

    def now(self) -> datetime:
        """Return the wall time of the clock itself."""
        return self._clock.now()

    def monotonic(self) -> float:
        """Return the seconds in which the process could work, to within one beat; never less than before."""
        now = self._clock.monotonic()
        with self._lock:
            self._notice(now)
            return now - self._stood

    @property
    def trusted(self) -> bool:
        """See Clock."""
        return self._clock.trusted

    @property
    def plausible(self) -> bool:
        """See Clock."""
        return self._clock.plausible

    @property
    def leapt(self) -> bool:
        """See Clock."""
        return self._clock.leapt

    def _notice(self, now: float) -> None:
        if self._beaten is not None and now - self._beaten > STOOD_STILL:
            self._stood += now - self._beaten
            self._beaten = now


class Span(StrEnum):
    """The span of time of a budget."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Window:
    """One hour, day or month of local time, as UTC; `end` is the first moment after it."""

    begin: datetime
    end: datetime


def window(span: Span, at: datetime, zone: tzinfo | None = None) -> Window:
    """Return the window that holds an aware time. zone: by default this machine's own.

    A day is 23 or 25 hours long when the clocks change, an hour is always an hour. A later time never has a window that
    begins earlier.
    """
    local = at.astimezone(zone)
    if span is Span.HOUR:
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        begin = (at - into).astimezone(UTC)
        return Window(begin, begin + timedelta(hours=1))
    first = local.replace(tzinfo=None, fold=0, hour=0, minute=0, second=0, microsecond=0)
    if span is Span.DAY:
        return Window(_utc(first, zone), _utc(first + timedelta(days=1), zone))
    first = first.replace(day=1)
    return Window(_utc(first, zone), _utc((first + timedelta(days=31)).replace(day=1), zone))


def _utc(local: datetime, zone: tzinfo | None) -> datetime:
    return (local if zone is None else local.replace(tzinfo=zone)).astimezone(UTC)


class Period:
    """The current window of a budget, also across steps of the clock.

    If the clock steps into another window, it is unknown how much of the old window was over. So the calls counted in
    it are carried into the new window, and a step never makes a budget larger. These calls count in a period:
    `carried`, those of this run, and those that the ledger has from `window.begin` to `window.end` if the window is
    `in_calendar`.
    """

    def __init__(self, span: Span, now: datetime, monotonic: float, zone: tzinfo | None = None) -> None:
        """now, monotonic: of the same clock, as for `advance`."""
        self._span, self._zone = span, zone
        self._now, self._monotonic = now, monotonic
        self.window = window(span, now, zone)
        self.carried = 0

    @property
    def in_calendar(self) -> bool:
        """Return False for a time such as 1970: the ledger holds the calls of every start with a wrong clock there."""
        return EARLIEST <= self._now.timestamp() < LATEST

    def advance(self, now: datetime, monotonic: float, counted: int) -> bool:
        """Return True if another window has begun, so that counting starts again.

        counted: calls counted in the period until now, including the carried ones. now: a `Clock`'s, which never goes
        back.
        """
        jump = (now - self._now).total_seconds() - (monotonic - self._monotonic)
        self._now, self._monotonic = now, monotonic
        if now < self.window.end:
            return False
        self.window = window(self._span, now, self._zone)
        self.carried = counted if jump > STEP else 0
        return True
