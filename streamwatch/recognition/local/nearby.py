"""The surroundings of a plate whose place is known roughly, from the detector or the paid service."""

import math

from streamwatch.core.model import Box, Corners
from streamwatch.recognition.local.quads import Quad

_MARGIN = 0.5
"""Part of the plate's width on all sides. The place may be rough, and the detector needs to see what is around a plate.
"""
_SHORTEST, _LOWEST = 16.0, 5.0
"""Pixels; a smaller plate has never been read."""


def surroundings(place: Corners, width: int, height: int) -> Box | None:
    """Return the part of a picture of width x height pixels around a plate; None if no plate can have these corners."""
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
    """True if the middle of a plate lies on the place, or beside it by at most a quarter of its height."""
    left, top, right, bottom = _bounds(place)
    x, y = (float(value) for value in plate.mean(axis=0))
    off = (bottom - top) / 4
    return left - off <= x <= right + off and top - off <= y <= bottom + off


def _bounds(place: Corners) -> tuple[float, float, float, float]:
    xs, ys = zip(*place, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
