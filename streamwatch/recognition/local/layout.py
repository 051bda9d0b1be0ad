"""The places of a plate's characters after GA 36, to find the province's character from the others.

Lengths are millimetres on the plate, from its left edge.
"""

from collections.abc import Sequence

import numpy as np

from streamwatch.recognition.local import quads
from streamwatch.recognition.local.quads import Quad

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
_WIDE = {"ordinary": 440.0, "driving school": 440.0, "new energy small": 480.0, "new energy large": 480.0}
_LATE = 6.0
"""Distance by which the network's probability has its peak to the right of a character's middle; measured on drawn
plates."""
_LETTERS_HIGH = 0.61
"""Height of the letters with a margin of 8 percent, divided by the height of the line; measured on drawn plates."""
_PLATE_HIGH = _LETTERS_HIGH * 140 / 104
"""Height of the plate divided by that of the line: letters of 90 mm with their margin have 104, the plate 140."""
_FARTHEST = 0.05
"""If a character is this far from its place, in fractions of the line, the plate does not have this layout."""


def province_and_office(kind: str, places: Sequence[float], line: Quad) -> list[Quad]:
    """Return the first two characters of a plate, once cut closely and once with a margin; empty for other layouts.

    places: the middles of all characters in fractions of the line's width, as the network has placed them.
    """
    fitted = _fitted(kind, places)
    if fitted is None:
        return []
    slope, start = fitted
    left = start + slope * (_PROVINCE - _PROVINCE_WIDE / 2 - _LATE)
    right = start + slope * (_OFFICE_ENDS - _LATE)
    margin, high = slope * _PROVINCE_WIDE * 0.14, _LETTERS_HIGH / 2
    close = quads.part(line, left - margin, right + margin, 0.5 - high, 0.5 + high)
    wide = quads.part(line, left - 2 * margin, right + margin, 0.5 - 1.1 * high, 0.5 + 1.1 * high)
    return [close, wide]


def border(kind: str, places: Sequence[float], line: Quad) -> Quad:
    """Return the outline of the whole plate around a line of text; for other layouts, as around usual letters."""
    fitted = _fitted(kind, places)
    left, right = 0.0, 1.0
    if fitted is not None:
        slope, start = fitted
        left, right = start - slope * _LATE, start + slope * (_WIDE[kind] - _LATE)
    return quads.part(line, left, right, 0.5 - _PLATE_HIGH / 2, 0.5 + _PLATE_HIGH / 2)


def _fitted(kind: str, places: Sequence[float]) -> tuple[float, float] | None:
    """Return the fractions of the line for a millimetre, and the plate's left edge; None if it has another layout."""
    centres = _CENTRES.get(kind)
    if centres is None or len(places) != len(centres):
        return None
    # The province itself may be misplaced, because it is the uncertain character.
    slope, start = np.polyfit(centres[1:], places[1:], 1)
    if slope <= 0 or np.abs(start + slope * np.array(centres[1:]) - places[1:]).max() > _FARTHEST:
        return None
    return float(slope), float(start)
