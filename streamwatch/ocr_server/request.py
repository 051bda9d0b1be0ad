"""Parses a request of the protocol: first its head, then the form in its body, then the picture in the form.

Limits are those of the API gateway and of the service behind ocrCars: 8 kB of address and headers, 8 MB of body, 4 MB
of picture with sides of 15 to 4096 pixels.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import Scope

from streamwatch.imaging.pictures import Fault, Limits, UnfitPicture, measure
from streamwatch.ocr_server.replies import Business, Refusal

PATH = "/ocrCars"
LONGEST_HEAD = 8192
LARGEST_BODY = 8 * 1024 * 1024
LARGEST_PICTURE = 4 * 1024 * 1024
SHORTEST_SIDE, LONGEST_SIDE = 15, 4096
_LIMITS = Limits(LARGEST_PICTURE, LONGEST_SIDE, LONGEST_SIDE**2)
_BUSINESS = {Fault.FORMAT: Business.FORMAT, Fault.BROKEN: Business.UNPARSED, Fault.TOO_LARGE: Business.TOO_LARGE}
_FORM = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 20
_ONCE = {"authorization", "content-length", "content-type", "content-encoding", "expect", "host"}

Pairs = tuple[tuple[str, str], ...]


class Refused(Exception):
    """The request is refused. detail: what follows the gateway's words."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(refusal.code)
        self.refusal, self.detail = refusal, detail


class Unreadable(Exception):
    """The picture cannot be read."""

    def __init__(self, business: Business) -> None:
        super().__init__(business.name)
        self.business = business


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request.

    headers: by lower-case name, values of the same name joined. query: decoded. length: of the body in bytes.
    """

    method: str
    path: str
    query: Pairs
    headers: Mapping[str, str]
    length: int


def read_head(scope: Scope) -> Head:
    """Return the head of an ASGI request. Raises Refused for anything but a form to PATH."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers and (name in _ONCE or name.startswith("x-ca-")):
            raise Refused(Refusal.HEADER)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    method, path = scope["method"], scope["raw_path"].decode("latin-1")
    if path != PATH:
        raise Refused(Refusal.PATH)
    if method != "POST":
        raise Refused(Refusal.METHOD)
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(Refusal.CONTENT_TYPE)
    return Head(method, path, _pairs(scope["query_string"]), headers, _length(headers))


def _length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "")
    plain = text.isascii() and text.isdigit() and len(text) < 16
    if not plain or "content-encoding" in headers or not int(text):
        raise Refused(Refusal.NO_BODY)
    if int(text) > LARGEST_BODY:
        raise Refused(Refusal.BODY_TOO_LARGE)
    return int(text)


def read_form(body: bytes) -> Pairs:
    """Return the decoded parameters of a body. Raises Refused if the body is no form."""
    return _pairs(body)


_ODD = re.compile(rb"[^!-~]|%(?![0-9A-Fa-f]{2})")
"""What no form contains: blanks, control characters, bytes beyond ASCII, a percent sign without its two digits."""
_SWAPPED = bytes.maketrans(b"%+", b"= ")


def _pairs(text: bytes) -> Pairs:
    """Return the decoded parameters in order. Their number is bounded; the time depends only on the length."""
    fields = text.split(b"&", _MOST_PARAMETERS)
    if len(fields) > _MOST_PARAMETERS or _ODD.search(text):
        raise Refused(Refusal.NO_BODY)
    pairs = (field.partition(b"=") for field in fields if field)
    return tuple((_unescaped(name), _unescaped(value)) for name, _, value in pairs)


def _unescaped(text: bytes) -> str:
    """Return the text with its escapes decoded. But for the sign, they are those of RFC 2045, 6.7 (`=41` for A).

    Python decodes that in C, some hundred times as fast as `urllib.parse`.
    """
    try:
        return binascii.a2b_qp(text.replace(b"=", b"%3D").translate(_SWAPPED)).decode()
    except UnicodeDecodeError:
        raise Refused(Refusal.NO_BODY) from None


def picture_of(form: Pairs) -> bytes:
    """Return the picture that the client wants read. Raises Unreadable."""
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
    try:
        found = measure(picture, _LIMITS)
    except UnfitPicture as unfit:
        raise Unreadable(_BUSINESS[unfit.fault]) from None
    if min(found.width, found.height) < SHORTEST_SIDE:
        raise Unreadable(Business.UNPARSED)
    return picture
