"""JPEG pictures out of a stream of bytes, whatever stands between them: boundaries and headers are not relied upon."""

import re
from collections.abc import Iterator

from streamwatch.core.errors import SourceLost

LARGEST = 32_000_000
"""Bytes of one picture, or without any, at most."""
MOST_PIXELS = 50_000_000
"""Of one picture; no camera has more, and a small file may announce four billion."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD8)}
"""Markers without a segment behind them."""
_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a frame header, which holds the size (ITU-T T.81, table B.1)."""
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


class JpegExtractor:
    """Cuts pictures out of what comes, in order. place: who sends them, for messages."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._data = bytearray()
        self._at = self._junk = 0
        self._coded = self._scanning = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give out the pictures that are complete now. Raises SourceLost for what is too large to be one."""
        self._data += data
        while self._find_end():
            yield self._cut()
        if max(len(self._data), self._junk) > LARGEST:
            raise SourceLost(f"{self._place} sends {LARGEST // 1_000_000} MB without a whole JPEG picture.")

    def end(self) -> Iterator[bytes]:
        """Give out the last picture if only the mark of its end is missing."""
        if self._coded:
            self._at = len(self._data)
            yield self._cut()

    def _cut(self) -> bytes:
        picture = bytes(self._data[: self._at])
        del self._data[: self._at]
        self._at, self._junk, self._coded, self._scanning = 0, 0, False, False
        return picture if picture.endswith(b"\xff\xd9") else picture + b"\xff\xd9"

    def _find_end(self) -> bool:
        """True if a picture ends at `_at`; else what is there was gone through as far as it goes."""
        while self._at or self._find_beginning():
            if self._scanning and not self._leave_scan():
                return False
            if len(self._data) < self._at + 2:
                return False
            fill, kind = self._data[self._at : self._at + 2]
            if fill != 0xFF or 0x01 < kind < 0xC0 or (kind == _SOI and not self._coded):
                self._give_up()
            elif kind == _SOI:
                return True
            elif kind == _EOI:
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
        """What began was no picture."""
        self._junk += self._at
        del self._data[: self._at]
        self._at, self._coded, self._scanning = 0, False, False

    def _leave_scan(self) -> bool:
        """Go on to the marker behind the coded data, if it is there."""
        marker = _MARKER.search(self._data, self._at)
        if marker is None:
            self._at = max(self._at, len(self._data) - 1)
            return False
        self._at, self._scanning = marker.start(), False
        return True

    def _pass_segment(self, kind: int) -> bool:
        """Go on behind a segment, if enough of it is there."""
        head = self._data[self._at + 2 : self._at + 9]
        if len(head) < (7 if kind in _SIZES else 2):
            return False
        if kind in _SIZES:
            height, width = int.from_bytes(head[3:5]), int.from_bytes(head[5:7])
            if height * width > MOST_PIXELS:
                raise SourceLost(
                    f"{self._place} sends pictures of {width} x {height}, too many pixels to be decoded.",
                    f"Let it send at most {MOST_PIXELS // 1_000_000} megapixels.",
                )
        self._at += 2 + max(2, int.from_bytes(head[:2]))
        self._scanning = kind == _SOS
        self._coded |= self._scanning
        return True
