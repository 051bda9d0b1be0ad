"""One plate on its way through the picture, and what was paid for it.

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
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto

from streamwatch.core.model import Box, Corners, Frame, Picture, Point
from streamwatch.gate.plates.appearance import crispness, likeness, sharpness, upright
from streamwatch.gate.plates.shapes import (
    bounds,
    centre,
    clearance,
    crop_around,
    inside,
    is_whole,
    placed,
    plate_width,
    scaled,
)
from streamwatch.gate.plates.template import StillPatch, Template

CONFIRMED_BY = 2  # hits of the detector that make a track
SURE = 0.85  # score of a single hit that is believed where there was no time for a second one
BETTER = 1.05  # ratio of scores from which a view counts as better
AT_THE_EDGE = 0.7  # part that a view is worth whose plate lies within its own height of the edge: engines doubt it
OWN = 2.0  # widths of the plate; so far from it a plate that was read in its picture may lie
OTHER_SIZE = 1.1  # ratio of widths from which two views are read independently of each other
SHARP_ENOUGH = 140.0  # px; wider than this a plate's width counts no more, only its sharpness
CRISP = 0.6  # part of the edges in one direction that the other one must have; less is motion blur
LONGEST_WAY = 1.5  # s for which a plate goes on as it went
STIRRED, TRAVELLED = 0.12, 0.5  # of its width; so far away from where it was seen first
STILL = 0.08  # of its width; a plate that moves less in a second stands
SAME, MAYBE = 0.80, 0.70  # likeness of two pictures of one plate, for sure and perhaps; see `likeness`
KNOWN_WIDTH = 40.0  # px; a narrower plate cannot be told from others
SMALL_WIDTH = 100.0  # px; a narrower plate is paid for only when it comes no nearer
SMALLER = 0.85  # scale of a picture that is read independently of the same view at full size
KEPT = 3  # earlier, smaller views that may serve for a second opinion


class State(Enum):
    """How far a track is; see the module."""

    TENTATIVE = auto()
    WAITING = auto()
    ASKED = auto()
    SETTLED = auto()


class PaidOutcome(Enum):
    """What became of a paid view.

    DOUBTED: a plate was read, but not surely. FAILED: the service gave no answer and will not be asked with it again.
    """

    PENDING = auto()
    READ = auto()
    UNREAD = auto()
    DOUBTED = auto()
    FAILED = auto()


@dataclass(slots=True)
class PlateView:
    """One frame that shows a plate. plate: corners in frame pixels; score: comparable between views of one track.

    others: the boxes around the other plates in it.
    """

    frame: Frame
    at: float
    plate: Corners
    score: float
    crisp: float
    scale: float = 1.0
    others: tuple[Box, ...] = ()

    @property
    def width(self) -> float:
        """Pixels of the plate."""
        return plate_width(self.plate)

    def crop(self) -> Box:
        """Return the part of the frame that shows the vehicle, without the other plates."""
        return crop_around(self.plate, self.others, self.frame.luma.shape)


def view_of(frame: Frame, at: float, plate: Corners) -> PlateView:
    """Measure how well a frame shows a plate: pixels of the plate, sharpness, slant, and room to the edge."""
    width = plate_width(plate)
    (ax, ay), (bx, by) = plate[0], plate[1]
    slant = abs(bx - ax) / max(1.0, math.dist((ax, ay), (bx, by)))
    pixels = min(width, SHARP_ENOUGH) * min(1.0, width / SMALL_WIDTH)
    roomy = 1.0 if clearance(plate, frame.luma.shape) >= 1.0 else AT_THE_EDGE
    score = roomy * pixels * (1.0 + sharpness(frame.luma, plate)) ** 0.5 * slant
    return PlateView(frame, at, plate, score, crispness(frame.luma, plate))


@dataclass(eq=False)
class PaidView:
    """A view that was sent: enough of it to know its plate again. picture: see `upright`; width: px of the plate."""

    at: float
    plate: Corners
    picture: Picture
    width: float
    score: float
    crop: Box
    scale: float
    outcome: PaidOutcome = PaidOutcome.PENDING

    def may_show(self, corners: Corners | None) -> bool:
        """True if a plate read in it is its own one: it lies near, or nobody said where in the crop it lies."""
        if corners is None or not inside(self.crop, centre(corners)):
            return True
        (x, y), (own_x, own_y) = centre(corners), centre(self.plate)
        reach = OWN * self.width / self.scale
        return abs(x - own_x) <= reach and abs(y - own_y) <= reach


@dataclass(eq=False)
class Track:
    """A plate that is followed. All times but `opened_at` and `last_seen` in seconds of capture time.

    passage: its number. plate: where it was seen last, at `seen_at`; hits, misses: looks of the detector that saw it,
    and looks in a row that did not; score, evidence: the highest and the sum of the scores of the hits; velocity: of
    its middle, px a second; moved_at: when it last moved; at_rest: True if it stood there when watching began;
    widest: px of its widest view; origin: where it was seen first; way: how far it has been from there, in widths.
    template: by which it is followed; place: its pixels where it was seen last, compared at `checked_at`; rest: where
    it was when it last moved. best: the best whole view not paid for; earlier: views in which it was smaller;
    improved_at: when the best one was found; readable_at: when a whole view was first wide enough to be paid for
    while it moves; verified: the one that a closer look has confirmed; paid: views that were sent, sent: the last of
    them; pictures: by which it is known again. scenery: True if it belongs to the scene; remembered: it was seen
    before the pictures changed their size, or by an earlier run, and not since. unseen: frames since it was seen
    last. refused: how often the closer look did not see it, idle_until: when the next one is due. announced: its
    passage was opened. spare: a view for people, while there is no best one and nothing was paid for.
    """

    passage: int
    plate: Corners
    opened_at: datetime
    last_seen: datetime
    seen_at: float
    score: float
    state: State = State.TENTATIVE
    hits: int = 1
    misses: int = 0
    evidence: float = 0.0
    velocity: Point = (0.0, 0.0)
    born_at: float = 0.0
    at_rest: bool = False
    moved_at: float = 0.0
    widest: float = 0.0
    origin: Corners | None = None
    way: float = 0.0
    template: Template | None = None
    patch: StillPatch | None = None
    rest: Corners | None = None
    checked_at: float = -math.inf
    hit_at: float = 0.0
    best: PlateView | None = None
    earlier: list[PlateView] = field(default_factory=list)
    improved_at: float = 0.0
    readable_at: float | None = None
    verified: PlateView | None = None
    paid: list[PaidView] = field(default_factory=list)
    sent: PlateView | None = None
    pictures: list[Picture] = field(default_factory=list)
    scenery: bool = False
    remembered: bool = False
    earlier_run: bool = False
    refused: int = 0
    idle_until: float = 0.0
    announced: bool = False
    spare: PlateView | None = None
    unseen: int = 0

    @property
    def width(self) -> float:
        """Pixels of the plate where it was seen last."""
        return plate_width(self.plate)

    @property
    def stirred(self) -> bool:
        """True if it has moved at all: what belongs to the scene does not."""
        return self.way >= STIRRED

    @property
    def travelled(self) -> bool:
        """True if it has moved so far that it must be a vehicle's."""
        return self.way >= TRAVELLED

    @property
    def confirmed(self) -> bool:
        """True if the detector saw it often enough to be a plate."""
        return self.state is not State.TENTATIVE

    @property
    def outcome(self) -> PaidOutcome | None:
        """What became of the last view that was paid for; None before the first."""
        return self.paid[-1].outcome if self.paid else None

    @property
    def read(self) -> bool:
        """True if its plate is known."""
        return any(view.outcome is PaidOutcome.READ for view in self.paid)

    @property
    def doubted(self) -> bool:
        """True if a plate was read on it once, though not surely."""
        return any(view.outcome is PaidOutcome.DOUBTED for view in self.paid)

    def stands(self, at: float) -> float:
        """Return the seconds for which it has not moved."""
        return max(0.0, at - self.moved_at)

    def expected(self, at: float) -> Point:
        """Return where its middle should be at a time."""
        x, y = centre(self.plate)
        passed = min(LONGEST_WAY, at - self.seen_at)
        return x + self.velocity[0] * passed, y + self.velocity[1] * passed

    def way_on(self, at: float) -> Corners:
        """Return where its plate should be at a time."""
        return placed(self.plate, self.expected(at), 1.0)

    def is_found(self, luma: Picture, at: float) -> bool:
        """True if its plate is where it should be in a (height, width) uint8 luma picture of a time."""
        return self.template is not None and self.template.find(luma, self.plate, self.expected(at)) is not None

    def hit(self, frame: Frame, at: float, plate: Corners, score: float) -> None:
        """The detector has seen it."""
        self.hits, self.misses, self.hit_at = self.hits + 1, 0, at
        self.score, self.evidence = max(self.score, score), self.evidence + score
        self._seen(frame, at, plate)
        self.template = Template.of(frame.luma, plate) or self.template
        if not self.paid and plate_width(plate) >= KNOWN_WIDTH and is_whole(plate, frame.luma.shape):
            self.pictures = [upright(frame.luma, plate)]
        if self.state is State.TENTATIVE and self.hits >= CONFIRMED_BY:
            self.state = State.WAITING

    def followed(self, frame: Frame, at: float, plate: Corners) -> None:
        """Its own pixels were found again."""
        self._seen(frame, at, plate)

    def stood(self, frame: Frame, at: float) -> None:
        """Nothing moved at its place."""
        self.seen_at, self.last_seen = at, frame.captured_at
        self.velocity = (0.0, 0.0)

    def missed(self) -> None:
        """A look of the detector at its place did not see it."""
        self.misses += 1

    def weigh(self, frame: Frame, at: float, others: tuple[Box, ...] = ()) -> bool:
        """Keep this frame if it shows the whole plate better than any before; return True if it does.

        others: the boxes around the other plates in it.
        """
        if not is_whole(self.plate, frame.luma.shape):
            return False
        view = view_of(frame, at, self.plate)
        if self.best is not None and view.score <= BETTER * self.best.score:
            return False
        if self.best is not None and (not self.earlier or self.best.width >= OTHER_SIZE * self.earlier[-1].width):
            self.earlier = [*self.earlier[1 - KEPT :], self.best]
        view.others = others
        self.best, self.improved_at = view, at
        if self.readable_at is None and view.width >= SMALL_WIDTH:
            self.readable_at = at
        return True

    def go_on_as(self, later: "Track") -> None:
        """A later track has turned out to be this vehicle: this one goes on where that one is."""
        self.plate, self.seen_at, self.last_seen, self.unseen = (
            later.plate,
            later.seen_at,
            later.last_seen,
            later.unseen,
        )
        self.template, self.patch, self.rest = later.template, later.patch, later.rest
        self.velocity, self.moved_at, self.hit_at, self.misses = later.velocity, later.moved_at, later.hit_at, 0
        self.remembered = self.earlier_run = False

    def settle(self) -> None:
        """Nothing more is paid for it."""
        self.state, self.best, self.earlier, self.sent, self.verified = State.SETTLED, None, [], None, None

    def look_again(self, at: float) -> None:
        """The last view settled nothing: search for another one."""
        self.state, self.best, self.improved_at = State.WAITING, None, at

    def scale(self, factor: float) -> None:
        """The frames have become larger by a factor, and show the same. Views of before keep their own frames."""
        self.plate = scaled(self.plate, factor)
        self.origin = None if self.origin is None else scaled(self.origin, factor)
        self.widest *= factor
        self.template = (
            None if self.template is None else Template(self.template.picture, scaled(self.template.plate, factor))
        )
        self.velocity = self.velocity[0] * factor, self.velocity[1] * factor
        self.patch = self.rest = None
        self.paid = [replace(view, plate=scaled(view.plate, factor), width=view.width * factor) for view in self.paid]
        self.best, self.earlier, self.verified = None, [], None

    def out_of_view(self) -> None:
        """The camera shows another view: only its picture tells whether it is the same plate."""
        self.template = self.patch = self.rest = self.best = self.verified = None
        self.earlier, self.remembered = [], True

    def shows(self, picture: Picture, least: float = SAME) -> bool:
        """True if a plate cut out by `upright` is this one's."""
        return any(likeness(mine, picture) >= least for mine in self.pictures)

    def differs(self, view: PlateView) -> bool:
        """True if the plate has another size in a view than in all that was paid for."""
        return all(view.width >= OTHER_SIZE * paid.width or paid.width >= OTHER_SIZE * view.width for paid in self.paid)

    def _seen(self, frame: Frame, at: float, plate: Corners) -> None:
        passed = at - self.seen_at
        (x, y), (was_x, was_y) = centre(plate), centre(self.plate)
        if 0 < passed < 2:
            fresh = (x - was_x) / passed, (y - was_y) / passed
            self.velocity = (
                0.5 * self.velocity[0] + 0.5 * fresh[0],
                0.5 * self.velocity[1] + 0.5 * fresh[1],
            )
        self.plate, self.seen_at, self.last_seen = plate, at, frame.captured_at
        self.remembered = self.earlier_run = False
        self.origin = self.origin or plate
        self.patch, self.checked_at = StillPatch.of(frame.luma, plate), at
        width = plate_width(plate)
        self.widest = max(self.widest, width)
        if self.rest is None or math.dist(centre(self.rest), (x, y)) > max(4.0, STILL * width):
            self.rest, self.moved_at = plate, at
        self.way = max(self.way, _way(self.origin, plate))
        if self.scenery and self.travelled:  # it was a vehicle after all
            self.scenery, self.state, self.announced = False, State.WAITING, False


def _way(origin: Corners, plate: Corners) -> float:
    """Return how far a plate has gone, in its widths. One of which only an edge was covered or laid open has not."""
    left, top, right, bottom = (abs(now - was) for now, was in zip(bounds(plate), bounds(origin), strict=True))
    return max(min(left, right), min(top, bottom)) / max(1.0, plate_width(plate))
