"""Activity in the substream of a camera: it wakes the gate, which then decides on the main stream."""

from dataclasses import dataclass
from enum import IntEnum

import cv2

from streamwatch.core.model import Frame, Picture
from streamwatch.gate.motion.background import Background
from streamwatch.gate.motion.blobs import MOVED, STILL_STEP, stillness
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import Region, find_regions

SENSITIVE = 0.33  # part of `min_area` that wakes the gate
WIDTH = 160  # px; enough to see that something comes, at a quarter of the gate's cost
STANDS_AFTER = 3.0  # s without movement after which an object belongs to the scene
FLICKERS = 1.0  # s for which a known object may be out of sight


class Activity(IntEnum):
    """The activity in a frame. NONE: nothing happens. KNOWN: an object moves that the gate knows. NEW: one is new."""

    NONE = 0
    KNOWN = 1
    NEW = 2


@dataclass(slots=True)
class _Known:
    """An object that the gate knows. Times are seconds of capture time."""

    region: Region
    seen_at: float
    still_since: float


class ActivityDetector:
    """Watches the substream of one camera. Its frames may have another size and shape than those of the gate."""

    def __init__(self, *, threshold: int, min_area: float, zone: list[tuple[float, float]] | None) -> None:
        """See `Gate` for the arguments."""
        self._background, self._min_area, self._zone = Background(threshold), SENSITIVE * min_area, zone
        self._geometry = Geometry((90, 160), zone, WIDTH)
        self._shape: tuple[int, ...] = ()
        self._last: Picture | None = None
        self._known: list[_Known] = []
        self._settling = False

    def look(self, frame: Frame) -> Activity:
        """Take in the next frame and return what it shows."""
        at = frame.captured_at.timestamp()
        if self._shape != frame.luma.shape:
            self._begin(frame.luma, at)
            return Activity.NEW
        small = self._geometry.shrink(frame.luma)
        regions = self._regions(small)
        if self._settling:
            self._settling, self._known = False, [_Known(region, at, at) for region in regions]
        news = max((self._news(region, small, at) for region in regions), default=Activity.NONE)
        # The places of objects are not learned: after a vehicle its place would seem to change all the time.
        self._background.learn(small, self._geometry.mask_of(regions) if regions else None, at)
        self._take_in(small, at)
        self._last = small
        return news

    def is_active(self, frame: Frame) -> bool:
        """True if this earlier frame already shows something new. The frame is not taken in."""
        return self._shape == frame.luma.shape and any(
            self._same(region) is None for region in self._regions(self._geometry.shrink(frame.luma))
        )

    def settle(self) -> None:
        """Take what the next frame shows as known to the gate, also if it moves later."""
        self._settling = True

    def _begin(self, luma: Picture, at: float) -> None:
        self._shape, self._geometry = luma.shape, Geometry(luma.shape, self._zone, WIDTH)
        self._last = self._geometry.shrink(luma)
        self._known = []
        self._background.start(self._last, at)

    def _regions(self, small: Picture) -> list[Region]:
        """Return the regions of a small picture that differ from the empty scene."""
        change = self._geometry.in_zone(self._background.change(small, None))
        some = cv2.countNonZero(change) >= self._min_area * change.size
        return find_regions(change, self._min_area) if some else []

    def _same(self, region: Region) -> _Known | None:
        """Return the known object that overlaps a region most; None if there is none."""
        known = max(self._known, key=lambda one: one.region.overlap(region), default=None)
        return None if known is None or known.region.overlap(region) == 0 else known

    def _news(self, region: Region, small: Picture, at: float) -> Activity:
        known = self._same(region)
        if known is None:
            return Activity.NEW
        moved = self._last is None or 1 - stillness(small, self._last, known.region.joined(region), STILL_STEP) > MOVED
        known.region, known.seen_at = region, at
        if not moved:
            return Activity.NONE
        known.still_since = at
        return Activity.KNOWN

    def _take_in(self, small: Picture, at: float) -> None:
        """Make objects that stand for long a part of the scene, and forget those that have gone."""
        for one in self._known:
            if one.seen_at == at and at - one.still_since >= STANDS_AFTER:
                self._background.absorb(small, one.region)
        self._known = [
            one for one in self._known if at - one.seen_at < FLICKERS and at - one.still_since < STANDS_AFTER
        ]
