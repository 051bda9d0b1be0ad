"""The client of the paid plate-OCR service ocrCars."""

import base64
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit

from streamwatch.core import errors
from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import CallResult, Engine, Ledger, PlateText
from streamwatch.core.redact import hide_secret
from streamwatch.imaging.corners import in_original
from streamwatch.recognition.ocrcars.credentials import ACCEPT, CONTENT_TYPE, Credentials, Parameters
from streamwatch.recognition.ocrcars.picture_url import refuse_unless_fetchable
from streamwatch.recognition.ocrcars.replies import AttemptResult, Reply, read_reply
from streamwatch.recognition.ocrcars.retry import NEVER, Failure, Repair, RetryBudget
from streamwatch.recognition.ocrcars.shrink import baseline, smaller
from streamwatch.recognition.ocrcars.wire import Wire, address_of

log = logging.getLogger(__name__)

_CLOCK_TOLERANCE = 60.0
"""Seconds by which this machine's clock and the reply's Date may differ because of the network."""

_INTERRUPTED = AttemptResult(
    CallResult(CallOutcome.DOUBTFUL, None, 0, 0.0, error="The call was interrupted in this process.")
)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


@dataclass(frozen=True, slots=True)
class _Picture:
    """A JPEG to be sent, or the address of a picture. scale: its pixels per pixel of the caller's picture."""

    content: bytes | str = field(repr=False)
    scale: tuple[float, float] = (1.0, 1.0)

    def form(self) -> tuple[str, str]:
        if isinstance(self.content, str):
            return "img_url", self.content
        return "img_base64", base64.b64encode(self.content).decode("ascii")

    def body(self, form: tuple[str, str]) -> bytes:
        """Return the form as it is sent. `urlencode` takes twenty times as long to escape base64's three characters."""
        if isinstance(self.content, str):
            return urlencode([form]).encode("ascii")
        name, value = form
        escaped = value.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        return f"{name}={escaped}".encode("ascii")

    def secret(self) -> str:
        """Return the query of an address, which can be a signature that opens the picture to everybody."""
        return urlsplit(self.content).query if isinstance(self.content, str) else ""


class OcrCars:
    """Reads plates by the paid service. Safe for use by several threads at once.

    Each attempt is a row in the ledger, written before a byte is sent. `retry.py` says what may be tried again. This
    client never sends a picture again unchanged if it was or may have been charged: the caller, who keeps the ledger,
    decides about that.

    endpoint: https, or http on this machine. connect_timeout: seconds to connect, with name look-up, proxy and TLS.
    read_timeout: seconds from the sent request to the end of the answer. It must be longer than the service's own limit
    (30 s), or answers that are charged get lost. An attempt ends after the sum of both, wherever it hangs. wait: sleeps
    for some seconds and returns True if the program is stopping, which ends all retries. wall_clock: seconds since
    1970. Raise ConfigError.
    """

    engine: Engine = Engine.OCRCARS

    def __init__(
        self,
        endpoint: str,
        credentials: Credentials,
        *,
        connect_timeout: float = 10.0,
        read_timeout: float = 35.0,
        wait: Callable[[float], bool] = _sleep,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._address = address_of(endpoint)
        self._credentials = credentials
        self._wait = wait
        self._wall_clock = wall_clock
        self._clock_offset = 0.0
        self._wire = Wire(self._address, connect_timeout, read_timeout)

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """Return all plates of the picture, with corners in its pixels. Raise RecognitionError."""
        if not jpeg.startswith(b"\xff\xd8"):
            raise errors.PictureBroken("The picture is not a JPEG.", "Nothing was sent or paid.")
        return self._read(_Picture(jpeg), ledger)

    def read_url(self, url: str, ledger: Ledger) -> list[PlateText]:
        """Return the plates of a picture that the service fetches itself, with corners in its pixels.

        Raise RecognitionError. After PictureUrlFailed the caller may send the picture itself.
        """
        refuse_unless_fetchable(url)
        return self._read(_Picture(url), ledger)

    def close(self) -> None:
        """Close the connections. Calls that other threads are making end as doubtful."""
        self._wire.close()

    def _read(self, picture: _Picture, ledger: Ledger) -> list[PlateText]:
        budget = RetryBudget()
        for attempt in itertools.count(1):
            answer = self._attempt(attempt, picture, ledger)
            if answer.failure is None:
                return list(answer.plates)
            retry = answer.failure.retry
            paid_as_it_is = answer.result.charged is not False and retry.repair is Repair.NOTHING
            again = None if paid_as_it_is or not budget.allows(retry) else _repaired(picture, retry.repair)
            if again is None or self._wait(budget.spend(retry)):
                raise answer.failure.error
            picture = again
        raise AssertionError("unreachable")  # pragma: no cover - the loop above has no end

    def _attempt(self, attempt: int, picture: _Picture, ledger: Ledger) -> AttemptResult:
        ledger.about_to_pay(attempt, picture.content)
        started = time.monotonic()
        answer = _INTERRUPTED
        try:
            answer = _in_pixels_of_the_caller(self._send(picture), picture.scale)
        finally:
            result = replace(answer.result, latency=time.monotonic() - started)
            ledger.ended(attempt, result)
        _log_call(attempt, len(picture.content), result)
        return answer

    def _send(self, picture: _Picture) -> AttemptResult:
        form = picture.form()
        offset = self._clock_offset
        signed = Parameters(self._address.path, self._address.query, [form])
        exchanged = self._wire.exchange(
            {
                "Accept": ACCEPT,
                "Accept-Encoding": "identity",
                "Content-Type": CONTENT_TYPE,
                "User-Agent": "streamwatch",
                **self._credentials.headers(signed, self._wall_clock() + offset),
            },
            picture.body(form),
            self._credentials.signs,
        )
        if isinstance(exchanged, Failure):
            return _unanswered(exchanged)
        answer = read_reply(exchanged, lambda text: self._hide(text, picture))
        if answer.failure and answer.failure.retry.repair is Repair.CLOCK and not self._set_clock(exchanged, offset):
            return replace(answer, failure=Failure(answer.failure.error, NEVER))
        return answer

    def _hide(self, text: str, picture: _Picture) -> str:
        return hide_secret(self._credentials.hide(text), picture.secret())

    def _set_clock(self, reply: Reply, used: float) -> bool:
        """Take the time for signatures from the reply; return False if that would change nothing.

        used: the offset, in seconds, by which the refused request was signed.
        """
        try:
            date = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
        except (ValueError, OverflowError):
            return False
        offset = date - self._wall_clock()
        if not self._credentials.signs or abs(offset - used) <= _CLOCK_TOLERANCE:
            return False
        self._clock_offset = offset if abs(offset) > _CLOCK_TOLERANCE else 0.0
        log.warning(
            "This machine's clock differs from ocrCars' clock by %.0f s; requests are signed by ocrCars' clock.",
            abs(offset),
        )
        return True


def _repaired(picture: _Picture, repair: Repair) -> _Picture | None:
    """Return the picture for the next attempt; None if it cannot be changed as needed."""
    if repair in (Repair.NOTHING, Repair.CLOCK):
        return picture
    if isinstance(picture.content, str):
        return None
    copy = smaller(picture.content) if repair is Repair.SMALLER else baseline(picture.content)
    if copy is None:
        return None
    (x, y), (further_x, further_y) = picture.scale, copy.scale
    return _Picture(copy.jpeg, (x * further_x, y * further_y))


def _in_pixels_of_the_caller(answer: AttemptResult, scale: tuple[float, float]) -> AttemptResult:
    if answer.result.plates is None:
        return answer
    plates = tuple(replace(plate, corners=in_original(plate.corners, scale)) for plate in answer.result.plates)
    return replace(answer, result=replace(answer.result, plates=plates))


def _unanswered(failure: Failure) -> AttemptResult:
    charged = None if isinstance(failure.error, errors.Doubtful) else False
    return AttemptResult(CallResult(failure.error.outcome, charged, 0, 0.0, error=str(failure.error)), failure=failure)


def _log_call(attempt: int, size: int, result: CallResult) -> None:
    """Log the details that the vendor's support asks for. The ledger logs one short line for each call."""
    fields = {
        "attempt": attempt if attempt > 1 else None,
        "HTTP": f"{result.http_status} {result.gateway_code}".strip() if result.http_status else None,
        "showapi_res_code": result.platform_code,
        "ret_code": result.ret_code,
        "fee": result.fee if result.charged else None,
        "request": result.request_id or None,
        "answer": result.answer_id or None,
    }
    told = "".join(f", {name} {value}" for name, value in fields.items() if value is not None)
    log.debug("ocrCars: %s (%d bytes, %.2f s%s)", result.outcome, size, result.latency, told)
