"""Wall time that never runs backwards within a run.

Capture times order everything in the database, so a clock step (NTP after a start without a clock battery, a person at
the keyboard) must not put a later frame before an earlier one.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the pipeline needs of time. Tests hand in a fake."""

    def now(self) -> datetime:
        """Aware UTC wall time, never earlier than any time handed out before."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; for waits and deadlines."""


class SystemClock:
    """The machine's clock, held still while it is behind what was already handed out."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = datetime.min.replace(tzinfo=UTC)

    def now(self) -> datetime:
        """Aware UTC wall time, never earlier than any time handed out before by this clock."""
        with self._lock:
            self._latest = max(self._latest, datetime.now(UTC))
            return self._latest

    def monotonic(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()
