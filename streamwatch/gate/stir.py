"""Whether something happens before a camera, as its small stream shows: a watcher that only wakes the gate."""

import cv2

from streamwatch.gate.attention import SENSITIVE
from streamwatch.gate.background import Background
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.regions import Region, find_regions
from streamwatch.model import Frame

WIDTH = 160  # px; enough to see that something comes, and a quarter of the gate's price


class Stir:
    """Of one camera. Its frames may have another size and shape than those of the gate."""

    def __init__(self, *, threshold: int, min_area: float, zone: list[tuple[float, float]] | None) -> None:
        """The gate's own; see there."""
        self._background, self._min_area, self._zone = Background(threshold), SENSITIVE * min_area, zone
        self._geometry = Geometry((90, 160), zone, WIDTH)
        self._shape: tuple[int, ...] = ()
        self._known = False

    def look(self, frame: Frame) -> bool:
        """Takes the next frame in: whether it shows something that was not there."""
        at = frame.captured_at.timestamp()
        if self._shape != frame.luma.shape:
            self._shape, self._geometry = frame.luma.shape, Geometry(frame.luma.shape, self._zone, WIDTH)
            self._background.start(self._geometry.shrink(frame.luma), at)
            return True
        small = self._geometry.shrink(frame.luma)
        change = self._geometry.in_zone(self._background.change(small, None))
        if self._known:
            self._known = False
            height, width = small.shape
            self._background.absorb(small, Region(0, 0, width, height, small.size))
            return False
        some = cv2.countNonZero(change) >= self._min_area * change.size
        regions = find_regions(change, self._min_area) if some else []
        # What is not settled is not learned either: a vehicle would leave a place behind that seems to be restless.
        self._background.learn(small, self._geometry.mask_of(regions) if regions else None, at)
        return bool(regions)

    def settle(self) -> None:
        """The gate knows what stands there now: from the next frame on it is no news."""
        self._known = True
