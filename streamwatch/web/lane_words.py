"""Codes of lanes, decisions and openings as words for pages; source texts, translated where they are shown."""

from streamwatch.core.codes import (
    DecisionReason,
    LaneMode,
    OpeningCause,
    OpeningState,
    PermitKind,
    PermitState,
    Position,
    Verdict,
    Way,
    WithheldReason,
)
from streamwatch.web.catalogue import N_

VERDICTS = {
    Verdict.ALLOW: N_("May pass"),
    Verdict.DENY: N_("May not pass"),
    Verdict.ASK: N_("Please decide"),
}
"""The verdict in large letters."""
VERDICT_WORDS = {
    Verdict.ALLOW: N_("may pass"),
    Verdict.DENY: N_("may not pass"),
    Verdict.ASK: N_("to be decided"),
}
"""The verdict in a badge or a filter."""
VERDICT_TONES = {Verdict.ALLOW: "good", Verdict.DENY: "bad", Verdict.ASK: "warn"}
VERDICT_SIGNS = {Verdict.ALLOW: "✓", Verdict.DENY: "✕", Verdict.ASK: "?"}
"""Beside the colour, for those who do not see it."""
REASONS = {
    DecisionReason.BLOCKED: N_("It is on the list of blocked vehicles."),
    DecisionReason.HELD: N_("It is held: it may not leave."),
    DecisionReason.MAYBE_BLOCKED: N_("It may be a blocked vehicle."),
    DecisionReason.MAYBE_HELD: N_("It may be a held vehicle."),
    DecisionReason.UNKNOWN: N_("No permit: a temporary vehicle."),
    DecisionReason.OTHER_LANE: N_("Its permit is not for this lane."),
    DecisionReason.NOT_YET_VALID: N_("Its permit is not valid yet."),
    DecisionReason.EXPIRED: N_("Its permit has expired."),
    DecisionReason.USED_UP: N_("Its permit is used up."),
    DecisionReason.OUTSIDE_HOURS: N_("Its permit is not for this hour."),
    DecisionReason.UNSURE_READING: N_("The plate was not read surely enough: compare it with the picture."),
    DecisionReason.CLOCK_UNTRUSTED: N_("The clock of this machine may be wrong."),
    DecisionReason.OLD_LIST: N_("The list of permits is too old."),
    DecisionReason.OPENED_OFTEN: N_("It was opened several times for this plate just now."),
    DecisionReason.PASSED_BACK: N_("By the records it cannot be here."),
    DecisionReason.FULL: N_("All spaces of its permit are taken."),
    DecisionReason.INEXACT: N_("The plate differs by one character from one with a permit."),
    DecisionReason.PERMITTED: N_("Its permit is valid."),
    DecisionReason.PROGRAM_ALLOWED: N_("The parking program lets it pass."),
    DecisionReason.PROGRAM_DENIED: N_("The parking program refuses it."),
}
PASSED_BACK = {
    Way.IN: N_("It is inside already."),
    Way.OUT: N_("There is no record of its entry."),
}
"""By the way of the lane; for a lane of both ways `REASONS` holds."""
PERMIT_KINDS = {
    PermitKind.RESIDENT: N_("resident or monthly"),
    PermitKind.STAFF: N_("staff"),
    PermitKind.VISITOR: N_("visitor"),
    PermitKind.BLOCKED: N_("blocked"),
    PermitKind.HELD: N_("held"),
}
PERMIT_STATES = {
    PermitState.VALID: N_("The permit is valid."),
    PermitState.UPCOMING: N_("The permit is not valid yet."),
    PermitState.ENDED: N_("The permit has ended, or is used up."),
}
WAYS = {Way.IN: N_("entry"), Way.OUT: N_("exit"), Way.BOTH: N_("entry and exit")}
MODES = {
    LaneMode.MANUAL: N_("opened by people only"),
    LaneMode.SUGGEST: N_("opened by people, with suggestions"),
    LaneMode.AUTOMATIC: N_("opens by itself"),
}
OPENED = {
    OpeningCause.AUTOMATIC: N_("Opened by itself"),
    OpeningCause.ANSWER: N_("Opened by %(who)s"),
    OpeningCause.BY_HAND: N_("Opened by hand by %(who)s"),
    OpeningCause.SCHEDULE: N_("Held open by the schedule"),
    OpeningCause.REMOTE: N_("Opened by a command of %(who)s"),
    OpeningCause.TEST: N_("Tried by %(who)s"),
}
"""An opening that was done, by its cause."""
OPENING_STATES = {
    OpeningState.REQUESTED: N_("Being opened …"),
    OpeningState.FAILED: N_("The barrier did not open"),
    OpeningState.UNKNOWN: N_("It is not known whether the barrier opened: look at it"),
    OpeningState.WITHHELD: N_("Not opened"),
}
"""An opening that was not done, or not yet."""
OPENING_TONES = {
    OpeningState.REQUESTED: "info",
    OpeningState.DONE: "good",
    OpeningState.FAILED: "bad",
    OpeningState.UNKNOWN: "bad",
    OpeningState.WITHHELD: "warn",
}
WITHHELD = {
    WithheldReason.KILLED: N_("all openings are stopped by the kill switch"),
    WithheldReason.NOT_ALLOWED: N_("it was not decided that it may pass"),
    WithheldReason.TOO_LATE: N_("it was too late; look, and open by hand"),
    WithheldReason.NOT_LIVE: N_("the picture was not of this moment"),
    WithheldReason.COOL_DOWN: N_("it was opened a moment ago"),
    WithheldReason.NOT_AUTOMATIC: N_("this lane does not open by itself"),
    WithheldReason.BUSY: N_("the barrier is busy"),
    WithheldReason.HELD_OPEN: N_("it is held open already"),
    WithheldReason.NOT_WRITTEN: N_("the database could not be written"),
    WithheldReason.NO_BARRIER: N_("this lane has no barrier"),
    WithheldReason.RESTARTED: N_("streamwatch was started anew in between"),
    WithheldReason.STOPPING: N_("streamwatch is stopping"),
    WithheldReason.OVERTAKEN: N_("it was opened for this vehicle already, or somebody has answered"),
}
POSITIONS = {
    Position.OPEN: N_("barrier open"),
    Position.CLOSED: N_("barrier closed"),
    None: N_("position not reported"),
}
HAND_REASONS = (
    N_("plate not read"),
    N_("known driver"),
    N_("delivery"),
    N_("visitor was announced"),
    N_("an emergency"),
    N_("fault of the barrier"),
)
"""What a guard can choose as the reason for an opening by hand."""
HAND_DASH = " – "
"""Stands between a chosen reason and what was typed."""
