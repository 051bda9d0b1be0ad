"""The confidence of a decoded plate, which is 0 for a text that is no plate."""

import math

from streamwatch.recognition.local.decoding import DecodedPlate

LEAST_SCORE = -13.5
"""A text with a smaller log probability is no plate, however clearly it leads."""
_LEAST_SCORE, _CLEAR_LEAD = -9.0, 3.0
"""The same for a text that does not lead clearly. On real photos, text that was no plate (a maker's name, a date) had
-9.4 at best and never led by more than 1.2. Plates of which only the province was unreadable had -8 and more.
Overexposed plates had -13 and more, but led by 3.7 after a separate look at their first characters."""
# A logistic curve over the plate's lead before the next best and over its score, both in nats. A lead beyond 6 adds
# nothing, because the other plates were hardly examined. The first nats that a score lacks mean an uncertain character.
# What it lacks beyond mostly means an unreadable province, of which the lead tells more. The figures were set on 1100
# readings of real plates (photos, copies of these that were blurred, faded, turned or shrunk, and pictures of gate
# scenes) and as many of drawn ones. Of the readings with 0.5 to 0.7 four fifths are exact, with 0.85 to 0.95 nine
# tenths, with 0.95 and more 99.8 percent. The reliability table of `tests/benchmarks/reader.py` shows it for any set of
# photos.
_BASE = 1.2
_PER_LEAD, _MOST_LEAD = 0.75, 6.0
_PER_SCORE, _ONE_CHARACTER, _PER_SCORE_BEYOND = 1.0, -2.0, 0.2


def confidence(plate: DecodedPlate | None) -> float:
    """Return the confidence, 0 to 1; 0 for what is no plate."""
    if plate is None or plate.score < (LEAST_SCORE if plate.lead >= _CLEAR_LEAD else _LEAST_SCORE):
        return 0.0
    lacking = _PER_SCORE * max(plate.score, _ONE_CHARACTER) + _PER_SCORE_BEYOND * min(plate.score - _ONE_CHARACTER, 0)
    return 1 / (1 + math.exp(-(_BASE + _PER_LEAD * min(plate.lead, _MOST_LEAD) + lacking)))
