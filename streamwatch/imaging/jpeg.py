"""Encodes chosen frames as the JPEG that is sent and kept, and decodes JPEG. No other module encodes JPEG."""

from dataclasses import dataclass
from datetime import datetime

import cv2
import numpy as np

from streamwatch.core.model import Box, Frame, Picture

SHORTEST = 16  # px; the service wants more than 15 x 15
LOWEST_QUALITY = 50
STEP_QUALITY = 12


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A baseline JPEG without EXIF. scale: its pixels per frame pixel."""

    data: bytes
    width: int
    height: int
    scale: float


def as_frame(camera: str, captured_at: datetime, picture: Picture) -> Frame:
    """Return a picture, (height, width, 3) uint8 BGR, as a frame of a camera. captured_at: aware UTC."""
    return Frame(camera, captured_at, np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8), lambda: picture)


def encode(frame: Frame, crop: Box, *, long_side: int, quality: int, max_bytes: int) -> Jpeg:
    """Return the crop of a frame as a JPEG of at most `long_side` px and `max_bytes`.

    quality: 0 to 100. If the JPEG is too large, first the quality is lowered and then the size.
    """
    picture = frame.to_bgr()[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    scale = min(1.0, long_side / max(crop.width, crop.height))
    while True:
        width = max(SHORTEST, round(crop.width * scale))
        height = max(SHORTEST, round(crop.height * scale))
        small = resized(picture, width, height)
        for tried in range(quality, min(quality, LOWEST_QUALITY) - 1, -STEP_QUALITY):
            data = encode_picture(small, tried)
            if data is not None and len(data) <= max_bytes:
                return Jpeg(data, width, height, width / crop.width)
        scale *= 0.8


def encode_picture(picture: Picture, quality: int) -> bytes | None:
    """Return a picture as a baseline JPEG without EXIF; None if it cannot be encoded.

    picture: (height, width, 3) uint8 BGR. quality: 0 to 100.
    """
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_PROGRESSIVE, 0])
    return data.tobytes() if done else None


def decode_picture(jpeg: bytes) -> Picture | None:
    """Return the pixels as they lie in the file, (height, width, 3) uint8 BGR; None if they cannot be decoded.

    An EXIF orientation is ignored, so that corners in the file's pixels fit.
    """
    return _decoded(jpeg, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)


def decode_luma(jpeg: bytes, crop: Box) -> Picture | None:
    """Return the luma of the part of a frame that a JPEG shows, at the frame's scale; None if it cannot be decoded."""
    luma = _decoded(jpeg, cv2.IMREAD_GRAYSCALE)
    return None if luma is None else np.asarray(cv2.resize(luma, (crop.width, crop.height)), np.uint8)


def thumbnail(jpeg: bytes, *, long_side: int, quality: int) -> Jpeg:
    """Return a copy of a JPEG made by `encode`, at most `long_side` px. scale: its pixels per pixel of the original."""
    picture = decode_picture(jpeg)
    assert picture is not None
    height, width = picture.shape[:2]
    scale = min(1.0, long_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    data = encode_picture(resized(picture, *size), quality)
    assert data is not None
    return Jpeg(data, *size, scale)


def resized(picture: Picture, width: int, height: int) -> Picture:
    """Return a picture reduced to a size; the same picture if it has that size already."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _decoded(jpeg: bytes, how: int) -> Picture | None:
    try:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), how)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, np.uint8)
