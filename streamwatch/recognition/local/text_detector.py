"""Finds text in a picture by the text-finding network of rapidocr.

The network (DB, "Real-time Scene Text Detection with Differentiable Binarization", Liao et al. 2020) gives for each
pixel the probability that it lies in the shrunken core of a line of text. One connected core is one line. The paper
says by how much the line is larger than its core.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Picture
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.networks import open_network
from streamwatch.recognition.local.quads import Quad

_STEP = 32
"""Pixels of which the sides of the network's picture must be multiples."""
_CORE = 0.2
_LEAST_MEAN = 0.3
"""Least probability of a pixel of a core, and least mean of a whole core. The paper's 0.3 and 0.7 lose plates at night.
"""
_GROWTH = 1.6
"""Distance from core to outline, as a factor of area divided by circumference."""
_THINNEST = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A line of text. score: 0 to 1, the mean probability of its core."""

    quad: Quad
    score: float


class TextDetector:
    """Finds lines of text. Not safe to use from several threads at once."""

    def __init__(self, threads: int = 1) -> None:
        """Load the network. threads: CPU threads of one search. Raise EngineMissing."""
        self._network = open_network("det", threads)

    def find(self, picture: Picture, pixels: int) -> list[Found]:
        """Return the lines of text in a BGR picture, surest first.

        pixels: the picture is reduced to about this number for the search, which sets the cost: some 0.3 s of CPU for a
        million. Quads are in pixels of the picture as given.
        """
        height, width = picture.shape[:2]
        columns, rows = _reduced(width, height, pixels)
        small = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
        tensor = np.ascontiguousarray((small.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
        cores = self._network.run(None, {self._network.get_inputs()[0].name: tensor})[0][0, 0]
        found = _lines(np.asarray(cores, np.float32), np.array([width / columns, height / rows], np.float32))
        return sorted(found, key=lambda line: -line.score)


def _reduced(width: int, height: int, pixels: int) -> tuple[int, int]:
    scale = min(1.0, (pixels / (width * height)) ** 0.5)
    return max(_STEP, round(width * scale / _STEP) * _STEP), max(_STEP, round(height * scale / _STEP) * _STEP)


def _lines(cores: npt.NDArray[np.float32], scale: Quad) -> Iterator[Found]:
    outlines, _ = cv2.findContours((cores > _CORE).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for outline in outlines:
        score = _mean_within(cores, outline)
        core = quads.around(outline[:, 0].astype(np.float32) + 0.5)
        if min(quads.size(core)) >= _THINNEST and score >= _LEAST_MEAN:
            yield Found(quads.grown(core, _GROWTH) * scale, score)


def _mean_within(cores: npt.NDArray[np.float32], outline: npt.NDArray[np.int32]) -> float:
    x, y, width, height = cv2.boundingRect(outline)
    mask = np.zeros((height, width), np.uint8)
    cv2.drawContours(mask, [outline - np.array([x, y])], -1, 1, cv2.FILLED)
    return float(cv2.mean(cores[y : y + height, x : x + width], mask)[0])
