"""Change detection: where a frame differs from the empty scene, and which regions of a vehicle's size that makes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from streamwatch.core.model import Box, Frame, Picture, Point
from streamwatch.gate.motion.background import Background
from streamwatch.gate.motion.blobs import STILL_STEP, Blob, BlobTracker
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import find_regions
from streamwatch.gate.motion.scene import SceneWatch

LEARN_FIRST = 0.6  # s after the start in which the background is only learned
LEFT_FOR = 60.0  # s after which a blob that stands still without a plate becomes a part of the scene
BARE_FOR = 1.0  # s; the same for a blob that looks like ground that a vehicle has left
GHOST_FOR = 0.4  # s; the same for a blob that surely is such ground
SOME_MOTION = 0.02  # part of a box; if more of its pixels change between two frames, something moves there
FILLS = 0.7  # part of the picture from which a blob fills it


@dataclass(frozen=True, eq=False)
class Motion:
    """The difference of one frame from the empty scene. It is made once and handed from stage to stage of the gate.

    It has more fields than other values because it holds all that the later stages need to know of the pixels.
    at: seconds of capture time; age: seconds since watching began; small: the frame in the gate's small size, (height,
    width) uint8; change: of that shape, 255 where it differs from the empty scene, else 0; part: of the watched
    picture that differs, 0 to 1; previous: the small picture of the last frame, None after another start; blobs: those
    in this frame; gone: those that have left; blank: True if the frame is of one tone, as when the camera fails.
    """

    frame: Frame
    at: float
    age: float
    small: Picture
    change: Picture
    part: float
    previous: Picture | None
    geometry: Geometry
    blobs: Sequence[Blob]
    gone: Sequence[Blob] = ()
    blank: bool = False

    @property
    def learning(self) -> bool:
        """True if the background is still only learned."""
        return self.age < LEARN_FIRST

    @cached_property
    def _moving(self) -> Picture | None:
        """Return 255 where the small picture differs from the last one, else 0; None without a last one."""
        if self.previous is None:
            return None
        moving: Picture = cv2.compare(cv2.absdiff(self.small, self.previous), STILL_STEP, cv2.CMP_GT)
        return moving

    def is_still(self, box: Box) -> bool:
        """True if nothing has moved in a box of the frame since the last frame."""
        if self._moving is None:
            return False
        region = self.geometry.region(box)
        place = self._moving[max(0, region.top - 1) : region.bottom + 1, max(0, region.left - 1) : region.right + 1]
        return place.size > 0 and cv2.countNonZero(place) <= SOME_MOTION * place.size

    def differs_at(self, point: Point) -> bool:
        """True if a point of the frame lies in a blob, so that its place differs from the empty scene."""
        return any(self.geometry.covers(blob.region, point) for blob in self.blobs)

    def hides(self, box: Box) -> bool:
        """True if a blob lies over a part of a box of the frame."""
        region = self.geometry.region(box)
        return any(blob.region.overlap(region) for blob in self.blobs)


class MotionDetector:
    """Change detection of one camera: background model, regions of change, and blobs."""

    def __init__(
        self,
        *,
        threshold: int,
        min_area: float,
        zone: list[tuple[float, float]] | None,
        close_after: float,
        next_passage: Callable[[], int],
    ) -> None:
        """See `Gate`. next_passage: gives numbers that no passage had before."""
        self._min_area, self._zone, self._close_after = min_area, zone, close_after
        self._background, self._tracker, self._scene = Background(threshold), BlobTracker(next_passage), SceneWatch()
        self._shape: tuple[int, ...] = ()
        self.geometry = Geometry((180, 320), zone)
        self._previous: Picture | None = None
        self._compared: Motion | None = None
        self._started = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (height, width) of the last frame; () before the first."""
        return self._shape

    @property
    def blobs(self) -> Sequence[Blob]:
        """Return the blobs of the last frame."""
        return self._tracker.now

    @property
    def upset(self) -> bool:
        """True if the last frame differs nearly everywhere, so that it tells nothing."""
        return self._scene.upset

    def differs_at(self, point: Point) -> bool:
        """True if a point of the last frame lies in a blob."""
        return any(self.geometry.covers(blob.region, point) for blob in self.blobs)

    def fits(self, frame: Frame) -> bool:
        """True if a frame has the size of those before it."""
        return self._shape == frame.luma.shape

    def begin(self, frame: Frame, at: float) -> None:
        """Start with the first frame, or with the first one of another size."""
        self._shape, self.geometry = frame.luma.shape, Geometry(frame.luma.shape, self._zone)
        self._learn_anew(self.geometry.shrink(frame.luma), at)
        self._started = at

    def compare(self, frame: Frame) -> Motion:
        """Return what a frame shows against the empty scene, with the blobs of the last frame."""
        if self._compared is None or self._compared.frame is not frame:
            at, small = frame.captured_at.timestamp(), self.geometry.shrink(frame.luma)
            change = self.geometry.in_zone(self._background.change(small, self._vehicles()))
            self._compared = Motion(
                frame, at, at - self._started, small, change, 0.0, self._previous, self.geometry, self._tracker.now
            )
        return self._compared

    def take_in(self, frame: Frame) -> Motion:
        """Return what a frame shows, with its blobs and those that have gone."""
        motion = self.compare(frame)
        self._compared = None
        busy = cv2.countNonZero(motion.change)
        motion = replace(motion, part=busy / self.geometry.watched, blank=self._background.shows_nothing)
        self._scene.look(motion.part, motion.blank, motion.at)
        if motion.blank:
            return motion
        if self._scene.is_another:
            self._learn_anew(motion.small, motion.at)
            motion, busy = replace(motion, change=np.zeros_like(motion.change), previous=None), 0
        watching = busy >= self._min_area * motion.change.size and not motion.learning
        regions = find_regions(motion.change, self._min_area) if watching else []
        gone = self._tracker.look(regions, motion.small, frame.captured_at, motion.at, self._close_after)
        return replace(motion, blobs=self._tracker.now, gone=gone)

    def learn(self, motion: Motion, bare: Iterable[Blob]) -> None:
        """Follow slow change where no vehicle stands. bare: the blobs of this frame that show no plate.

        A bare blob that stands still becomes a part of the scene, at once if it is only the ground that a vehicle left.
        """
        small, at, left = motion.small, motion.at, list[Blob]()
        for blob in bare:
            still = blob.stands(at)
            gap = still >= GHOST_FOR and self._background.uncovered(small, blob.region)
            ground = still >= BARE_FOR and self._background.outlined_before(small, blob.region)
            if gap or ground or still >= LEFT_FOR:
                self._background.absorb(small, blob.region)
                self._tracker.forget(blob)
            else:
                left.append(blob)
        self._background.learn(small, self._vehicles(), at)
        self._scene.note(any(blob.region.size >= FILLS * small.size for blob in left))
        self._previous = small

    def _learn_anew(self, small: Picture, at: float) -> None:
        """Take what is seen now as the empty scene."""
        self._background.start(small, at)
        self._tracker.clear()
        self._scene.begin(at)
        self._compared = self._previous = None

    def _vehicles(self) -> Picture | None:
        """Return 255 where blobs are: the background neither learns them nor lets them vote on the light."""
        regions = [blob.region for blob in self._tracker.now]
        return self.geometry.mask_of(regions) if regions else None
