"""How long to wait before a camera is opened again."""

import random


class Pauses:
    """How long to wait before each further try: growing by two up to the longest, with full jitter; in seconds."""

    def __init__(self, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self.reset()

    def reset(self) -> None:
        """The next pause is a first one again."""
        self._limit = self._first

    def next(self) -> float:
        """A random time between nothing and the present limit, so that many cameras do not come back in step."""
        limit, self._limit = self._limit, min(self._limit * 2, self._longest)
        return random.uniform(0, limit)
