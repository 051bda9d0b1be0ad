"""Thumbnails: small copies of pictures, and the choice of those that fit on a page."""

import base64
from collections.abc import Iterable
from dataclasses import dataclass

from streamwatch.core.model import Box, Frame, Keyframe
from streamwatch.imaging.jpeg import encode, thumbnail

ROOM = 2_900_000  # bytes of JPEG; a third more as base64, so that a page of 150 vehicles stays under 5 MB
QUALITY, PART_QUALITY = 62, 74
PART_SIDE = 440  # px
MOST_BYTES = 60_000


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """A JPEG and its size in pixels."""

    jpeg: bytes
    width: int
    height: int

    @property
    def uri(self) -> str:
        """Return the picture as a data URI."""
        return "data:image/jpeg;base64," + base64.b64encode(self.jpeg).decode("ascii")


def of_frame(frame: Frame, long_side: int) -> Thumbnail:
    """Return a whole frame, its longer side at most `long_side` px."""
    height, width = frame.luma.shape
    small = encode(frame, Box(0, 0, width, height), long_side=long_side, quality=QUALITY, max_bytes=MOST_BYTES)
    return Thumbnail(small.data, small.width, small.height)


def of_keyframe(keyframe: Keyframe) -> Thumbnail:
    """Return a small copy of what was sent."""
    small = thumbnail(keyframe.jpeg, long_side=PART_SIDE, quality=PART_QUALITY)
    return Thumbnail(small.data, small.width, small.height)


def with_room(pictures: Iterable[Thumbnail | None], room: int = ROOM) -> set[int]:
    """Return the `id`s of the pictures that fit into `room` bytes; the first ones have priority."""
    kept = set()
    for picture in pictures:
        if picture is not None and len(picture.jpeg) <= room:
            kept.add(id(picture))
            room -= len(picture.jpeg)
    return kept
