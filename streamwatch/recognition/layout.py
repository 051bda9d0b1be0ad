"""Where on a plate its characters stand, after GA 36, for finding the province's character from the others.

Lengths are millimetres on the plate, from its left edge.
"""

from collections.abc import Sequence

import numpy as np

from streamwatch.recognition import quads
from streamwatch.recognition.quads import Quad

_PROVINCE, _PROVINCE_WIDE = 38.0, 45.0
_OFFICE_ENDS = 119.0
_ORDINARY = (_PROVINCE, 95.0, *(168.5 + 57 * n for n in range(5)))
_NEW_ENERGY = (_PROVINCE, 91.0, *(183.0 + 52 * n for n in range(6)))
_CENTRES = {
    "ordinary": _ORDINARY,
    "driving school": _ORDINARY,
    "new energy small": _NEW_ENERGY,
    "new energy large": _NEW_ENERGY,
}
_LATE = 6.0
"""By how much the network's probability peaks right of a character's middle; measured on drawn plates."""
_LETTERS_HIGH = 0.61
"""Height of the letters with a margin of 8 percent, by the height of the finder's line; measured on drawn plates."""
_FARTHEST = 0.05
"""A character this far from its place, in fractions of the line, means that the line is no plate of this layout."""


def province_and_office(kind: str, places: Sequence[float], line: Quad) -> list[Quad]:
    """The first two characters of a plate, once cut closely and once with a margin; empty for other layouts.

    places: the middles of all characters in fractions of the line's width, as the network has placed them.
    """
    centres = _CENTRES.get(kind)
    if centres is None:
        return []
    # The province itself may be misplaced: it is what one is not sure of.
    slope, start = np.polyfit(centres[1:], places[1:], 1)
    if slope <= 0 or np.abs(start + slope * np.array(centres[1:]) - places[1:]).max() > _FARTHEST:
        return []
    left = start + slope * (_PROVINCE - _PROVINCE_WIDE / 2 - _LATE)
    right = start + slope * (_OFFICE_ENDS - _LATE)
    margin, high = slope * _PROVINCE_WIDE * 0.14, _LETTERS_HIGH / 2
    close = quads.part(line, left - margin, right + margin, 0.5 - high, 0.5 + high)
    wide = quads.part(line, left - 2 * margin, right + margin, 0.5 - 1.1 * high, 0.5 + 1.1 * high)
    return [close, wide]
