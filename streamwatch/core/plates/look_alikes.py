"""Which plates may have been meant by one that was read: looked up by their skeletons, also among very many."""

from functools import lru_cache

from streamwatch.core.plates.china import PROVINCES
from streamwatch.core.plates.kinds import DIGITS
from streamwatch.core.plates.spelling import confusable, distance, skeleton

ONE_CONFUSION = 0.5
"""Distance of two plates that one likely confusion makes of each other, at most; see `distance`."""
TWO_CONFUSIONS = 1.0
"""Distance after two likely confusions, at most. A lost or added first or last character (0.75) is within it."""
LONGEST = 12
"""Characters of a text whose look-alikes are looked for: longer ones have too many, and no plate is as long."""
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + DIGITS
_FIRST = sorted(set(skeleton(_ALPHABET + PROVINCES + "使民应临")))
_LAST = sorted(set(skeleton(_ALPHABET + "挂学警领港澳使临试超急")))
"""Characters that a plate may begin and end with."""


@lru_cache(maxsize=64)
def look_alike_skeletons(plate: str) -> frozenset[str]:
    """Return the skeletons of all plates within two likely confusions of a normalised one, and of itself.

    Remembered, because a decision asks for them more than once. A set of about 150; empty for a text that is too long.
    Among the plates that have these skeletons are also some that are further away: `likeness` tells.
    """
    if not plate or len(plate) > LONGEST:
        return frozenset()
    bare = skeleton(plate)
    cut = {bare[1:], bare[:-1]} - {""}
    longer = {first + bare for first in _FIRST} | {bare + last for last in _LAST}
    return frozenset(confusable(plate, TWO_CONFUSIONS, skeletons=True)) | cut | longer


def likeness(read: str, other: str) -> float:
    """Return the distance of two normalised plates; infinity if it is more than two likely confusions."""
    return distance(read, other, TWO_CONFUSIONS)
