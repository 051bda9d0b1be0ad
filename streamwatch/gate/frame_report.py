"""A report of one frame: what the gate saw in it, and why it sent nothing. It is used for counts and explanations."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from streamwatch.core.model import Box, Corners


class Why(StrEnum):
    """The reason why a frame was sent or not. If several objects are in view, the one nearest to a call counts."""

    SENT = "sent"
    QUIET = "quiet"
    LEARNING = "learning"
    TOO_SMALL = "too_small"
    NO_PLATE = "no_plate"
    SCENERY = "scenery"
    KNOWN = "known"
    ASKED = "asked"
    USED_UP = "used_up"
    TOO_SHORT = "too_short"
    CUT_OFF = "cut_off"
    FAR = "far"
    NOT_BETTER = "not_better"
    UNSURE = "unsure"
    BETTERING = "bettering"


@dataclass(frozen=True, slots=True)
class FollowedObject:
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
class FrameReport:
    """One frame as the gate saw it. change: part of the watched picture (0 to 1) that differs from the empty scene."""

    at: datetime
    change: float
    why: Why
    followed: tuple[FollowedObject, ...]
