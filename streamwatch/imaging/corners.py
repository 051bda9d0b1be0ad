"""Converts corners of plates from the pixels of one picture to those of another; no other module does this."""

from streamwatch.core.model import Box, FrameCorners, JpegCorners


def in_frame(corners: JpegCorners | None, crop: Box, scale: float) -> FrameCorners | None:
    """Return corners in a keyframe's JPEG as corners in its frame.

    crop: the part of the frame that the JPEG shows. scale: JPEG pixels per frame pixel.
    """
    if corners is None:
        return None
    a, b, c, d = ((crop.x + x / scale, crop.y + y / scale) for x, y in corners)
    return FrameCorners((a, b, c, d))


def in_jpeg(corners: FrameCorners | None, crop: Box, scale: float) -> JpegCorners | None:
    """Return corners in a frame as corners in a keyframe's JPEG; the other way of `in_frame`."""
    if corners is None:
        return None
    a, b, c, d = (((x - crop.x) * scale, (y - crop.y) * scale) for x, y in corners)
    return JpegCorners((a, b, c, d))


def in_original(corners: JpegCorners | None, scale: tuple[float, float]) -> JpegCorners | None:
    """Return corners in a smaller copy as corners in the picture that it was made of.

    scale: pixels of the copy per pixel of the original, as (x, y).
    """
    if corners is None or scale == (1.0, 1.0):
        return corners
    a, b, c, d = ((x / scale[0], y / scale[1]) for x, y in corners)
    return JpegCorners((a, b, c, d))
