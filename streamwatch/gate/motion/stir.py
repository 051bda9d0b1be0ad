"""The small stream of a camera: it shows that something happens, and wakes the gate; nothing is decided by it."""

from dataclasses import dataclass
from enum import IntEnum

import cv2

from streamwatch.core.model import Frame, Picture
from streamwatch.gate.motion.background import Background
from streamwatch.gate.motion.blobs import MOVED, STILL_STEP, stillness
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import Region, find_regions

SENSITIVE = 0.33  # part of `min_area` that wakes the gate
WIDTH = 160  # px; enough to see that something comes, and a quarter of the gate's price
STANDS_AFTER = 3.0  # s; what has not moved for so long is part of the scene
FLICKERS = 1.0  # s for which a known thing may be out of sight


class News(IntEnum):
    """NONE: nothing happens. KNOWN: what the gate knows moves. NEW: something is there that was not."""

    NONE = 0
    KNOWN = 1
    NEW = 2


@dataclass(slots=True)
class _Known:
    """A thing that the gate knows. Seconds of capture time."""

    region: Region
    seen_at: float
    still_since: float


class Stir:
    """Of one camera. Its frames may have another size and shape than those of the gate."""

    def __init__(self, *, threshold: int, min_area: float, zone: list[tuple[float, float]] | None) -> None:
        """The gate's own; see there."""
        self._background, self._min_area, self._zone = Background(threshold), SENSITIVE * min_area, zone
        self._geometry = Geometry((90, 160), zone, WIDTH)
        self._shape: tuple[int, ...] = ()
        self._last: Picture | None = None
        self._known: list[_Known] = []
        self._settling = False

    def look(self, frame: Frame) -> News:
        """Takes the next frame in: what it shows that was not there."""
        at = frame.captured_at.timestamp()
        if self._shape != frame.luma.shape:
            self._begin(frame.luma, at)
            return News.NEW
        small = self._geometry.shrink(frame.luma)
        regions = self._regions(small)
        if self._settling:
            self._settling, self._known = False, [_Known(region, at, at) for region in regions]
        news = max((self._news(region, small, at) for region in regions), default=News.NONE)
        # What is not settled is not learned either: a vehicle would leave a place behind that seems to be restless.
        self._background.learn(small, self._geometry.mask_of(regions) if regions else None, at)
        self._take_in(small, at)
        self._last = small
        return news

    def stirs(self, frame: Frame) -> bool:
        """True if an earlier frame, which is not taken in, already shows something new."""
        return self._shape == frame.luma.shape and any(
            self._same(region) is None for region in self._regions(self._geometry.shrink(frame.luma))
        )

    def settle(self) -> None:
        """The gate knows what is there now: from the next frame on it is no news, also when it moves on."""
        self._settling = True

    def _begin(self, luma: Picture, at: float) -> None:
        self._shape, self._geometry = luma.shape, Geometry(luma.shape, self._zone, WIDTH)
        self._last = self._geometry.shrink(luma)
        self._known = []
        self._background.start(self._last, at)

    def _regions(self, small: Picture) -> list[Region]:
        """Where it differs from the empty scene."""
        change = self._geometry.in_zone(self._background.change(small, None))
        some = cv2.countNonZero(change) >= self._min_area * change.size
        return find_regions(change, self._min_area) if some else []

    def _same(self, region: Region) -> _Known | None:
        """The known thing that is there."""
        known = max(self._known, key=lambda one: one.region.overlap(region), default=None)
        return None if known is None or known.region.overlap(region) == 0 else known

    def _news(self, region: Region, small: Picture, at: float) -> News:
        known = self._same(region)
        if known is None:
            return News.NEW
        moved = self._last is None or 1 - stillness(small, self._last, known.region.joined(region), STILL_STEP) > MOVED
        known.region, known.seen_at = region, at
        if not moved:
            return News.NONE
        known.still_since = at
        return News.KNOWN

    def _take_in(self, small: Picture, at: float) -> None:
        """What stands for long belongs to the scene, and what has gone is forgotten."""
        for one in self._known:
            if one.seen_at == at and at - one.still_since >= STANDS_AFTER:
                self._background.absorb(small, one.region)
        self._known = [
            one for one in self._known if at - one.seen_at < FLICKERS and at - one.still_since < STANDS_AFTER
        ]
