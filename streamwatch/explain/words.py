"""What reasons, outcomes and settings mean, and what to try: all the page's longer texts that need no figures."""

from dataclasses import dataclass

from streamwatch.gate import Why
from streamwatch.store import PassageOutcome


@dataclass(frozen=True, slots=True)
class Meaning:
    """short: a label; long: what it means; advice: what to try where there is too much of it, or ""."""

    short: str
    long: str
    advice: str


MEANINGS = {
    Why.SENT: Meaning("sent", "Here the gate decided to send the best view of a vehicle.", ""),
    Why.QUIET: Meaning(
        "quiet",
        "Nothing differs from the empty scene.",
        "A vehicle passed here? Then it is outside the zone or too much like the ground: widen zone, lower threshold.",
    ),
    Why.LEARNING: Meaning("learning", "The gate had just begun and first learned what the empty scene looks like.", ""),
    Why.SCENE_JUMP: Meaning(
        "whole picture",
        "Nearly all of the picture changed at once: the camera moved, switched day and night, or sent a blank picture.",
        "Often? Fix the camera, or switch its automatic day and night mode to a schedule.",
    ),
    Why.TOO_SMALL: Meaning(
        "too small",
        "Something differs, but no region of it fills min_area.",
        "A vehicle passed here? Lower min_area below the change shown. Rain or leaves? This is right.",
    ),
    Why.TOO_SHORT: Meaning(
        "too short",
        "A region is large enough, but has been there for an instant only.",
        "Every vehicle begins like this. Much of it alone is flicker: raise threshold.",
    ),
    Why.FRAGMENT: Meaning(
        "piece",
        "It is a piece of a vehicle that was sent already, mostly while that one drives off.",
        "",
    ),
    Why.BETTERING: Meaning(
        "getting better",
        "The view was still getting larger, sharper or more complete, or had just stopped to.",
        "Answers come too late for a barrier? Lower patience. Pictures sent too early? Raise it.",
    ),
    Why.NO_PLATE: Meaning(
        "no plate",
        "The local detector found nothing like a plate in the best view: a person, a shadow, a vehicle from the side.",
        "A plate is plainly there? It is too small or too dark: come closer, or more light.",
    ),
    Why.SCENERY: Meaning(
        "scenery",
        "It stands still and belongs to the scene: a thing without a plate, or ground that a vehicle has left.",
        "A vehicle stands there? Then its view is too poor to be read: come closer, or more light.",
    ),
    Why.KNOWN: Meaning(
        "known vehicle",
        "This vehicle was sent already: the pictures show the same plate, or the same thing at the same place.",
        "Another vehicle was taken for it? Keep this page and the recording, and report it.",
    ),
    Why.NOT_BETTER: Meaning(
        "not better",
        "Its last picture was not read well, and no later view is clearly better: a second call would not pay.",
        "Look at the picture that was sent: if a person can not read it either, the camera is the limit.",
    ),
    Why.USED_UP: Meaning(
        "used up",
        "This passage has had all the calls that max_calls allows.",
        "Plates are read at the last call only? Raise max_calls; else better light or a closer view.",
    ),
}

OUTCOMES = {
    PassageOutcome.READ: ("read", "good", "It has a sighting."),
    PassageOutcome.UNSURE: ("unsure", "doubt", "Text was found that can not be believed, so there is no sighting."),
    PassageOutcome.UNREAD: ("seen, unread", "bad", "The pictures were read, and no plate was found."),
    PassageOutcome.FAILED: ("no answer", "bad", "No engine answered, so nobody knows."),
    PassageOutcome.PENDING: ("waiting", "doubt", "Answers are still to come."),
}
