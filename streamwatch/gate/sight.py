"""Is there a plate in a view, before anything is paid for it?

A free finder of plates is asked, a few times per passage at most, because it costs as much as a hundred frames of the
rest of the gate.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.plate_box import bounds, inside, middle, moved, plate_width
from streamwatch.gate.track import Track
from streamwatch.model import Box, Corners, Frame, Picture

FindPlates = Callable[[Picture], Sequence[Corners]]
"""Plate-like regions of a (height, width, 3) BGR picture, as corners in its pixels."""

MOST_LOOKS = 6  # per passage, beside the one before paying
GROWN = 1.3  # a view without a plate is looked at again when the vehicle is so much wider
WIDEST = 0.6  # of a view; no plate fills more of one
ENOUGH = 130  # px; width of a plate that is read surely; a view that shows it need not get better
LEAST_CRISP = 0.35  # less of a plate's edges in one direction than so much of the other: it is blurred by motion
CRISP_WIDTH = 96  # px; plates are judged at this width


TILE, OVERLAP = 640, 200  # px; small plates of a whole picture are found in parts of it


class Sight:
    """Asks the finder, and remembers in the track what it said."""

    def __init__(self, find: FindPlates) -> None:
        self._find = find

    def glimpse(self, track: Track) -> None:
        """Looks at a new best view, if that promises to show more than what was looked at before."""
        best = track.best
        if best is None or best.looked or track.looks >= MOST_LOOKS or best.box.width < track.look_from:
            return
        self.look(track, best)

    def look(self, track: Track, view: Candidate) -> None:
        """Looks for a plate in a view."""
        view.looked, track.looks = True, track.looks + 1
        view.plate = self._plate(view)
        if view.plate is None:
            track.look_from = round(GROWN * view.box.width)
            return
        track.look_from = round(max(1.1, 1.05 * ENOUGH / plate_width(view.plate)) * view.box.width)
        track.with_plate = view

    def _plate(self, view: Candidate) -> Corners | None:
        """The widest plate on the vehicle of a view, in frame pixels."""
        own = [p for p in self.plates(view.frame, view.crop) if inside(view.box, middle(p))]
        return max(own, key=plate_width, default=None)

    def plates(self, frame: Frame, crop: Box) -> list[Corners]:
        """All plates in a part of a frame, in frame pixels."""
        picture = frame.to_bgr()[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
        found = self._find(np.ascontiguousarray(picture))
        return [moved(p, crop.x, crop.y) for p in found if bounds(p)[2] - bounds(p)[0] <= WIDEST * crop.width]

    def all_plates(self, frame: Frame) -> list[Corners]:
        """All plates of a whole frame, small ones too; costs as much as twelve looks. Some may come twice."""
        height, width = frame.luma.shape
        parts = [Box(0, 0, width, height)] + [
            Box(x, y, min(TILE, width - x), min(TILE, height - y))
            for y in _steps(height)
            for x in _steps(width)
            if width > TILE or height > TILE
        ]
        return [plate for part in parts for plate in self.plates(frame, part)]


def _steps(length: int) -> list[int]:
    """Where tiles begin along a side."""
    return list(range(0, max(1, length - OVERLAP), TILE - OVERLAP))


def good_enough(view: Candidate) -> bool:
    """Whether the view's plate is so wide and sharp that nothing is won by waiting for a better view."""
    if view.plate is None:
        return False
    return plate_width(view.plate) >= ENOUGH and crispness(view.frame.luma, view.plate) >= LEAST_CRISP


def crispness(luma: Picture, plate: Corners) -> float:
    """How alike the edges of a plate are in both directions, 0 to 1: motion takes those across its path away."""
    left, top, right, bottom = (round(v) for v in bounds(plate))
    part = luma[max(0, top) : bottom, max(0, left) : right]
    if min(part.shape) < 4:
        return 0.0
    size = (CRISP_WIDTH, max(8, round(CRISP_WIDTH * part.shape[0] / part.shape[1])))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    across, down = (float(np.abs(cv2.Sobel(small, cv2.CV_16S, dx, 1 - dx)).mean()) for dx in (1, 0))
    return min(across, down) / max(across, down, 1.0)
