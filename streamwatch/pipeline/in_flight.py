"""Paid calls that have begun and not ended, and for how long the service has owed an answer."""

import threading

OVERDUE = 5.0  # s after which an answer is overdue; the service takes about one


class InFlight:
    """Calls by their keys. All times are monotonic seconds. Several threads may use it at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}

    def __len__(self) -> int:
        with self._lock:
            return len(self._since)

    def began(self, call: str, now: float) -> None:
        """Note that a call is sent."""
        with self._lock:
            self._since[call] = now

    def ended(self, call: str) -> None:
        """Note that a call was answered, or given up."""
        with self._lock:
            self._since.pop(call, None)

    @property
    def oldest(self) -> float | None:
        """Return since when the oldest call runs; None if there is none."""
        with self._lock:
            return min(self._since.values(), default=None)

    def longest(self, now: float) -> float:
        """Return the seconds for which the oldest call has been running; 0 if there is none."""
        with self._lock:
            return now - min(self._since.values(), default=now)

    def all_overdue(self, now: float) -> bool:
        """True if there are calls, and the answer to each of them is overdue."""
        with self._lock:
            return bool(self._since) and now - max(self._since.values()) > OVERDUE
