"""One thing that is followed through the picture, and what is known of it."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from functools import cached_property

import cv2
import numpy as np

from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.glance import Why
from streamwatch.gate.likeness import PLATE_LIKENESS, View, fills, view_of
from streamwatch.gate.plate_box import bounds, middle, moved, plate_width
from streamwatch.gate.regions import Region
from streamwatch.model import Box, Corners, Picture

LEAST_WIDTH = 120  # px; a narrower view shows no plate that could be read
FIRST_PAUSE, LONGEST_PAUSE = 0.3, 10.0  # s between two vain looks at what is worth no call
OTHER_SIZE = 1.1  # ratio of widths from which two views are read independently of each other
NEARER, BROAD = 1.6, 0.8  # growth of what came nearer; width by height of a vehicle that is partly hidden
SOMEWHAT_NEARER, VERY_BROAD = 1.2, 1.2  # the same of what may have come nearer while another one hid it
ASK_AGAIN = 0.25  # s between two looks at whether it still is the vehicle that was read
RECOGNISED_FOR = 0.6  # s for which a vehicle that was read and is followed need not be asked for anew
JOINED, JOINED_FOR = 1.3, 1.0  # growth of what was joined by another one; s it must have stood still for that to count
JUST_NOW = 0.3  # s in which no plate can take the place of another one
UNCHANGED = 0.75  # correlation of two small pictures of one place that show the same thing
PLAIN = 0.01  # grey levels squared; variance below which a picture shows nothing


class Verdict(Enum):
    """What became of a paid view.

    DOUBTED: a plate was read, but not surely. FAILED: the service gave no answer and will not be asked with it again.
    """

    PENDING = auto()
    READ = auto()
    UNREAD = auto()
    DOUBTED = auto()
    FAILED = auto()


class Stage(Enum):
    """LOOKING for a better view; SETTLED: what stands here is paid for or known, so only its place is watched."""

    LOOKING = auto()
    SETTLED = auto()


@dataclass(eq=False)
class PaidView:
    """A view that was sent: enough of it to know the vehicle again.

    luma: of `box`, at full resolution. patch: of `region` in the small picture; None for one of an earlier run. scale:
    the size at which it was sent. plate: where the service read one; found: where one was seen before paying.
    """

    passage: int
    at: float
    luma: Picture
    box: Box
    score: float
    region: Region | None
    patch: Picture | None
    verdict: Verdict = Verdict.PENDING
    plate: Corners | None = None
    found: Corners | None = None
    gone_at: float | None = None
    scale: float = 1.0

    @cached_property
    def view(self) -> View:
        """Features of the view, made when first compared and the answer is known."""
        local = Box(0, 0, self.box.width, self.box.height)
        return view_of(self.luma, local, self.plate and moved(self.plate, -self.box.x, -self.box.y))

    def at_same_place(self, small: Picture) -> bool:
        """Whether a small picture of now shows the very same thing at the very same place."""
        if self.region is None or self.patch is None:
            return False
        now = patch_of(small, self.region)
        return now.shape == self.patch.shape and correlation(now, self.patch) >= UNCHANGED

    def seen_elsewhere(self, luma: Picture, box: Box, plate: Corners) -> None:
        """The camera shows the vehicle at another place now: it was moved, or sends another size of picture."""
        self.luma, self.box, self.plate = luma[box.y : box.y + box.height, box.x : box.x + box.width].copy(), box, plate
        self.region = self.patch = None
        self.__dict__.pop("view", None)

    def shows_also(self, plate: Corners | None, at: float) -> bool:
        """Whether a plate seen at a time is the one paid for: so near to its place and time no other one can be."""
        if plate is None or self.found is None or abs(at - self.at) > JUST_NOW or self.verdict is Verdict.FAILED:
            return False
        return math.dist(middle(plate), middle(self.found)) <= plate_width(self.found) / 2

    def plate_still_there(self, luma: Picture) -> bool:
        """Whether its plate still is where it was, in a full-resolution luma picture of now."""
        return self.plate is not None and self.still_there(self.plate, luma)

    def still_there(self, plate: Corners, luma: Picture) -> bool:
        """The same of a plate at another place of the view."""
        left, top, right, bottom = (round(v) for v in bounds(moved(plate, -self.box.x, -self.box.y)))
        then = self.luma[max(0, top) : bottom, max(0, left) : right]
        x, y = self.box.x + max(0, left), self.box.y + max(0, top)
        play = max(3, then.shape[0] // 6)
        there = luma[max(0, y - play) : y + then.shape[0] + play, max(0, x - play) : x + then.shape[1] + play]
        if min(then.shape) < 4 or there.shape[0] < then.shape[0] or there.shape[1] < then.shape[1]:
            return False
        return float(cv2.matchTemplate(there, then, cv2.TM_CCOEFF_NORMED).max()) >= PLATE_LIKENESS


@dataclass(eq=False)
class Track:
    """A region followed from frame to frame. All times but `opened_at` and `last_seen` in seconds of capture time.

    confirmed: lasted long enough. announced: its passage has been opened. fragment: began as a piece of a paid vehicle.
    swallowed: has become part of another track's region. suspect: another vehicle may stand here than was paid for.
    looks, hits: how often a plate was looked for and seen; look_from: px of width from which another look is worth it;
    sample: the last view in which it was; trail: the box and the plate to which it was followed since; with_plate: the
    last view that shows it, found or followed; crisp: how sharp it was there; earlier: views in which it was smaller,
    at most three; sent: the one paid for last, both only until its plate is known; refused: how often nothing was paid
    because no plate was seen, given_up: the view of the last time, idle_until: when to try again; first: its region
    when it was first wholly in view; came_nearer: it grew from then on as vehicles do, came_somewhat_nearer: or a
    little; largest: pixels of its largest rectangle; stood: where it stood still and showed no plate. recognised_at:
    when it last surely was the vehicle that was paid for; tried_at: when the judge last asked that; asked: the last
    time `still_it` looked, and what it saw. alone: its region as far as all in it is known; glances: how often another
    vehicle was looked for beside that, next_glance: when to do so again.
    why: nothing was sent in the last frame. value: its score, None if not measured.
    """

    passage: int
    region: Region
    opened_at: datetime
    last_seen: datetime
    since: float
    fragment: bool
    stage: Stage = Stage.LOOKING
    frames: int = 1
    confirmed: bool = False
    announced: bool = False
    swallowed: bool = False
    best: Candidate | None = None
    improved_at: float = 0.0
    seen_at: float = 0.0
    still_since: float | None = None
    stood: Region | None = None
    whole_since: float | None = None
    changed_since: float | None = None
    suspect: bool = False
    settled_region: Region | None = None
    settled_patch: Picture | None = None
    paid: list[PaidView] = field(default_factory=list)
    looks: int = 0
    hits: int = 0
    look_from: int = LEAST_WIDTH
    with_plate: Candidate | None = None
    sample: Candidate | None = None
    trail: tuple[Box, Corners] | None = None
    crisp: float = 0.0
    earlier: list[Candidate] = field(default_factory=list)
    sent: Candidate | None = None
    given_up: Candidate | None = None
    refused: int = 0
    first: Region | None = None
    came_nearer: bool = False
    came_somewhat_nearer: bool = False
    largest: int = 0
    idle_until: float = 0.0
    recognised_at: float = -math.inf
    tried_at: float = -math.inf
    asked: tuple[float, bool] | None = None
    alone: Region | None = None
    glances: int = 0
    next_glance: float = 0.0
    why: Why = Why.TOO_SHORT
    value: float | None = None

    def settle(self, small: Picture, joined: bool = False) -> None:
        """What stands here now is known. joined: but not all of it, as another vehicle may stand beside it."""
        self.stage, self.suspect, self.best, self.changed_since = Stage.SETTLED, False, None, None
        self.with_plate = self.sample = self.trail = self.given_up = None
        self.crisp = 0.0
        self.settled_region, self.settled_patch = self.region, patch_of(small, self.region)
        if not joined or self.alone is None:
            self.alone = self.region

    def look_again(self, at: float, suspect: bool) -> None:
        """Search for a view anew; suspect: because something else may stand here now."""
        self.stage, self.suspect, self.best, self.improved_at = Stage.LOOKING, suspect, None, at
        self.whole_since = self.with_plate = self.sample = self.trail = self.given_up = None
        if suspect:
            self.first, self.came_nearer, self.came_somewhat_nearer = None, False, False
        self.looks, self.hits, self.refused, self.stood = 0, 0, 0, None
        self.look_from, self.idle_until, self.crisp = LEAST_WIDTH, 0.0, 0.0

    def no_plate(self, at: float) -> None:
        """Its view is not worth a call. Looking costs CPU, so it is tried again after longer and longer pauses."""
        self.given_up, self.best, self.improved_at, self.refused = self.best, None, at, self.refused + 1
        self.idle_until = at + min(LONGEST_PAUSE, FIRST_PAUSE * self.refused**2)

    def outgrown(self, at: float) -> bool:
        """Whether it has settled, and is so much larger than what is known of it that another one may stand beside it.

        Asked in every frame. Only when all of it stands still: what drives by comes apart from it again.
        """
        if self.stage is not Stage.SETTLED or self.alone is None or self.still_since is None:
            return False
        if self.changed_since is not None or self.seen_at != at or at - self.still_since < JOINED_FOR:
            return False
        if self.region.size < JOINED * self.alone.size:
            self.alone, self.glances, self.next_glance = self.region, 0, 0.0
            return False
        return True

    def glanced(self, at: float) -> None:
        """No other one was seen beside it. Looking costs CPU, so it is tried again after longer and longer pauses."""
        self.glances += 1
        self.next_glance = at + min(LONGEST_PAUSE, FIRST_PAUSE * self.glances**2)

    def note_growth(self) -> None:
        """For a region that is wholly in view: people are upright, doors grow one way, vehicles grow in both."""
        self.first = self.first or self.region
        grown = min(self.region.width / self.first.width, self.region.height / self.first.height)
        shape = self.region.width / self.region.height
        self.came_nearer |= grown >= NEARER and shape >= BROAD
        self.came_somewhat_nearer |= grown >= SOMEWHAT_NEARER and shape >= VERY_BROAD

    def keep_earlier(self, view: Candidate) -> None:
        """A view that gives way to a better one may serve for a second opinion, if the vehicle was smaller in it."""
        if not self.earlier or view.box.width >= OTHER_SIZE * self.earlier[-1].box.width:
            self.earlier = [*self.earlier[-2:], view]

    @property
    def last_view(self) -> Candidate | None:
        """What there is to send of it once it has gone: if there is nothing better, what is doubted or was given up.

        After a view that got no answer an earlier one, but never the same.
        """
        spare = (self.sent if self.doubted else None) or (self._unsent if self.failed else None)
        return self.best or spare or (self.given_up if self.came_nearer else None)

    @property
    def _unsent(self) -> Candidate | None:
        """The latest of the earlier views that was not paid for."""
        sent = {view.at for view in self.paid}
        return next((view for view in reversed(self.earlier) if view.at not in sent), None)

    @property
    def unanswered(self) -> bool:
        """Whether the service still reads its last picture."""
        return bool(self.paid) and self.paid[-1].verdict is Verdict.PENDING

    def known(self) -> None:
        """Its plate is known, so that no other view of it is needed."""
        self.earlier, self.sent = [], None
        self.recognised_at = self.seen_at

    @property
    def read(self) -> list[PaidView]:
        """Views of it that show a plate which was read, and where."""
        return [view for view in self.paid if view.verdict is Verdict.READ and view.plate is not None]

    def still_it(self, luma: Picture, box: Box, at: float) -> bool:
        """Whether the vehicle that was read, and nothing else, fills a box of a full-resolution picture of now.

        It costs as much as five frames of the rest of the gate, so that it is answered once for each time.
        """
        if self.asked is None or self.asked[0] != at:
            read = self.read
            now = view_of(luma, box) if read else None
            self.asked = at, now is not None and any(fills(paid.view, now) for paid in read)
        return self.asked[1]

    @property
    def doubted(self) -> bool:
        """Whether what was read of this vehicle last is not sure."""
        return bool(self.paid) and not self.suspect and self.paid[-1].verdict is Verdict.DOUBTED

    @property
    def failed(self) -> bool:
        """True if the last call for this vehicle brought no answer."""
        return bool(self.paid) and not self.suspect and self.paid[-1].verdict is Verdict.FAILED

    def differs(self, view: Candidate) -> bool:
        """Whether the vehicle has another size in it than in all that was paid for."""
        ratios = (view.box.width / paid.box.width for paid in self.paid)
        return all(ratio >= OTHER_SIZE or ratio <= 1 / OTHER_SIZE for ratio in ratios)

    def unchanged(self, small: Picture) -> bool:
        """Whether the place still looks as it did when the track settled."""
        assert self.settled_region is not None
        assert self.settled_patch is not None
        return correlation(patch_of(small, self.settled_region), self.settled_patch) >= UNCHANGED


def patch_of(small: Picture, region: Region) -> Picture:
    """A copy of a region of the small picture, shape (region.height, region.width)."""
    return small[region.top : region.bottom, region.left : region.right].copy()


def correlation(one: Picture, other: Picture) -> float:
    """-1 to 1, indifferent to brightness and contrast; two pictures of the same shape, of which two plain ones agree.

    From sums of squares, as 2ab = a^2 + b^2 - (a - b)^2: a fiftieth of what `cv2.matchTemplate` costs.
    """
    (a, aa), (b, bb) = _moments(one), _moments(other)
    ab = (aa + bb - cv2.norm(one, other, cv2.NORM_L2SQR) / one.size) / 2
    contrasts = (aa - a * a), (bb - b * b)
    if min(contrasts) < PLAIN:
        return float(max(contrasts) < PLAIN)
    return float((ab - a * b) / (contrasts[0] * contrasts[1]) ** 0.5)


def _moments(picture: Picture) -> tuple[float, float]:
    """Means of the luma and of its square."""
    return cv2.mean(picture)[0], cv2.norm(picture, cv2.NORM_L2SQR) / picture.size


def stillness(small: Picture, previous: Picture, region: Region, step: int) -> float:
    """Part (0 to 1) of the region whose luma moved by less than `step` grey levels from one frame to the next."""
    now = small[region.top : region.bottom, region.left : region.right]
    before = previous[region.top : region.bottom, region.left : region.right]
    return 1.0 - float(np.count_nonzero(cv2.absdiff(now, before) > step)) / max(1, now.size)
