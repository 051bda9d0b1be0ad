"""Judges if the substream of a camera can be relied upon while the main stream rests."""

import logging
import math
from datetime import datetime
from enum import Enum, auto

from streamwatch.capture import LiveCamera
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Frame

log = logging.getLogger(__name__)

SILENT = 3.0
"""The substream is not relied upon if no frame has come for so many seconds."""
FIRM = 1.0
"""The substream is relied upon once frames have come for so many seconds. A lost connection may still give one."""
UNSEEN = 10.0
"""If no first frame has come for so many seconds, the log says that only the main stream is watched."""


class Reliance(Enum):
    """The reliance on the substream. The main stream may rest only while it is RELIED.

    AWAITED ──its frames come──▶ RELIED ──silent, frozen or lost──▶ LOST
       │                          ▲  ▲ ◀─────its frames come──────────┘
       └──UNSEEN s──▶ MISSING ────┘
    """

    AWAITED = auto()
    MISSING = auto()
    RELIED = auto()
    LOST = auto()


class SubstreamHealth:
    """Judges the substream of one camera. reliance: the verdict. heard_at: the time of its last frame."""

    def __init__(self, name: str, substream: LiveCamera, clock: Clock) -> None:
        """name: of the camera, for the log."""
        self._name, self._substream, self._clock = name, substream, clock
        self._began = clock.monotonic()
        self._heard = self._heard_since = -math.inf  # monotonic times: its last frame; the first since a gap
        self.reliance = Reliance.AWAITED
        self.heard_at: datetime | None = None

    @property
    def relied_upon(self) -> bool:
        """True if the main stream may rest."""
        return self.reliance is Reliance.RELIED

    @property
    def was_relied_upon(self) -> bool:
        """True if the main stream may rest now, or might at some earlier time."""
        return self.reliance in (Reliance.RELIED, Reliance.LOST)

    def hear(self, frame: Frame) -> None:
        """Note the newest frame of the substream."""
        ago = (self._clock.now() - frame.captured_at).total_seconds()
        # If the process stood still or the clock was set, it is only known that a frame came after the one before.
        heard = max(self._heard, self._clock.monotonic() - ago)
        if heard - self._heard >= SILENT:
            self._heard_since = heard
        self._heard, self.heard_at = heard, frame.captured_at

    def judge(self) -> bool:
        """Judge the substream anew, and return True if that changes whether it is relied upon."""
        before, now = self.reliance, self._clock.monotonic()
        if self._substream.status().state is CameraState.ONLINE and self._is_heard(now):
            self.reliance = Reliance.RELIED
        elif before is Reliance.RELIED:
            self.reliance = Reliance.LOST
        elif before is Reliance.AWAITED and now - self._began >= UNSEEN:
            self.reliance = Reliance.MISSING
        if self.reliance is not before:
            self._log(before)
        return self.relied_upon != (before is Reliance.RELIED)

    def complaint(self) -> str:
        """Return why the substream is not watched; the empty string if it is, or if it is still awaited."""
        if self.reliance not in (Reliance.MISSING, Reliance.LOST):
            return ""
        status = self._substream.status()
        if status.state is CameraState.FROZEN:
            return "It sends the same picture."
        return status.last_error or "No picture comes."

    def _is_heard(self, now: float) -> bool:
        return now - self._heard < SILENT and self._heard - self._heard_since >= FIRM

    def _log(self, before: Reliance) -> None:
        if not self.relied_upon:
            log.warning("Camera %s: its substream cannot be watched; only the main stream is.", self._name)
        elif before is Reliance.MISSING:
            log.info("Camera %s: its substream is watched.", self._name)
        elif before is Reliance.LOST:
            log.info("Camera %s: its substream is watched again.", self._name)
