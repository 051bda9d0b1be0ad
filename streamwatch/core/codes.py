"""The codes by which database, metrics and JSON name outcomes, states and reasons.

A code is a lower-case word that never changes its meaning. People read sentences instead: see `core/sentences.py`.
"""

from enum import StrEnum


class Role(StrEnum):
    """What a person may do in the console, in rising order; each may do what those before may, too.

    VIEWER looks. GUARD types in plates. MANAGER exports, corrects and sees costs. ADMIN changes cameras and users.
    """

    VIEWER = "viewer"
    GUARD = "guard"
    MANAGER = "manager"
    ADMIN = "admin"

    def at_least(self, role: "Role") -> bool:
        """Return True if this role may do what the other one may."""
        order = tuple(Role)
        return order.index(self) >= order.index(role)


class Verdict(StrEnum):
    """What a decision says. Whoever acts on it takes everything but ALLOW for no."""

    ALLOW = "allow"
    DENY = "deny"
    ASK = "ask"


class DecisionReason(StrEnum):
    """Why a vehicle may pass or not: the rules of `access/decisions.py`, which stand there in their order.

    PROGRAM_ALLOWED, PROGRAM_DENIED: the parking program of the lane was asked, and said otherwise than the rules.
    """

    BLOCKED = "blocked"
    HELD = "held"
    MAYBE_BLOCKED = "maybe_blocked"
    MAYBE_HELD = "maybe_held"
    UNKNOWN = "unknown"
    OTHER_LANE = "other_lane"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    USED_UP = "used_up"
    OUTSIDE_HOURS = "outside_hours"
    UNSURE_READING = "unsure_reading"
    CLOCK_UNTRUSTED = "clock_untrusted"
    OLD_LIST = "old_list"
    OPENED_OFTEN = "opened_often"
    PASSED_BACK = "passed_back"
    FULL = "full"
    INEXACT = "inexact"
    PERMITTED = "permitted"
    PROGRAM_ALLOWED = "program_allowed"
    PROGRAM_DENIED = "program_denied"


class PermitKind(StrEnum):
    """The kinds of permits. BLOCKED vehicles may not come in, HELD ones may not leave: two different things."""

    RESIDENT = "resident"
    STAFF = "staff"
    VISITOR = "visitor"
    BLOCKED = "blocked"
    HELD = "held"


class PermitState(StrEnum):
    """Where a permit stands at a moment. ENDED: its time is over, or it was used as often as it may."""

    VALID = "valid"
    UPCOMING = "upcoming"
    ENDED = "ended"


class WhenFull(StrEnum):
    """What happens to a vehicle whose holder's spaces are all taken."""

    ALLOW = "allow"
    VISITOR = "visitor"
    ASK = "ask"


class Way(StrEnum):
    """The way of a lane."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class LaneMode(StrEnum):
    """What a lane does with a decision. MANUAL: nothing. SUGGEST: show it. AUTOMATIC: open for `allow`."""

    MANUAL = "manual"
    SUGGEST = "suggest"
    AUTOMATIC = "automatic"


class Passback(StrEnum):
    """What follows if a vehicle that is inside comes in again, or one that is not inside leaves. WARN: it is said."""

    OFF = "off"
    WARN = "warn"
    DENY = "deny"


class Answer(StrEnum):
    """What a person said to a decision."""

    OPENED = "opened"
    REFUSED = "refused"


class Position(StrEnum):
    """Where a barrier is, as its sensor says. Without a sensor nothing is reported."""

    OPEN = "open"
    CLOSED = "closed"


class OpeningCause(StrEnum):
    """Why a barrier was to open.

    AUTOMATIC: the decision was `allow`. ANSWER: a person said so to a decision. BY_HAND: a person, without a decision.
    SCHEDULE: it is held open at this hour. REMOTE: a command by MQTT or the API. TEST: a person tries the barrier.
    """

    AUTOMATIC = "automatic"
    ANSWER = "answer"
    BY_HAND = "by_hand"
    SCHEDULE = "schedule"
    REMOTE = "remote"
    TEST = "test"


class OpeningState(StrEnum):
    """The states of an opening: column `openings.state`.

    REQUESTED ──barrier says yes──▶ DONE
        │ ├──says no, or is not there──▶ FAILED
        │ ├──no answer, or the program was killed──▶ UNKNOWN
        │ └──while the row was written, something came that forbids it──▶ WITHHELD
        └ it is written before anything moves, and an opening is never tried again
    WITHHELD: nothing was sent (kill switch, cool-down, too late …); `openings.reason` says why
    """

    REQUESTED = "requested"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHHELD = "withheld"


class WithheldReason(StrEnum):
    """Why nothing was sent to the barrier although it was to open: column `openings.reason`."""

    NONE = ""
    KILLED = "killed"
    NOT_ALLOWED = "not_allowed"
    TOO_LATE = "too_late"
    NOT_LIVE = "not_live"
    COOL_DOWN = "cool_down"
    NOT_AUTOMATIC = "not_automatic"
    BUSY = "busy"
    HELD_OPEN = "held_open"
    NOT_WRITTEN = "not_written"
    NO_BARRIER = "no_barrier"
    RESTARTED = "restarted"
    STOPPING = "stopping"
    OVERTAKEN = "overtaken"


class EventType(StrEnum):
    """What the outside is told: column `events.type`. The number grows if the meaning of a field changes."""

    SIGHTING = "streamwatch.sighting.v1"
    SIGHTING_CORRECTED = "streamwatch.sighting.corrected.v1"
    DECISION = "streamwatch.decision.v1"
    OPENING = "streamwatch.opening.v1"
    CAMERA = "streamwatch.camera.v1"
    HEALTH = "streamwatch.health.v1"
    TEST = "streamwatch.test.v1"


class ReceiverState(StrEnum):
    """The states of a receiver of events: column `receivers.state`.

    OK ──a try failed──▶ FAILING ──for ten minutes, or in a way that only a person can mend──▶ PAUSED
    ▲                       │                                                                    │
    └────────a try succeeds─┴────────────────────────────────────────────────────────────────────┘

    PAUSED: it is tried only now and then, but for ever; people are told.
    """

    OK = "ok"
    FAILING = "failing"
    PAUSED = "paused"


class NoticeKind(StrEnum):
    """What people are notified of: key `kinds` of `outward.notify`.

    BLOCKED: a vehicle that may not come in, or may not leave. WAITING: a vehicle about which a person must decide.
    OTHER: whatever else is wrong with the box.
    """

    BLOCKED = "blocked"
    WAITING = "waiting"
    CAMERA = "camera"
    BUDGET = "budget"
    DISK = "disk"
    BARRIER = "barrier"
    OTHER = "other"


class CameraState(StrEnum):
    """The states of a camera.

    CONNECTING ──first picture──▶ ONLINE ──always the same picture──▶ FROZEN
                                  │  ▲ ◀──────pictures change──────── │  ▲
                                  │  └─picture──┐                     │  │
                                  └──lost──▶ RECONNECTING ◀──lost─────┘  │
                                                └──the same picture──────┘

    From each of them: ENDED when a recording has been played to its end, FAILED when the source can never work.
    """

    CONNECTING = "connecting"
    ONLINE = "online"
    FROZEN = "frozen"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    FAILED = "failed"


class CallOutcome(StrEnum):
    """The outcome of a call of the paid service: column `calls.outcome`.

    Each except `read` and `no_plate` is the `outcome` of one class of errors in `core/errors.py`.
    """

    READ = "read"
    NO_PLATE = "no_plate"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    DOUBTFUL = "doubtful"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    CLOCK = "clock"
    REFUSED = "refused"
    CREDENTIALS = "credentials"
    QUOTA = "quota"
    ARREARS = "arrears"
    NOT_AUTHORISED = "not_authorised"
    DOWN = "down"
    BAD_REQUEST = "bad_request"
    PICTURE_REFUSED = "picture_refused"
    TOO_LARGE = "too_large"
    PICTURE_BROKEN = "picture_broken"
    URL_FAILED = "url_failed"
    DO_NOT_RESEND = "do_not_resend"


class ViewReason(StrEnum):
    """The reason why the gate chose a view: column `keyframes.reason`. OTHER: an older version had another reason."""

    LARGE_AND_SHARP = "large_and_sharp"
    BEST_VIEW = "best_view"
    LAST_VIEW = "last_view"
    STOOD_HERE = "stood_here"
    NO_ANSWER = "no_answer"
    SECOND_OPINION = "second_opinion"
    BEFORE_OPENING = "before_opening"
    BETTER_VIEW = "better_view"
    WITHOUT_PLATE = "without_plate"
    NO_PLATE_SEEN = "no_plate_seen"
    NEVER_WORTH_IT = "never_worth_it"
    PUSHED = "pushed"
    OTHER = "other"


class StateReason(StrEnum):
    """The reason why a keyframe is in its state: column `keyframes.state_reason`. NONE: its state has the usual reason.

    Where an engine failed, the code is that of the error's outcome. OTHER: a row of an older version.
    """

    NONE = ""
    # read without a paid call, or given up without being read
    LOCAL_SURE = "local_sure"
    CAMERA_AGREES = "camera_agrees"
    PAID_BEFORE = "paid_before"
    CALL_WITHOUT_ANSWER = "call_without_answer"
    TWO_CALLS_WITHOUT_ANSWER = "two_calls_without_answer"
    OTHER_VIEW_READ = "other_view_read"
    BUDGET_HOUR = "budget_hour"
    BUDGET_DAY = "budget_day"
    BUDGET_MONTH = "budget_month"
    CAMERA_BUDGET_HOUR = "camera_budget_hour"
    CAMERA_BUDGET_DAY = "camera_budget_day"
    CAMERA_BUDGET_MONTH = "camera_budget_month"
    OUTBOX_ITEMS = "outbox_items"
    OUTBOX_BYTES = "outbox_bytes"
    OUTBOX_AGE = "outbox_age"
    PICTURE_LOST = "picture_lost"
    NO_TIME = "no_time"
    # set at a start of the daemon
    STOPPED = "stopped"
    ANSWER_NOT_KEPT = "answer_not_kept"
    ANSWER_UNUSABLE = "answer_unusable"
    ANSWER_NOT_ENTERED = "answer_not_entered"
    # an engine failed
    FAILED = "failed"
    NOT_SENT = "not_sent"
    DOUBTFUL = "doubtful"
    TRANSIENT = "transient"
    THROTTLED = "throttled"
    CLOCK = "clock"
    REFUSED = "refused"
    CREDENTIALS = "credentials"
    QUOTA = "quota"
    ARREARS = "arrears"
    NOT_AUTHORISED = "not_authorised"
    DOWN = "down"
    BAD_REQUEST = "bad_request"
    PICTURE_REFUSED = "picture_refused"
    TOO_LARGE = "too_large"
    PICTURE_BROKEN = "picture_broken"
    URL_FAILED = "url_failed"
    DO_NOT_RESEND = "do_not_resend"
    OTHER = "other"


class FindingCode(StrEnum):
    """What is unlike the weeks before at a camera: `code` of the findings in status, metrics and JSON."""

    NO_VEHICLE = "no_vehicle"
    READ_RATE_FELL = "read_rate_fell"
    READ_RATE_FELL_AT_NIGHT = "read_rate_fell_at_night"
    PLATES_SHRUNK = "plates_shrunk"
    PLATES_GROWN = "plates_grown"
    PLATES_SHRUNK_AT_NIGHT = "plates_shrunk_at_night"
    PLATES_GROWN_AT_NIGHT = "plates_grown_at_night"
    PLATES_MOVED = "plates_moved"


class AuditAction(StrEnum):
    """What a person or a program did: column `audit_log.action`."""

    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"
    USER_ADDED = "user_added"
    USER_CHANGED = "user_changed"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    USER_REMOVED = "user_removed"
    TOKEN_ADDED = "token_added"
    TOKEN_REVOKED = "token_revoked"
    PLATE_SEARCHED = "plate_searched"
    EXPORTED = "exported"
    PLATE_TYPED = "plate_typed"
    CORRECTED = "corrected"
    PICTURE_READ = "picture_read"
    CAMERA_CHANGED = "camera_changed"
    SETTINGS_RELOADED = "settings_reloaded"
    PERMIT_ADDED = "permit_added"
    PERMIT_CHANGED = "permit_changed"
    PERMIT_ENDED = "permit_ended"
    PERMITS_IMPORTED = "permits_imported"
    DECISION_ANSWERED = "decision_answered"
    OPENED_BY_HAND = "opened_by_hand"
    OPENINGS_STOPPED = "openings_stopped"
    OPENINGS_RESUMED = "openings_resumed"
    RECEIVER_TESTED = "receiver_tested"
    EVENTS_RESENT = "events_resent"
