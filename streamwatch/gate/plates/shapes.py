"""Plates as four corners, and the rectangles around them, in pixels of one picture."""

import math
from collections.abc import Iterable

from streamwatch.core.model import Box, Corners, Point

# The vehicle around a plate, in widths of the plate: a car is four plates wide, and its lamps are above the plate.
BESIDE, ABOVE, BELOW = 1.4, 1.9, 0.7
NEAREST_ASIDE, NEAREST_ABOVE = 0.6, 1.0  # widths of a plate; the plates of other vehicles are never nearer
WHOLE = 0.25  # least distance of a whole plate from the edge, in its heights
LONGEST = 4.0  # width by height; a plate of one line has 2.5 to 4.7


def bounds(plate: Corners) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a plate."""
    xs, ys = [x for x, _ in plate], [y for _, y in plate]
    return min(xs), min(ys), max(xs), max(ys)


def box_of(plate: Corners) -> Box:
    """Return the box around a plate, in whole pixels."""
    left, top, right, bottom = (round(edge) for edge in bounds(plate))
    return Box(left, top, right - left, bottom - top)


def plate_width(plate: Corners) -> float:
    """Return the width of a plate; a text beside it that was taken for a part of it is not counted."""
    left, top, right, bottom = bounds(plate)
    return min(right - left, LONGEST * (bottom - top))


def centre(plate: Corners) -> Point:
    """Return the centre of a plate."""
    return sum(x for x, _ in plate) / 4, sum(y for _, y in plate) / 4


def moved(plate: Corners, dx: float, dy: float) -> Corners:
    """Return a plate moved by dx and dy pixels."""
    a, b, c, d = ((x + dx, y + dy) for x, y in plate)
    return a, b, c, d


def scaled(plate: Corners, factor: float) -> Corners:
    """Return a plate in the pixels of a picture that is larger by a factor."""
    a, b, c, d = ((x * factor, y * factor) for x, y in plate)
    return a, b, c, d


def placed(plate: Corners, at: Point, factor: float) -> Corners:
    """Return a plate with its centre at a point, larger by a factor."""
    x, y = centre(plate)
    a, b, c, d = ((at[0] + (px - x) * factor, at[1] + (py - y) * factor) for px, py in plate)
    return a, b, c, d


def inside(box: Box, point: Point) -> bool:
    """True if a point lies in a box."""
    x, y = point
    return box.x <= x < box.x + box.width and box.y <= y < box.y + box.height


def clearance(plate: Corners, shape: tuple[int, ...]) -> float:
    """Return the distance of a plate from the nearest edge of a picture, in heights of a plate of one line."""
    left, top, right, bottom = bounds(plate)
    height = min(bottom - top, (right - left) / 3)
    return min(left, top, shape[1] - right, shape[0] - bottom) / max(1.0, height)


def is_whole(plate: Corners, shape: tuple[int, ...]) -> bool:
    """True if a plate is so far from every edge of a picture of that shape that no part is cut off."""
    return clearance(plate, shape) >= WHOLE


def aspect(plate: Corners) -> float:
    """Return width by height of a plate along its own sides; 0 if it has no height."""
    a, b, c, d = plate
    across, down = math.dist(a, b) + math.dist(d, c), math.dist(a, d) + math.dist(b, c)
    return across / down if down else 0.0


def overlap(one: Corners, other: Corners) -> float:
    """Return the intersection over union of the boxes around two plates, 0 to 1."""
    (l1, t1, r1, b1), (l2, t2, r2, b2) = bounds(one), bounds(other)
    common = max(0.0, min(r1, r2) - max(l1, l2)) * max(0.0, min(b1, b2) - max(t1, t2))
    return common / max(1e-6, (r1 - l1) * (b1 - t1) + (r2 - l2) * (b2 - t2) - common)


def vehicle_around(plate: Corners, shape: tuple[int, ...]) -> Box:
    """Return the part of a picture of that shape that shows the vehicle of a plate, if the vehicle is a car."""
    left, top, right, bottom = bounds(plate)
    width = right - left
    x, y = max(0, round(left - BESIDE * width)), max(0, round(top - ABOVE * width))
    far_x, far_y = min(shape[1], round(right + BESIDE * width)), min(shape[0], round(bottom + BELOW * width))
    return Box(x, y, far_x - x, far_y - y)


def crop_around(plate: Corners, others: Iterable[Box], shape: tuple[int, ...]) -> Box:
    """Return the part of a picture of that shape that shows the vehicle of a plate, without the other plates.

    others: the boxes around the other plates; a box that is very near belongs to the same plate.
    """
    crop, own = vehicle_around(plate, shape), box_of(plate)
    left, top, right, bottom = crop.x, crop.y, crop.x + crop.width, crop.y + crop.height
    aside, above = round(NEAREST_ASIDE * own.width), round(NEAREST_ABOVE * own.width)
    for box in others:
        if box.x >= right or box.x + box.width <= left or box.y >= bottom or box.y + box.height <= top:
            continue
        if box.x >= own.x + own.width + aside:
            right = box.x
        elif box.x + box.width <= own.x - aside:
            left = box.x + box.width
        elif box.y + box.height <= own.y - above:
            top = box.y + box.height
        elif box.y >= own.y + own.height + above:
            bottom = box.y
    return Box(left, top, right - left, bottom - top)
