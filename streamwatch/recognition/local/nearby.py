"""Where to look closer at a plate whose place is known roughly: the detector or the paid service has named it."""

import math

from streamwatch.core.model import Box, Corners
from streamwatch.recognition.local.quads import Quad

_MARGIN = 0.5
"""Of the plate's width, on all sides: the place may be named roughly, and a plate is found by what is around it."""
_SHORTEST, _LOWEST = 16.0, 5.0
"""Pixels; what is smaller is no plate that anybody has read."""


def surroundings(place: Corners, width: int, height: int) -> Box | None:
    """The part of a picture of width x height pixels around a plate.

    None where no plate can have these corners.
    """
    if not all(math.isfinite(value) for corner in place for value in corner):
        return None
    left, top, right, bottom = _bounds(place)
    wide, high = right - left, bottom - top
    inside = 0 <= (left + right) / 2 < width and 0 <= (top + bottom) / 2 < height
    if not inside or not _SHORTEST <= wide <= width or not _LOWEST <= high <= min(wide, height):
        return None
    x, y = max(0, int(left - _MARGIN * wide)), max(0, int(top - _MARGIN * wide))
    return Box(x, y, min(width, int(right + _MARGIN * wide)) - x, min(height, int(bottom + _MARGIN * wide)) - y)


def lies_there(plate: Quad, place: Corners) -> bool:
    """True if the middle of a plate lies on the place, or beside it by a quarter of its height at most."""
    left, top, right, bottom = _bounds(place)
    x, y = (float(value) for value in plate.mean(axis=0))
    off = (bottom - top) / 4
    return left - off <= x <= right + off and top - off <= y <= bottom + off


def _bounds(place: Corners) -> tuple[float, float, float, float]:
    xs, ys = zip(*place, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
