"""Looks for lettering like a plate's on a vehicle on which the detector has seen no plate, before one pays for it."""

from streamwatch.core.model import Corners, Picture
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.text_detector import TextDetector

_PIXELS = 120_000
"""To so many the picture is reduced: some 45 ms. A plate of a ninth of the width of a 900x700 region is still found."""
_NARROWEST, _WIDEST = 1.2, 8.0
"""Width by height, with room on both sides: half of a plate, and a plate with the maker's name beside it."""
_SHORTEST, _LOWEST = 30.0, 7.0
"""Width and height in pixels; of half a plate that is still readable."""
_HIGHEST = 0.2
"""Of the region's height. What is higher is the outline of a person or of a whole car."""
_STEEPEST = 40.0
"""Degrees; the stripes of kerbs and booms stand at 41 to 45."""


class Presence:
    """Finds plates without reading them; needs the extra `local`. Not safe to use from several threads at once."""

    def __init__(self, threads: int = 1) -> None:
        """Loads the text-finding network only. threads: CPU threads of one look. Raises EngineMissing."""
        self._finder = TextDetector(threads)

    def plates(self, bgr: Picture) -> list[Corners]:
        """Where there is something like a plate, or a line of one, surest first; empty where there is nothing.

        bgr: (height, width, 3), best only the part of the picture that moves: the larger it is, the smaller the plate
        in it becomes. Corners are in pixels of that part.
        """
        tallest = _HIGHEST * bgr.shape[0]
        found = [line.quad for line in self._finder.find(bgr, _PIXELS)]
        return [quads.corners(quad) for quad in found if _like_a_plate(quad, tallest)]


def _like_a_plate(quad: quads.Quad, tallest: float) -> bool:
    width, height = quads.size(quad)
    fits = width >= _SHORTEST and _LOWEST <= height <= tallest and abs(quads.tilt(quad)) <= _STEEPEST
    return fits and _NARROWEST <= quads.aspect(quad) <= _WIDEST
