"""Webcams by index or device path, through OpenCV."""

import math
import os
import re
from collections.abc import Iterator

import cv2
import numpy as np

from streamwatch.capture.orientation import UPRIGHT
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceLost
from streamwatch.core.model import Attention, Frame, Picture

RARELY = 0.2
"""Seconds between two pictures that are decoded at little attention."""


class Webcam:
    """One opening of a webcam. A missing webcam is a loss, because it may be plugged in again."""

    live = True

    def __init__(self, camera: str, device: str, *, clock: Clock, rotate: int = 0) -> None:
        self._camera, self._device, self._clock = camera, device, clock
        self._attention, self._orientation = Attention.ALL, UPRIGHT.then(rotate)
        # OpenCV prints lines of its own for every webcam that is not there.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        self._capture = _opened(device)
        if not self._capture.isOpened():
            self._capture.release()
            raise SourceLost(
                f"The webcam {device} cannot be opened.",
                "Is it plugged in and not in use, and may this user read it (group `video`)?",
            )

    def attend(self, attention: Attention) -> None:
        """Set the attention. At little attention a few pictures a second are decoded, and the others are None."""
        self._attention = attention

    def frames(self) -> Iterator[Frame | None]:
        """Yield frames until SourceLost is raised. captured_at: the time when the picture was read."""
        decoded_at = -math.inf
        while True:
            came, now = self._capture.grab(), self._clock.monotonic()
            wanted = self._attention is Attention.ALL or now - decoded_at >= RARELY
            if came and not wanted:
                yield None
                continue
            came, bgr = self._capture.retrieve() if came else (False, None)
            if not came:
                raise SourceLost(f"The webcam {self._device} gives no more pictures.")
            decoded_at = now
            yield _frame(self._camera, self._clock, self._orientation.upright(np.asarray(bgr, np.uint8)))

    def stop(self) -> None:
        """Do nothing: the next picture, or OpenCV's own time-out, ends a read."""

    def close(self) -> None:
        """Free the device."""
        self._capture.release()


def _opened(device: str) -> cv2.VideoCapture:
    """Open a webcam by its number if there is one (also behind a link such as /dev/v4l/by-id/…): all systems can."""
    path = os.path.realpath(device) if device.startswith("/") else device
    number = re.fullmatch(r"(?:/dev/video)?(\d+)", path)
    return cv2.VideoCapture(int(number[1])) if number else cv2.VideoCapture(path, cv2.CAP_V4L2)


def _frame(camera: str, clock: Clock, bgr: Picture) -> Frame:
    luma = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), np.uint8)
    luma.flags.writeable = False
    return Frame(camera, clock.now(), luma, bgr.copy)
