"""The appearance of a plate: its upright picture, its sharpness, and the likeness of two pictures."""

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Corners, Picture
from streamwatch.gate.plates.shapes import bounds, plate_width

WIDTH, HEIGHT = 112, 40  # px of an upright plate; one of two lines is pressed to the same size
MARGIN = 0.12  # of width and height; kept around the plate, so that it may be laid over another one
STRETCHES = (0.92, 1.0, 1.09)  # ratios of sizes that are tried when two plates are compared
FINE = 10  # steps of the exact fit of two plates
PLAIN = 3.0  # grey levels; standard deviation below which a picture shows nothing
PROMISING = 0.35  # likeness from which an exact fit is tried
CRISP_WIDTH = 96  # px; plates are judged at this width


def upright(luma: Picture, plate: Corners, margin: float = MARGIN) -> Picture:
    """Return the plate seen from the front, (HEIGHT, WIDTH) uint8 with a margin around it.

    luma: (height, width) uint8 of the whole picture; what lies beyond its edge repeats the edge. margin: in fractions
    of the plate's sides.
    """
    across, down = margin * WIDTH, margin * HEIGHT
    size = round(WIDTH + 2 * across), round(HEIGHT + 2 * down)
    target = np.array(
        [(across, down), (across + WIDTH, down), (across + WIDTH, down + HEIGHT), (across, down + HEIGHT)], np.float32
    )
    left, top, right, bottom = bounds(plate)
    room = 0.3 * (right - left)
    x, y = max(0, int(left - room)), max(0, int(top - room))
    part = luma[y : int(bottom + room) + 1, x : int(right + room) + 1]
    if min(part.shape) < 2:
        return np.zeros(size[::-1], np.uint8)
    shrink = plate_width(plate) / (1.6 * WIDTH)
    if shrink > 1:  # bilinear sampling alone would leave out pixels
        part = cv2.blur(part, (round(shrink) | 1, round(shrink) | 1))
    source = np.array([(px - x, py - y) for px, py in plate], np.float32)
    transform = cv2.getPerspectiveTransform(source, target)
    return np.asarray(cv2.warpPerspective(part, transform, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def likeness(one: Picture, other: Picture) -> float:
    """Return the correlation (-1 to 1) of two plates cut out by `upright`, after the best possible alignment.

    A coarse search over shifts and stretches, then an exact affine fit (Evangelidis & Psarakis, "Parametric image
    alignment using enhanced correlation coefficient maximization", PAMI 2008). Measured on 60 real plates, each against
    itself at 60 to 150 px, darkened, blurred, with noise and with corners off by 3 %: 19 in 20 are above 0.84; against
    others 1 pair in 100 is above 0.70, 1 in 500 above 0.77, none of 882 above 0.80.
    """
    across, down = round(MARGIN * WIDTH), round(MARGIN * HEIGHT)
    core = _flat(one)[down:-down, across:-across]
    there = _flat(other)
    if min(float(core.std()), float(there.std())) < PLAIN:
        return 0.0
    best, place, stretch = -1.0, (across, down), 1.0
    for tried in STRETCHES:
        fitted = cv2.resize(core, None, fx=tried, fy=tried, interpolation=cv2.INTER_LINEAR)
        if fitted.shape[0] > there.shape[0] or fitted.shape[1] > there.shape[1]:
            fitted = fitted[: there.shape[0], : there.shape[1]]
        _, value, _, at = cv2.minMaxLoc(cv2.matchTemplate(there, fitted, cv2.TM_CCOEFF_NORMED))
        if value > best:
            best, place, stretch = value, (at[0], at[1]), tried
    if best < PROMISING:
        return float(best)
    transform = np.array([[stretch, 0, place[0]], [0, stretch, place[1]]], np.float32)
    until = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, FINE, 0.001)
    try:
        fine, _ = cv2.findTransformECC(core, there, transform, cv2.MOTION_AFFINE, until, None, 5)
    except cv2.error:  # it does not converge if the two have nothing in common
        return float(best)
    return max(float(best), float(fine))


def sharpness(luma: Picture, plate: Corners) -> float:
    """Return how much detail a plate shows, comparable between views of one plate.

    The standard deviation of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", ICPR
    2000, use its variance) of the upright plate.
    """
    _, deviation = cv2.meanStdDev(cv2.Laplacian(upright(luma, plate, 0.0), cv2.CV_16S))
    return float(deviation[0, 0])


def crispness(luma: Picture, plate: Corners) -> float:
    """Return how equal the edges of a plate are in both directions, 0 to 1; motion blur makes them unequal."""
    left, top, right, bottom = (round(v) for v in bounds(plate))
    part = luma[max(0, top) : bottom, max(0, left) : right]
    if min(part.shape) < 4:
        return 0.0
    size = (CRISP_WIDTH, max(8, round(CRISP_WIDTH * part.shape[0] / part.shape[1])))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    across, down = (float(np.abs(cv2.Sobel(small, cv2.CV_16S, dx, 1 - dx)).mean()) for dx in (1, 0))
    return min(across, down) / max(across, down, 1.0)


def _flat(picture: Picture) -> npt.NDArray[np.float32]:
    """Return a picture without slow changes of light across it."""
    values = picture.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(values - cv2.blur(values, (41, 41)), (3, 3), 0), np.float32)
