"""The phases of the daemon, from running to over. All its threads ask here which one it is."""

import logging
import os
import signal
import threading
from enum import Enum, auto
from types import FrameType

from streamwatch.core.errors import StreamwatchError

log = logging.getLogger(__name__)

RETRY_DRAINING = 0.5  # s between two tries to store something during the drain


class Phase(Enum):
    """RUNNING: the cameras are watched. DRAINING: what was seen is stored, and read as far as time allows.

    OVER: nothing is tried again. What waits stays on disk for the next start.
    """

    RUNNING = auto()
    DRAINING = auto()
    OVER = auto()


class Lifecycle:
    """Goes from phase to phase, never back:

        RUNNING ──drain──▶ DRAINING ──finish──▶ OVER
           └───────fail───────┴──────fail───────┘      then the exit code is 1

    stop: set by a signal or by `fail`; it asks for the step from RUNNING to DRAINING. It is an event of its own because
    the recognizer waits on it. When every recording has ended, the daemon drains without it.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop
        self._news, self._reload = threading.Event(), threading.Event()
        self._draining, self._over, self._failed = threading.Event(), threading.Event(), threading.Event()
        self._failing = threading.Lock()

    @property
    def phase(self) -> Phase:
        """Return the phase at this moment."""
        if self._over.is_set():
            return Phase.OVER
        return Phase.DRAINING if self._draining.is_set() else Phase.RUNNING

    @property
    def failed(self) -> bool:
        """True if the exit code is 1."""
        return self._failed.is_set()

    def drain(self) -> None:
        """Go on to DRAINING."""
        self._draining.set()

    def finish(self) -> None:
        """Go on to OVER."""
        self._draining.set()
        self._over.set()

    def mark_failed(self) -> None:
        """Make the exit code 1, without ending anything."""
        self._failed.set()

    def fail(self, thread: str, error: BaseException) -> None:
        """End everything because of an error in a thread. Only the first error is logged: later ones follow from it."""
        with self._failing:
            if not self._failed.is_set():
                _log_failure(thread, error)
            self._failed.set()
        self.stop.set()
        self.finish()
        self.tell()

    def tell(self) -> None:
        """Wake the main thread: something has ended, or a signal has come."""
        self._news.set()

    def wait_for_news(self, seconds: float) -> bool:
        """Sleep until something is told, for `seconds` at most; return True if SIGHUP has asked for a reload."""
        self._news.wait(seconds)
        self._news.clear()
        asked = self._reload.is_set()
        self._reload.clear()
        return asked

    def wait_until_over(self, seconds: float) -> bool:
        """Sleep until the phase is OVER, for `seconds` at most; return True if it is."""
        return self._over.wait(seconds)

    def wait_to_retry(self, seconds: float) -> None:
        """Sleep for `seconds`, or for RETRY_DRAINING seconds at most once the drain has begun."""
        if self._draining.wait(seconds):
            self._over.wait(RETRY_DRAINING)

    def heed_signals(self) -> None:
        """Have SIGTERM and SIGINT set `stop`; a second signal ends the process at once. SIGHUP asks for a reload.

        If the terminal that the program was started from is closed, SIGHUP stops it as before.
        """
        in_terminal = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()

        def on_signal(number: int, _: FrameType | None) -> None:
            if self.stop.is_set():
                os._exit(128 + number)
            self.stop.set()  # first: a second signal may come while the line is written, and must not write another
            self.tell()
            log.info("stopping: reading what was seen last; a second signal ends at once")

        def on_hangup(number: int, frame: FrameType | None) -> None:
            if in_terminal and not _has_terminal():
                on_signal(number, frame)
            else:
                self._reload.set()
                self.tell()

        signal.signal(signal.SIGHUP, on_hangup)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, on_signal)


def _has_terminal() -> bool:
    """True if this process belongs to a terminal that is still open."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _log_failure(thread: str, error: BaseException) -> None:
    if isinstance(error, StreamwatchError):
        log.error("%s: %s", thread, error)
    else:
        log.critical("%s failed unexpectedly", thread, exc_info=error)
