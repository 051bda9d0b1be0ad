"""Where lines of text lie in a picture, how two of them lie to each other, and how one is cut out."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.model import Corners, Picture

Quad = npt.NDArray[np.float32]
"""(4, 2) corners in pixels: left-top, right-top, right-bottom, left-bottom."""


@dataclass(frozen=True, slots=True)
class View:
    """How a line is cut out: margins in fractions of its width and of its height, and a stretch of its width."""

    left: float
    right: float
    upright: float
    stretch: float


def size(quad: Quad) -> tuple[float, float]:
    """Mean width and mean height."""
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2


def aspect(quad: Quad) -> float:
    """Width by height."""
    width, height = size(quad)
    return width / max(height, 1.0)


def tilt(quad: Quad) -> float:
    """Degrees by which the line falls to the right."""
    along, _ = _axes(quad)
    return float(np.degrees(np.arctan2(along[1], along[0])))


def upright(rectangle: Quad) -> Quad:
    """Four clockwise corners from the left-top one on: the first edge is the one that points most to the right."""
    sides = np.roll(rectangle, -1, axis=0) - rectangle
    return np.roll(rectangle, -int(np.argmax(sides[:, 0])), axis=0).astype(np.float32)


def corners(quad: Quad) -> Corners:
    """The same as plain numbers."""
    a, b, c, d = ((float(x), float(y)) for x, y in quad)
    return a, b, c, d


def cut(picture: Picture, quad: Quad, view: View, rows: int) -> Picture:
    """The line set upright, as (rows, width, 3) BGR; what lies outside the picture repeats its edge."""
    left_top, right_top, right_bottom, left_bottom = quad
    along, down = _axes(quad)
    before, after, over = along * view.left, along * view.right, down * view.upright
    source = [left_top - before - over, right_top + after - over, right_bottom + after + over]
    source.append(left_bottom - before + over)
    share = (1 + view.left + view.right) / (1 + 2 * view.upright)
    columns = max(16, round(rows * aspect(quad) * share * view.stretch))
    target = [[0, 0], [columns, 0], [columns, rows], [0, rows]]
    warp = cv2.getPerspectiveTransform(np.array(source, np.float32), np.array(target, np.float32))
    cutting = cv2.warpPerspective(
        picture, warp, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cutting, np.uint8)


def upper_line(lower: Quad) -> Quad:
    """Where the upper line of a two-line plate is, given its lower line.

    GA 36 places the letters of the 440x220 mm plate at 15 to 75 mm (upper) and 90 to 200 mm (lower) from its top.
    """
    along, down = _axes(lower)
    left, right = lower[0] + 0.2 * along, lower[1] - 0.2 * along
    return np.array([left - 0.62 * down, right - 0.62 * down, right, left], np.float32)


def beside(left: Quad, right: Quad) -> bool:
    """Whether the second line goes on where the first ends."""
    height, other = size(left)[1], size(right)[1]
    gap, shift = (right[0] + right[3] - left[1] - left[2]) / 2
    return 0.6 * other < height < 1.6 * other and abs(shift) < 0.4 * other and -0.4 * other < gap < 1.2 * other


def above(upper: Quad, lower: Quad) -> bool:
    """Whether they lie as the lines of a truck's plate: a short one over the middle of a longer, higher one."""
    (width, height), (long, high) = size(upper), size(lower)
    gap = float((lower[0] + lower[1] - upper[2] - upper[3])[1]) / 2
    shift = abs(float((lower.mean(axis=0) - upper.mean(axis=0))[0]))
    fits = 0.3 * long < width < 0.95 * long and 0.35 * high < height < 1.2 * high
    return fits and -0.5 * high < gap < 0.6 * high and shift < 0.25 * long


def side_by_side(left: Quad, right: Quad) -> Quad:
    """Both lines as one."""
    return np.array([left[0], right[1], right[2], left[3]], np.float32)


def stacked(upper: Quad, lower: Quad) -> Quad:
    """The lower line, raised to where the upper begins."""
    rise = (upper[0] + upper[1] - lower[0] - lower[1]) / 2
    return np.array([lower[0] + rise, lower[1] + rise, lower[2], lower[3]], np.float32)


def _axes(quad: Quad) -> tuple[Quad, Quad]:
    """From left to right and from top to bottom, as vectors of the line's mean width and height."""
    left_top, right_top, right_bottom, left_bottom = quad
    return (right_top - left_top + right_bottom - left_bottom) / 2, (
        left_bottom - left_top + right_bottom - right_top
    ) / 2
