"""Rectangles of plates and of the vehicles around them, in pixels of the frame."""

from streamwatch.model import Box, Corners, Point

# A vehicle around its plate, in widths of the plate: a car is four plates wide, and its lamps are above the plate.
BESIDE, ABOVE, BELOW = 1.2, 1.6, 0.6
EDGE = 3.0  # px
LONGEST = 4.0  # width by height; a plate of one line has 3.1, upright in the picture or not


def bounds(plate: Corners) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a plate."""
    xs, ys = [x for x, _ in plate], [y for _, y in plate]
    return min(xs), min(ys), max(xs), max(ys)


def box_of(plate: Corners) -> Box:
    """The box around a plate, of whole pixels."""
    left, top, right, bottom = (round(edge) for edge in bounds(plate))
    return Box(left, top, right - left, bottom - top)


def plate_width(plate: Corners) -> float:
    """Its width, also where a text beside it was taken for a part of it."""
    left, top, right, bottom = bounds(plate)
    return min(right - left, LONGEST * (bottom - top))


def middle(plate: Corners) -> Point:
    """The middle of a plate."""
    return sum(x for x, _ in plate) / 4, sum(y for _, y in plate) / 4


def moved(plate: Corners, dx: float, dy: float) -> Corners:
    """The same plate so many pixels further."""
    a, b, c, d = ((x + dx, y + dy) for x, y in plate)
    return a, b, c, d


def enlarged(plate: Corners, factor: float) -> Corners:
    """The same plate in a picture so many times as large."""
    a, b, c, d = ((x * factor, y * factor) for x, y in plate)
    return a, b, c, d


def inside(box: Box, point: Point) -> bool:
    """Whether a point lies in a box."""
    x, y = point
    return box.x <= x < box.x + box.width and box.y <= y < box.y + box.height


def is_cut(plate: Corners, shape: tuple[int, ...]) -> bool:
    """Whether a plate reaches the edge of a picture of that shape, beyond which there may be more of it."""
    left, top, right, bottom = bounds(plate)
    return min(left, top, shape[1] - right, shape[0] - bottom) < EDGE


def vehicle_around(plate: Corners, shape: tuple[int, ...]) -> Box:
    """Where the vehicle of a plate is, inside a picture of that shape."""
    left, top, right, bottom = bounds(plate)
    width = right - left
    x, y = max(0, round(left - BESIDE * width)), max(0, round(top - ABOVE * width))
    far_x, far_y = min(shape[1], round(right + BESIDE * width)), min(shape[0], round(bottom + BELOW * width))
    return Box(x, y, far_x - x, far_y - y)
