"""A camera that comes and goes: its losses are told one by one at first, and then together, once an hour."""

import math

MOST = 5
"""Losses within `TOGETHER` that are told one by one."""
TOGETHER = 3600.0
"""Seconds whose losses are told together once there were more."""
LONG = 60.0
"""Seconds after which a loss is told all the same: by then the camera does not flap, it is gone."""


class Flaps:
    """Counts losses; times are monotonic seconds. quiet: single losses need not be told now."""

    def __init__(self) -> None:
        self.quiet = False
        self._since, self._losses = -math.inf, 0

    def lost(self, now: float) -> tuple[int, float] | None:
        """How many losses there were in how many seconds, when that is to be told now."""
        told = None
        if now - self._since >= TOGETHER:
            if self.quiet and self._losses > MOST:
                told = self._losses, now - self._since
            self.quiet, self._since, self._losses = told is not None, now, 0
        self._losses += 1
        if not self.quiet and self._losses > MOST:
            self.quiet, told = True, (self._losses, now - self._since)
        return told
