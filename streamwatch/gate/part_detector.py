"""The plate detector on parts of a frame, each enlarged or reduced as its purpose needs."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.core.model import Box, Corners, Picture
from streamwatch.detection import Detection
from streamwatch.gate.motion.blobs import Blob
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.plates.shapes import aspect, box_of, centre, moved, overlap, plate_width, scaled
from streamwatch.gate.tracking.views import PlateView

FindPlates = Callable[[Picture], Sequence[Detection]]
"""Finds plates in a (height, width) uint8 luma picture: corners in its pixels, with a score."""

LONG_SIDE = 640  # px of the detector's picture for a whole frame
PART_SIDE = 416  # px of the detector's picture for a smaller part, which is seen in more detail
CLOSE_WIDTHS = (96, 72, 128)  # px of a plate in the closer looks before paying: one that sees it is enough
LEAST_CLOSE, SAME_PLACE = 0.4, 0.45  # least score in a closer look, and least overlap with where the plate was
SQUAREST = 1.25  # width by height; plates of two lines, which are the most upright ones, have 1.33
DISTINCT = 0.3  # overlap from which two detections are one plate


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the frame to look at. scale: px of the detector's picture per frame px; None for the usual one.

    blob: the blob without a plate that this is another try at, if it is one.
    """

    box: Box
    scale: float | None = None
    blob: Blob | None = None


class PartDetector:
    """Runs the plate detector of one camera on parts of its frames."""

    def __init__(self, find: FindPlates) -> None:
        self._find = find
        self._geometry = Geometry((180, 320), None)

    def begin(self, geometry: Geometry) -> None:
        """Start with frames of a size."""
        self._geometry = geometry

    def look(self, luma: Picture, parts: Iterable[Part]) -> list[Detection]:
        """Return the plates in parts of a (height, width) uint8 frame that lie in the zone, in frame pixels."""
        found = _distinct([one for part in parts for one in self._look_at(luma, part)])
        return [one for one in found if self._geometry.watches(centre(one.corners))]

    def confirm(self, view: PlateView) -> Detection | None:
        """Return the plate of a view as the first closer look that sees it there shows it; None if none does."""
        for width in CLOSE_WIDTHS:
            found = self._look_at(view.frame.luma, self.close_to(view.plate, width))
            there = [one for one in found if overlap(one.corners, view.plate) >= SAME_PLACE]
            best = max(there, key=lambda one: one.score, default=None)
            if best is not None and best.score >= LEAST_CLOSE:
                return best
        return None

    def plate_in(self, luma: Picture, box: Box) -> Corners | None:
        """Return the surest plate in a part of an earlier frame, in frame pixels; luma: of that part alone."""
        found = max(self._find(luma), key=lambda one: one.score, default=None)
        return None if found is None else moved(found.corners, box.x, box.y)

    def close_to(self, plate: Corners, width: float = CLOSE_WIDTHS[0]) -> Part:
        """Return the part around a plate for a closer look, in which the plate is `width` px wide."""
        box = _around(plate, 0.9, 1.3, (self._geometry.height, self._geometry.width))
        return Part(box, min(1.5, width / max(1.0, plate_width(plate))))

    def scale(self, box: Box) -> float:
        """Return the usual scale of a part: that of the whole frame, or a larger one if the part is small."""
        return min(1.0, max(LONG_SIDE / self._geometry.width, PART_SIDE / max(box.width, 1.6 * box.height)))

    def _look_at(self, luma: Picture, part: Part) -> list[Detection]:
        box = part.box
        scale = part.scale or self.scale(box)
        picture = luma[box.y : box.y + box.height, box.x : box.x + box.width]
        if scale != 1.0:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), np.uint8)
        if min(picture.shape) < 16:
            return []
        found = [one for one in self._find(np.ascontiguousarray(picture)) if aspect(one.corners) >= SQUAREST]
        return [Detection(moved(scaled(f.corners, 1 / scale), box.x, box.y), f.score) for f in found]


def _around(plate: Corners, across: float, down: float, shape: tuple[int, ...]) -> Box:
    """Return the part of a picture around a plate; across: of its width, down: of its height, on each side."""
    box = box_of(plate)
    x, y = max(0, round(box.x - across * box.width)), max(0, round(box.y - down * box.height))
    right = min(shape[1], round(box.x + (1 + across) * box.width))
    bottom = min(shape[0], round(box.y + (1 + down) * box.height))
    return Box(x, y, max(1, right - x), max(1, bottom - y))


def _distinct(found: list[Detection]) -> list[Detection]:
    """Return the surest detection of each plate."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda detection: -detection.score):
        if all(overlap(one.corners, other.corners) < DISTINCT for other in kept):
            kept.append(one)
    return kept
