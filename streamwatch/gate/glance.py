"""What the gate saw in one frame and why it sent nothing, for counting and for explaining."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from streamwatch.model import Box


class Why(StrEnum):
    """Why a frame was sent or not; of several things in view the one that came nearest to a call counts."""

    SENT = "sent"
    QUIET = "nothing differs from the empty scene"
    LEARNING = "the empty scene is still being learned"
    SCENE_JUMP = "the whole picture changed at once"
    TOO_SMALL = "what differs is smaller than a vehicle"
    TOO_SHORT = "it has not lasted long enough to be a vehicle"
    FRAGMENT = "it is a piece of a vehicle that was sent already"
    BETTERING = "the view is still getting better"
    NO_PLATE = "no plate can be seen in the best view"
    SCENERY = "it belongs to the scene"
    KNOWN = "this vehicle was sent already"
    NOT_BETTER = "no view is clearly better than the unread one"
    USED_UP = "this passage has had all its calls"


@dataclass(frozen=True, slots=True)
class Followed:
    """One thing that is followed. box: in frame pixels; score: of this view; best: so far; None if unknown."""

    passage: int
    box: Box
    score: float | None
    best: float | None
    why: Why


@dataclass(frozen=True, slots=True)
class Glance:
    """One frame as the gate saw it. change: part of the watched picture (0 to 1) that differs from the empty scene."""

    at: datetime
    change: float
    why: Why
    followed: tuple[Followed, ...]
