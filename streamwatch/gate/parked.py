"""Parked vehicles that an earlier run has paid for."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.model import Box, FrameCorners, Picture


@dataclass(frozen=True, slots=True)
class ParkedVehicle:
    """A vehicle that an earlier run paid for and that may still be parked before the camera.

    box: in frame pixels; luma: the picture inside it, at the scale of the frame; plate: None if unknown.
    """

    opened_at: datetime
    last_seen: datetime
    luma: Picture
    box: Box
    plate: FrameCorners | None
