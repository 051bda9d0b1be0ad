"""Tables of the API gateway's refusals: its six-character codes, its old messages, and bare HTTP statuses.

Source: the error tables of Alibaba Cloud API Gateway and of the Cloud Market. Each row gives the class of error and
what is wrong. What to do and what may be tried again follow from the class, unless the row says otherwise.
"""

from dataclasses import dataclass

from streamwatch.core import errors
from streamwatch.recognition.ocrcars.retry import (
    AFTER_CLOCK,
    AT_ONCE,
    BY_CLASS,
    NEVER,
    ONCE,
    QUICKLY,
    Failure,
    Retry,
)

ASK_VENDOR = "Only the vendor can repair this. Write to them through the Market console and quote the request id."
_REPORT = "This is a fault of streamwatch, or of a proxy that changes requests; please report it."
_BUY = "Buy or renew a package of calls of product cmapi00062336 in the Alibaba Cloud Market console."
_COPY_AGAIN = (
    "Copy the credentials again from the Market console, without blanks at the ends. Then restart streamwatch."
)
_CHECK_ENDPOINT = "Check recognizer.ocrcars.endpoint. If it is right, only the vendor can repair this."

ADVICE: dict[type[errors.RecognitionError], str] = {
    errors.Transient: "This usually passes by itself.",
    errors.Throttled: "Calls come too fast; lower recognizer.ocrcars.parallel if this continues.",
    errors.ClockWrong: "Set this machine's clock, preferably by NTP.",
    errors.CredentialsRefused: _COPY_AGAIN,
    errors.QuotaExhausted: _BUY,
    errors.InArrears: "Pay the open bill in the Alibaba Cloud console.",
    errors.NotAuthorised: "Check in the Market console that these credentials belong to a valid subscription.",
    errors.ServiceDown: _CHECK_ENDPOINT,
    errors.BadRequest: _REPORT,
    errors.PictureTooLarge: "Lower jpeg.long_side or jpeg.quality.",
    errors.PictureBroken: "Another picture of the same vehicle may do.",
    errors.PictureUrlFailed: "Give an address that is open to the internet, without a login, or send the picture.",
    errors.DoNotResend: "Send another picture; this one must not be sent again.",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    error: type[errors.RecognitionError]
    gist: str
    advice: str = ""
    retry: Retry | None = None

    def failure(self, source: str, said: str = "") -> Failure:
        """Return the failure. source: its code or HTTP status. said: the other side's words, without secrets."""
        words = f', "{said}"' if said else ""
        error = self.error(f"ocrCars: {self.gist} ({source}{words}).", self.advice or ADVICE[self.error])
        return Failure(error, self.retry or BY_CLASS[self.error])


_BAD_APPCODE = Row(errors.CredentialsRefused, "the AppCode is unknown")
_BAD_APPKEY = Row(errors.CredentialsRefused, "the AppKey is unknown")
_BAD_SIGNATURE = Row(
    errors.CredentialsRefused,
    "the signature is wrong",
    "Copy STREAMWATCH_APP_KEY and STREAMWATCH_APP_SECRET again, both of the same pair.",
)
_USED_UP = Row(errors.QuotaExhausted, "the package of calls is used up")
_EXPIRED = Row(errors.QuotaExhausted, "the package of calls has expired")
_ARREARS = Row(errors.InArrears, "the account is in arrears")
_CLOCK = Row(errors.ClockWrong, "this machine's clock is more than 15 minutes off")
_NONCE = Row(errors.Transient, "the nonce has been used before", retry=AT_ONCE)
_BUSY = Row(errors.Transient, "the gateway is busy", retry=QUICKLY)
_CUT_UPLOAD = Row(errors.BadRequest, "the request arrived without a valid body", retry=ONCE)
_BAD_MD5 = Row(errors.BadRequest, "the body does not match its checksum", retry=ONCE)
_NO_AUTHORISATION = Row(errors.NotAuthorised, "these credentials may not call the service")
_BREAKER = Row(errors.Transient, "the vendor's service has been switched off for a minute or two", retry=NEVER)
_NO_BACKEND = Row(errors.Transient, "the gateway does not find the vendor's server", ASK_VENDOR, NEVER)
_BACKEND_SILENT = Row(errors.Transient, "the vendor's server did not answer in time")
_VENDOR_BROKEN = Row(errors.ServiceDown, "the vendor has set the service up wrongly", ASK_VENDOR)
_NETWORK_REFUSED = Row(errors.NotAuthorised, "the service refuses calls from this network")

_BLOCKED = Row(errors.ServiceDown, "the service has been blocked", ASK_VENDOR)
_GONE = Row(errors.ServiceDown, "the service no longer exists at this address")

CODES: dict[str, Row] = {
    "I400HD": Row(errors.BadRequest, "a header is invalid"),
    "I400MH": Row(errors.BadRequest, "a header is missing"),
    "I400BD": _CUT_UPLOAD,
    "I400PA": Row(errors.BadRequest, "the path is invalid", _CHECK_ENDPOINT),
    "I400RU": Row(errors.BadRequest, "the address is invalid", _CHECK_ENDPOINT),
    "I400CT": Row(errors.BadRequest, "the content type is invalid"),
    "I400SG": Row(errors.BadRequest, "the stage is invalid"),
    "I405UM": Row(errors.BadRequest, "the method is not supported", _CHECK_ENDPOINT),
    "I403PT": Row(errors.BadRequest, "the scheme (http or https) is not enabled", _CHECK_ENDPOINT),
    "I413RL": Row(errors.PictureTooLarge, "the request is too large"),
    "I413UL": Row(errors.BadRequest, "the address is too long", _CHECK_ENDPOINT),
    "I400I5": _BAD_MD5,
    "I400NC": Row(errors.BadRequest, "the nonce is missing"),
    "I400MP": Row(errors.BadRequest, "a parameter is missing"),
    "I400IP": Row(errors.BadRequest, "a parameter is invalid"),
    "I400JP": Row(errors.BadRequest, "a JSON parameter is invalid"),
    "I404DO": Row(errors.ServiceDown, "the gateway does not know this host"),
    "I410GG": Row(errors.ServiceDown, "the gateway of the service is no longer valid", ASK_VENDOR),
    "I404NF": _GONE,
    "I404NR": _GONE,
    "I404SR": _GONE,
    "A400AC": _BAD_APPCODE,
    "A401AC": _BAD_APPCODE,
    "A400MA": Row(errors.CredentialsRefused, "the request arrived without credentials"),
    "A400IK": _BAD_APPKEY,
    "A403IS": _BAD_SIGNATURE,
    "S403NU": _NONCE,
    "S403TE": _CLOCK,
    "I403AA": _NO_AUTHORISATION,
    "A403EP": Row(errors.NotAuthorised, "the authorisation has expired"),
    "A403PR": _NO_AUTHORISATION,
    "A403IP": Row(errors.NotAuthorised, "the service refuses this machine's address", ASK_VENDOR),
    "A403VN": _NETWORK_REFUSED,
    "A403IN": _NETWORK_REFUSED,
    "A403AC": Row(errors.NotAuthorised, "an access rule of the service refuses the call", ASK_VENDOR),
    "A403CO": Row(errors.NotAuthorised, "the service refuses the call as cross-origin", ASK_VENDOR),
    "A403FC": Row(errors.ServiceDown, "the gateway may not call the vendor's function", ASK_VENDOR),
    "B403MQ": _USED_UP,
    "B403ME": _EXPIRED,
    "B403MI": Row(errors.QuotaExhausted, "the Market subscription is invalid"),
    "B403MO": Row(errors.InArrears, "the Market subscription is overdue"),
    "B403OD": Row(errors.InArrears, "the vendor's own account is overdue", ASK_VENDOR),
    "B451DO": _BLOCKED,
    "B451GO": _BLOCKED,
    "T429ID": Row(errors.Throttled, "too many calls for this host"),
    "T429IN": Row(errors.Throttled, "too many calls for this gateway"),
    "T429GR": Row(errors.Throttled, "too many calls for this group of services"),
    "T429PA": Row(errors.Throttled, "too many calls for this service"),
    "T429PR": Row(errors.Throttled, "too many calls for a rule of the vendor"),
    "T429SR": Row(errors.Throttled, "too many calls for this server"),
    "T429MR": Row(errors.Throttled, "too many calls for a rule of the vendor"),
    "D503CB": _BREAKER,
    "D503BB": _BREAKER,
    "X503BZ": _BUSY,
    "D504CO": Row(errors.Transient, "the gateway could not reach the vendor's server"),
    "D504RE": _NO_BACKEND,
    "D504IL": _NO_BACKEND,
    "D504CS": Row(errors.Transient, "TLS between gateway and vendor failed", ASK_VENDOR, NEVER),
    "D504TO": _BACKEND_SILENT,
    "X504VE": Row(errors.Transient, "a connection inside the gateway failed"),
    "X504TO": Row(errors.Transient, "the gateway took too long"),
    "N502RE": Row(errors.Transient, "the connection closed too early", "Raise recognizer.ocrcars.read_timeout."),
    "D502FC": Row(errors.ServiceDown, "the vendor's function is invalid", ASK_VENDOR),
    "X500ER": Row(errors.Transient, "the gateway had an internal error", retry=QUICKLY),
    "X500ED": _VENDOR_BROKEN,
    "X500AM": _VENDOR_BROKEN,
    "X400PM": _VENDOR_BROKEN,
    "X403DG": _VENDOR_BROKEN,
    "I508LD": Row(errors.ServiceDown, "the call runs in a loop", ASK_VENDOR),
}
"""Rows by `X-Ca-Error-Code`."""

MESSAGES: dict[str, Row] = {
    "Throttled by USER": Row(errors.Throttled, "too many calls of this user"),
    "Throttled by APP": Row(errors.Throttled, "too many calls with these credentials"),
    "Throttled by API": Row(errors.Throttled, "too many calls for this service"),
    "Throttled by DOMAIN": Row(errors.Throttled, "too many calls for this host"),
    "Throttled by GROUP": Row(errors.Throttled, "too many calls for this group of services"),
    "Throttled": Row(errors.Throttled, "too many calls"),
    "Throttling": Row(errors.Throttled, "too many calls"),
    "Quota Exhausted": _USED_UP,
    "Quota Expired": _EXPIRED,
    "Api Market Subscription quota exhausted": _USED_UP,
    "User Arrears": _ARREARS,
    "Expiry of Authorization": Row(errors.NotAuthorised, "the authorisation has expired"),
    "Unauthorized": Row(errors.NotAuthorised, "the service is not subscribed to, or the address is wrong"),
    "Empty Request Body": _CUT_UPLOAD,
    "Invalid Request Body": _CUT_UPLOAD,
    "Invalid Param Location": Row(errors.BadRequest, "a parameter is in the wrong place"),
    "Unsupported Multipart": Row(errors.BadRequest, "file uploads are not supported"),
    "Invalid Url": Row(errors.BadRequest, "method, path or stage is wrong", _CHECK_ENDPOINT),
    "Invalid Domain": Row(errors.ServiceDown, "the gateway does not know this host"),
    "Invalid HttpMethod": Row(errors.BadRequest, "the method is illegal", _CHECK_ENDPOINT),
    "Invalid AppKey": _BAD_APPKEY,
    "Invalid AppSecret": Row(errors.CredentialsRefused, "the AppSecret is wrong"),
    "Invalid AppCode": _BAD_APPCODE,
    "Timestamp Expired": _CLOCK,
    # Our timestamp is always a number of milliseconds, so perhaps only the clock is wrong.
    "Invalid Timestamp": Row(errors.BadRequest, "the timestamp is invalid", retry=AFTER_CLOCK),
    "Empty Signature": Row(errors.CredentialsRefused, "the request arrived without its signature"),
    "Invalid Signature": _BAD_SIGNATURE,
    "Invalid Content-MD5": _BAD_MD5,
    "Nonce Used": _NONCE,
    "API Not Found": _GONE,
    "API unsupport the channel": Row(errors.BadRequest, "the scheme (http or https) is not enabled", _CHECK_ENDPOINT),
    "Internal Error": Row(errors.Transient, "the gateway had an internal error", retry=QUICKLY),
    "Failed To Invoke Backend Service": Row(errors.Transient, "the vendor's server failed"),
    "Failed To Call Backend Service": Row(errors.Transient, "the vendor's server failed"),
    "Service Unavailable": _BUSY,
    "Async Service": _BACKEND_SILENT,
}
"""Rows by the beginning of `X-Ca-Error-Message`, for gateways that send no code. Case does not matter."""

STATUSES: dict[int, Row] = {
    401: Row(errors.CredentialsRefused, "the credentials are refused"),
    403: Row(errors.NotAuthorised, "the service is not bought or used up, or the address is wrong"),
    404: _GONE,
    408: Row(errors.Transient, "the vendor's server took too long"),
    410: _GONE,
    413: Row(errors.PictureTooLarge, "the picture is too large"),
    421: Row(errors.PictureTooLarge, "the picture's width or height is out of range"),
    429: Row(errors.Throttled, "too many calls"),
    450: Row(errors.Transient, "the vendor's server is busy or failed without saying why", retry=ONCE),
    451: _BLOCKED,
    460: Row(errors.PictureBroken, "the picture cannot be used"),
    461: Row(errors.PictureBroken, "the picture cannot be used"),
    462: Row(errors.PictureBroken, "the picture cannot be used"),
}
"""Rows by HTTP status, for answers of the vendor's server or of a proxy, about which the gateway says nothing."""

_BY_LETTER: dict[tuple[str, int], Row] = {
    ("A", 4): Row(errors.CredentialsRefused, "the credentials are refused"),
    ("I", 4): Row(errors.BadRequest, "the request is refused"),
    ("S", 4): Row(errors.BadRequest, "the request is refused for reasons of security"),
    ("D", 5): Row(errors.Transient, "the vendor's server failed"),
    ("X", 5): Row(errors.Transient, "the gateway failed"),
    ("N", 5): Row(errors.Transient, "the connection failed"),
}
_BUSINESS = Row(errors.QuotaExhausted, "the subscription does not allow the call")
_TOO_FAST = Row(errors.Throttled, "too many calls")
_BY_HUNDRED: dict[int, Row] = {
    3: Row(errors.ServiceDown, "the service redirects elsewhere, which is not followed"),
    4: Row(errors.BadRequest, "the request is refused"),
    5: Row(errors.Transient, "the service failed"),
}
_ODD = Row(errors.Transient, "the service answered something unknown", retry=ONCE)


def by_gateway(status: int, code: str, message: str) -> Failure | None:
    """Return the failure that the gateway itself names; None if it names none.

    code, message: `X-Ca-Error-Code` and `X-Ca-Error-Message` without secrets, empty where absent.
    """
    source = f"HTTP {status}, {code}" if code else f"HTTP {status}"
    known = CODES.get(code.upper()) or (_by_message(message) if status != 200 or code else None)
    if known:
        return known.failure(source)
    return _by_letter(status, code.upper()).failure(source, message) if code else None


def by_status(status: int, message: str = "") -> Failure:
    """Return the failure that the HTTP status alone stands for. message: the other side's words, without secrets."""
    row = STATUSES.get(status) or _BY_HUNDRED.get(status // 100, _ODD)
    return row.failure(f"HTTP {status}", message)


def _by_message(message: str) -> Row | None:
    message = message.strip().lower()
    fitting = [start for start in MESSAGES if message.startswith(start.lower())]
    return MESSAGES[max(fitting, key=len)] if fitting else None


def _by_letter(status: int, code: str) -> Row:
    """Return the row of a code that no table lists: its first letter says which part of the gateway refused."""
    if code[0] == "B":
        return _BUSINESS
    if code[0] == "T" or status == 429:
        return _TOO_FAST
    return _BY_LETTER.get((code[0], status // 100)) or STATUSES.get(status) or _BY_HUNDRED.get(status // 100, _ODD)
