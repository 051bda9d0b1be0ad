"""Small clips whose pictures carry their number, readable after coding, for the tests of capture."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from streamwatch.core.model import Picture

BITS = 12
CELL = 16
"""Side in pixels of one bit of the number; also the height of the strip at the top of the picture."""


def pictures(count: int, width: int, height: int) -> Iterator[Picture]:
    """Return (height, width, 3) RGB pictures: a coloured ramp under the number in black and white, lowest bit first."""
    y, x = np.mgrid[0:height, 0:width]
    ramp = np.dstack([x * 255 // width, y * 255 // height, 255 - x * 255 // width]).astype(np.uint8)
    for number in range(count):
        picture = ramp.copy()
        for bit in range(BITS):
            picture[:CELL, bit * CELL : (bit + 1) * CELL] = 255 * (number >> bit & 1)
        yield picture


def number_in(luma: Picture) -> int:
    """Return the number that the picture carries."""
    return sum(int(luma[CELL // 2, bit * CELL + CELL // 2] > 128) << bit for bit in range(BITS))


def clip(
    path: Path,
    count: int = 50,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = (320, 192),
    rate: int = 25,
    gop: int = 25,
    pixels: str = "yuv420p",
    pts: Mapping[int, int] | None = None,
    metadata: Mapping[str, str] | None = None,
    turned: int = 0,
    mirrored: bool = False,
    colours: tuple[int, int] | None = None,
    bframes: int = 0,
) -> Path:
    """Write a clip and return its path; the container follows the ending.

    pts: other time stamps than the picture's number, in units of 1/rate. turned, mirrored: what the display matrix says
    is to be done: degrees counter-clockwise, then left and right exchanged. colours: matrix and range as FFmpeg counts
    them (1 BT.709, 6 BT.601; 1 limited, 2 full). bframes: of libx264, between two others.
    """
    options = {
        "libx264": {"preset": "ultrafast", "bf": str(bframes)},
        "libx265": {"x265-params": "log-level=none:bframes=0"},
    }
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=rate, options=options.get(codec, {}) | {"g": str(gop)})
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        if turned or mirrored:
            stream.set_display_rotation(turned, hflip=mirrored)
        matrix, spread = colours or (2, 0)
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, spread
        for number, picture in enumerate(pictures(count, *size)):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
                format=pixels,
                dst_colorspace="itu709" if matrix == 1 else "itu601",
                dst_color_range=spread or 1,
            )
            frame.pts, frame.time_base = (pts or {}).get(number, number), Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
