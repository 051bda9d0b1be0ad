"""One plate on its way through the picture, from its first detection to the end of its passage.

States of a track, and what moves it from one to the next::

    TENTATIVE ──seen by the detector again──▶ WAITING ──paid──▶ ASKED ──read──▶ SETTLED
        │                                        ▲  ▲              │               ▲
        └──not seen again──▶ (dropped)           │  └─not settled──┘               │
                                                 └──────────known or scenery───────┘

TENTATIVE: the detector saw it once. WAITING: a plate whose view may be worth a call. ASKED: a picture of it is being
read. SETTLED: it was read, a paid picture shows it already, or it belongs to the scene: nothing more is paid. Out of
sight a track keeps its state until its passage ends.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from streamwatch.core.model import Corners, Frame, Picture
from streamwatch.gate.plates.appearance import likeness, upright
from streamwatch.gate.plates.shapes import is_whole, plate_width, scaled
from streamwatch.gate.plates.template import StillPatch, Template
from streamwatch.gate.tracking.course import Course
from streamwatch.gate.tracking.views import PaidOutcome, SecondView, Views

CONFIRMED_BY = 2  # hits of the detector that confirm a track
SAME, MAYBE = 0.80, 0.70  # likeness of two pictures of one plate, for sure and perhaps; see `likeness`
KNOWN_WIDTH = 40.0  # px; a narrower plate cannot be told from others
RECORDED_WIDTH = 40.0  # px; a narrower plate that was never paid for has no passage of its own
RECORDED_HITS = 3  # hits of the detector that such a plate needs
PICTURES = 3  # paid pictures by which a plate is recognised again


class State(Enum):
    """How far a track is; see the module."""

    TENTATIVE = auto()
    WAITING = auto()
    ASKED = auto()
    SETTLED = auto()


class Memory(Enum):
    """The origin of a track that no frame of this view has shown yet."""

    OTHER_VIEW = auto()
    EARLIER_RUN = auto()


@dataclass(eq=False)
class Evidence:
    """The detections of one plate. Times are seconds of capture time.

    score, total: the highest score of its hits and their sum; hits, misses: looks that saw it, and looks in a row that
    did not; hit_at: the time of the last hit; born_at: the time of the first one.
    """

    score: float
    total: float = 0.0
    hits: int = 1
    misses: int = 0
    hit_at: float = 0.0
    born_at: float = 0.0

    def hit(self, score: float, at: float) -> None:
        """Count a look that saw the plate."""
        self.hits, self.misses, self.hit_at = self.hits + 1, 0, at
        self.score, self.total = max(self.score, score), self.total + score


@dataclass(eq=False)
class Appearance:
    """The appearance of a plate, for following and re-identification.

    template: by which it is found again in the next frame; patch: its pixels where it was seen last, compared at
    `checked_at`; pictures: upright ones, by which it is recognised after it was out of sight.
    """

    template: Template | None = None
    patch: StillPatch | None = None
    checked_at: float = -math.inf
    pictures: list[Picture] = field(default_factory=list)

    def shows(self, picture: Picture, least: float = SAME) -> bool:
        """True if a plate cut out by `upright` is this one."""
        return any(likeness(mine, picture) >= least for mine in self.pictures)


class Track:
    """A plate that is followed: its course, the detector's evidence, its appearance and its views.

    passage: its number; opened_at, last_seen: capture times; unseen: frames since it was seen last; announced: True if
    its passage was opened; scenery: True if it belongs to the scene; memory: set until a frame of this view shows it.
    """

    def __init__(
        self,
        passage: int,
        plate: Corners,
        opened_at: datetime,
        last_seen: datetime,
        seen_at: float,
        score: float,
        state: State = State.TENTATIVE,
    ) -> None:
        """seen_at: `last_seen` in seconds of capture time; score: of the detector, 0 to 1."""
        self.passage, self.opened_at, self.last_seen, self.state = passage, opened_at, last_seen, state
        self.course, self.evidence = Course(plate, seen_at), Evidence(score)
        self.appearance, self.views = Appearance(), Views()
        self.scenery = self.announced = False
        self.memory: Memory | None = None
        self.unseen = 0

    @property
    def confirmed(self) -> bool:
        """True if the detector saw it often enough to be a plate."""
        return self.state is not State.TENTATIVE

    @property
    def recorded(self) -> bool:
        """True if its passage is opened, or will be recorded when it ends although nothing was paid for it."""
        surely = self.evidence.hits >= RECORDED_HITS and self.course.widest >= RECORDED_WIDTH
        return self.announced or (self.state is State.WAITING and surely and self.course.has_moved)

    def is_found(self, luma: Picture, at: float) -> bool:
        """True if the plate is where it should be in a (height, width) uint8 luma picture of a time."""
        template = self.appearance.template
        return template is not None and template.find(luma, self.course.plate, self.course.expected(at)) is not None

    def hit(self, frame: Frame, at: float, plate: Corners, score: float) -> None:
        """Record that the detector has seen the plate."""
        self.evidence.hit(score, at)
        self.followed(frame, at, plate)
        self.appearance.template = Template.of(frame.luma, plate) or self.appearance.template
        if not self.views.paid and plate_width(plate) >= KNOWN_WIDTH and is_whole(plate, frame.luma.shape):
            self.appearance.pictures = [upright(frame.luma, plate)]
        if self.state is State.TENTATIVE and self.evidence.hits >= CONFIRMED_BY:
            self.state = State.WAITING

    def followed(self, frame: Frame, at: float, plate: Corners) -> None:
        """Record where a frame shows the plate."""
        self.course.seen(plate, at)
        self.last_seen, self.memory = frame.captured_at, None
        self.appearance.patch, self.appearance.checked_at = StillPatch.of(frame.luma, plate), at
        if self.scenery and self.course.travelled:  # it was a vehicle after all
            self.scenery, self.state, self.announced = False, State.WAITING, False

    def stood(self, frame: Frame, at: float) -> None:
        """Record that the plate is still where it was."""
        self.course.stood(at)
        self.last_seen = frame.captured_at

    def go_on_as(self, later: "Track") -> None:
        """Go on where a later track of the same vehicle is."""
        self.course.go_on_as(later.course)
        self.appearance.template, self.appearance.patch = later.appearance.template, later.appearance.patch
        self.evidence.hit_at, self.evidence.misses = later.evidence.hit_at, 0
        self.last_seen, self.unseen, self.memory = later.last_seen, later.unseen, None

    def asked(self, picture: Picture) -> None:
        """Record that a view was paid for. picture: its plate, see `upright`."""
        self.appearance.pictures = [*self.appearance.pictures[1 - PICTURES :], picture]
        self.state, self.announced = State.ASKED, True

    def settle(self) -> None:
        """Record that nothing more is paid for the plate, unless a second view of it is wanted."""
        # The decision that wants a second view may be made before the gate hears of the reading that it rests on.
        wanted = self.views.second is SecondView.WANTED
        self.state, self.views.sent = State.WAITING if wanted else State.SETTLED, None
        self.views.forget()

    def become_scenery(self) -> None:
        """Record that the plate is a text that belongs to the scene."""
        self.settle()
        self.scenery = True

    def want_second_view(self) -> bool:
        """Wait for one more view, as an opening depends on it; False if there was one, or one is being read."""
        if self.scenery or not self.views.paid or self.views.second is not SecondView.NONE:
            return False
        if len(self.views.paid) > 1 and self.views.outcome is PaidOutcome.PENDING:
            return False
        self.views.second = SecondView.WANTED
        self.state = State.WAITING if self.state is State.SETTLED else self.state
        return True

    def look_again(self, at: float) -> None:
        """Wait for another view, as the last one settled nothing."""
        self.state, self.views.best, self.views.improved_at = State.WAITING, None, at

    def scale(self, factor: float) -> None:
        """Multiply all pixels by a factor: the frames have another size and show the same view."""
        self.course.scale(factor)
        self.views.scale(factor)
        template = self.appearance.template
        if template is not None:
            self.appearance.template = Template(template.picture, scaled(template.plate, factor))
        self.appearance.patch = None

    def out_of_view(self) -> None:
        """Forget where the plate is, as the camera shows another view: only its picture can identify it."""
        self.appearance.template = self.appearance.patch = self.course.rest = None
        self.views.forget()
        self.memory = self.memory or Memory.OTHER_VIEW
