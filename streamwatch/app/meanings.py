"""The longer texts of the explain page and the live view: what reasons, states and outcomes mean, and what to try."""

from dataclasses import dataclass

from streamwatch.gate import Why
from streamwatch.store import PassageOutcome


@dataclass(frozen=True, slots=True)
class Meaning:
    """A reason in words. short: a label; long: what it means; advice: what to try if it is too frequent, or ""."""

    short: str
    long: str
    advice: str


SENTENCES = {
    Why.SENT: "sent",
    Why.QUIET: "nothing differs from the empty scene",
    Why.LEARNING: "the empty scene is still being learned",
    Why.TOO_SMALL: "what differs is smaller than a vehicle",
    Why.NO_PLATE: "no plate can be seen in it",
    Why.SCENERY: "it belongs to the scene",
    Why.KNOWN: "this vehicle was sent already",
    Why.ASKED: "a picture of it is being read",
    Why.USED_UP: "this passage has had all its calls",
    Why.TOO_SHORT: "its plate was seen only once so far",
    Why.CUT_OFF: "its plate is not wholly in the picture",
    Why.FAR: "its plate is too small to be read",
    Why.NOT_BETTER: "no view is clearly better than the unread one",
    Why.UNSURE: "it may be no plate",
    Why.BETTERING: "the view is still getting better",
}
"""Why a frame was sent or not, as a part of a sentence."""

MEANINGS = {
    Why.SENT: Meaning("sent", "Here the gate decided to send the best view of a vehicle.", ""),
    Why.QUIET: Meaning(
        "quiet",
        "Nothing differs from the empty scene.",
        "A vehicle passed here? Then it is outside the zone or too much like the ground: widen zone, lower threshold.",
    ),
    Why.LEARNING: Meaning("learning", "The gate had just begun and first learned what the empty scene looks like.", ""),
    Why.TOO_SMALL: Meaning(
        "too small",
        "Something differs, but no region of it fills min_area.",
        "A vehicle passed here? Lower min_area below the change shown. Rain or leaves? This is right.",
    ),
    Why.NO_PLATE: Meaning(
        "no plate",
        "Something moves, and the plate detector sees no plate on it: a person, a shadow, a vehicle from the side.",
        "A plate is clearly visible? It is too small or too dark: move the camera closer, or add light.",
    ),
    Why.TOO_SHORT: Meaning(
        "seen once",
        "The plate detector saw a plate only once so far; a second look must confirm it.",
        "",
    ),
    Why.CUT_OFF: Meaning(
        "cut off",
        "A plate is followed, but it has not been wholly in the picture yet.",
        "Vehicles stop like this? Turn the camera so that whole plates are in the picture.",
    ),
    Why.FAR: Meaning(
        "plate too small",
        "A plate is followed that is too small to be read.",
        "Vehicles stop there? Move the camera nearer, or zoom in: 100 pixels for a plate are good.",
    ),
    Why.UNSURE: Meaning(
        "unsure",
        "It may be no plate: the detector was not sure enough, or a closer look did not see it. A later view may tell.",
        "A plate is clearly visible? Keep this page and the recording, and report it.",
    ),
    Why.ASKED: Meaning("being read", "A picture of this plate is being read, and the gate waits for the answer.", ""),
    Why.BETTERING: Meaning(
        "getting better",
        "The view was still getting larger, sharper or more complete, or has just stopped getting so.",
        "Answers come too late for a barrier? Lower patience. Pictures sent too early? Raise it.",
    ),
    Why.SCENERY: Meaning(
        "scenery",
        "It never moved, and lies where a text was paid for that no engine could read: a sign, a clock, a label.",
        "A vehicle stands there? Then its plate cannot be read: move the camera closer, or add light.",
    ),
    Why.KNOWN: Meaning(
        "known plate",
        "This plate was read already, or a picture that was paid for shows the same plate.",
        "Another vehicle was taken for it? Keep this page and the recording, and report it.",
    ),
    Why.NOT_BETTER: Meaning(
        "not better",
        "Its last picture was not read well, and no later view is clearly better: a second call would not pay.",
        "Look at the picture that was sent: if a person cannot read it either, the camera is the limit.",
    ),
    Why.USED_UP: Meaning(
        "used up",
        "This passage has had all the calls that max_calls allows.",
        "Plates are read at the last call only? Raise max_calls; else better light or a closer view.",
    ),
}

STATES = {
    "tentative": "the detector saw it once",
    "waiting": "a plate, whose best view so far is kept",
    "asked": "a picture of it is being read",
    "settled": "nothing more is paid for it",
}
"""The meaning of each state of a track, in their order."""

OUTCOMES = {
    PassageOutcome.READ: ("read", "good", "It has a sighting."),
    PassageOutcome.UNSURE: ("unsure", "doubt", "Text was found that cannot be believed, so there is no sighting."),
    PassageOutcome.UNREAD: ("seen, unread", "bad", "The pictures were read, and no plate was found."),
    PassageOutcome.FAILED: ("no answer", "bad", "No engine answered, so it is not known what was there."),
    PassageOutcome.PENDING: ("waiting", "doubt", "Answers are still to come."),
}
NOT_SENT = ("not sent", "doubt", "It was recorded, and no view of it was worth a call.")
KEPT = ("kept, not paid", "doubt", "No view of it was worth a call; its best one was kept, for people.")
