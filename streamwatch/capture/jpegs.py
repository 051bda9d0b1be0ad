"""Finds JPEG pictures in a stream of bytes, whatever stands between them: no boundaries or headers are needed."""

from collections.abc import Iterator

from streamwatch.core.errors import SourceLost
from streamwatch.imaging.jpeg_syntax import END_OF_SCAN, EOI, FRAME_HEADERS, SOI, SOS, frame_size
from streamwatch.imaging.limits import PictureLimits, UnfitPicture, check_size

CAMERA_LIMITS = PictureLimits(bytes=32_000_000, side=65_535, pixels=50_000_000)
"""bytes: of one picture, or without one. pixels: no camera has more, and a small file may announce four billion."""

_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers that no segment follows."""


class JpegExtractor:
    """Takes pictures out of what comes, in order. place: where it comes from, for messages."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._data = bytearray()
        self._at = self._junk = 0
        self._coded = self._scanning = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the pictures that are complete now. Raise SourceLost for what is too large to be one."""
        self._data += data
        while self._find_end():
            yield self._cut()
        if max(len(self._data), self._junk) > CAMERA_LIMITS.bytes:
            raise SourceLost(f"{self._place} sends {CAMERA_LIMITS.bytes // 1_000_000} MB without a whole JPEG picture.")

    def end(self) -> Iterator[bytes]:
        """Yield the last picture if only its end marker is missing."""
        if self._coded:
            self._at = len(self._data)
            yield self._cut()

    def _cut(self) -> bytes:
        picture = bytes(self._data[: self._at])
        del self._data[: self._at]
        self._at, self._junk, self._coded, self._scanning = 0, 0, False, False
        return picture if picture.endswith(b"\xff\xd9") else picture + b"\xff\xd9"

    def _find_end(self) -> bool:
        """Return True if a picture ends at `_at`; False if all that is there was searched."""
        while self._at or self._find_beginning():
            if self._scanning and not self._leave_scan():
                return False
            if len(self._data) < self._at + 2:
                return False
            fill, kind = self._data[self._at : self._at + 2]
            if fill != 0xFF or 0x01 < kind < 0xC0 or (kind == SOI and not self._coded):
                self._give_up()
            elif kind == SOI:
                return True
            elif kind == EOI:
                self._at += 2
                return True
            elif kind == 0xFF:
                self._at += 1
            elif kind in _ALONE:
                self._at += 2
            elif not self._pass_segment(kind):
                return False
        return False

    def _find_beginning(self) -> bool:
        begin = self._data.find(b"\xff\xd8\xff")
        junk = len(self._data) - 2 if begin < 0 else begin
        self._junk += max(0, junk)
        del self._data[: max(0, junk)]
        self._at = 0 if begin < 0 else 2
        return begin >= 0

    def _give_up(self) -> None:
        """Leave out what began but was no picture."""
        self._junk += self._at
        del self._data[: self._at]
        self._at, self._coded, self._scanning = 0, False, False

    def _leave_scan(self) -> bool:
        """Go on to the marker after the coded data, and return True if it is there."""
        marker = END_OF_SCAN.search(self._data, self._at)
        if marker is None:
            self._at = max(self._at, len(self._data) - 1)
            return False
        self._at, self._scanning = marker.start(), False
        return True

    def _pass_segment(self, kind: int) -> bool:
        """Go on after a segment, and return True if enough of it is there."""
        head = self._data[self._at + 2 : self._at + 9]
        if len(head) < (7 if kind in FRAME_HEADERS else 2):
            return False
        if kind in FRAME_HEADERS:
            self._check_size(*frame_size(head))
        self._at += 2 + max(2, int.from_bytes(head[:2]))
        self._scanning = kind == SOS
        self._coded |= self._scanning
        return True

    def _check_size(self, width: int, height: int) -> None:
        try:
            check_size(width, height, CAMERA_LIMITS)
        except UnfitPicture:
            raise SourceLost(
                f"{self._place} sends pictures of {width} x {height}, too many pixels to be decoded.",
                f"Let it send at most {CAMERA_LIMITS.pixels // 1_000_000} megapixels.",
            ) from None
