"""A request of the protocol, as far as it can be judged by its head, and the picture in its body.

Limits are those of the API gateway and of the service behind ocrCars: 8 kB of address and headers, 8 MB of body, 4 MB
of picture with sides of 15 to 4096 pixels.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from streamwatch.serving.replies import Business, Refusal

PATH = "/ocrCars"
LONGEST_HEAD = 8192
LARGEST_BODY = 8 * 1024 * 1024
LARGEST_PICTURE = 4 * 1024 * 1024
SHORTEST_SIDE, LONGEST_SIDE = 15, 4096
_FORM = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 20
_ONCE = {"authorization", "content-length", "content-type", "transfer-encoding", "content-encoding", "expect", "host"}

Pairs = tuple[tuple[str, str], ...]


class Refused(Exception):
    """The request is refused. detail: what follows the gateway's words."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.code)
        self.refusal, self.detail = refusal, detail


class Unreadable(Exception):
    """The picture can not be read."""

    def __init__(self, business: Business) -> None:
        super().__init__(business.name)
        self.business = business


@dataclass(frozen=True, slots=True)
class Head:
    """headers: by lower-case name, values of the same name joined. query: decoded. length: of the body in bytes."""

    method: str
    path: str
    query: Pairs
    headers: Mapping[str, str]
    length: int

    @property
    def expects(self) -> bool:
        """Whether the client waits for permission to send the body."""
        return self.headers.get("expect", "").lower() == "100-continue"


def read_head(text: bytes) -> Head:
    """text: request line and headers without the empty line. Raises Refused for anything but a form to PATH."""
    first, *lines = text.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(Refusal.HEADER)
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Refused(Refusal.HEADER)
        name, value = name.lower(), value.strip()
        if name in headers and (name in _ONCE or name.startswith("x-ca-")):
            raise Refused(Refusal.HEADER)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    method, (path, _, query) = words[0], words[1].partition("?")
    if path != PATH:
        raise Refused(Refusal.PATH)
    if method != "POST":
        raise Refused(Refusal.METHOD)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(Refusal.CONTENT_TYPE)
    return Head(method, path, _pairs(query), headers, _length(headers))


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    plain = text.isascii() and text.isdigit() and len(text) < 16
    if not plain or "transfer-encoding" in headers or "content-encoding" in headers or not int(text):
        raise Refused(Refusal.NO_BODY)
    if int(text) > LARGEST_BODY:
        raise Refused(Refusal.BODY_TOO_LARGE)
    return int(text)


def read_form(body: bytes) -> Pairs:
    """Decoded parameters. Raises Refused where it is no form."""
    try:
        return _pairs(body.decode("ascii"))
    except UnicodeDecodeError:
        raise Refused(Refusal.NO_BODY) from None


def _pairs(text: str) -> Pairs:
    try:
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict"))
    except ValueError:
        raise Refused(Refusal.NO_BODY) from None


def picture_of(form: Pairs) -> bytes:
    """The picture that is to be read. Raises Unreadable."""
    values = dict(reversed(form))
    text = values.get("img_base64", "")
    if not text:
        raise Unreadable(Business.DOWNLOAD if values.get("img_url") else Business.PARAMETER)
    if len(text) > LARGEST_PICTURE * 4 // 3 + 4:
        raise Unreadable(Business.TOO_LARGE)
    try:
        picture = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(Business.UNPARSED) from None
    _check_size(picture)
    return picture


def _check_size(picture: bytes) -> None:
    """Before anything is decoded, for a small file can hold a picture that fills the memory."""
    try:
        size = _size(picture)
    except (struct.error, IndexError):
        raise Unreadable(Business.UNPARSED) from None
    if size is None:
        raise Unreadable(Business.FORMAT)
    if len(picture) > LARGEST_PICTURE or max(size) > LONGEST_SIDE:
        raise Unreadable(Business.TOO_LARGE)
    if min(size) < SHORTEST_SIDE:
        raise Unreadable(Business.UNPARSED)


def _size(picture: bytes) -> tuple[int, int] | None:
    """Width and height as the file says; None for another format. Raises struct.error, IndexError for a cut file."""
    if picture.startswith(b"\xff\xd8"):
        return _jpeg_size(picture)
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", picture, 16)
        return width, height
    if picture.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack_from("<HH", picture, 6)
        return width, height
    if picture.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", picture, 18)
        return abs(width), abs(height)
    return None


_SOF = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG that begin a frame (ITU-T T.81, table B.1)."""


def _jpeg_size(picture: bytes) -> tuple[int, int]:
    at = 2
    while True:
        if picture[at] != 0xFF:
            raise IndexError
        marker = picture[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _SOF:
            height, width = struct.unpack_from(">HH", picture, at + 5)
            return width, height
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", picture, at + 2)[0])
