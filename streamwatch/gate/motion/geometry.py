"""Coordinates: between the frame of a camera and the small picture in which change is detected."""

from collections.abc import Iterable

import cv2
import numpy as np

from streamwatch.core.model import Box, Picture, Point
from streamwatch.gate.motion.regions import Region

SMALL_WIDTH = 320  # px; change is detected at about this width


class Geometry:
    """The coordinates of frames of one size.

    zone: polygon in fractions of the picture, None for all of it; width: px of the small picture; watched: pixels of
    the small picture inside the zone.
    """

    def __init__(
        self, frame_shape: tuple[int, ...], zone: list[tuple[float, float]] | None, width: int = SMALL_WIDTH
    ) -> None:
        self.height, self.width = frame_shape
        self.stride = max(1, round(self.width / width))
        self.small_shape = -(-self.height // self.stride), -(-self.width // self.stride)
        self.watched = self.small_shape[0] * self.small_shape[1]
        self._zone: Picture | None = None
        if zone:
            corners = np.array([(x * self.small_shape[1], y * self.small_shape[0]) for x, y in zone])
            self._zone = cv2.fillPoly(np.zeros(self.small_shape, np.uint8), [corners.round().astype(np.int32)], 255)
            self.watched = max(1, cv2.countNonZero(self._zone))

    def shrink(self, luma: Picture) -> Picture:
        """Return the small picture of a full-resolution luma picture."""
        small: Picture = cv2.blur(luma[:: self.stride, :: self.stride], (3, 3))
        return small

    def in_zone(self, mask: Picture) -> Picture:
        """Return the part of a small mask that lies in the zone."""
        return mask if self._zone is None else cv2.bitwise_and(mask, self._zone)

    def mask_of(self, regions: Iterable[Region]) -> Picture:
        """Return a small picture that is 255 on the regions and close around them, else 0."""
        mask = np.zeros(self.small_shape, np.uint8)
        for region in regions:
            mask[region.around(3, self.small_shape)] = 255
        return mask

    def whole(self, region: Region) -> bool:
        """True if a region touches neither the edge of the picture nor the edge of the zone."""
        height, width = self.small_shape
        if region.left <= 1 or region.top <= 1 or region.right >= width - 1 or region.bottom >= height - 1:
            return False
        if self._zone is None:
            return True
        around = self._zone[region.around(1, self.small_shape)]
        return bool(cv2.countNonZero(around) == around.size)

    def watches(self, point: Point) -> bool:
        """True if a point of the frame lies in the zone."""
        x, y = int(point[0] / self.stride), int(point[1] / self.stride)
        return self._zone is None or bool(self._zone[min(y, len(self._zone) - 1), min(x, self._zone.shape[1] - 1)])

    def covers(self, region: Region, point: Point) -> bool:
        """True if a point of the frame lies in a region of the small picture."""
        (x, y), s = point, self.stride
        return region.left * s <= x < min(self.width, region.right * s) and (
            region.top * s <= y < min(self.height, region.bottom * s)
        )

    def region(self, box: Box) -> Region:
        """Return the region of the small picture that a box of the frame covers."""
        s = self.stride
        left, top = box.x // s, box.y // s
        right = max(left + 1, min(self.small_shape[1], (box.x + box.width) // s))
        bottom = max(top + 1, min(self.small_shape[0], (box.y + box.height) // s))
        return Region(left, top, right, bottom, (right - left) * (bottom - top))

    def box(self, region: Region) -> Box:
        """Return the box of the frame that a region of the small picture covers."""
        s = self.stride
        right, bottom = min(self.width, region.right * s), min(self.height, region.bottom * s)
        return Box(region.left * s, region.top * s, right - region.left * s, bottom - region.top * s)
