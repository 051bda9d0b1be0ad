"""Parses a request of the protocol: first its head, then the form in its body, then the picture in the form.

The limits are those of the API gateway and of the service behind ocrCars: 8 kB of address and headers, 8 MB of body, 4
MB of picture with sides of 15 to 4096 pixels.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from streamwatch.imaging.limits import Fault, PictureLimits, UnfitPicture
from streamwatch.imaging.pictures import measure
from streamwatch.ocr_server.responses import Refusal, RetCode

PATH = "/ocrCars"
LONGEST_HEAD = 8192
LARGEST_BODY = 8 * 1024 * 1024
LARGEST_PICTURE = 4 * 1024 * 1024
SHORTEST_SIDE, LONGEST_SIDE = 15, 4096
_LIMITS = PictureLimits(LARGEST_PICTURE, LONGEST_SIDE, LONGEST_SIDE**2)
_BUSINESS = {Fault.FORMAT: RetCode.FORMAT, Fault.BROKEN: RetCode.UNPARSED, Fault.TOO_LARGE: RetCode.TOO_LARGE}
_FORM = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 20
_ONCE = {"authorization", "content-length", "content-type", "content-encoding", "expect", "host"}

Pairs = tuple[tuple[str, str], ...]


class RequestRefused(Exception):
    """The request is refused. detail: follows the gateway's words."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.code)
        self.refusal, self.detail = refusal, detail


class Unreadable(Exception):
    """The picture cannot be read."""

    def __init__(self, business: RetCode) -> None:
        super().__init__(business.name)
        self.business = business


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request.

    headers: by lower-case name, values of the same name joined. query: decoded. length: of the body in bytes.
    """

    method: str
    path: str
    query: Pairs
    headers: Mapping[str, str]
    length: int


def read_head(scope: Scope) -> RequestHead:
    """Return the head of an ASGI request. Raise RequestRefused for anything but a form to PATH."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers and (name in _ONCE or name.startswith("x-ca-")):
            raise RequestRefused(Refusal.HEADER)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    method, path = scope["method"], scope["raw_path"].decode("latin-1")
    if path != PATH:
        raise RequestRefused(Refusal.PATH)
    if method != "POST":
        raise RequestRefused(Refusal.METHOD)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise RequestRefused(Refusal.CONTENT_TYPE)
    return RequestHead(method, path, _pairs(scope["query_string"]), headers, _length(headers))


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    plain = text.isascii() and text.isdigit() and len(text) < 16
    if not plain or "content-encoding" in headers or not int(text):
        raise RequestRefused(Refusal.NO_BODY)
    if int(text) > LARGEST_BODY:
        raise RequestRefused(Refusal.BODY_TOO_LARGE)
    return int(text)


def read_form(body: bytes) -> Pairs:
    """Return the decoded parameters of a body. Raise RequestRefused if the body is not a form."""
    return _pairs(body)


_ODD = re.compile(rb"[^!-~]|%(?![0-9A-Fa-f]{2})")
"""Bytes that no form holds: blanks, control characters, bytes beyond ASCII, a percent sign without its two digits."""
_SWAPPED = bytes.maketrans(b"%+", b"= ")


def _pairs(text: bytes) -> Pairs:
    """Return the decoded parameters in order. Their number is bounded; the time depends on the length alone."""
    fields = text.split(b"&", _MOST_PARAMETERS)
    if len(fields) > _MOST_PARAMETERS or _ODD.search(text):
        raise RequestRefused(Refusal.NO_BODY)
    pairs = (field.partition(b"=") for field in fields if field)
    return tuple((_unescaped(name), _unescaped(value)) for name, _, value in pairs)


def _unescaped(text: bytes) -> str:
    """Return a text without percent signs. With "=" as the escape this is the encoding of RFC 2045, 6.7 (`=41` for A).

    Python decodes that in C, some hundred times as fast as `urllib.parse`.
    """
    try:
        return binascii.a2b_qp(text.replace(b"=", b"%3D").translate(_SWAPPED)).decode()
    except UnicodeDecodeError:
        raise RequestRefused(Refusal.NO_BODY) from None


def picture_of(form: Pairs) -> bytes:
    """Return the picture that is to be read. Raise Unreadable."""
    values = dict(reversed(form))
    text = values.get("img_base64", "")
    if not text:
        raise Unreadable(RetCode.DOWNLOAD if values.get("img_url") else RetCode.PARAMETER)
    if len(text) > LARGEST_PICTURE * 4 // 3 + 4:
        raise Unreadable(RetCode.TOO_LARGE)
    try:
        picture = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(RetCode.UNPARSED) from None
    try:
        found = measure(picture, _LIMITS)
    except UnfitPicture as unfit:
        raise Unreadable(_BUSINESS[unfit.fault]) from None
    if min(found.width, found.height) < SHORTEST_SIDE:
        raise Unreadable(RetCode.UNPARSED)
    return picture
