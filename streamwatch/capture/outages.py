"""Logs that a camera is lost and comes back, without a line for each of very many losses."""

import logging
import math

from streamwatch.core.errors import CaptureError
from streamwatch.core.text import age

log = logging.getLogger(__name__)

MOST = 5
"""Number of losses within `TOGETHER` that are logged one by one."""
TOGETHER = 3600.0
"""Seconds whose losses are logged together once there were more than `MOST`."""
LONG = 60.0
"""Seconds after which a loss is logged in any case: by then the camera does not flap, it is gone."""


class FlapDetector:
    """Counts losses of a camera that comes and goes; times are monotonic seconds.

    flapping: single losses need not be logged now.
    """

    def __init__(self) -> None:
        self.flapping = False
        self._since, self._losses = -math.inf, 0

    def lost(self, now: float) -> tuple[int, float] | None:
        """Count a loss. Return the losses so far and their seconds if these are to be logged now, else None."""
        summary = None
        if now - self._since >= TOGETHER:
            if self.flapping and self._losses > MOST:
                summary = self._losses, now - self._since
            self.flapping, self._since, self._losses = summary is not None, now, 0
        self._losses += 1
        if not self.flapping and self._losses > MOST:
            self.flapping, summary = True, (self._losses, now - self._since)
        return summary


class OutageLog:
    """Logs the outages of one camera; times are monotonic seconds. Not thread safe.

    The losses of a camera that flaps are logged together. A single loss is logged then only if it lasts.
    """

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._began: float | None = None
        self._logged, self._flaps = False, FlapDetector()

    def lost(self, reason: CaptureError, now: float, since: float, connecting: bool) -> None:
        """Note a try that failed. since: the time of the last picture. connecting: no picture has come yet at all."""
        if self._began is None:
            self._began, self._logged = since, False
            if (summary := self._flaps.lost(now)) is not None:
                times, within = summary
                log.warning("Camera %s comes and goes, %d times in %s: %s", self._camera, times, age(within), reason)
        if self._logged or (self._flaps.flapping and now - self._began < LONG):
            return
        self._logged = True
        if connecting:
            log.warning("Camera %s cannot be reached yet: %s It is tried until it is there.", self._camera, reason)
        else:
            log.warning("Camera %s is lost: %s It is tried again until it is back.", self._camera, reason)

    def over(self, now: float, attempts: int, connecting: bool, size: tuple[int, int]) -> None:
        """Note the very first picture, or the first one after an outage. size: (height, width) in pixels."""
        if self._began is None:
            log.info("Camera %s is online, %d x %d pixels.", self._camera, size[1], size[0])
        elif self._logged:
            what = "online" if connecting else "back"
            gone = age(now - self._began)
            log.info("Camera %s is %s after %s, at attempt %d.", self._camera, what, gone, attempts)
        self._began = None
