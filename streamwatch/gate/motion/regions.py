"""Connected regions of changed pixels. In the best case each is one vehicle."""

from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.core.model import Picture

_SPECKS = np.ones((3, 3), np.uint8)
_GAPS = np.ones((9, 9), np.uint8)  # bridges windscreen and lamps, 1/36 of a 320 px picture


@dataclass(frozen=True, slots=True)
class Region:
    """A connected region of change.

    Edges in pixels of the small picture, right and bottom exclusive; area: number of changed pixels.
    """

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
        """Return the pixels of the rectangle."""
        return self.width * self.height

    def around(self, margin: int, shape: tuple[int, ...]) -> tuple[slice, slice]:
        """Return rows and columns of the region with a margin, inside a picture of that shape."""
        rows = slice(max(0, self.top - margin), min(shape[0], self.bottom + margin))
        return rows, slice(max(0, self.left - margin), min(shape[1], self.right + margin))

    def overlap(self, other: "Region") -> int:
        """Return the number of pixels that both rectangles cover."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, across) * max(0, down)

    def holds(self, other: "Region") -> bool:
        """True if at least half of the other rectangle lies inside this one."""
        return 2 * self.overlap(other) >= other.size

    def shares_columns(self, other: "Region") -> bool:
        """True if one region lies above the other rather than beside it."""
        across = min(self.right, other.right) - max(self.left, other.left)
        return 2 * across >= min(self.width, other.width)

    def joined(self, other: "Region") -> "Region":
        """Return the rectangle around both regions."""
        return Region(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
            self.area + other.area,
        )


def find_regions(change: Picture, min_area: float) -> list[Region]:
    """Return the regions of a change mask (0/255), largest first.

    min_area: least part of the picture that a region must fill. If one piece lies mostly inside the rectangle of
    another, both are joined: they are parts of one vehicle.
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
    """Return rows and columns around all set pixels, with a margin so that closing gaps meets no edge."""
    x, y, width, height = cv2.boundingRect(mask)
    margin = len(_GAPS)
    return slice(max(0, y - margin), y + height + margin), slice(max(0, x - margin), x + width + margin)
