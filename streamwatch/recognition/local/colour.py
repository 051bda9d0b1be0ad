"""The colour of a plate, from the colour of its ground, and from its letters being darker or lighter than that.

Colours are CIE L*a*b* (L 0 to 100; b negative is blue, positive yellow; a negative is green). The bounds were measured
on real photos, many of them taken at night or overexposed, and on drawn plates.
"""

import cv2
import numpy as np
import numpy.typing as npt

from streamwatch.core.model import Picture
from streamwatch.core.plates import NAMES
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.quads import Quad

_WHITE = ("police", "armed police", "military", "emergency")
_BLACK = ("cross-border", "embassy", "old embassy", "consulate", "old consulate")
# The colours that GA 36 prescribes. For all other kinds the picture is examined.
_PRESCRIBED = {
    **dict.fromkeys(("new energy small", "new energy large", "civil aviation"), "green"),
    **dict.fromkeys(("trailer", "driving school"), "yellow"),
    **dict.fromkeys(_WHITE, "white"),
    **dict.fromkeys(_BLACK, "black"),
}
_WIDTH, _HEIGHT = 110, 32
_LETTER_ROWS = slice(5, 27)
_INSIDE = (0.02, 0.98, 0.08, 0.92)
_BLUE, _YELLOW, _GREEN = -4.0, 5.0, -15.0
_COLOURLESS, _CLEAR = 6.0, 40.0
"""Largest a and b of a black ground, and by how much its letters are lighter, so that a dark picture is not enough."""
_A_COLOUR = 12.0
"""Least a or b that a colour picture has somewhere; infrared cameras show all plates without colour."""


def colour(picture: Picture, border: Quad, kind: str) -> str:
    """Return "blue", "yellow", "green", "white" or "black"; "" for a foreign plate that shows no colour.

    border: of the whole plate. kind: the grammar's name; if it prescribes a colour, that is the answer.
    """
    if kind in _PRESCRIBED:
        return _PRESCRIBED[kind]
    plate = quads.set_upright(picture, quads.part(border, *_INSIDE), _WIDTH, _HEIGHT)[_LETTER_ROWS]
    light = cv2.cvtColor(plate, cv2.COLOR_BGR2GRAY)
    bound, _ = cv2.threshold(light, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    above = light > bound
    dark_letters = bool(above.mean() > 0.5)
    lab = _lab(plate)
    ground, letters = (np.median(lab[part], axis=0) for part in (above == dark_letters, above != dark_letters))
    _, green, yellow = np.median(lab.reshape(-1, 3), axis=0)
    if yellow < _BLUE:
        return "blue"
    if dark_letters:
        return _of_dark_letters(kind, green, yellow)
    plain = max(abs(ground[1]), abs(ground[2])) < _COLOURLESS and letters[0] - ground[0] > _CLEAR
    if plain and _is_in_colour(picture):
        return "black"
    return "blue" if kind in NAMES else ""


def _of_dark_letters(kind: str, green: float, yellow: float) -> str:
    if green < _GREEN and -green > yellow:
        return "green"
    if yellow > _YELLOW:
        return "yellow"
    # An ordinary plate is never white: it is overexposed, and then even its letters may count as its ground.
    return "white" if kind != "ordinary" else "yellow" if yellow > 0 else "blue"


def _is_in_colour(picture: Picture) -> bool:
    small = cv2.resize(picture, (64, 48), interpolation=cv2.INTER_AREA)
    return bool(np.abs(_lab(np.asarray(small, np.uint8))[..., 1:]).max() > _A_COLOUR)


def _lab(bgr: Picture) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB), np.float32)
