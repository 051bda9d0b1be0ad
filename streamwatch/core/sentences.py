"""The meaning of codes as words for people: in tables, pages and the log, never in database, metrics or JSON."""

from streamwatch.core.codes import StateReason, ViewReason

_VIEWS = {
    ViewReason.LARGE_AND_SHARP: "its plate is large and sharp enough",
    ViewReason.BEST_VIEW: "its view stopped getting better",
    ViewReason.LAST_VIEW: "it went; this was its best view",
    ViewReason.STOOD_HERE: "it stood here when watching began",
    ViewReason.NO_ANSWER: "the last view got no answer",
    ViewReason.SECOND_OPINION: "a second opinion on an unsure reading",
    ViewReason.BEFORE_OPENING: "a second view at once, as an opening depends on it",
    ViewReason.BETTER_VIEW: "a clearly better view than the unread one",
    ViewReason.WITHOUT_PLATE: "a large vehicle passed, and no plate was seen on it",
    ViewReason.NO_PLATE_SEEN: "it showed no plate; this view shows most of it",
    ViewReason.NEVER_WORTH_IT: "its plate was never large or sure enough; this was its best view",
    ViewReason.PUSHED: "the camera sent it",
    ViewReason.OTHER: "an older version chose it",
}
_STATES = {
    StateReason.NONE: "",
    StateReason.LOCAL_SURE: "the local engine was sure of it, which saved the call",
    StateReason.CAMERA_AGREES: "the camera itself and the local engine read the same, which saved the call",
    StateReason.PAID_BEFORE: "this very picture was paid for before",
    StateReason.CALL_WITHOUT_ANSWER: "its call brought no answer, so the local engine read it",
    StateReason.TWO_CALLS_WITHOUT_ANSWER: "two calls for its vehicle brought no answer",
    StateReason.OTHER_VIEW_READ: "another view of its vehicle was read",
    StateReason.BUDGET_HOUR: "the budget of the hour was used up",
    StateReason.BUDGET_DAY: "the budget of the day was used up",
    StateReason.BUDGET_MONTH: "the budget of the month was used up",
    StateReason.CAMERA_BUDGET_HOUR: "the camera's budget of the hour was used up",
    StateReason.CAMERA_BUDGET_DAY: "the camera's budget of the day was used up",
    StateReason.CAMERA_BUDGET_MONTH: "the camera's budget of the month was used up",
    StateReason.OUTBOX_ITEMS: "more pictures were waiting than outbox.max_items allows",
    StateReason.OUTBOX_BYTES: "the waiting pictures had more bytes than outbox.max_bytes allows",
    StateReason.OUTBOX_AGE: "it waited for longer than outbox.max_age",
    StateReason.PICTURE_LOST: "its picture is gone or damaged",
    StateReason.NO_TIME: "it could not be paid for at once, and an opening could not wait",
    StateReason.STOPPED: "streamwatch was stopped before it was sent",
    StateReason.ANSWER_NOT_KEPT: "its answer was not kept",
    StateReason.ANSWER_UNUSABLE: "the service's answer, which was paid for, cannot be a reading; the ledger keeps it",
    StateReason.ANSWER_NOT_ENTERED: "its answer, which was paid for, could not be saved; the ledger keeps it",
    StateReason.FAILED: "the engine failed",
    StateReason.NOT_SENT: "the service could not be reached",
    StateReason.DOUBTFUL: "it was sent, and no answer came; it may have been charged",
    StateReason.TRANSIENT: "the service had a fault",
    StateReason.THROTTLED: "the service was asked too often",
    StateReason.CLOCK: "the clock of this machine was wrong",
    StateReason.REFUSED: "the service refused the call",
    StateReason.CREDENTIALS: "the service refused the credentials",
    StateReason.QUOTA: "the package of calls was used up",
    StateReason.ARREARS: "the account of the service owed money",
    StateReason.NOT_AUTHORISED: "the credentials were not allowed to use the service",
    StateReason.DOWN: "the service was shut down, moved or blocked",
    StateReason.BAD_REQUEST: "the service called the request wrong",
    StateReason.PICTURE_REFUSED: "the service refused the picture",
    StateReason.TOO_LARGE: "the picture was too large for the service",
    StateReason.PICTURE_BROKEN: "the service could not open the picture",
    StateReason.URL_FAILED: "the service could not download the picture",
    StateReason.DO_NOT_RESEND: "the service forbade another call with this picture",
    StateReason.OTHER: "an older version gave another reason",
}


def sentence(code: ViewReason | StateReason) -> str:
    """Return the meaning of a reason as a part of a sentence; empty for `StateReason.NONE`."""
    return _VIEWS[code] if isinstance(code, ViewReason) else _STATES[code]


def in_words(code: str) -> str:
    """Return a code as people write it: `no plate` for `no_plate`."""
    return code.replace("_", " ")
