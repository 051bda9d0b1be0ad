"""Copies of a picture for a service that found it too large or does not accept its format."""

from dataclasses import dataclass, field

from streamwatch.core.model import Picture
from streamwatch.imaging.jpeg import decode_picture, encode_picture, resized

# Side and quality go down together: letters of a plate survive a coarser JPEG better than a much smaller one.
_STEPS = ((0.85, 75), (0.7, 70), (0.6, 65), (0.5, 60), (0.35, 60), (0.25, 50))
_LONGEST_SIDE, _SHORTEST_SIDE = 4095, 16
_BASELINE_QUALITY = 90


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a picture. scale: pixels of the copy per pixel of the original, as (x, y)."""

    jpeg: bytes = field(repr=False)
    scale: tuple[float, float]


def smaller(jpeg: bytes) -> Copy | None:
    """Return a copy of at most half the bytes, with no side above 4095 pixels; None if that is not possible."""
    picture = decode_picture(jpeg)
    if picture is None:
        return None
    fit = min(1.0, _LONGEST_SIDE / max(picture.shape[:2]))
    for factor, quality in _STEPS:
        copy = _encode(picture, factor * fit, quality)
        if copy and len(copy.jpeg) <= len(jpeg) // 2:
            return copy
    return None


def baseline(jpeg: bytes) -> Copy | None:
    """Return a copy as plain baseline JPEG without metadata; None if the picture cannot be decoded."""
    picture = decode_picture(jpeg)
    return None if picture is None else _encode(picture, 1.0, _BASELINE_QUALITY)


def _encode(picture: Picture, factor: float, quality: int) -> Copy | None:
    height, width = picture.shape[:2]
    size = (round(width * factor), round(height * factor))
    if factor < 1:
        if min(size) < _SHORTEST_SIDE:
            return None
        picture = resized(picture, *size)
    data = encode_picture(picture, quality)
    return None if data is None else Copy(data, (size[0] / width, size[1] / height))
