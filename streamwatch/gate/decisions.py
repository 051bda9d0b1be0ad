"""The decisions of the gate, and the reasons of the views that it sends or keeps."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.model import Box, Direction, Frame

LARGE_AND_SHARP = "its plate is large and sharp enough"
BEST_VIEW = "its view stopped getting better"
LAST_VIEW = "it went; this was its best view"
STOOD_HERE = "it stood here when watching began"
NO_ANSWER = "the last view got no answer"
SECOND_OPINION = "a second opinion on an unsure reading"
BETTER_VIEW = "a clearly better view than the unread one"
WITHOUT_PLATE = "a large vehicle passed, and no plate was seen on it"
NO_PLATE_SEEN = "it showed no plate; this view shows most of it"
NEVER_WORTH_IT = "its plate was never large or sure enough; this was its best view"


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
    reason: str
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Kept:
    """This view of a vehicle that nothing was paid for is kept for people. crop: the part of the frame to keep."""

    passage: int
    frame: Frame
    crop: Box
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The vehicle has gone."""

    passage: int
    opened_at: datetime
    last_seen: datetime
    direction: Direction = Direction.UNKNOWN


Decision = Opened | Shot | Kept | Closed
