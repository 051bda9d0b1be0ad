"""The waits before a camera is opened again."""

import random


class Backoff:
    """Waits that double up to the longest one, with full jitter; in seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self.reset()

    def reset(self) -> None:
        """Begin with the first wait again."""
        self._limit = self._first

    def next(self) -> float:
        """Return a random time between zero and the present limit, so that many cameras do not come back in step."""
        limit, self._limit = self._limit, min(self._limit * 2, self._longest)
        return random.uniform(0, limit)
