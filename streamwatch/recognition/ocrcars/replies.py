"""Reads the service's reply, in the order in which its protocol decides.

    gateway's code or old message ─▶ tables of gateway.py
    status other than 200         ─▶ JSON with the vendor's codes? else the status
    a compressed body             ─▶ refused: it was not asked for, and a small one can grow to gigabytes
    JSON envelope                 ─▶ platform code, then business code, then plates within bounds

Types vary: numbers may be text, and empty fields may be "", null or absent. A reply that is not understood is an error
and never "no plate", so that an outage cannot look like an empty gate.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streamwatch.core import errors
from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import CallResult, JpegCorners, PlateText, Point
from streamwatch.core.plates import MOST_PLATES, legible
from streamwatch.core.redact import hide_credentials
from streamwatch.recognition.ocrcars import gateway
from streamwatch.recognition.ocrcars.gateway import ASK_VENDOR, Row
from streamwatch.recognition.ocrcars.retry import AS_BASELINE, NEVER, ONCE, Failure

LARGEST_CORNER = 20_000.0
"""px from the picture's origin. Corners further out are discarded."""
_HEAD, _TAIL, _LONGEST = 200, 50, 2048
_ECHO = re.compile(r"(StringToSign:|img_base64=|img_url=).*", re.DOTALL | re.IGNORECASE)
_BETWEEN_PLATES = re.compile(r"[,;、，；]")
_NOTHING_RECOGNISED = 30
_VENDOR_KEYS = {"showapi_res_code", "ret_code"}

_VENDOR_SIDE = Row(errors.ServiceDown, "the vendor's own access to the platform does not work", ASK_VENDOR)
_CHILD = Row(errors.NotAuthorised, "the vendor's platform does not allow the call", ASK_VENDOR)
UNKNOWN = Row(errors.Transient, "the answer has an unknown shape or code", retry=ONCE)
_ENCODED = Row(errors.Transient, "the answer is compressed, although the request did not allow that", ASK_VENDOR, ONCE)
_ILLEGIBLE = Row(errors.Transient, "the answer's car_no is no list of plates", ASK_VENDOR, ONCE)

PLATFORM: dict[int, Row] = {
    -1: Row(errors.Transient, "the platform had a system error"),
    -2: Row(errors.QuotaExhausted, "the vendor has no calls or no money left at the platform"),
    -3: Row(errors.Transient, "the platform's reader timed out"),
    -4: Row(errors.Transient, "the platform did not understand its reader", retry=ONCE),
    -5: Row(errors.Transient, "the platform cannot find its reader", retry=NEVER),
    -6: Row(errors.ServiceDown, "the platform says that the service is offline", ASK_VENDOR),
    -7: _VENDOR_SIDE,
    -1000: Row(errors.Transient, "the platform is under maintenance", retry=NEVER),
    -1002: _VENDOR_SIDE,
    -1003: _VENDOR_SIDE,
    -1004: _VENDOR_SIDE,
    -1005: _VENDOR_SIDE,
    -1006: Row(errors.NotAuthorised, "the platform does not permit the service"),
    -1007: Row(errors.QuotaExhausted, "the vendor has ordered no package at the platform"),
    -1008: Row(errors.ServiceDown, "the vendor has closed access", ASK_VENDOR),
    -1009: Row(errors.Throttled, "too many calls for the platform"),
    -1010: _VENDOR_SIDE,
    -1011: _CHILD,
    -1012: _CHILD,
    -1013: _CHILD,
}
"""Rows by `showapi_res_code`."""

BUSINESS: dict[int, Row] = {
    10: Row(errors.PictureUrlFailed, "the service could not download the picture"),
    20: Row(errors.PictureBroken, "the service could not parse the picture"),
    40: Row(errors.BadRequest, "a parameter is wrong"),
    50: Row(errors.PictureTooLarge, "the picture is too large"),
    60: Row(errors.PictureBroken, "the service does not accept the picture's format", retry=AS_BASELINE),
    70: Row(errors.DoNotResend, "the service failed and forbids sending this picture again"),
    80: Row(errors.Transient, "the service timed out"),
    90: Row(errors.Transient, "the service failed without saying why", retry=ONCE),
}
"""Rows by `ret_code`. 0 is success, and 30 (nothing recognised) is "no plate"."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP reply. headers: by lower-case name, decoded as UTF-8. body: at most the first megabyte."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The outcome of a call: plates, or the failure. `result` is complete except for the latency."""

    result: CallResult
    failure: Failure | None = None

    @property
    def plates(self) -> tuple[PlateText, ...]:
        """Return the plates of the picture that was sent, in its pixels; empty after a failure."""
        return self.result.plates or ()


def excerpt(text: str, hide: Callable[[str], str]) -> str:
    """Return a text from outside for a log: one line of some 250 characters, without secrets, pictures or queries.

    hide: removes this client's own credentials. The service repeats them in some messages, and a signature error
    repeats the whole signed request.
    """
    length = len(text)
    text = _ECHO.sub(r"\1…", hide(text))[:_LONGEST]
    text = hide_credentials(" ".join("".join(c if c.isprintable() else " " for c in text).split()))
    if len(text) <= _HEAD + _TAIL:
        return text
    return f"{text[:_HEAD]}…{text[-_TAIL:]} ({length} characters)"


def read_reply(reply: Reply, hide: Callable[[str], str]) -> AttemptResult:
    """Return the plates or the failure of a reply. hide: removes this client's own credentials from a text."""
    code = excerpt(reply.headers.get("x-ca-error-code", ""), hide)[:16]
    message = excerpt(reply.headers.get("x-ca-error-message", ""), hide)
    failure = gateway.by_gateway(reply.status, code, message)
    if failure:
        return _Envelope(reply, hide).failed(failure, gateway_code=code)
    if reply.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        if reply.status == 200:
            encoding = excerpt(reply.headers["content-encoding"], hide)[:32]
            return _Envelope(reply, hide).failed(_ENCODED.failure("HTTP 200", encoding))
        return _Envelope(reply, hide).failed(gateway.by_status(reply.status, message))
    document = _json_object(reply.body)
    if document is not None and (reply.status == 200 or not document.keys().isdisjoint(_VENDOR_KEYS)):
        return _read_envelope(_Envelope(reply, hide, document))
    if reply.status == 200:
        return _not_json(_Envelope(reply, hide))
    return _Envelope(reply, hide).failed(gateway.by_status(reply.status, message))


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


@dataclass(frozen=True, slots=True)
class _Envelope:
    """A reply with its JSON document; {} if it has none."""

    reply: Reply
    hide: Callable[[str], str]
    document: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> Any:
        """Return `showapi_res_body`, or the document itself if it comes without an envelope."""
        return self.document.get("showapi_res_body", self.document)

    def read(self, plates: tuple[PlateText, ...]) -> AttemptResult:
        """Return the outcome of a picture that was read; it may show no plate."""
        result = self._result(CallOutcome.READ if plates else CallOutcome.NO_PLATE, self.reply.status == 200)
        return AttemptResult(replace(result, plates=plates))

    def failed(self, failure: Failure, charged: bool | None = None, gateway_code: str = "") -> AttemptResult:
        """Return the outcome of a picture that was not read. charged: only if the HTTP status does not tell."""
        charged = self.reply.status == 200 if charged is None else charged
        result = self._result(failure.error.outcome, charged, gateway_code, str(failure.error))
        return AttemptResult(result, failure=failure)

    def words(self) -> str:
        """Return the vendor's own words, without secrets."""
        levels = [level for level in (self.document, self.body) if isinstance(level, Mapping)]
        names = ("showapi_res_error", "error_msg", "remark")
        said = (_text(level.get(name)) for level in levels for name in names)
        return excerpt(next((words for words in said if words), ""), self.hide)

    def _result(self, outcome: CallOutcome, charged: bool, gateway_code: str = "", error: str = "") -> CallResult:
        body = self.body if isinstance(self.body, Mapping) else {}
        fees = [number(level.get("showapi_fee_num")) for level in (self.document, body)]
        return CallResult(
            outcome=outcome,
            charged=charged,
            fee=next((fee for fee in fees if fee is not None and fee >= 0), int(charged)),
            latency=0.0,
            http_status=self.reply.status,
            gateway_code=gateway_code,
            platform_code=number(self.document.get("showapi_res_code")),
            ret_code=number(body.get("ret_code")),
            request_id=excerpt(self.reply.headers.get("x-ca-request-id", ""), self.hide)[:64],
            answer_id=excerpt(_text(self.document.get("showapi_res_id")), self.hide)[:64],
            error=error,
        )


def _not_json(envelope: _Envelope) -> AttemptResult:
    """Return the outcome of a body that is not JSON.

    The page of a login portal or proxy is no answer of the service. A JSON text that is cut off is one, and is
    charged.
    """
    body = envelope.reply.body
    said = excerpt(body[:_LONGEST].decode("utf-8", "replace"), envelope.hide)
    if body.lstrip().startswith(b"{"):
        row = Row(errors.Transient, "the answer is not whole", retry=ONCE)
        return envelope.failed(row.failure("HTTP 200", said))
    advice = "A login portal or a proxy answers in place of the service. Check this machine's network."
    row = Row(errors.Transient, "the answer is not JSON", advice)
    return envelope.failed(row.failure("HTTP 200", said), charged=False)


def _read_envelope(envelope: _Envelope) -> AttemptResult:
    platform, body = envelope.document.get("showapi_res_code"), envelope.body
    if not _nothing(platform) and number(platform) != 0:
        row = PLATFORM.get(number(platform) or 0, UNKNOWN)
        return envelope.failed(row.failure(f"showapi_res_code {number(platform)}", envelope.words()))
    if not isinstance(body, dict):
        return envelope.failed(UNKNOWN.failure("no showapi_res_body", envelope.words()))
    business, plates = body.get("ret_code"), _plates(body)
    if number(business) == _NOTHING_RECOGNISED:
        return envelope.read(())
    if not _nothing(business) and number(business) != 0:
        row = BUSINESS.get(number(business) or 0, UNKNOWN)
        return envelope.failed(row.failure(f"ret_code {number(business)}", envelope.words()))
    if plates is None or (_nothing(business) and "car_no" not in body):
        return envelope.failed(UNKNOWN.failure("neither ret_code nor car_no", envelope.words()))
    trouble = _trouble(plates)
    if trouble:
        return envelope.failed(_ILLEGIBLE.failure("HTTP 200", trouble))
    return envelope.read(plates)


def _trouble(plates: tuple[PlateText, ...]) -> str:
    """Return why this is not a reading of a picture; empty if it is one. The reason repeats nothing of its text."""
    if len(plates) > MOST_PLATES:
        return f"{len(plates)} plates"
    wrong = next((plate.text for plate in plates if not legible(plate.text)), None)
    return "" if wrong is None else f"a text of {len(wrong)} characters"


def _nothing(value: object) -> bool:
    return value is None or value == ""


def number(value: object) -> int | None:
    """Return an integer, also one written as text or as 0.0; None for anything else."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,9}\s*", value):
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e9 and value == int(value):
        return int(value)
    return None


def _real(value: object) -> float | None:
    """Return a finite number, also one written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        real = float(value)
    except (ValueError, OverflowError):
        return None
    return real if math.isfinite(real) else None


def _text(value: object) -> str:
    """Return text that can be written as UTF-8; JSON can hold half of a surrogate pair."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _plates(inner: Mapping[str, Any]) -> tuple[PlateText, ...] | None:
    """Return the plates in `car_no`; None if it holds something other than text."""
    value = inner.get("car_no")
    if not _nothing(value) and not isinstance(value, str):
        return None
    texts = [text.strip() for text in _BETWEEN_PLATES.split(_text(value))]
    texts = [text for text in texts if any(c.isalnum() or unicodedata.category(c)[0] == "C" for c in text)]
    confidence = _real(inner.get("confidence_level"))
    if confidence is not None and not 0 <= confidence <= 1:
        confidence = None
    points = _points(inner.get("range"))
    if len(points) != 4 * len(texts):
        return tuple(PlateText(text, confidence, None) for text in texts)
    return tuple(PlateText(text, confidence, _four(points[4 * i : 4 * i + 4])) for i, text in enumerate(texts))


def _points(value: object) -> list[Point]:
    """Return all points of `range`, read by key; empty if one of them cannot be read."""
    points: list[Point] = []
    for item in value if isinstance(value, list) else []:
        x, y = (_real(item.get("x")), _real(item.get("y"))) if isinstance(item, dict) else (None, None)
        if x is None or y is None:
            return []
        points.append((x, y))
    return points


def _four(points: list[Point]) -> JpegCorners | None:
    """Return the corners of one plate; None if they lie outside of any picture or enclose nothing."""
    xs, ys = zip(*points, strict=True)
    within = all(abs(value) <= LARGEST_CORNER for value in (*xs, *ys))
    if not within or max(xs) - max(0.0, min(xs)) < 1 or max(ys) - max(0.0, min(ys)) < 1:
        return None
    return JpegCorners((points[0], points[1], points[2], points[3]))
