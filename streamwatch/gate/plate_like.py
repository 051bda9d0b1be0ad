"""Where a picture shows something like a plate, told by its edges alone: for machines without a trained finder.

Characters are many upright strokes side by side, so a plate is a long band of strong horizontal differences (Bai & Liu,
"A hybrid license plate extraction method based on edge statistics and morphology", ICPR 2004).
"""

import cv2
import numpy as np

from streamwatch.model import Corners, Picture

LONG_SIDE = 960  # px; plates are looked for at this size and, for large ones, at half of it
STEP = 40  # grey levels between neighbours that count as an edge
FLATTEST, STEEPEST = 6.0, 2.2  # width by height; a plate has 3.1, its characters alone 3.6
LEAST_HEIGHT = 12  # px
FULL = 0.55  # part of the rectangle that the band fills
STROKES = 8  # edges that a line through the middle of a plate crosses: seven characters have more
STRONG = 0.18  # part of a plate that is edge


def plate_like(bgr: Picture) -> list[Corners]:
    """Corners of regions like plates, in pixels of the (height, width, 3) picture; never reads them."""
    grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    large = min(1.0, LONG_SIDE / max(grey.shape))
    found: list[Corners] = []
    for scale in (large, large / 2):
        small = grey if scale == 1 else cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found += _bands(np.asarray(small, np.uint8), scale)
    return found


def _bands(grey: Picture, scale: float) -> list[Corners]:
    """Bands of edges at one scale, in pixels of the unscaled picture."""
    edges = cv2.compare(cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0, ksize=1)), STEP, cv2.CMP_GT)
    band = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((3, 17), np.uint8))
    band = cv2.morphologyEx(band, cv2.MORPH_OPEN, np.ones((9, 25), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(band)
    rows: list[list[int]] = stats[1:count].tolist()
    return [_corners(row, scale) for row in rows if _like_a_plate(row, np.asarray(edges, np.uint8))]


def _like_a_plate(row: list[int], edges: Picture) -> bool:
    x, y, width, height, area = row
    if height < LEAST_HEIGHT or not STEEPEST <= width / height <= FLATTEST or area < FULL * width * height:
        return False
    part = edges[y : y + height, x : x + width] > 0
    middle = part[height // 4 : height - height // 4]
    starts = np.count_nonzero(middle[:, 1:] & ~middle[:, :-1], axis=1)
    return float(np.median(starts)) >= STROKES and float(part.mean()) >= STRONG


def _corners(row: list[int], scale: float) -> Corners:
    x, y, width, height, _ = (value / scale for value in row)
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)
