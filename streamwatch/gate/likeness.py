"""Is it still the same vehicle? Answered from the pictures, before anything is paid.

Features of the paid view (SIFT: Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004) are found
again in the new view; the similarity transform that carries most of them lays the paid plate over the new picture, and
there the two must correlate. Two cars of one model share a grille, but not the characters on the plate.

Measured on 100 real plates, each against itself rescaled by 0.7 to 1.2, darkened, blurred and with noise, and against
eight others: itself never below 0.93 of correlation, others above 0.70 with eight carried features in 0.15 %.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.model import Box, Corners, Picture

VIEW_WIDTH = 320  # px; views are compared at this width
FEATURES = 400
RATIO = 0.8  # Lowe's ratio test
CARRIED = 8  # features that one transform must carry
CARRIED_WITHOUT_PLATE = 25  # the same where no plate is known to decide
PLATE_LIKENESS = 0.70  # correlation of the plates
BEYOND = 0.15  # of a vehicle's width or height; so far a region may reach beyond it that shows nothing else
PLATE_WIDTH = 96  # px; plates are correlated at this width
PLAY = 6  # px; how far the laid-over plate may be off


@dataclass(frozen=True, slots=True)
class View:
    """A vehicle as it was once seen: luma at VIEW_WIDTH, its features, and its plate's rectangle (None if unknown)."""

    luma: Picture
    points: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.float32] | None
    plate: tuple[float, float, float, float] | None


def view_of(luma: Picture, box: Box, plate: Corners | None = None) -> View:
    """The view of the vehicle in `box` of a full-resolution luma picture; plate corners in the same pixels."""
    part = luma[box.y : box.y + box.height, box.x : box.x + box.width]
    scale = VIEW_WIDTH / box.width
    size = (VIEW_WIDTH, max(8, round(box.height * scale)))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    keypoints, descriptors = _sift().detectAndCompute(small, None)
    points = np.array([k.pt for k in keypoints], np.float32).reshape(-1, 2)
    return View(small, points, descriptors, _rectangle(plate, box, scale))


def same_vehicle(paid: View, now: View) -> bool:
    """Whether `now` shows the vehicle of `paid`. Without a known plate, two of one model can not be told apart."""
    return _laid_over(paid, now) is not None


def fills(paid: View, now: View) -> bool:
    """Whether `now` shows the vehicle of `paid`, and leaves no room for another one beside or behind it."""
    transform = _laid_over(paid, now)
    if transform is None:
        return False
    grown, left, top = np.hypot(transform[0, 0], transform[1, 0]), float(transform[0, 2]), float(transform[1, 2])
    height, width = (float(grown) * side for side in paid.luma.shape)
    beyond = max(left, now.luma.shape[1] - left - width) / width, max(top, now.luma.shape[0] - top - height) / height
    return bool(max(beyond) <= BEYOND)


@cache
def _sift() -> Any:
    return cv2.SIFT_create(nfeatures=FEATURES)


@cache
def _matcher() -> Any:
    return cv2.BFMatcher(cv2.NORM_L2)


def _rectangle(plate: Corners | None, box: Box, scale: float) -> tuple[float, float, float, float] | None:
    """x, y, width, height of the plate in view pixels, a little larger than its corners, as far as the view goes."""
    if plate is None:
        return None
    xs = [(x - box.x) * scale for x, _ in plate]
    ys = [(y - box.y) * scale for _, y in plate]
    width, height = max(xs) - min(xs), max(ys) - min(ys)
    left, top = max(0.0, min(xs) - 0.05 * width), max(0.0, min(ys) - 0.2 * height)
    right, bottom = min(box.width * scale, max(xs) + 0.05 * width), min(box.height * scale, max(ys) + 0.2 * height)
    return None if right - left < 8 or bottom - top < 4 else (left, top, right - left, bottom - top)


def _laid_over(paid: View, now: View) -> npt.NDArray[np.float64] | None:
    """The transform (2, 3) from `paid` to `now` if both show one vehicle, else None."""
    carried, transform = _transform(paid, now)
    if transform is None:
        return None
    if paid.plate is None:
        return transform if carried >= CARRIED_WITHOUT_PLATE else None
    return transform if carried >= CARRIED and _plate_likeness(paid, now, transform) >= PLATE_LIKENESS else None


def _transform(paid: View, now: View) -> tuple[int, npt.NDArray[np.float64] | None]:
    """How many features one similarity transform carries from `paid` to `now`, and that transform (2, 3)."""
    if paid.descriptors is None or now.descriptors is None or min(len(paid.points), len(now.points)) < 4:
        return 0, None
    pairs = [p for p in _matcher().knnMatch(paid.descriptors, now.descriptors, k=2) if len(p) == 2]
    good = [(a.queryIdx, a.trainIdx) for a, b in pairs if a.distance < RATIO * b.distance]
    if len(good) < 4:
        return len(good), None
    old, new = (np.array(side) for side in zip(*good, strict=True))
    transform, inliers = cv2.estimateAffinePartial2D(paid.points[old], now.points[new], ransacReprojThreshold=4)
    if transform is None:
        return 0, None
    return int(inliers.sum()), transform


def _plate_likeness(paid: View, now: View, transform: npt.NDArray[np.float64]) -> float:
    """Correlation (-1 to 1) of the paid plate with what lies at its place in `now`."""
    assert paid.plate is not None
    x, y, width, height = paid.plate
    scale = PLATE_WIDTH / width
    size = (PLATE_WIDTH, max(8, round(height * scale)))
    plate = cv2.warpAffine(paid.luma, np.array([[scale, 0, -x * scale], [0, scale, -y * scale]]), size)
    to_paid = np.array([[1 / scale, 0, x - PLAY / scale], [0, 1 / scale, y - PLAY / scale], [0, 0, 1]])
    to_now = np.vstack([transform, [0, 0, 1]]) @ to_paid
    wider = (size[0] + 2 * PLAY, size[1] + 2 * PLAY)
    there = cv2.warpAffine(now.luma, to_now[:2], wider, flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR)
    return float(cv2.matchTemplate(there, plate, cv2.TM_CCOEFF_NORMED).max())
