"""The parts of a JPEG file that are looked at without decoding it (ITU-T T.81, annex B)."""

import re

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
"""Markers: start of the picture, end of the picture, start of a scan."""
APPLICATIONS = {*range(0xE0, 0xF0), 0xFE}
"""Markers of segments for applications, and of comments."""
FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a frame header, which holds the size (table B.1)."""
END_OF_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The next marker. Within a scan FF00 is a byte of data, FFD0 to FFD7 restart it, and further FF fill up."""


def frame_size(segment: bytes | bytearray) -> tuple[int, int]:
    """Return (width, height) in px. segment: a frame header from its length on, at least 7 bytes of it."""
    return int.from_bytes(segment[5:7]), int.from_bytes(segment[3:5])
