"""From a chosen frame to the bytes that are sent and kept."""

from dataclasses import dataclass

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


def decode_luma(jpeg: bytes, crop: Box) -> Picture | None:
    """Return the luma of the part of a frame that a JPEG shows, at the frame's scale; None if it cannot be decoded."""
    try:
        luma = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        luma = None
    return None if luma is None else np.asarray(cv2.resize(luma, (crop.width, crop.height)), np.uint8)


def encode(frame: Frame, crop: Box, *, long_side: int, quality: int, max_bytes: int) -> Jpeg:
    """The crop of a frame as a JPEG of at most `long_side` px and `max_bytes`; quality 0 to 100 gives way first."""
    picture = frame.to_bgr()[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    scale = min(1.0, long_side / max(crop.width, crop.height))
    while True:
        width = max(SHORTEST, round(crop.width * scale))
        height = max(SHORTEST, round(crop.height * scale))
        if (height, width) != picture.shape[:2]:
            small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        else:
            small = picture
        for tried in range(quality, min(quality, LOWEST_QUALITY) - 1, -STEP_QUALITY):
            done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, tried])
            if done and len(data) <= max_bytes:
                return Jpeg(data.tobytes(), width, height, width / crop.width)
        scale *= 0.8


def thumbnail(jpeg: bytes, *, long_side: int, quality: int) -> Jpeg:
    """A copy of a JPEG made by `encode`, at most `long_side` px; scale: its pixels per pixel of the original."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    scale = min(1.0, long_side / max(width, height))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA) if scale < 1 else picture
    _, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return Jpeg(data.tobytes(), *size, scale)
