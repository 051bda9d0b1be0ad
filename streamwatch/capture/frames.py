"""Makes frames from PyAV's decoded pictures: upright, the luma without copying, the colours on demand."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from streamwatch.capture.orientation import Orientation
from streamwatch.core.model import Frame, Picture

# Formats whose first plane is the luma at full resolution, one byte a pixel.
_LUMA_FIRST = {"gray", "nv12", "nv16", "nv21", "nv24", "nv42"} | {
    f"{family}{layout}p" for family in ("yuv", "yuvj") for layout in (410, 411, 420, 422, 440, 444)
}


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A decoded picture with the turn that it needs."""

    picture: av.VideoFrame
    orientation: Orientation


def frame_of(camera: str, captured_at: datetime, decoded: DecodedPicture) -> Frame:
    """Return a Frame that keeps the decoder's buffer alive, and stays valid while the decoder moves on.

    The luma has the range of the stream, 16 to 235 or 0 to 255. Layouts other than 8-bit planar become 8-bit first.
    """
    luma = decoded.orientation.upright(_luma(decoded.picture))
    luma.flags.writeable = False
    return Frame(camera, captured_at, luma, partial(_bgr, decoded))


def _luma(decoded: av.VideoFrame) -> Picture:
    plain = decoded.format.name in _LUMA_FIRST and decoded.planes[0].line_size > 0
    plane = (decoded if plain else decoded.reformat(format="yuv420p", threads=1)).planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: decoded.height, : decoded.width]


def _bgr(decoded: DecodedPicture) -> Picture:
    """Convert to BGR with the range and the matrix that the stream names (BT.601 if it names none).

    The picture's own converter is for one thread at a time; a page may show the frame that the gate sends.
    """
    picture = VideoReformatter().reformat(decoded.picture, format="bgr24", threads=1)
    return decoded.orientation.upright(np.asarray(picture.to_ndarray(), np.uint8))
