"""What an earlier run knew of the vehicles before this camera."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.model import Box, FrameCorners, Picture


@dataclass(frozen=True, slots=True)
class Remembered:
    """A vehicle of an earlier run. box: in frame pixels; luma: of it, at the frame's scale; plate: None if unknown."""

    opened_at: datetime
    last_seen: datetime
    luma: Picture
    box: Box
    plate: FrameCorners | None
