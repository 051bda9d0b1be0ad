"""Template matching: a plate that was seen a moment ago is found again by its own pixels.

This costs a fiftieth of a look of the detector.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.core.model import Corners, Picture, Point
from streamwatch.gate.plates.shapes import bounds, centre, placed

WIDTH = 40  # px; plates are compared at this width
AROUND = 0.25  # of a plate's width; margin around it that is compared, too
ASTRAY = 0.5  # of its width; distance that a plate may have from where it is expected
GROWTHS = (0.93, 1.0, 1.07, 1.15)  # ratios of the widths of a plate in two frames
ALIKE = 0.72  # correlation from which it is the same plate
PLACE_WIDTH = 64  # px; the pixels of a plate that stands still are compared at this width
UNMOVED = 0.80  # correlation from which a plate is still where it was


@dataclass(frozen=True, slots=True)
class Template:
    """The picture of a plate when the detector saw it last. picture: WIDTH px wide without its margin."""

    picture: Picture
    plate: Corners

    @classmethod
    def of(cls, luma: Picture, plate: Corners) -> "Template | None":
        """Return the template of a plate in a full-resolution luma picture; None if it is too close to the edge."""
        picture = _cut(luma, centre(plate), _width(plate), AROUND, _shape(plate))
        return None if picture is None else cls(picture, plate)

    def find(self, luma: Picture, last: Corners, expected: Point) -> Corners | None:
        """Return the corners of the plate in a picture; None if it is not surely found.

        last: where it was seen last, in pixels of the same camera; expected: where its middle should be now.
        """
        shape, width = _shape(self.plate), _width(last)
        middle = _kept_inside(expected, width, AROUND + ASTRAY, shape, luma)
        there = _cut(luma, middle, width, AROUND + ASTRAY, shape)
        if there is None:
            return None
        best, offset, grown_to = ALIKE, (0.0, 0.0), 0.0
        for growth in GROWTHS:
            grown = cv2.resize(self.picture, None, fx=growth, fy=growth, interpolation=cv2.INTER_LINEAR)
            _, alike, _, place = cv2.minMaxLoc(cv2.matchTemplate(there, grown, cv2.TM_CCOEFF_NORMED))
            if alike > best:
                best, grown_to = alike, growth
                offset = (
                    place[0] - (there.shape[1] - grown.shape[1]) / 2,
                    place[1] - (there.shape[0] - grown.shape[0]) / 2,
                )
        if grown_to == 0:
            return None
        x, y = (at + aside * width / WIDTH for at, aside in zip(middle, offset, strict=True))
        return placed(self.plate, (x, y), grown_to * width / _width(self.plate))


@dataclass(frozen=True, slots=True)
class StillPatch:
    """The pixels of a plate that stands still. picture: of the box around it, at most PLACE_WIDTH px wide."""

    plate: Corners
    picture: Picture
    scale: float

    @classmethod
    def of(cls, luma: Picture, plate: Corners) -> "StillPatch | None":
        """Return the pixels of a plate in a full-resolution luma picture; None if it lies outside of the picture."""
        left, top, right, bottom = (max(0, round(v)) for v in bounds(plate))
        part = luma[top:bottom, left:right]
        if min(part.shape) < 4:
            return None
        scale = min(1.0, PLACE_WIDTH / part.shape[1])
        picture = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return None if min(picture.shape) < 4 else cls(plate, np.asarray(picture, np.uint8), scale)

    def shows_it(self, luma: Picture) -> bool:
        """True if a luma picture shows the plate where it was."""
        left, top, right, bottom = (max(0, round(v)) for v in bounds(self.plate))
        play = max(3, (bottom - top) // 6)
        part = luma[max(0, top - play) : bottom + play, max(0, left - play) : right + play]
        there = cv2.resize(part, None, fx=self.scale, fy=self.scale, interpolation=cv2.INTER_AREA)
        if there.shape[0] < self.picture.shape[0] or there.shape[1] < self.picture.shape[1]:
            return False
        return float(cv2.matchTemplate(there, self.picture, cv2.TM_CCOEFF_NORMED).max()) >= UNMOVED


def _width(plate: Corners) -> float:
    left, _, right, _ = bounds(plate)
    return max(1.0, right - left)


def _shape(plate: Corners) -> float:
    """Return height by width of a plate."""
    left, top, right, bottom = bounds(plate)
    return (bottom - top) / max(1.0, right - left)


def _reach(width: float, margin: float, shape: float) -> Point:
    """Return the distance from the centre of a plate to the end of its margin (in widths), across and down."""
    return (0.5 + margin) * width, (0.5 * shape + margin) * width


def _kept_inside(middle: Point, width: float, margin: float, shape: float, luma: Picture) -> Point:
    """Return the point nearest to `middle` around which the part can be cut out of the picture."""
    across, down = _reach(width, margin, shape)
    height, length = luma.shape
    return min(max(middle[0], across), length - across), min(max(middle[1], down), height - down)


def _cut(luma: Picture, middle: Point, width: float, margin: float, shape: float) -> Picture | None:
    """Return a plate with a margin (in widths) around it, WIDTH px wide without the margin; None beyond the picture."""
    across, down = _reach(width, margin, shape)
    left, top, right, bottom = (
        round(v) for v in (middle[0] - across, middle[1] - down, middle[0] + across, middle[1] + down)
    )
    if left < 0 or top < 0 or right > luma.shape[1] or bottom > luma.shape[0] or right - left < 8 or bottom - top < 8:
        return None
    size = round((1 + 2 * margin) * WIDTH), round((shape + 2 * margin) * WIDTH)
    part = luma[top:bottom, left:right]
    nearest = (right - left) > 4 * size[0]
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST if nearest else cv2.INTER_AREA), np.uint8)
