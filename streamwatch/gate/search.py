"""When and where the plate detector looks: where something moves, a few times a second, and never while it is quiet."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.core.model import Box, Corners, Frame, Picture
from streamwatch.detection import Detection
from streamwatch.gate.motion.blobs import STILL_STEP, Blob
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import Region, find_regions
from streamwatch.gate.plates.shapes import (
    aspect,
    box_of,
    centre,
    inside,
    moved,
    overlap,
    plate_width,
    scaled,
    vehicle_around,
)
from streamwatch.gate.tracking.track import PlateView, State, Track

FindPlates = Callable[[Picture], Sequence[Detection]]
"""Plates of a (height, width) uint8 luma picture, as corners in its pixels with a score."""

SURVEYS = (0.4, 1.0, 2.5)  # s after the start at which the whole picture is searched for plates that stand in it
SURVEY_SCALES = (1.0, 0.9, 1.1)  # of what stands there each sees other pixels
SOON = 0.1  # s until a plate that was seen once is looked at again, more closely
EVERY = 0.2  # s between two looks at what moves; a plate in view for half a second is seen twice
EVERY_KNOWN = 0.5  # s between two looks where all that moves carries a plate that is followed
LONG_SIDE = 640  # px of the detector's picture for a whole frame
PART_SIDE = 416  # px; a smaller part is looked at so much more closely
FIRST_TRY, LONGEST_TRY = 0.3, 10.0  # s between two looks at a thing that stands and shows no plate
CLOSE_WIDTHS = (96, 72, 128)  # px of a plate in the closer looks before paying: one that sees it is enough
LEAST_CLOSE, SAME_PLACE = 0.4, 0.45  # score by which the closer look must see it, and overlap with where it was
SOME = 0.3  # part of `min_area` that must have changed since the last look
SCALES = (1.0, 1.4, 0.7)  # by which the tries differ
VAIN = 3  # looks at the place of a plate that is out of sight
SQUAREST = 1.25  # width by height; the most upright plates, of two lines, have 1.33
ROOM = 0.08  # of a part's sides, looked at around it
TILE = 640  # px


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the frame to look at. scale: px of the detector's picture per frame px; None for the usual one."""

    box: Box
    scale: float | None = None


class Search:
    """Of one camera."""

    def __init__(self, find: FindPlates, min_area: float) -> None:
        """min_area: part of the picture that a vehicle fills at least."""
        self._find, self._min_area = find, min_area
        self._geometry = Geometry((180, 320), None)
        self._seen: Picture | None = None
        self._looked_at = 0.0
        self._began = 0.0
        self._surveys = 0

    def begin(self, geometry: Geometry, at: float) -> None:
        """Another scene."""
        self._geometry, self._seen, self._began, self._surveys = geometry, None, at, 0
        self._looked_at = at

    @property
    def surveyed(self) -> bool:
        """True once the plates that stood there when watching began have been looked for."""
        return self._surveys >= len(SURVEYS)

    def survey_due(self, at: float) -> bool:
        """True if the whole picture is to be searched now."""
        return not self.surveyed and at - self._began >= SURVEYS[self._surveys]

    def survey(self, frame: Frame, small: Picture, at: float) -> list[Detection]:
        """Search the whole picture, also for small plates."""
        while not self.surveyed and at - self._began >= SURVEYS[self._surveys]:
            self._surveys += 1
        self._looked_at, self._seen = at, small
        height, width = frame.luma.shape
        whole, factor = Box(0, 0, width, height), SURVEY_SCALES[self._surveys - 1]
        parts = [Part(whole, self._scale(whole) * factor), *(Part(tile, factor) for tile in _tiles(height, width))]
        found = [one for part in parts for one in self._look_at(frame.luma, part)]
        return self._in_zone(_distinct(found))

    def parts(
        self, small: Picture, change: Picture, at: float, blobs: Sequence[Blob], tracks: Sequence[Track]
    ) -> list[Part]:
        """Return the parts of the frame that are to be looked at now; none where nothing new can be seen."""
        passed = at - self._looked_at
        close = [self._close_to(t.plate) for t in tracks if t.state is State.TENTATIVE and t.seen_at == at]
        if passed < (SOON if close else EVERY) - 0.01:
            return []
        regions = self._fresh(small, change, blobs) if passed >= EVERY - 0.01 else []
        if passed < EVERY_KNOWN and all(self._carries(region, tracks, at) for region in regions):
            regions = []
        boxes = [self._roomy(self._geometry.box(region)) for region in regions]
        for track in tracks:
            if track.seen_at < at and track.confirmed and track.misses < VAIN:
                boxes.append(vehicle_around(track.plate, (self._geometry.height, self._geometry.width)))
        parts = [Part(box) for box in _joined(boxes)] + close
        for blob in blobs:
            if not blob.plate and blob.still_since is not None and at >= blob.next_try:
                box = self._roomy(self._geometry.box(blob.region))
                parts.append(Part(box, self._scale(box) * SCALES[blob.tries % len(SCALES)]))
                blob.tries += 1
                blob.next_try = at + min(LONGEST_TRY, FIRST_TRY * 2 ** (blob.tries - 1))
        return parts

    def _fresh(self, small: Picture, change: Picture, blobs: Sequence[Blob]) -> list[Region]:
        """Regions that differ from the empty scene, and from what the detector saw there last."""
        if self._seen is not None:
            moved_since = cv2.compare(cv2.absdiff(small, self._seen), STILL_STEP, cv2.CMP_GT)
            change = np.asarray(cv2.bitwise_and(change, moved_since), np.uint8)
        if cv2.countNonZero(change) < SOME * self._min_area * change.size:
            return []
        return [self._whole(region, blobs) for region in find_regions(change, SOME * self._min_area)]

    def look(self, frame: Frame, small: Picture, at: float, parts: Sequence[Part]) -> list[Detection]:
        """Return the plates in parts of a frame, in frame pixels."""
        self._looked_at, self._seen = at, small
        found = [one for part in parts for one in self._look_at(frame.luma, part)]
        return self._in_zone(_distinct(found))

    def closely(self, view: PlateView) -> Detection | None:
        """Return the plate of a view as the first closer look sees it that sees one there; None if none does."""
        for width in CLOSE_WIDTHS:
            found = self._look_at(view.frame.luma, self._close_to(view.plate, width))
            there = [one for one in found if overlap(one.corners, view.plate) >= SAME_PLACE]
            best = max(there, key=lambda one: one.score, default=None)
            if best is not None and best.score >= LEAST_CLOSE:
                return best
        return None

    def _close_to(self, plate: Corners, width: float = CLOSE_WIDTHS[0]) -> Part:
        left, top, across, down = _around(plate, 0.9, 1.3, (self._geometry.height, self._geometry.width))
        return Part(Box(left, top, across, down), min(1.5, width / max(1.0, plate_width(plate))))

    def plate_in(self, luma: Picture, box: Box) -> Corners | None:
        """Return the surest plate of a part of an earlier frame, in frame pixels; luma: of that part alone."""
        found = max(self._find(luma), key=lambda one: one.score, default=None)
        return None if found is None else moved(found.corners, box.x, box.y)

    def _scale(self, box: Box) -> float:
        """The scale at which a part of the frame is looked at: as the whole one, or more closely if it is small."""
        return min(1.0, max(LONG_SIDE / self._geometry.width, PART_SIDE / max(box.width, 1.6 * box.height)))

    def _look_at(self, luma: Picture, part: Part) -> list[Detection]:
        box = part.box
        scale = part.scale or self._scale(box)
        picture = luma[box.y : box.y + box.height, box.x : box.x + box.width]
        if scale != 1.0:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            picture = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=how), np.uint8)
        if min(picture.shape) < 16:
            return []
        found = [one for one in self._find(np.ascontiguousarray(picture)) if aspect(one.corners) >= SQUAREST]
        return [Detection(moved(scaled(f.corners, 1 / scale), box.x, box.y), f.score) for f in found]

    def _in_zone(self, found: list[Detection]) -> list[Detection]:
        return [one for one in found if self._geometry.watches(centre(one.corners))]

    def _whole(self, region: Region, blobs: Sequence[Blob]) -> Region:
        """A region that changed, and the thing that it belongs to."""
        home = max(blobs, key=lambda blob: blob.region.overlap(region), default=None)
        return region if home is None or home.region.overlap(region) == 0 else region.joined(home.region)

    def _carries(self, region: Region, tracks: Sequence[Track], at: float) -> bool:
        """True if a region is no larger than the vehicle of a plate that is followed in it."""
        box = self._geometry.box(region)
        own = [t for t in tracks if t.seen_at == at and t.confirmed and inside(box, centre(t.plate))]
        return len(own) == 1 and box.width <= 7 * own[0].width and box.height <= 7 * own[0].width

    def _roomy(self, box: Box) -> Box:
        across, down = round(ROOM * box.width), round(ROOM * box.height)
        x, y = max(0, box.x - across), max(0, box.y - down)
        right = min(self._geometry.width, box.x + box.width + across)
        bottom = min(self._geometry.height, box.y + box.height + down)
        return Box(x, y, right - x, bottom - y)


def _around(plate: Corners, across: float, down: float, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A part of a picture around a plate; across: of the plate's width, down: of its height, on each side."""
    box = box_of(plate)
    x, y = max(0, round(box.x - across * box.width)), max(0, round(box.y - down * box.height))
    right = min(shape[1], round(box.x + (1 + across) * box.width))
    bottom = min(shape[0], round(box.y + (1 + down) * box.height))
    return x, y, max(1, right - x), max(1, bottom - y)


def _tiles(height: int, width: int) -> Iterable[Box]:
    """Parts of a large picture that overlap, each to be looked at in full size."""
    if width <= LONG_SIDE:
        return
    step = TILE - 160
    for y in range(0, max(1, height - 160), step):
        for x in range(0, max(1, width - 160), step):
            yield Box(x, y, min(TILE, width - x), min(TILE, height - y))


def _distinct(found: list[Detection]) -> list[Detection]:
    """Of several detections of one plate the surest."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda detection: -detection.score):
        if all(overlap(one.corners, other.corners) < 0.3 for other in kept):
            kept.append(one)
    return kept


def _joined(boxes: list[Box]) -> list[Box]:
    """Boxes of which none overlap: looking at one large part costs less than at two that share half of it."""
    joined: list[Box] = []
    for box in boxes:
        while True:
            other = next((one for one in joined if _touch(one, box)), None)
            if other is None:
                break
            joined.remove(other)
            x, y = min(box.x, other.x), min(box.y, other.y)
            right = max(box.x + box.width, other.x + other.width)
            bottom = max(box.y + box.height, other.y + other.height)
            box = Box(x, y, right - x, bottom - y)
        joined.append(box)
    return joined


def _touch(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
