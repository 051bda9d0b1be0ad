"""The decisions of the gate."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.codes import ViewReason
from streamwatch.core.model import Box, Direction, Frame


@dataclass(frozen=True, slots=True)
class Opened:
    """A vehicle has come. passage: a number that no other passage of this gate has."""

    passage: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Shot:
    """This view is worth a call. crop: the part of the frame to send; scale: of the picture to send; reason: why."""

    passage: int
    frame: Frame
    crop: Box
    score: float
    reason: ViewReason
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """This view of a vehicle that nothing was paid for is kept for people. crop: the part of the frame to keep."""

    passage: int
    frame: Frame
    crop: Box
    score: float
    reason: ViewReason


@dataclass(frozen=True, slots=True)
class Closed:
    """The vehicle has gone."""

    passage: int
    opened_at: datetime
    last_seen: datetime
    direction: Direction = Direction.UNKNOWN


Decision = Opened | Shot | Kept | Closed
