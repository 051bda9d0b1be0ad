"""Where to look for a plate whose place somebody else has named already."""

import math

from streamwatch.model import Box, Corners
from streamwatch.recognition.quads import Quad

_MARGIN = 0.5
"""Of the plate's width, on all sides: the place may be named roughly, and a plate is found by what is around it."""
_TWO_LINES = 2.0
"""Width by height below which a plate may have two lines. These hang together with text beside them unless the whole
picture is looked at, where they are found apart; and they are rare."""
_SHORTEST, _LOWEST = 16.0, 5.0
"""Pixels; what is smaller is no plate that anybody has read."""


def surroundings(place: Corners, width: int, height: int) -> Box | None:
    """The part of a picture of width x height pixels around a plate of one line.

    None where no such plate can have these corners.
    """
    if not all(math.isfinite(value) for corner in place for value in corner):
        return None
    left, top, right, bottom = _bounds(place)
    wide, high = right - left, bottom - top
    inside = 0 <= (left + right) / 2 < width and 0 <= (top + bottom) / 2 < height
    if not inside or not _SHORTEST <= wide <= width or not _LOWEST <= high <= min(wide / _TWO_LINES, height):
        return None
    x, y = max(0, int(left - _MARGIN * wide)), max(0, int(top - _MARGIN * wide))
    return Box(x, y, min(width, int(right + _MARGIN * wide)) - x, min(height, int(bottom + _MARGIN * wide)) - y)


def pixels_for(part: Box, place: Corners, wide: float) -> int:
    """To how many pixels that part is to be reduced for the plate to be so many pixels wide."""
    left, _, right, _ = _bounds(place)
    return round(part.width * part.height * min(1.0, wide / (right - left)) ** 2)


def lies_there(line: Quad, place: Corners) -> bool:
    """Whether the middle of a line of text lies on the plate, or beside it by a quarter of its height at most."""
    left, top, right, bottom = _bounds(place)
    x, y = (float(value) for value in line.mean(axis=0))
    off = (bottom - top) / 4
    return left - off <= x <= right + off and top - off <= y <= bottom + off


def _bounds(place: Corners) -> tuple[float, float, float, float]:
    xs, ys = zip(*place, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
