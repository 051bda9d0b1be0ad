"""Where a plate that was seen a moment ago is now, in a view of the same vehicle: a fiftieth of the price of a look."""

import cv2
import numpy as np

from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.plate_box import bounds, middle
from streamwatch.model import Box, Corners, Picture, Point

WIDTH = 40  # px; plates are compared at this width
AROUND = 0.25  # of a plate's width; so much of what is around it is compared, too
ASTRAY = 0.6  # of its width; so far a plate may be from where it is expected
GROWTHS = (0.92, 0.96, 1.0, 1.04, 1.09, 1.14, 1.2)  # of a plate from one better view to the next
ALIKE = 0.75  # correlation


def seen_again(sample: Candidate, box: Box, last: Corners, now: Candidate) -> Corners | None:
    """Corners of the plate in pixels of the frame of `now`; None where it can not be made out for sure.

    sample: a view in which it was found. box, last: its vehicle and the plate where that was seen last.
    """
    assert sample.plate is not None
    shape, found, before = _shape(sample.plate), _width(sample.plate), _width(last)
    expected = _kept_inside(_carried(middle(last), box, now.box), before, AROUND + ASTRAY, shape, now.frame.luma)
    pattern = _cut(sample.frame.luma, middle(sample.plate), found, AROUND, shape)
    there = _cut(now.frame.luma, expected, before, AROUND + ASTRAY, shape)
    if pattern is None or there is None:
        return None
    best, offset, width = ALIKE, (0.0, 0.0), 0.0
    for growth in GROWTHS:
        grown = cv2.resize(pattern, None, fx=growth, fy=growth, interpolation=cv2.INTER_LINEAR)
        _, likeness, _, place = cv2.minMaxLoc(cv2.matchTemplate(there, grown, cv2.TM_CCOEFF_NORMED))
        if likeness > best:
            best, width = likeness, growth * before
            offset = (
                _from_middle(place[0], there.shape[1], grown.shape[1]),
                _from_middle(place[1], there.shape[0], grown.shape[0]),
            )
    if width == 0:
        return None
    x, y = (at + aside * before / WIDTH for at, aside in zip(expected, offset, strict=True))
    return _at(sample.plate, (x, y), width / found)


def _from_middle(start: int, whole: int, part: int) -> float:
    """How far the middle of a part that begins at `start` lies from the middle of the whole."""
    return start - (whole - part) / 2


def _width(plate: Corners) -> float:
    left, _, right, _ = bounds(plate)
    return right - left


def _shape(plate: Corners) -> float:
    """Height by width."""
    left, top, right, bottom = bounds(plate)
    return (bottom - top) / (right - left)


def _carried(point: Point, was: Box, now: Box) -> Point:
    """Where a point of a vehicle is expected after it has moved."""
    aside = now.x - was.x + (now.width - was.width) / 2
    return point[0] + aside, point[1] + (now.y + now.height - was.y - was.height) / 2


def _reach(width: float, margin: float, shape: float) -> Point:
    """From a plate's middle to the end of its margin (in widths), across and down."""
    return (0.5 + margin) * width, (0.5 * shape + margin) * width


def _kept_inside(centre: Point, width: float, margin: float, shape: float, luma: Picture) -> Point:
    """The nearest point around which so much of the picture can be cut out."""
    across, down = _reach(width, margin, shape)
    height, length = luma.shape
    return min(max(centre[0], across), length - across), min(max(centre[1], down), height - down)


def _cut(luma: Picture, centre: Point, width: float, margin: float, shape: float) -> Picture | None:
    """A plate of that width with a margin (in widths) around it, WIDTH px wide without it; None beyond the picture."""
    across, down = _reach(width, margin, shape)
    left, top, right, bottom = (
        round(v) for v in (centre[0] - across, centre[1] - down, centre[0] + across, centre[1] + down)
    )
    if left < 0 or top < 0 or right > luma.shape[1] or bottom > luma.shape[0] or right - left < 8 or bottom - top < 8:
        return None
    size = round((1 + 2 * margin) * WIDTH), round((shape + 2 * margin) * WIDTH)
    return np.asarray(cv2.resize(luma[top:bottom, left:right], size, interpolation=cv2.INTER_AREA), np.uint8)


def _at(plate: Corners, centre: Point, scale: float) -> Corners:
    x, y = middle(plate)
    a, b, c, d = ((centre[0] + (px - x) * scale, centre[1] + (py - y) * scale) for px, py in plate)
    return a, b, c, d
