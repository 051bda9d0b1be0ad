"""The turn that the pictures of a stream need: the turn that the stream names, and the one of `rotate`."""

import math
import struct
from dataclasses import dataclass
from typing import Self, cast

import av
import cv2
import numpy as np
from av.buffer import Buffer
from av.sidedata.sidedata import SideData

from streamwatch.core.model import Picture

_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}
_MATRIX = struct.Struct("=9i")


@dataclass(frozen=True, slots=True)
class Orientation:
    """A turn. quarter_turns: counter-clockwise, 0 to 3. mirrored: left and right are exchanged before the turn."""

    quarter_turns: int = 0
    mirrored: bool = False

    @classmethod
    def of_matrix(cls, matrix: bytes | Buffer) -> Self:
        """Return the orientation of a display matrix (libavutil/display.h): 9 int32; 4 of them turn and mirror.

        An angle between quarter turns counts as the nearest of them.
        """
        a, b, _, c, d, *_ = _MATRIX.unpack(bytes(matrix))
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        return cls(round(math.atan2(-b, a) / (math.pi / 2)) % 4, mirrored)

    def then(self, clockwise: int) -> "Orientation":
        """Return this orientation with the turn of the camera. clockwise: degrees, 0, 90, 180 or 270."""
        return Orientation((self.quarter_turns - clockwise // 90) % 4, self.mirrored)

    def upright(self, picture: Picture) -> Picture:
        """Return a turned picture of shape (height, width) or (height, width, 3). An upright picture is not copied."""
        if self.mirrored:
            picture = np.asarray(cv2.flip(picture, 1), np.uint8)
        if self.quarter_turns:
            picture = np.asarray(cv2.rotate(picture, _TURNS[self.quarter_turns]), np.uint8)
        return picture


UPRIGHT = Orientation()


def told_by(picture: av.VideoFrame) -> Orientation | None:
    """Return the orientation that a decoded picture brings with it; None if it brings none."""
    matrix = cast("SideData | None", picture.side_data.get("DISPLAYMATRIX"))
    return None if matrix is None else Orientation.of_matrix(matrix)
