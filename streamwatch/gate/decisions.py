"""What the gate decides."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.model import Box, Frame

NO_ANSWER = "the last view got no answer"
SECOND_OPINION = "a second opinion on an unsure reading"


@dataclass(frozen=True, slots=True)
class Opened:
    """A vehicle has come. `passage` numbers the passages of one gate."""

    passage: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Shot:
    """This view is worth a call. crop: the part of the frame to send, at that scale; reason: why, in words."""

    passage: int
    frame: Frame
    crop: Box
    score: float
    reason: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Closed:
    """The vehicle has gone, or turned out to be another one."""

    passage: int
    opened_at: datetime
    last_seen: datetime


Decision = Opened | Shot | Closed
