"""Geometry of plates and lines of text in a picture, and how they are cut out."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Corners, Picture

Quad = npt.NDArray[np.float32]
"""(4, 2) corners in pixels: left-top, right-top, right-bottom, left-bottom."""


_STEEPEST = 1.7
"""Steepest slope (fall by run) of a line that is still read as one: 60 degrees."""


@dataclass(frozen=True, slots=True)
class LineView:
    """How a line is cut out: margins in fractions of its width and of its height, and a stretch of its width."""

    left: float
    right: float
    upright: float
    stretch: float


def size(quad: Quad) -> tuple[float, float]:
    """Return the mean width and the mean height."""
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return float(sides[0] + sides[2]) / 2, float(sides[1] + sides[3]) / 2


def aspect(quad: Quad) -> float:
    """Return width by height."""
    width, height = size(quad)
    return width / max(height, 1.0)


def tilt(quad: Quad) -> float:
    """Return the degrees by which the line falls to the right."""
    along, _ = _axes(quad)
    return float(np.degrees(np.arctan2(along[1], along[0])))


def around(points: Quad) -> Quad:
    """Return the smallest parallelogram around (N, 2) points that has either square corners or upright sides.

    A plate that is turned has square corners. A plate that is seen from its side stays upright and slants.
    """
    turned = _upright(cv2.boxPoints(cv2.minAreaRect(points)))
    hull = cv2.convexHull(points)[:, 0]
    edges = np.roll(hull, -1, axis=0) - hull
    flat = np.abs(edges[:, 1]) < _STEEPEST * np.abs(edges[:, 0])
    if not flat.any():
        return turned
    # As with the smallest rectangle, one side of the lowest parallelogram lies on an edge of the hull.
    slopes = edges[flat, 1] / edges[flat, 0]
    heights = hull[None, :, 1] - slopes[:, None] * hull[None, :, 0]
    lowest = int(np.argmin(np.ptp(heights, axis=1)))
    slope, top, bottom = slopes[lowest], heights[lowest].min(), heights[lowest].max()
    left, right = points[:, 0].min(), points[:, 0].max()
    ends = [(left, top), (right, top), (right, bottom), (left, bottom)]
    slanted = np.array([(x, slope * x + height) for x, height in ends], np.float32)
    return min(turned, slanted, key=lambda quad: float(cv2.contourArea(quad)))


def grown(core: Quad, factor: float) -> Quad:
    """Return a core moved outwards on all sides, by the factor times half its width and height together, as in DB."""
    along, down = _axes(core)
    width, height = size(core)
    # The distance between opposite sides of a slanted parallelogram is less than the other sides' length.
    area = float(cv2.contourArea(core))
    distance = factor * area / (2 * (width + height))
    side, rise = along * distance * height / max(area, 1e-6), down * distance * width / max(area, 1e-6)
    return np.array(
        [core[0] - side - rise, core[1] + side - rise, core[2] + side + rise, core[3] - side + rise], np.float32
    )


def _upright(rectangle: Quad) -> Quad:
    """Return four clockwise corners, left-top first: the first edge is the one that points most to the right."""
    sides = np.roll(rectangle, -1, axis=0) - rectangle
    return np.roll(rectangle, -int(np.argmax(sides[:, 0])), axis=0).astype(np.float32)


def corners(quad: Quad) -> Corners:
    """Return the corners as plain numbers."""
    a, b, c, d = ((float(x), float(y)) for x, y in quad)
    return a, b, c, d


def cut(picture: Picture, quad: Quad, view: LineView, rows: int) -> Picture:
    """Return the line set upright, as (rows, width, 3) BGR."""
    share = (1 + view.left + view.right) / (1 + 2 * view.upright)
    columns = max(16, round(rows * aspect(quad) * share * view.stretch))
    return set_upright(picture, part(quad, -view.left, 1 + view.right, -view.upright, 1 + view.upright), columns, rows)


def part(quad: Quad, left: float, right: float, top: float, bottom: float) -> Quad:
    """Return a part of a quad, or its surroundings. Edges are in fractions of the quad from its left-top corner."""

    def point(x: float, y: float) -> Quad:
        upper, lower = quad[0] + x * (quad[1] - quad[0]), quad[3] + x * (quad[2] - quad[3])
        return np.asarray(upper + y * (lower - upper), np.float32)

    return np.array([point(left, top), point(right, top), point(right, bottom), point(left, bottom)], np.float32)


def set_upright(picture: Picture, quad: Quad, columns: int, rows: int) -> Picture:
    """Return the inside of a quad as (rows, columns, 3) BGR; outside of the picture its edge is repeated."""
    target = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    warp = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    cutting = cv2.warpPerspective(
        picture, warp, (columns, rows), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cutting, np.uint8)


def halves(block: Quad) -> tuple[Quad, Quad]:
    """Return the upper and the lower line of a two-line plate that fills the block.

    GA 36 places the letters of the 440x220 mm plate at 15 to 75 mm (upper) and 90 to 200 mm (lower) from its top.
    """
    return part(block, 0.18, 0.82, 0.02, 0.4), part(block, 0.0, 1.0, 0.33, 1.0)


def stacked(upper: Quad, lower: Quad) -> Quad:
    """Return the lower line, raised to the upper line's top."""
    rise = (upper[0] + upper[1] - lower[0] - lower[1]) / 2
    return np.array([lower[0] + rise, lower[1] + rise, lower[2], lower[3]], np.float32)


def _axes(quad: Quad) -> tuple[Quad, Quad]:
    """Return the vectors from left to right and from top to bottom, of the line's mean width and height."""
    left_top, right_top, right_bottom, left_bottom = quad
    return (right_top - left_top + right_bottom - left_bottom) / 2, (
        left_bottom - left_top + right_bottom - right_top
    ) / 2
