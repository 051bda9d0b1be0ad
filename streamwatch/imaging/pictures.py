"""Opens pictures that came from outside: JPEG, PNG, BMP and WebP, and nothing else that OpenCV would open.

A file of a few bytes can announce a picture that fills the memory. It can also announce a small picture to a program
that looks at its head, while the decoder finds a large one. So the decoder gets no byte of the file that was not
understood here: a parser takes the picture apart first, refuses all that two programs could understand in two ways, and
puts it together anew from the parts that make up its pixels. Its size, the number of its scans and the size of its
unpacked data are limited before that.

Sources: JPEG ITU-T T.81, PNG ISO/IEC 15948, WebP RFC 9649, BMP Microsoft's BITMAPINFOHEADER and its successors.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from streamwatch.core.model import Picture
from streamwatch.imaging.jpeg_syntax import APPLICATIONS, END_OF_SCAN, EOI, SOS, frame_size
from streamwatch.imaging.limits import LIMITS, Fault, PictureLimits, UnfitPicture, check_size

_MOST_PARTS = 10_000
"""Upper limit of the segments of a JPEG, or the chunks of a PNG or WebP."""
_MOST_SCANS = 20
"""Upper limit of the scans of a JPEG: usual progressive ones have 10. Each scan is a walk over all pixels, even if it
has few bytes."""
_MOST_RAW = 100_000_000
"""Upper limit of the bytes of a PNG's pixels, unpacked: 16 bits a sample take twice the time and memory of 8."""


@dataclass(frozen=True, slots=True)
class ParsedPicture:
    """A picture that was taken apart. width, height: px, before it is turned upright.

    data: the file, reduced to the parts that make up the pixels.
    """

    width: int
    height: int
    data: bytes


def measure(data: bytes, limits: PictureLimits = LIMITS) -> ParsedPicture:
    """Take a file apart without unpacking anything; this takes some 10 ms for 4 MB. Raise UnfitPicture."""
    if len(data) > limits.bytes:
        raise UnfitPicture(Fault.TOO_LARGE, f"too large: more than {limits.bytes:,} bytes")
    parser = next((parser for start, parser in _PARSERS.items() if data.startswith(start)), None)
    if parser is None:
        raise UnfitPicture(Fault.FORMAT, "no JPEG, PNG, BMP or WebP")
    try:
        found = parser(data)
    except (struct.error, IndexError):
        raise _broken("cut off") from None
    if not found.width or not found.height:
        raise _broken("without any pixel")
    check_size(found.width, found.height, limits)
    return found


def open_picture(data: bytes, limits: PictureLimits = LIMITS) -> Picture:
    """Return the picture, turned upright as its EXIF orientation says: (height, width, 3) uint8 BGR.

    Raise UnfitPicture.
    """
    found = measure(data, limits)
    if data.startswith(_BMP):
        return _bmp_pixels(data)
    if data.startswith(_PNG):
        _unpack(found)
    try:
        picture = cv2.imdecode(np.frombuffer(found.data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None or sorted(picture.shape[:2]) != sorted((found.width, found.height)):
        raise _broken("its pixels cannot be decoded")
    return np.asarray(picture, np.uint8)


def _broken(words: str) -> UnfitPicture:
    return UnfitPicture(Fault.BROKEN, f"damaged: {words}")


# ---- JPEG -----------------------------------------------------------------------------------------------------------

_EXIF, _ADOBE = 0xE1, 0xEE
_FRAMES = {0xC0, 0xC1, 0xC2}
"""Frame headers of baseline, extended and progressive JPEG, all with Huffman codes; other kinds are not in use."""
_TABLES = {0xC4, 0xDB, 0xDD}
"""Segments with Huffman codes, quantisation and restart interval."""
_FILL = re.compile(rb"\xff+")


def _jpeg(data: bytes) -> ParsedPicture:
    at, size, scans, kept = 2, None, 0, [b"\xff\xd8"]
    for _ in range(_MOST_PARTS):
        fill = _FILL.match(data, at)
        if fill is None:
            raise _broken("bytes between the segments")
        at = fill.end()
        marker = data[at]
        if marker == EOI:
            if size is None or not scans:
                raise _broken("without pixels")
            return ParsedPicture(*size, b"".join([*kept, b"\xff\xd9"]))
        length = struct.unpack_from(">H", data, at + 1)[0]
        segment, at = data[at + 1 : at + 1 + length], at + 1 + length
        if length < 2 or len(segment) < length:
            raise _broken("cut off")
        if marker in _FRAMES:
            if size is not None:
                raise _broken("it has two sizes")
            size = _frame(segment)
        elif marker == SOS:
            end = END_OF_SCAN.search(data, at)
            scans += 1
            if size is None or end is None or scans > _MOST_SCANS:
                raise _broken("cut off" if end is None else "its scans")
            segment, at = segment + data[at : end.start()], end.start()
        elif marker not in _TABLES | APPLICATIONS:
            raise _broken(f"the segment {marker:02X}")
        if marker not in APPLICATIONS or _matters(marker, segment):
            kept.append(bytes((0xFF, marker)) + segment)
    raise _broken("too many segments")


def _frame(segment: bytes) -> tuple[int, int]:
    length, precision, components = *struct.unpack_from(">HB", segment), segment[7]
    if precision != 8 or components not in (1, 3, 4) or length != 8 + 3 * components:
        raise _broken("a kind of JPEG that is not read")
    return frame_size(segment)


def _matters(marker: int, segment: bytes) -> bool:
    """Return True if a segment of an application says how the pixels are to be shown."""
    starts = {0xE0: b"JFIF\0", _EXIF: b"Exif\0\0", _ADOBE: b"Adobe"}
    return marker in starts and segment[2:].startswith(starts[marker])


# ---- PNG ------------------------------------------------------------------------------------------------------------

_PNG = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel by colour type."""
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ANIMATION = {b"acTL", b"fcTL", b"fdAT"}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""First column and row, and steps in both directions, of the passes of an interlaced picture."""


def _png(data: bytes) -> ParsedPicture:
    chunks = _png_chunks(data)
    kind, head = next(chunks)
    if kind != b"IHDR" or len(head) != 13:
        raise _broken("its first chunk")
    width, height = struct.unpack_from(">II", head)
    if _raw_size(head) > _MOST_RAW:
        raise UnfitPicture(Fault.TOO_LARGE, f"too large: {width} x {height} pixels of {head[8]} bits a sample")
    palette, before = b"", b""
    pixels: list[bytes] = []
    for kind, content in chunks:
        if kind in _ANIMATION:
            raise _broken("it is animated")
        if kind == b"PLTE" and not palette and not pixels:
            palette = content
        elif kind == b"IDAT" and (not pixels or before == b"IDAT"):
            pixels.append(content)
        elif kind != b"IEND" and not kind[0] & 0x20:  # a small first letter: the pixels do not depend on it
            raise _broken("its chunks")
        before = kind
    parts = [_chunk(b"IHDR", head)]
    if head[9] == 3:
        if not palette or len(palette) % 3 or len(palette) > 3 << head[8]:
            raise _broken("its palette")
        parts.append(_chunk(b"PLTE", palette))
    whole = [_PNG, *parts, _chunk(b"IDAT", b"".join(pixels)), _chunk(b"IEND", b"")]
    return ParsedPicture(width, height, b"".join(whole))


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_PNG)
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        content = data[at + 8 : at + 8 + length]
        if len(content) < length or not kind.isalpha():
            raise _broken("cut off")
        if struct.unpack_from(">I", data, at + 8 + length)[0] != zlib.crc32(content, zlib.crc32(kind)):
            raise _broken("a checksum")
        yield kind, content
        at += 12 + length
        if kind == b"IEND":
            return
    raise _broken("too many chunks")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _raw_size(head: bytes) -> int:
    """Return the bytes of all rows of pixels, each with its filter. head: the content of IHDR."""
    width, height, depth, colour, compression, filters, interlaced = struct.unpack(">IIBBBBB", head)
    if depth not in _DEPTHS.get(colour, ()) or compression or filters or interlaced > 1:
        raise _broken("its first chunk")
    total = 0
    for left, top, across, down in _ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            total += rows * (1 + -(-columns * depth * _SAMPLES[colour] // 8))
    return total


def _unpack(found: ParsedPicture) -> None:
    """Raise UnfitPicture if the pixels of a PNG do not unpack to exactly the number of bytes that its size asks for."""
    chunks = dict(_png_chunks(found.data))
    expected, unpacked = _raw_size(chunks[b"IHDR"]), 0
    unpacker, rest = zlib.decompressobj(), chunks[b"IDAT"]
    try:
        while rest and unpacked <= expected:
            unpacked += len(unpacker.decompress(rest, 1 << 20))
            rest = unpacker.unconsumed_tail
    except zlib.error:
        raise _broken("its pixels cannot be unpacked") from None
    if unpacked != expected or not unpacker.eof:
        raise _broken("it has more or fewer pixels than it says")


# ---- WebP -----------------------------------------------------------------------------------------------------------


def _webp(data: bytes) -> ParsedPicture:
    if data[8:12] != b"WEBP":
        raise UnfitPicture(Fault.FORMAT, "no JPEG, PNG, BMP or WebP")
    size, canvas, image = struct.unpack_from("<I", data, 4)[0], None, None
    if size + 8 > len(data):
        raise _broken("cut off")
    at, end = 12, size + 8
    for _ in range(_MOST_PARTS):
        if at >= end:
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        content = data[at + 8 : at + 8 + length]
        if at + 8 + length > end:
            raise _broken("cut off")
        if kind == b"VP8X" and at == 12:
            flags, *canvas = content[0], int.from_bytes(content[4:7], "little"), int.from_bytes(content[7:10], "little")
            if flags & 2 or length != 10:
                raise _broken("it is animated")
        elif kind in (b"ANIM", b"ANMF", b"VP8X"):
            raise _broken("it is animated")
        elif kind in (b"VP8 ", b"VP8L"):
            if image is not None:
                raise _broken("it has two pictures")
            image = (kind, content)
        at += 8 + length + length % 2
    if image is None or at < end:
        raise _broken("without pixels")
    width, height = _lossy(image[1]) if image[0] == b"VP8 " else _lossless(image[1])
    if canvas is not None and canvas != [width - 1, height - 1]:
        raise _broken("it has two sizes")
    body = b"WEBP" + image[0] + struct.pack("<I", len(image[1])) + image[1] + bytes(len(image[1]) % 2)
    return ParsedPicture(width, height, b"RIFF" + struct.pack("<I", len(body)) + body)


def _lossy(content: bytes) -> tuple[int, int]:
    """Return the size in the head of a VP8 key frame (RFC 6386, 9.1)."""
    tag = int.from_bytes(content[:3], "little")
    if content[3:6] != b"\x9d\x01\x2a" or tag & 1 or not tag & 16 or (tag >> 5) + 10 > len(content):
        raise _broken("its head")
    width, height = struct.unpack_from("<HH", content, 6)
    return width & 0x3FFF, height & 0x3FFF


def _lossless(content: bytes) -> tuple[int, int]:
    mark, bits = struct.unpack_from("<BI", content)
    if mark != 0x2F or bits >> 29:
        raise _broken("its head")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


# ---- BMP ------------------------------------------------------------------------------------------------------------

_BMP = b"BM"
_HEADS = (40, 52, 56, 108, 124)
_PLAIN_MASKS = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)


@dataclass(frozen=True, slots=True)
class _BmpHead:
    """The head of a BMP. pixels: their offset in the file. height: negative if the first row is the uppermost one."""

    width: int
    height: int
    bits: int
    pixels: int
    palette: bytes

    @property
    def row(self) -> int:
        """Return the bytes of a row, filled up to whole words of 4 bytes."""
        return (self.width * self.bits + 31) // 32 * 4


def _bmp_head(data: bytes) -> _BmpHead:
    pixels, head, width, height, planes, bits, packing = struct.unpack_from("<IIiiHHI", data, 10)
    colours = struct.unpack_from("<I", data, 46)[0]
    plain = packing == 0 or (packing == 3 and bits == 32 and data[54:66] == _PLAIN_MASKS)
    if head not in _HEADS or planes != 1 or bits not in (8, 24, 32) or not plain or width <= 0 or colours > 256:
        raise _broken("a kind of BMP that is not read")
    palette = b""
    if bits == 8:
        palette = data[14 + head : 14 + head + 4 * (colours or 256)]
    if pixels < 14 + head + len(palette):
        raise _broken("its head")
    return _BmpHead(width, height, bits, pixels, palette)


def _bmp(data: bytes) -> ParsedPicture:
    head = _bmp_head(data)
    if head.pixels + head.row * abs(head.height) > len(data):
        raise _broken("cut off")
    return ParsedPicture(head.width, abs(head.height), data)


def _bmp_pixels(data: bytes) -> Picture:
    """Return the pixels of a file that was measured. There is nothing to decode, so OpenCV is not needed."""
    head = _bmp_head(data)
    rows = np.frombuffer(data, np.uint8, head.row * abs(head.height), head.pixels).reshape(abs(head.height), head.row)
    samples = rows[:, : head.width * head.bits // 8].reshape(abs(head.height), head.width, head.bits // 8)
    if head.bits == 8:
        colours = np.zeros((256, 4), np.uint8)
        colours[: len(head.palette) // 4] = np.frombuffer(head.palette, np.uint8).reshape(-1, 4)
        samples = colours[samples[:, :, 0]]
    upright = samples if head.height < 0 else samples[::-1]
    return np.ascontiguousarray(upright[:, :, :3])


_PARSERS = {b"\xff\xd8": _jpeg, _PNG: _png, b"RIFF": _webp, _BMP: _bmp}
"""The parser for each beginning of a file."""
