"""How good a view of a vehicle is, so that the best one is sent and not the first."""

from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.model import Box, Corners, Frame, Picture

COMMON_WIDTH = 160  # px; sharpness is measured at one size, so that near and far views compare
CUT_OFF = 0.6  # what a view is worth that touches the edge of the picture or of the zone
MARGIN = 0.15  # of the vehicle's longer side, kept around it in the JPEG


@dataclass(slots=True)
class Candidate:
    """A view that may be sent. box: the vehicle; crop: what the JPEG will show; whole: touches no edge.

    looked: whether a plate was looked for in it; plate: its corners in frame pixels, None where none was seen; clear:
    whether that is as sharp as it will become. scale: the size of the JPEG against the frame.
    """

    frame: Frame
    at: float
    box: Box
    crop: Box
    score: float
    whole: bool
    looked: bool = False
    plate: Corners | None = None
    clear: bool = False
    scale: float = 1.0


def score(luma: Picture, box: Box, whole: bool) -> float:
    """Linear size in pixels times relative sharpness; higher is better, comparable only within one passage.

    Sharpness is the standard deviation of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", ICPR 2000, use its variance) of the view at COMMON_WIDTH.
    """
    view = luma[box.y : box.y + box.height, box.x : box.x + box.width]
    scale = COMMON_WIDTH / box.width
    size = (COMMON_WIDTH, max(8, round(box.height * scale)))
    small = cv2.resize(view, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    _, deviation = cv2.meanStdDev(cv2.Laplacian(small, cv2.CV_16S))
    sharpness = float(np.sqrt(1.0 + deviation[0, 0]))
    return float((box.width * box.height) ** 0.5 * sharpness * (1.0 if whole else CUT_OFF))


def crop_around(box: Box, others: list[Box], width: int, height: int) -> Box:
    """The vehicle with a margin, inside a picture of width x height px, not reaching into other vehicles' boxes."""
    margin = round(MARGIN * max(box.width, box.height))
    left, right = max(0, box.x - margin), min(width, box.x + box.width + margin)
    top, bottom = max(0, box.y - margin), min(height, box.y + box.height + margin)
    for other in others:
        if other.y < box.y + box.height and box.y < other.y + other.height:
            if box.x + box.width <= other.x < right:
                right = other.x
            if left < other.x + other.width <= box.x:
                left = other.x + other.width
    return Box(left, top, right - left, bottom - top)
