"""Best-shot selection: which frames show one plate best, and which of them were paid for."""

import math
from dataclasses import dataclass, replace
from enum import Enum, auto

from streamwatch.core.model import Box, Corners, Frame, Picture
from streamwatch.gate.plates.appearance import crispness, sharpness
from streamwatch.gate.plates.shapes import centre, clearance, crop_around, inside, is_whole, plate_width, scaled

BETTER = 1.05  # ratio of scores from which a view counts as better
AT_THE_EDGE = 0.7  # factor of the score if the plate is nearer to the edge than its own height: engines doubt it
OWN = 2.0  # widths of the plate; within this distance a plate that was read in its picture is its own one
OTHER_SIZE = 1.1  # ratio of widths from which two views are read independently of each other
SHARP_ENOUGH = 140.0  # px; above this width only the sharpness of a plate counts
SMALL_WIDTH = 100.0  # px; a narrower plate is paid for only when it comes no nearer
KEPT = 3  # earlier, smaller views that are kept for a second opinion
GREW = 1.1  # growth of the plate from which a new spare view replaces the old one
LATER = 0.4  # s until the best view gets another closer look, times the number of refusals


class PaidOutcome(Enum):
    """The outcome of a paid view.

    DOUBTED: a plate was read, but not surely. FAILED: no engine answered, and none will answer for this view.
    """

    PENDING = auto()
    READ = auto()
    UNREAD = auto()
    DOUBTED = auto()
    FAILED = auto()


class SecondView(Enum):
    """The second view of a plate that was read already, and on which an opening depends.

    NONE ──asked for──▶ WANTED ──paid for──▶ GIVEN

    At most one for a passage.
    """

    NONE = auto()
    WANTED = auto()
    GIVEN = auto()


@dataclass(slots=True)
class PlateView:
    """One frame that shows a plate. plate: corners in frame pixels; score: comparable between views of one track.

    crisp: 0 to 1, see `crispness`; scale: of the picture to send; others: the boxes around the other plates in it.
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
        """Return the width of the plate in px."""
        return plate_width(self.plate)

    def crop(self) -> Box:
        """Return the part of the frame that shows the vehicle, without the other plates."""
        return crop_around(self.plate, self.others, self.frame.luma.shape)


def view_of(frame: Frame, at: float, plate: Corners) -> PlateView:
    """Return how well a frame shows a plate: pixels of the plate, sharpness, slant, and distance to the edge."""
    width = plate_width(plate)
    (ax, ay), (bx, by) = plate[0], plate[1]
    slant = abs(bx - ax) / max(1.0, math.dist((ax, ay), (bx, by)))
    pixels = min(width, SHARP_ENOUGH) * min(1.0, width / SMALL_WIDTH)
    roomy = 1.0 if clearance(plate, frame.luma.shape) >= 1.0 else AT_THE_EDGE
    score = roomy * pixels * (1.0 + sharpness(frame.luma, plate)) ** 0.5 * slant
    return PlateView(frame, at, plate, score, crispness(frame.luma, plate))


@dataclass(eq=False)
class PaidView:
    """A view that was paid for, with what is needed to recognise its plate again.

    It has eight fields because the frame itself is not kept. picture: see `upright`; width: of the plate in the
    picture that was sent, px; crop: the part of the frame that was sent, at `scale`.
    """

    at: float
    plate: Corners
    picture: Picture
    width: float
    score: float
    crop: Box
    scale: float
    outcome: PaidOutcome = PaidOutcome.PENDING

    def may_show(self, corners: Corners | None) -> bool:
        """True if a plate that was read in this view may be its own: it lies near, or its place is unknown."""
        if corners is None or not inside(self.crop, centre(corners)):
            return True
        (x, y), (own_x, own_y) = centre(corners), centre(self.plate)
        reach = OWN * self.width / self.scale
        return abs(x - own_x) <= reach and abs(y - own_y) <= reach


class Views:
    """The views of one plate. Times are seconds of capture time.

    best: the best whole view that was not paid for; earlier: views in which the plate was smaller; improved_at: when
    the best view was found; readable_at: when a whole view was first wide enough to be paid for while the plate moves;
    refused: closer looks that did not see the plate; idle_until:
    when the next one is due; paid: views that were paid for; sent: the last one of them; spare: a view for people,
    while there is no best one and nothing was paid for; second: the second view for an opening.
    """

    def __init__(self) -> None:
        self.best: PlateView | None = None
        self.earlier: list[PlateView] = []
        self.spare: PlateView | None = None
        self.improved_at = self.idle_until = 0.0
        self.readable_at: float | None = None
        self.refused = 0
        self.paid: list[PaidView] = []
        self.sent: PlateView | None = None
        self.second = SecondView.NONE

    @property
    def outcome(self) -> PaidOutcome | None:
        """Return what became of the last paid view; None before the first."""
        return self.paid[-1].outcome if self.paid else None

    @property
    def was_read(self) -> bool:
        """True if a plate was read in a paid view, and surely."""
        return any(view.outcome is PaidOutcome.READ for view in self.paid)

    @property
    def doubted(self) -> bool:
        """True if a plate was read in a paid view, but not surely."""
        return any(view.outcome is PaidOutcome.DOUBTED for view in self.paid)

    def differs(self, view: PlateView) -> bool:
        """True if the plate has another size in a view than in all paid ones."""
        return all(view.width >= OTHER_SIZE * paid.width or paid.width >= OTHER_SIZE * view.width for paid in self.paid)

    def weigh(self, frame: Frame, at: float, plate: Corners, others: tuple[Box, ...] = ()) -> None:
        """Keep a frame as the best view if it shows the whole plate better than any frame before.

        others: the boxes around the other plates in the frame.
        """
        if not is_whole(plate, frame.luma.shape):
            return
        view = view_of(frame, at, plate)
        if self.best is not None and view.score <= BETTER * self.best.score:
            return
        if self.best is not None and (not self.earlier or self.best.width >= OTHER_SIZE * self.earlier[-1].width):
            self.earlier = [*self.earlier[1 - KEPT :], self.best]
        view.others = others
        self.best, self.improved_at = view, at
        if self.readable_at is None and view.width >= SMALL_WIDTH:
            self.readable_at = at

    def keep_spare(self, frame: Frame, at: float, plate: Corners) -> None:
        """Keep a frame as the spare view if the plate is clearly wider in it than in the last one."""
        width = plate_width(plate)
        if self.spare is None or width > GREW * self.spare.width:
            self.spare = PlateView(frame, at, plate, width, 0.0)

    def postpone(self, at: float) -> None:
        """Give the best view up, as no closer look saw the plate in it, and wait before the next closer look."""
        self.refused += 1
        self.spare, self.best, self.earlier = self.best, None, []
        self.idle_until = at + LATER * self.refused

    def pay(self, view: PlateView, picture: Picture) -> PaidView:
        """Record that a view is paid for and return the record. picture: its plate, see `upright`."""
        paid = PaidView(view.at, view.plate, picture, view.width * view.scale, view.score, view.crop(), view.scale)
        self.paid.append(paid)
        self.sent, self.best = view, None
        self.second = SecondView.GIVEN if self.second is SecondView.WANTED else self.second
        return paid

    def forget(self) -> None:
        """Drop all views that were not paid for, except the spare one."""
        self.best, self.earlier = None, []

    def scale(self, factor: float) -> None:
        """Multiply the pixels of the paid views by a factor, and drop the others: the frames have another size."""
        self.paid = [replace(view, plate=scaled(view.plate, factor), width=view.width * factor) for view in self.paid]
        self.forget()
