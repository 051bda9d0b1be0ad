"""What is told of a camera that is lost and comes back, and when it is told."""

import logging

from streamwatch.capture.flaps import LONG, Flaps
from streamwatch.core.errors import CaptureError
from streamwatch.core.words import age

log = logging.getLogger(__name__)


class Outages:
    """The log's sentences about one camera's outages; times are monotonic seconds. Not thread safe.

    A camera that comes and goes is told together: single losses only where they last.
    """

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._began: float | None = None
        self._told, self._flaps = False, Flaps()

    def lost(self, reason: CaptureError, now: float, since: float, connecting: bool) -> None:
        """After each try that failed. since: of its last picture. connecting: it has not been there yet at all."""
        if self._began is None:
            self._began, self._told = since, False
            if (flaps := self._flaps.lost(now)) is not None:
                times, within = flaps
                log.warning("Camera %s comes and goes, %d times in %s: %s", self._camera, times, age(within), reason)
        if self._told or (self._flaps.quiet and now - self._began < LONG):
            return
        self._told = True
        if connecting:
            log.warning("Camera %s can not be reached yet: %s It is tried until it is there.", self._camera, reason)
        else:
            log.warning("Camera %s is lost: %s It is tried again until it is back.", self._camera, reason)

    def over(self, now: float, attempts: int, connecting: bool, size: tuple[int, int]) -> None:
        """At the first picture of all and after each outage. size: (height, width) in pixels."""
        if self._began is None:
            log.info("Camera %s is online, %d x %d pixels.", self._camera, size[1], size[0])
        elif self._told:
            what = "online" if connecting else "back"
            gone = age(now - self._began)
            log.info("Camera %s is %s after %s, at attempt %d.", self._camera, what, gone, attempts)
        self._began = None
