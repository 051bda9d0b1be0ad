"""Every error that streamwatch raises on purpose.

    StreamwatchError
    ├── ConfigError              config.yaml is missing, unreadable or wrong
    ├── CaptureError             a picture source fails
    │   ├── SourceUnreadable     for good: no such file, not a video, a URL that cannot be opened
    │   └── SourceLost           for now: no answer, refused, the stream ended or stalled; worth another try
    ├── RecognitionError         no reading was possible; never the same as "no plate"
    │   ├── EngineMissing        the extra `local` is not installed
    │   ├── NotSent              certainly not sent: no connection                   class NET
    │   ├── Doubtful             sent, no answer came: may have been charged         class NET-TIMEOUT
    │   ├── Transient            the service stumbled                                class TRANS, UNKNOWN
    │   ├── Throttled            too fast                                            class RATE
    │   ├── ClockWrong           this machine's clock is off by more than 15 min     class CLOCK
    │   ├── Refused              no call is answered until a person acts
    │   │   ├── CredentialsRefused                                                   class CRED
    │   │   ├── QuotaExhausted                                                       class QUOTA
    │   │   ├── InArrears                                                            class DEBT
    │   │   ├── NotAuthorised                                                        class AUTHZ
    │   │   ├── ServiceDown                                                          class DOWN
    │   │   └── BadRequest       our own request is wrong: a bug                     class BUG
    │   └── PictureRefused       this picture, not the service
    │       ├── PictureTooLarge                                                      class SIZE
    │       ├── PictureBroken                                                        class FRAME
    │       ├── PictureUrlFailed                                                     class URL
    │       └── DoNotResend                                                          class STOP-FRAME
    ├── BarrierError             a barrier or its sensor does not do as asked
    ├── DeliveryError            a receiver did not take events
    │   ├── ReceiverAway         for now: no answer, too many, a fault of its own; worth another try
    │   ├── ReceiverUnusable     until a person acts: wrong address, secret or certificate
    │   └── EventsRefused        these events, for good: another try does not help
    ├── AccountError             a user, password or token cannot be as asked
    ├── PermitError              a permit cannot be as asked, or is not there
    ├── PageError                the page of `replay --explain` cannot be written
    └── StoreError               the database or the evidence folder fails
        ├── DatabaseUnusable     corrupt, not a database, of a newer version
        └── StorageFailed        full disk, no permission, locked for too long

The classes are those of the protocol's error tables. `recognition/ocrcars/retry.py` says what each means for retries. A
message is one sentence that says what is wrong and where; `what_to_do` is the sentence with the next step. Neither may
hold a secret: texts from outside go through `redact.hide_credentials` before they get here.
"""

from streamwatch.core.codes import CallOutcome


class StreamwatchError(Exception):
    """The root: anything that is reported to people as one clear sentence, without a traceback."""

    def __init__(self, message: str, what_to_do: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.what_to_do = what_to_do

    def __str__(self) -> str:
        return f"{self.message} {self.what_to_do}".strip()


class ConfigError(StreamwatchError):
    """config.yaml is missing, unreadable or wrong."""


class CaptureError(StreamwatchError):
    """A picture source fails."""


class SourceUnreadable(CaptureError):
    """The source cannot work; another try does not help."""


class SourceLost(CaptureError):
    """The source does not deliver now; it is worth another try."""


class RecognitionError(StreamwatchError):
    """No reading was possible. `outcome` is the code that the ledger keeps."""

    outcome = CallOutcome.FAILED


class EngineMissing(RecognitionError):
    """The configured engine is not installed, or its installation is incomplete."""


INSTALL_LOCAL = (
    "In the clone of streamwatch run: pip install '.[local]' "
    "(with a wheel instead: pip install 'streamwatch_gate-….whl[local]')."
)
"""The next step for people. No package index has streamwatch, so its name alone cannot be installed."""


class NotSent(RecognitionError):
    """Nothing reached the service."""

    outcome = CallOutcome.NOT_SENT


class Doubtful(RecognitionError):
    """The service may have answered and charged, but the answer did not arrive."""

    outcome = CallOutcome.DOUBTFUL


class Transient(RecognitionError):
    """The service stumbled; the same request may succeed."""

    outcome = CallOutcome.TRANSIENT


class Throttled(RecognitionError):
    """Too many calls were made in too short a time."""

    outcome = CallOutcome.THROTTLED


class ClockWrong(RecognitionError):
    """The signature's timestamp is more than 15 minutes off."""

    outcome = CallOutcome.CLOCK


class Refused(RecognitionError):
    """The service will answer no call until a person acts."""

    outcome = CallOutcome.REFUSED


class CredentialsRefused(Refused):
    """The AppCode, the AppKey or the signature is wrong."""

    outcome = CallOutcome.CREDENTIALS


class QuotaExhausted(Refused):
    """The package of calls is used up, expired or missing."""

    outcome = CallOutcome.QUOTA


class InArrears(Refused):
    """An account owes money."""

    outcome = CallOutcome.ARREARS


class NotAuthorised(Refused):
    """The credentials are right but not allowed here."""

    outcome = CallOutcome.NOT_AUTHORISED


class ServiceDown(Refused):
    """The service is gone, moved or blocked."""

    outcome = CallOutcome.DOWN


class BadRequest(Refused):
    """The service says that the request itself is wrong."""

    outcome = CallOutcome.BAD_REQUEST


class PictureRefused(RecognitionError):
    """The service cannot use this picture."""

    outcome = CallOutcome.PICTURE_REFUSED


class PictureTooLarge(PictureRefused):
    """The picture has too many bytes or pixels."""

    outcome = CallOutcome.TOO_LARGE


class PictureBroken(PictureRefused):
    """The picture is damaged, or has a format that the service cannot parse."""

    outcome = CallOutcome.PICTURE_BROKEN


class PictureUrlFailed(PictureRefused):
    """The service could not download the picture from its address."""

    outcome = CallOutcome.URL_FAILED


class DoNotResend(PictureRefused):
    """The service forbids another try with this picture."""

    outcome = CallOutcome.DO_NOT_RESEND


class BarrierError(StreamwatchError):
    """A barrier or its sensor does not do as asked. doubtful: True if a barrier may have opened all the same."""

    def __init__(self, message: str, what_to_do: str = "", *, doubtful: bool = False) -> None:
        super().__init__(message, what_to_do)
        self.doubtful = doubtful


class DeliveryError(StreamwatchError):
    """A receiver of events did not take them."""


class ReceiverAway(DeliveryError):
    """The receiver does not take events now. after: seconds until it wants to be asked again; None: it did not say."""

    def __init__(self, message: str, what_to_do: str = "", after: float | None = None) -> None:
        super().__init__(message, what_to_do)
        self.after = after


class ReceiverUnusable(DeliveryError):
    """The receiver cannot take events until a person mends something."""


class EventsRefused(DeliveryError):
    """The receiver will never take these events."""


class AccountError(StreamwatchError):
    """A user, password or token cannot be as asked: the name is taken, the password too short."""


class PermitError(StreamwatchError):
    """A permit cannot be as asked: no plate, an end before its beginning; or there is no such permit."""


class PageError(StreamwatchError):
    """The page of `replay --explain` cannot be written."""


class StoreError(StreamwatchError):
    """The database or the evidence folder fails."""


class DatabaseUnusable(StoreError):
    """The database cannot be used as it is."""


class StorageFailed(StoreError):
    """The machine is at fault: a full disk, no permission, or a lock that another program does not release."""
