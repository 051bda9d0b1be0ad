"""Chooses when and where the plate detector looks: at what moves, a few times a second, never while it is quiet."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from streamwatch.core.model import Box, Picture
from streamwatch.detection import Detection
from streamwatch.gate.motion.blobs import STILL_STEP, Blob
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import Region, find_regions
from streamwatch.gate.part_detector import LONG_SIDE, Part, PartDetector
from streamwatch.gate.plates.shapes import centre, inside, vehicle_around
from streamwatch.gate.tracking.track import State, Track

SURVEYS = (0.4, 1.0, 2.5)  # s after the start at which the whole picture is searched for plates that stand in it
SURVEY_SCALES = (1.0, 0.9, 1.1)  # the scales of these searches, so that each one sees other pixels
SOON = 0.1  # s until a plate that was seen once gets a closer look
EVERY = 0.2  # s between two looks at what moves; a plate in view for half a second is seen twice
EVERY_KNOWN = 0.5  # s between two looks if all that moves carries a plate that is followed
SLACK = 0.01  # s by which a look may come too early
FIRST_TRY, LONGEST_TRY = 0.3, 10.0  # s between two looks at a blob that stands still and shows no plate
SOME = 0.3  # part of `min_area` that must have changed since the last look
SCALES = (1.0, 1.4, 0.7)  # the scales of the tries at such a blob, in turn
VAIN = 3  # looks at the place of a plate that is out of sight
ROOM = 0.08  # margin around a part, in fractions of its sides
TILE, TILES_SHARE = 640, 160  # px; side of the parts of a large picture, and by how much two of them overlap


class Search:
    """The search for plates in the frames of one camera. A question (`due`) changes nothing; `look` does."""

    def __init__(self, detector: PartDetector, min_area: float) -> None:
        """min_area: the least part of the picture that a vehicle fills."""
        self._detector, self._min_area = detector, min_area
        self._geometry = Geometry((180, 320), None)
        self._seen: Picture | None = None
        self._looked_at = self._began = 0.0
        self._surveys = 0

    def begin(self, geometry: Geometry, at: float) -> None:
        """Start with another scene."""
        self._geometry, self._seen, self._surveys = geometry, None, 0
        self._began = self._looked_at = at

    @property
    def surveyed(self) -> bool:
        """True once all searches for plates that stood there when watching began have been made."""
        return self._surveys >= len(SURVEYS)

    def due(self, motion: Motion, tracks: Sequence[Track]) -> list[Part]:
        """Return the parts of the frame to be looked at now; none if nothing new can be seen."""
        surveys = self._surveys_until(motion.at)
        if surveys > self._surveys:
            return self._survey(SURVEY_SCALES[surveys - 1])
        passed = motion.at - self._looked_at
        close = [
            self._detector.close_to(track.course.plate)
            for track in tracks
            if track.state is State.TENTATIVE and track.course.seen_at == motion.at
        ]
        if passed < (SOON if close else EVERY) - SLACK:
            return []
        regions = self._fresh(motion) if passed >= EVERY - SLACK else []
        if passed < EVERY_KNOWN and all(self._carries(region, tracks, motion.at) for region in regions):
            regions = []
        boxes = [self._roomy(self._geometry.box(region)) for region in regions]
        boxes += [
            vehicle_around(track.course.plate, (self._geometry.height, self._geometry.width))
            for track in tracks
            if track.course.seen_at < motion.at and track.confirmed and track.evidence.misses < VAIN
        ]
        return [*(Part(box) for box in _joined(boxes)), *close, *self._tries(motion)]

    def look(self, motion: Motion, parts: Sequence[Part]) -> list[Detection]:
        """Return the plates in parts of a frame, in frame pixels, and remember that they were looked at."""
        self._surveys = self._surveys_until(motion.at)
        self._looked_at, self._seen = motion.at, motion.small
        for blob in (part.blob for part in parts if part.blob is not None):
            blob.tries += 1
            blob.next_try = motion.at + min(LONGEST_TRY, FIRST_TRY * 2 ** (blob.tries - 1))
        return self._detector.look(motion.frame.luma, parts)

    def _surveys_until(self, at: float) -> int:
        """Return how many searches of the whole picture are due until a time."""
        return max(self._surveys, sum(at - self._began >= due for due in SURVEYS))

    def _survey(self, factor: float) -> list[Part]:
        """Return the whole picture, and its parts in full size for small plates, at scales changed by a factor."""
        height, width = self._geometry.height, self._geometry.width
        whole = Box(0, 0, width, height)
        scale = self._detector.scale(whole) * factor
        return [Part(whole, scale), *(Part(tile, factor) for tile in _tiles(height, width))]

    def _tries(self, motion: Motion) -> Iterable[Part]:
        """Return blobs that stand still and show no plate, if another try at them is due."""
        for blob in motion.blobs:
            if not blob.plate and blob.still_since is not None and motion.at >= blob.next_try:
                box = self._roomy(self._geometry.box(blob.region))
                yield Part(box, self._detector.scale(box) * SCALES[blob.tries % len(SCALES)], blob)

    def _fresh(self, motion: Motion) -> list[Region]:
        """Return the regions that differ from the empty scene, and from what the detector saw there last."""
        change = motion.change
        if self._seen is not None:
            moved_since = cv2.compare(cv2.absdiff(motion.small, self._seen), STILL_STEP, cv2.CMP_GT)
            change = np.asarray(cv2.bitwise_and(change, moved_since), np.uint8)
        if cv2.countNonZero(change) < SOME * self._min_area * change.size:
            return []
        return [_whole(region, motion.blobs) for region in find_regions(change, SOME * self._min_area)]

    def _carries(self, region: Region, tracks: Sequence[Track], at: float) -> bool:
        """True if a region is no larger than the vehicle of a plate that is followed in it."""
        box = self._geometry.box(region)
        own = [t for t in tracks if t.course.seen_at == at and t.confirmed and inside(box, centre(t.course.plate))]
        return len(own) == 1 and max(box.width, box.height) <= 7 * own[0].course.width

    def _roomy(self, box: Box) -> Box:
        """Return a box with a margin around it, inside the frame."""
        across, down = round(ROOM * box.width), round(ROOM * box.height)
        x, y = max(0, box.x - across), max(0, box.y - down)
        right = min(self._geometry.width, box.x + box.width + across)
        bottom = min(self._geometry.height, box.y + box.height + down)
        return Box(x, y, right - x, bottom - y)


def _whole(region: Region, blobs: Sequence[Blob]) -> Region:
    """Return a region that changed, joined with the blob that it belongs to."""
    home = max(blobs, key=lambda blob: blob.region.overlap(region), default=None)
    return region if home is None or home.region.overlap(region) == 0 else region.joined(home.region)


def _tiles(height: int, width: int) -> Iterable[Box]:
    """Return parts of a large picture that overlap, each to be looked at in full size."""
    if width <= LONG_SIDE:
        return
    step = TILE - TILES_SHARE
    for y in range(0, max(1, height - TILES_SHARE), step):
        for x in range(0, max(1, width - TILES_SHARE), step):
            yield Box(x, y, min(TILE, width - x), min(TILE, height - y))


def _joined(boxes: list[Box]) -> list[Box]:
    """Return boxes that do not overlap: one look at a large part costs less than two looks that overlap."""
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
