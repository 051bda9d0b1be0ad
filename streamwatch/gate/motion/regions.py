"""From changed pixels to regions, each at best one vehicle."""

from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.core.model import Picture

_SPECKS = np.ones((3, 3), np.uint8)
_GAPS = np.ones((9, 9), np.uint8)  # bridges windscreen and lamps, 1/36 of a 320 px picture


@dataclass(frozen=True, slots=True)
class Region:
    """A connected change. Edges in small-picture pixels, right and bottom exclusive; `area` in changed pixels."""

    left: int
    top: int
    right: int
    bottom: int
    area: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def size(self) -> int:
        """Pixels of the rectangle."""
        return self.width * self.height

    def around(self, margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Rows and columns of the region with a margin, inside a picture of that shape."""
        rows = slice(max(0, self.top - margin), min(shape[0], self.bottom + margin))
        return rows, slice(max(0, self.left - margin), min(shape[1], self.right + margin))

    def overlap(self, other: "Region") -> int:
        """Pixels that both rectangles cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, across) * max(0, down)

    def holds(self, other: "Region") -> bool:
        """True if at least half of the other rectangle lies inside this one."""
        return 2 * self.overlap(other) >= other.size

    def shares_columns(self, other: "Region") -> bool:
        """True if one stands above the other rather than beside it."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return 2 * across >= min(self.width, other.width)

    def joined(self, other: "Region") -> "Region":
        """The rectangle around both."""
        return Region(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            self.area + other.area,
        )


def find_regions(change: Picture, min_area: float) -> list[Region]:
    """Regions of the change mask (0/255), largest first.

    min_area: fraction of the picture that a region must fill. Pieces of which one lies mostly inside the other's
    rectangle are one vehicle seen in parts.
    """
    mask = cv2.morphologyEx(change, cv2.MORPH_OPEN, _SPECKS)
    rows, columns = _changed(mask)
    mask = cv2.morphologyEx(mask[rows, columns], cv2.MORPH_CLOSE, _GAPS)
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_16U)
    least = min_area * change.size
    left, top = columns.start, rows.start
    pieces = [
        Region(int(left + x), int(top + y), int(left + x + w), int(top + y + h), int(area))
        for x, y, w, h, area in stats[1:count]
        if area >= max(4.0, least / 20)
    ]
    pieces.sort(key=lambda piece: -piece.area)
    whole: list[Region] = []
    for piece in pieces:
        home = next((i for i, w in enumerate(whole) if w.holds(piece)), None)
        if home is None:
            whole.append(piece)
        else:
            whole[home] = whole[home].joined(piece)
    return [region for region in whole if region.area >= least]


def _changed(mask: Picture) -> tuple[slice, slice]:
    """Rows and columns outside of which nothing is set, and so much around them that closing gaps finds no edge."""
    x, y, width, height = cv2.boundingRect(mask)
    margin = len(_GAPS)
    return slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)
