"""What is wrong with a barrier: said once in the log when it begins and when it is over."""

import logging
from datetime import datetime
from enum import Enum

from streamwatch.core.clock import Clock

log = logging.getLogger(__name__)


class FaultKind(Enum):
    """What fails, the worst first. The sentence of the first one is shown."""

    RELEASE = "release"
    OPENING = "opening"
    REACHING = "reaching"
    SENSOR = "sensor"


class Faults:
    """The faults of one barrier at this moment. Any thread may look."""

    def __init__(self, barrier: str, clock: Clock) -> None:
        self._barrier, self._clock = barrier, clock
        self._now: dict[FaultKind, tuple[str, datetime]] = {}

    def set(self, kind: FaultKind, sentence: str) -> None:
        """Note that something is wrong."""
        known = self._now.get(kind)
        self._now = {**self._now, kind: (sentence, self._clock.now() if known is None else known[1])}
        if known is None:
            level = logging.ERROR if kind in (FaultKind.RELEASE, FaultKind.OPENING) else logging.WARNING
            log.log(level, "barrier %s: %s The cameras are watched all the same.", self._barrier, sentence)

    def clear(self, kind: FaultKind) -> None:
        """Note that it is well again."""
        if kind in self._now:
            self._now = {other: told for other, told in self._now.items() if other is not kind}
            log.info("barrier %s: %s works again", self._barrier, _WHAT[kind])

    def has(self, kind: FaultKind) -> bool:
        """Return True if this is wrong now."""
        return kind in self._now

    def worst(self) -> tuple[str, datetime | None]:
        """Return the worst fault as a sentence, and since when; an empty text and None if all is well."""
        now = self._now
        return next((now[kind] for kind in FaultKind if kind in now), ("", None))


_WHAT = {
    FaultKind.RELEASE: "releasing the relay",
    FaultKind.OPENING: "the relay",
    FaultKind.REACHING: "the connection to the relay",
    FaultKind.SENSOR: "the sensor",
}
