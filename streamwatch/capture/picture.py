"""A decoded picture of PyAV as a Frame: its luma without copying, its colours on demand, upright."""

from datetime import datetime
from functools import partial

import av
import cv2
import numpy as np

from streamwatch.model import Frame, Picture

# Formats whose first plane is the luma at full resolution, one byte a pixel.
_LUMA_FIRST = {"gray", "nv12", "nv16", "nv21", "nv24", "nv42"} | {
    f"{family}{layout}p" for family in ("yuv", "yuvj") for layout in (410, 411, 420, 422, 440, 444)
}
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


def frame_of(camera: str, captured_at: datetime, decoded: av.VideoFrame) -> Frame:
    """The Frame keeps the decoder's buffer alive, and stays valid while the decoder moves on.

    The luma is as the stream has it, 16 to 235 or 0 to 255; other layouts than 8-bit planar become 8-bit first.
    Pictures that carry a display matrix (phones held upright) are turned.
    """
    quarter_turns = round(decoded.rotation / 90) % 4
    luma = _turned(_luma(decoded), quarter_turns)
    luma.flags.writeable = False
    return Frame(camera, captured_at, luma, partial(_bgr, decoded, quarter_turns))


def _luma(decoded: av.VideoFrame) -> Picture:
    plain = decoded.format.name in _LUMA_FIRST and decoded.planes[0].line_size > 0
    plane = (decoded if plain else decoded.reformat(format="yuv420p", threads=1)).planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: decoded.height, : decoded.width]


def _bgr(decoded: av.VideoFrame, quarter_turns: int) -> Picture:
    """The conversion heeds the range and the matrix that the stream names (BT.601 where it names none)."""
    return _turned(np.asarray(decoded.to_ndarray(format="bgr24", threads=1), np.uint8), quarter_turns)


def _turned(picture: Picture, quarter_turns: int) -> Picture:
    if quarter_turns == 0:
        return picture
    return np.asarray(cv2.rotate(picture, _TURNS[quarter_turns]), np.uint8)
