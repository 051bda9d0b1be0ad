"""Looks for lettering like that of a plate on a vehicle on which the detector has found none, before a call is paid."""

from streamwatch.core.model import Corners, Picture
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.text_detector import TextDetector

_PIXELS = 120_000
"""Pixels to which the picture is reduced; a look costs some 45 ms. A plate of a ninth of the width of a 900x700 region
is still found."""
_NARROWEST, _WIDEST = 1.2, 8.0
"""Bounds of width by height, with room on both sides: for half a plate, and for a plate with a maker's name beside it.
"""
_SHORTEST, _LOWEST = 30.0, 7.0
"""Least width and height in pixels, of half a plate that is still readable."""
_HIGHEST = 0.2
"""Part of the region's height. What is higher is the outline of a person or of a whole car."""
_STEEPEST = 40.0
"""Degrees; the stripes of kerbs and booms stand at 41 to 45."""


class Presence:
    """Finds plates without reading them; needs the extra `local`. Not safe to use from several threads at once."""

    def __init__(self, threads: int = 1) -> None:
        """Load the text-finding network only. threads: CPU threads of one look. Raise EngineMissing."""
        self._finder = TextDetector(threads)

    def plates(self, bgr: Picture) -> list[Corners]:
        """Return the places that look like a plate, or like a line of one, surest first.

        bgr: (height, width, 3), preferably only the part of the picture that moves: the larger it is, the smaller the
        plate in it becomes. Corners are in pixels of that part.
        """
        tallest = _HIGHEST * bgr.shape[0]
        found = [line.quad for line in self._finder.find(bgr, _PIXELS)]
        return [quads.corners(quad) for quad in found if _like_a_plate(quad, tallest)]


def _like_a_plate(quad: quads.Quad, tallest: float) -> bool:
    width, height = quads.size(quad)
    fits = width >= _SHORTEST and _LOWEST <= height <= tallest and abs(quads.tilt(quad)) <= _STEEPEST
    return fits and _NARROWEST <= quads.aspect(quad) <= _WIDEST
