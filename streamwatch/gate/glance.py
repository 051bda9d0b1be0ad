"""A report of one frame: what the gate saw in it, and why it sent nothing. It is used for counts and explanations."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from streamwatch.core.model import Box, Corners


class Why(StrEnum):
    """The reason why a frame was sent or not. If several objects are in view, the one nearest to a call counts."""

    SENT = "sent"
    QUIET = "nothing differs from the empty scene"
    LEARNING = "the empty scene is still being learned"
    TOO_SMALL = "what differs is smaller than a vehicle"
    NO_PLATE = "no plate can be seen in it"
    SCENERY = "it belongs to the scene"
    KNOWN = "this vehicle was sent already"
    ASKED = "a picture of it is being read"
    USED_UP = "this passage has had all its calls"
    TOO_SHORT = "its plate was seen only once so far"
    CUT_OFF = "its plate is not wholly in the picture"
    FAR = "its plate is too small to be read"
    NOT_BETTER = "no view is clearly better than the unread one"
    UNSURE = "it may be no plate"
    BETTERING = "the view is still getting better"


@dataclass(frozen=True, slots=True)
class Followed:
    """One object that the gate follows. box: in frame pixels; score: of this view; best: so far; None if unknown.

    plate: corners in frame pixels, None if the object shows no plate; state: of its track, as a lower-case word.
    """

    passage: int
    box: Box
    score: float | None
    best: float | None
    why: Why
    plate: Corners | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class Glance:
    """One frame as the gate saw it. change: part of the watched picture (0 to 1) that differs from the empty scene."""

    at: datetime
    change: float
    why: Why
    followed: tuple[Followed, ...]
