"""A camera whose picture size changes while a vehicle is followed: it is followed on in the size so far."""

from dataclasses import replace
from datetime import datetime, timedelta

import cv2
import numpy as np

from streamwatch.model import Frame, Picture

ALIKE = 0.02
"""Part by which the ratio of the sides may differ where it still is the same view."""
LONGEST = timedelta(seconds=30)
"""For so long at most: who stands longer is found again in the new size."""


class Fitter:
    """Of one camera."""

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._fitted: tuple[Frame, Frame] | None = None

    def fit(self, frame: Frame, shape: tuple[int, ...], followed: bool) -> Frame:
        """Return the frame, enlarged or reduced to the (height, width) so far where that is called for.

        followed: a vehicle is.
        """
        if frame.luma.shape == shape:
            self._since = None
            return frame
        self._since = self._since or frame.captured_at
        if not (followed and _alike(frame.luma.shape, shape) and frame.captured_at - self._since < LONGEST):
            return frame
        if self._fitted is None or self._fitted[0] is not frame:
            self._fitted = frame, _resized(frame, shape)
        return self._fitted[1]


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return len(other) == 2 and abs(one[0] * other[1] / (one[1] * other[0]) - 1) < ALIKE


def _resized(frame: Frame, shape: tuple[int, ...]) -> Frame:
    def to(picture: Picture) -> Picture:
        return np.asarray(cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)

    return replace(frame, luma=to(frame.luma), to_bgr=lambda: to(frame.to_bgr()))
