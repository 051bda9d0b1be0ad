"""Smaller copies and parts of kept pictures, for pages."""

import math
from collections.abc import Sequence

import cv2

from streamwatch.core.model import JpegCorners
from streamwatch.imaging.jpeg import decode_picture, encode_picture, resized

_QUALITY = 82
_AROUND = 0.2
"""What a plate's crop shows around it, in heights of the plate."""
_HIDDEN = 12
"""Blocks over the length of a plate that nobody may read."""


def preview(
    jpeg: bytes,
    width: int | None = None,
    part: JpegCorners | None = None,
    hidden: Sequence[JpegCorners] = (),
) -> bytes | None:
    """Return a copy of a JPEG; None if it cannot be decoded or the part lies outside.

    width: of the copy in pixels; a picture is not enlarged, but a part is, up to three times. None: as it is. part:
    corners of the plate that alone is shown. hidden: corners of plates to make unreadable.
    """
    picture = decode_picture(jpeg)
    if picture is None:
        return None
    for corners in hidden:
        x0, y0, x1, y1 = _around(corners, 0.1, picture.shape[1], picture.shape[0])
        if x1 > x0 and y1 > y0:
            blocks = cv2.resize(picture[y0:y1, x0:x1], (_HIDDEN, 3), interpolation=cv2.INTER_AREA)
            picture[y0:y1, x0:x1] = cv2.resize(blocks, (x1 - x0, y1 - y0), interpolation=cv2.INTER_NEAREST)
    most = picture.shape[1]
    if part is not None:
        x0, y0, x1, y1 = _around(part, _AROUND, picture.shape[1], picture.shape[0])
        if x1 - x0 < 2 or y1 - y0 < 2:
            return None
        picture = picture[y0:y1, x0:x1]
        most = 3 * (x1 - x0)
    height, own = picture.shape[:2]
    wide = min(width or own, most)
    size = wide, max(1, round(height * wide / own))
    if wide > own:
        return encode_picture(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), _QUALITY)
    return encode_picture(resized(picture, *size), _QUALITY)


def _around(corners: JpegCorners, margin: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a plate with a margin of so many heights, inside the picture."""
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    if not all(map(math.isfinite, (*xs, *ys))):
        return 0, 0, 0, 0
    edge = margin * (max(ys) - min(ys))
    left, top = max(0.0, min(xs) - edge), max(0.0, min(ys) - edge)
    right, bottom = min(float(width), max(xs) + edge), min(float(height), max(ys) + edge)
    return int(left), int(top), math.ceil(right), math.ceil(bottom)
