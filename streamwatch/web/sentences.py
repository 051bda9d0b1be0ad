"""Codes of the database as words for pages; source texts, translated where they are shown."""

from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import Direction, Engine
from streamwatch.store import KeyframeState, PassageOutcome
from streamwatch.web.catalogue import N_

OUTCOMES = {
    PassageOutcome.PENDING: N_("being read"),
    PassageOutcome.READ: N_("read"),
    PassageOutcome.UNSURE: N_("unsure"),
    PassageOutcome.UNREAD: N_("no plate read"),
    PassageOutcome.FAILED: N_("could not be read"),
}
"""The outcome of a passage in a few words."""
OUTCOME_TONES = {
    PassageOutcome.PENDING: "info",
    PassageOutcome.READ: "good",
    PassageOutcome.UNSURE: "warn",
    PassageOutcome.UNREAD: "warn",
    PassageOutcome.FAILED: "bad",
}
ENGINES = {
    Engine.OCRCARS: N_("paid service"),
    Engine.LOCAL: N_("local engine"),
    Engine.CAMERA: N_("the camera itself"),
    Engine.OPERATOR: N_("a person"),
}
PLATE_KINDS = {
    "new energy small": N_("new energy, small"),
    "new energy large": N_("new energy, large"),
    "cross-border": N_("cross-border"),
    "trailer": N_("trailer"),
    "driving school": N_("driving school"),
    "police": N_("police"),
    "consulate": N_("consulate"),
    "old consulate": N_("consulate, old form"),
    "embassy": N_("embassy"),
    "old embassy": N_("embassy, old form"),
    "emergency": N_("emergency"),
    "emergency motorcycle": N_("emergency motorcycle"),
    "armed police": N_("armed police"),
    "military": N_("military"),
    "civil aviation": N_("civil aviation"),
    "ordinary": N_("ordinary"),
    "temporary": N_("temporary"),
}
"""By the name in the grammar of China; other grammars have their own names."""
DIRECTIONS = {
    Direction.COMING: N_("coming"),
    Direction.GOING: N_("going"),
    Direction.CROSSING: N_("crossing"),
    Direction.UNKNOWN: "",
}
CAMERA_STATES = {
    "online": (N_("online"), "good"),
    "connecting": (N_("connecting"), "info"),
    "frozen": (N_("picture frozen"), "bad"),
    "reconnecting": (N_("no picture, trying again"), "bad"),
    "ended": (N_("recording has ended"), ""),
    "failed": (N_("cannot be opened"), "bad"),
}
"""By the state of a camera: its words, and the tone of its badge."""
KEYFRAME_STATES = {
    KeyframeState.WAITING: N_("waits to be read"),
    KeyframeState.SENT: N_("is being read"),
    KeyframeState.DOUBTFUL: N_("sent, answer unknown"),
    KeyframeState.ANSWERED: N_("was read"),
    KeyframeState.FAILED: N_("could not be read"),
    KeyframeState.DROPPED: N_("was not read"),
    KeyframeState.KEPT: N_("kept for people only"),
}
CALL_OUTCOMES = {
    CallOutcome.READ: N_("plate read"),
    CallOutcome.NO_PLATE: N_("no plate found"),
    CallOutcome.FAILED: N_("failed"),
    CallOutcome.NOT_SENT: N_("service not reached"),
    CallOutcome.DOUBTFUL: N_("no answer, maybe charged"),
    CallOutcome.TRANSIENT: N_("fault of the service"),
    CallOutcome.THROTTLED: N_("asked too often"),
    CallOutcome.CLOCK: N_("clock of this machine is wrong"),
    CallOutcome.REFUSED: N_("refused"),
    CallOutcome.CREDENTIALS: N_("credentials refused"),
    CallOutcome.QUOTA: N_("package used up"),
    CallOutcome.ARREARS: N_("account owes money"),
    CallOutcome.NOT_AUTHORISED: N_("not authorised"),
    CallOutcome.DOWN: N_("service is down"),
    CallOutcome.BAD_REQUEST: N_("request refused as wrong"),
    CallOutcome.PICTURE_REFUSED: N_("picture refused"),
    CallOutcome.TOO_LARGE: N_("picture too large"),
    CallOutcome.PICTURE_BROKEN: N_("picture could not be opened"),
    CallOutcome.URL_FAILED: N_("picture could not be fetched"),
    CallOutcome.DO_NOT_RESEND: N_("may not be sent again"),
}
SURE = 0.9
"""Confidence from which a plate is shown as sure."""
DOUBTED = 0.7
"""Confidence below which a plate should be looked at."""


def tone_of(confidence: float | None) -> str:
    """Return the tone of a confidence: good, warn or bad."""
    if confidence is None:
        return ""
    return "good" if confidence >= SURE else "warn" if confidence >= DOUBTED else "bad"
