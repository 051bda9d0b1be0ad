"""The plate detector: a small network that `training/` makes and OpenCV runs.

The network is a plain convolutional one with a heat map of plate centres and the offsets of four corners, as in
"Objects as Points" (Zhou et al. 2019). It sees luma only, so colour and infrared pictures are the same to it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Box, Corners, Picture

WEIGHTS = Path(__file__).parent / "plates.onnx"
Floats = npt.NDArray[np.float32]
Network = Callable[[Floats], Floats]
"""Runs the weights: maps (1, 1, rows, columns) luma of 0 to 1 to (1, 9, rows/8, columns/8), a heat map as logits and
eight corner offsets. Rows and columns are multiples of 32."""
_LONGEST = 640
"""Pixels of the longer side to which a larger picture is reduced for a look."""
_SMALLEST = 320
"""Pixels; a picture whose longer side is not longer gets no second look at half its size."""
_WIDEST = 220
"""Pixels of a plate in the first look from which the second look sees it better."""
_MULTIPLE = 32
_STRIDE = 8
"""Pixels per cell of the heat map."""
_OFFSET = 8.0
"""Pixels per unit of a corner's offset (OFFSET_SCALE in training/platedetector/net.py)."""
_LEAST = 0.5
"""Score from which something counts as a plate."""
_FAINT = 0.3
"""The same for one of several looks at a video."""
_SAME = 0.3
"""Overlap (intersection over union of the boxes) from which two detections are one plate."""


@dataclass(frozen=True, slots=True)
class Detection:
    """A plate in a picture.

    corners: in pixels of the picture, clockwise from the top left of the plate; score: 0 to 1.
    """

    corners: Corners
    score: float

    @property
    def box(self) -> Box:
        """Return the smallest upright rectangle around the corners, in whole pixels. It may exceed the picture."""
        xs, ys = zip(*self.corners, strict=True)
        left, top = round(min(xs)), round(min(ys))
        return Box(left, top, round(max(xs)) - left, round(max(ys)) - top)


class PlateDetector:
    """Finds plates 24 to 440 pixels wide once the picture's longer side is at most 640.

    If it finds none, or one that fills the picture, it looks once more at half the size, which costs a quarter more.
    It is not safe to use from several threads at once.
    """

    def __init__(self, network: Network | None = None) -> None:
        """network: runs `WEIGHTS`; by default OpenCV, on the number of threads set by `cv2.setNumThreads`."""
        self._network = network or _opencv()

    def find(self, picture: Picture, least: float = _LEAST, longest: int = _LONGEST) -> list[Detection]:
        """Return the plates in the picture, surest first.

        picture: (height, width) luma or (height, width, 3) BGR, uint8, of any size. least: score below which nothing is
        returned. longest: pixels of the longer side to which a larger picture is reduced; plates at least 24 pixels
        wide in it are found, and the cost grows with the square of `longest`.
        """
        luma = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        found = self._look(luma, longest, least)
        side = min(longest, max(luma.shape))
        sure = [one for one in found if one.box.width <= _WIDEST * max(luma.shape) / side]
        if side <= _SMALLEST or (sure and len(sure) == len(found)):
            return found
        near = self._look(luma, max(_SMALLEST, longest // 2), least)
        near = [one for one in near if all(_overlap(_quad(one), _quad(other)) < _SAME for other in sure)]
        return sorted(sure + near, key=lambda one: -one.score)

    def look(self, luma: Picture) -> list[Detection]:
        """Return the plates of one look at a (height, width) uint8 luma picture, surest first, faint ones too.

        This is for a video, in which the next look sees what this one misses and confirms what is faint.
        """
        return self._look(luma, _LONGEST, _FAINT)

    def _look(self, luma: Picture, longest: int, least: float) -> list[Detection]:
        height, width = luma.shape
        scale = min(1.0, longest / max(height, width))
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
        below, right = (-side % _MULTIPLE for side in luma.shape)
        padded = cv2.copyMakeBorder(luma, 0, below, 0, right, cv2.BORDER_REPLICATE)
        maps = self._network(cv2.dnn.blobFromImage(padded, 1 / 255))[0]
        ratio = np.array([width / luma.shape[1], height / luma.shape[0]], np.float32)
        found = _plates(maps, least)
        return [Detection(_corners((quad + 0.5) * ratio - 0.5), score) for quad, score in found]


def _opencv() -> Network:
    # The classic engine of OpenCV 5 takes two thirds of the time of the new one; OpenCV 4.10 has only one engine.
    engine = [cv2.dnn.ENGINE_CLASSIC] if hasattr(cv2.dnn, "ENGINE_CLASSIC") else []
    network = cv2.dnn.readNetFromONNX(str(WEIGHTS), *engine)

    def run(luma: Floats) -> Floats:
        network.setInput(luma)
        return np.asarray(network.forward(), np.float32)

    return run


def _plates(maps: Floats, least: float) -> list[tuple[Floats, float]]:
    """Return (4, 2) corners in pixels of the network's picture, and the score, surest first.

    maps: (9, rows, columns), the answer of the network. least: score below which nothing is returned.
    """
    logit = maps[0]
    peaks = (logit >= np.log(least / (1 - least))) & (logit >= cv2.dilate(logit, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero(peaks)
    kept: list[tuple[Floats, float]] = []
    for n in np.argsort(-logit[rows, columns]):
        row, column = rows[n], columns[n]
        middle = np.array([column, row], np.float32) * _STRIDE + (_STRIDE - 1) / 2
        quad = maps[1:, row, column].reshape(4, 2) * _OFFSET + middle
        if all(_overlap(quad, other) < _SAME for other, _ in kept):
            kept.append((quad, float(1 / (1 + np.exp(-logit[row, column])))))
    return kept


def _overlap(a: Floats, b: Floats) -> float:
    """Return the intersection over union of the upright boxes around two quads."""
    low, high = np.maximum(a.min(0), b.min(0)), np.minimum(a.max(0), b.max(0))
    common = float(np.prod(np.maximum(high - low, 0)))
    return common / max(float(np.prod(np.ptp(a, axis=0)) + np.prod(np.ptp(b, axis=0))) - common, 1e-6)


def _quad(found: Detection) -> Floats:
    return np.array(found.corners, np.float32)


def _corners(quad: Floats) -> Corners:
    a, b, c, d = ((float(x), float(y)) for x, y in quad)
    return a, b, c, d
