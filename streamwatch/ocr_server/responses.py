"""Makes the answers: the service's JSON, or the gateway's refusals with their codes and without a body."""

import json
import secrets
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from streamwatch.core.model import JpegCorners, PlateText
from streamwatch.http.limits import HttpResponse

LONGEST_MESSAGE = 400
"""Characters of a message in a header. After a wrong signature the real gateway repeats the whole request there."""


class Refusal(Enum):
    """A refusal of the gateway: its code and its words. The digits of the code are the HTTP status."""

    HEADER = "I400HD", "Invalid Header"
    NO_BODY = "I400BD", "Invalid Request Body"
    CONTENT_TYPE = "I400CT", "Invalid Content-Type"
    METHOD = "I405UM", "Invalid HttpMethod"
    PATH = "I404NF", "API Not Found"
    BODY_TOO_LARGE = "I413RL", "Request Body Too Large"
    URL_TOO_LARGE = "I413UL", "Request Url Too Large"
    NO_CREDENTIALS = "A400MA", "Unauthorized, Authentication Information Missing"
    APPCODE = "A401AC", "Invalid AppCode `not exists`"
    APPKEY = "A400IK", "Invalid AppKey"
    SIGNATURE = "A403IS", "Invalid Signature"
    NONCE = "S403NU", "Nonce Used"
    TIMESTAMP = "S403TE", "Timestamp Expired"
    BUSY = "X503BZ", "Service Unavailable"
    ENGINE_DIED = "X500ER", "Internal Error"
    TOO_LATE = "D504TO", "Backend Service Timeout"

    @property
    def code(self) -> str:
        """Return the code, six characters."""
        return self.value[0]


class RetCode(Enum):
    """`ret_code` and words of an answer to a picture that could not be read."""

    DOWNLOAD = 10, "pictures are not fetched from addresses here; send img_base64"
    UNPARSED = 20, "the picture cannot be parsed"
    PARAMETER = 40, "img_base64 is missing"
    TOO_LARGE = 50, "the picture is too large"
    FORMAT = 60, "the picture is no JPEG, PNG, BMP or WebP"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole HTTP answer. word: names the answer in the log."""

    response: HttpResponse
    word: str
    request_id: str


def refuse(refusal: Refusal, detail: str = "") -> Response:
    """Return a refusal. detail: follows the gateway's words."""
    code, words = refusal.value
    message = (f"{words}, {detail}" if detail else words)[:LONGEST_MESSAGE]
    # The gateway writes UTF-8 into its headers. No header may hold a line break, nor end with a blank.
    printable = "".join(c if c.isprintable() else " " for c in message).strip()
    headers = {"X-Ca-Error-Code": code, "X-Ca-Error-Message": printable}
    return _reply(int(code[1:4]), b"", "application/oct-stream", code, headers)


def plates_found(plates: Sequence[PlateText]) -> Response:
    """Return the best plate, because the service names only one; or the answer that there is none."""
    if not plates:
        return _envelope({"error_msg": ""} | _NOTHING, "no plate")
    best = plates[0]
    body = {
        "ret_code": 0,
        "confidence_level": "" if best.confidence is None else best.confidence,
        "range": _range(best.corners),
        "car_no": best.text,
    }
    return _envelope(body, "read")


def picture_refused(business: RetCode) -> Response:
    """Return the answer to a picture that could not be read."""
    code, words = business.value
    return _envelope(_NOTHING | {"ret_code": code, "error_msg": words}, f"ret_code {code}")


_NOTHING: dict[str, Any] = {"ret_code": 0, "confidence_level": "", "range": [], "car_no": ""}


def _range(corners: JpegCorners | None) -> list[dict[str, int]]:
    return [{"y": round(y), "x": round(x)} for x, y in corners or ()]


def _envelope(body: dict[str, Any], word: str) -> Response:
    document = {
        "showapi_res_error": "",
        "showapi_res_id": f"{int(time.time()):08x}{secrets.token_hex(8)}",
        "showapi_res_code": 0,
        "showapi_fee_num": 0,  # the local engine costs nothing
        "showapi_res_body": body,
    }
    text = json.dumps(document, ensure_ascii=False).encode()
    return _reply(200, text, "application/json; charset=utf-8", word, {})


def _reply(status: int, body: bytes, kind: str, word: str, headers: dict[str, str]) -> Response:
    request_id = str(uuid.uuid4()).upper()
    whole = (("Content-Type", kind), ("X-Ca-Request-Id", request_id), *headers.items())
    return Response(HttpResponse(status, whole, body), word, request_id)
