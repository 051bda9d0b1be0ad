"""The course of a plate: its places so far, and where it is expected next."""

import math

from streamwatch.core.model import Corners, Point
from streamwatch.gate.plates.shapes import bounds, centre, placed, plate_width, scaled

LONGEST_WAY = 1.5  # s for which a plate is expected to go on as it went
HAS_MOVED, TRAVELLED = 0.12, 0.5  # widths of the plate between its first place and the one farthest from it
STILL = 0.08  # widths of the plate; a plate that moves less in a second stands still


class Course:
    """The course of one plate through the picture. Times are seconds of capture time.

    plate: corners where it was seen last, at `seen_at`; velocity: of its centre, px/s; moved_at: when it last moved;
    rest: where it was then; origin: where it was seen first; distance: its largest distance from there, in its widths;
    widest: px of the plate at its widest; at_rest: True if it stood there when watching began.
    """

    def __init__(self, plate: Corners, seen_at: float) -> None:
        self.plate, self.seen_at = plate, seen_at
        self.velocity: Point = (0.0, 0.0)
        self.moved_at = self.distance = self.widest = 0.0
        self.rest: Corners | None = None
        self.origin: Corners | None = None
        self.at_rest = False

    @property
    def width(self) -> float:
        """Return the width of the plate where it was seen last, in px."""
        return plate_width(self.plate)

    @property
    def has_moved(self) -> bool:
        """True if the plate has moved at all: a part of the scene does not."""
        return self.distance >= HAS_MOVED

    @property
    def travelled(self) -> bool:
        """True if the plate has moved so far that it must be on a vehicle."""
        return self.distance >= TRAVELLED

    def stands(self, at: float) -> float:
        """Return the seconds for which the plate has not moved."""
        return max(0.0, at - self.moved_at)

    def expected(self, at: float) -> Point:
        """Return where the centre of the plate should be at a time."""
        x, y = centre(self.plate)
        passed = min(LONGEST_WAY, at - self.seen_at)
        return x + self.velocity[0] * passed, y + self.velocity[1] * passed

    def expected_plate(self, at: float) -> Corners:
        """Return where the corners of the plate should be at a time."""
        return placed(self.plate, self.expected(at), 1.0)

    def seen(self, plate: Corners, at: float) -> None:
        """Record where the plate is at a time."""
        passed = at - self.seen_at
        (x, y), (was_x, was_y) = centre(plate), centre(self.plate)
        if 0 < passed < 2:
            fresh = (x - was_x) / passed, (y - was_y) / passed
            self.velocity = 0.5 * self.velocity[0] + 0.5 * fresh[0], 0.5 * self.velocity[1] + 0.5 * fresh[1]
        self.plate, self.seen_at = plate, at
        self.origin = self.origin or plate
        width = plate_width(plate)
        self.widest = max(self.widest, width)
        if self.rest is None or math.dist(centre(self.rest), (x, y)) > max(4.0, STILL * width):
            self.rest, self.moved_at = plate, at
        self.distance = max(self.distance, _distance(self.origin, plate))

    def stood(self, at: float) -> None:
        """Record that the plate is still where it was."""
        self.seen_at, self.velocity = at, (0.0, 0.0)

    def go_on_as(self, later: "Course") -> None:
        """Go on where a later course of the same plate is."""
        self.plate, self.seen_at, self.rest = later.plate, later.seen_at, later.rest
        self.velocity, self.moved_at = later.velocity, later.moved_at

    def scale(self, factor: float) -> None:
        """Multiply all pixels by a factor: the frames have another size and show the same view."""
        self.plate = scaled(self.plate, factor)
        self.origin = None if self.origin is None else scaled(self.origin, factor)
        self.widest *= factor
        self.velocity = self.velocity[0] * factor, self.velocity[1] * factor
        self.rest = None


def _distance(origin: Corners, plate: Corners) -> float:
    """Return how far a plate has gone, in its widths; 0 if only one of its edges was covered or uncovered."""
    left, top, right, bottom = (abs(now - was) for now, was in zip(bounds(plate), bounds(origin), strict=True))
    return max(min(left, right), min(top, bottom)) / max(1.0, plate_width(plate))
