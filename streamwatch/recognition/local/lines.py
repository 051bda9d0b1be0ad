"""Reads one plate whose place is known: chooses the views that the network gets, and puts them together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamwatch.core import plates
from streamwatch.core.model import Picture
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.decoding import PART_OF_CHINAS, DecodedPlate, PlateDecoder
from streamwatch.recognition.local.layout import province_and_office
from streamwatch.recognition.local.marks import Floats, Probabilities, Seen
from streamwatch.recognition.local.networks import network_name, open_network
from streamwatch.recognition.local.pattern_decoder import PatternDecoder
from streamwatch.recognition.local.province_classifier import load_classifier
from streamwatch.recognition.local.quads import LineView, Quad

_ROWS = 48
"""Pixels; the height that the text network takes."""
# Plates squeeze Chinese characters to half their width. Stretched, they look as the network has learned them. A long
# line holds other text as well, for which stretching only costs time. The upper line of a two-line plate has wide
# characters.
FIRST = LineView(left=0.08, right=0.03, upright=0.0, stretch=1.6)
PLAIN = LineView(left=0.0, right=0.02, upright=0.0, stretch=1.0)
MORE = (
    LineView(left=0.0, right=0.02, upright=-0.06, stretch=1.9),
    LineView(left=0.22, right=0.04, upright=0.06, stretch=1.4),
)
_OFFICE_WIDTH = 80
"""Pixels to which the first two characters are scaled for a separate look."""
_PART_OF_A_PLATE = 3
"""Least number of characters of a plate that is put together. Real plates that had to be put together from parts showed
five, other patterns two."""
_REST_OF_A_PLATE = 1.25
"""Distance up to which a text may be the rest of a plate whose first character is lost and another one mistaken."""
_FAINTEST = 1e-3
"""Smaller evidence for a province makes no difference."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line of text that may be a plate: its place, what was seen of it, and the best plate that it may be.

    first: how the first view was cut out; None if the line was put together from several.
    """

    quad: Quad
    first: LineView | None
    views: tuple[Seen, ...]
    plate: DecodedPlate | None

    def places(self) -> list[float]:
        """Return the middles of the plate's characters in fractions of the quad's width; empty if unknown."""
        if self.plate is None or self.first is None:
            return []
        wide = 1 + self.first.left + self.first.right
        return [peak * wide - self.first.left for peak in self.plate.peaks]


class LineReader:
    """The text network with the grammar. Not safe to use from several threads at once."""

    def __init__(self, threads: int, home_province: str, grammar: plates.Grammar) -> None:
        """Load the network. home_province: "" for none. Raise EngineMissing."""
        self._network = open_network("rec", threads)
        characters = self._network.get_modelmeta().custom_metadata_map["character"].splitlines()
        alphabet = ["", *characters, " "]
        self._decoder = PlateDecoder(alphabet, home_province, grammar.kinds)
        self._alphabet = self._decoder.alphabet
        self._classifier = load_classifier(network_name("rec"), alphabet)
        self._others = PatternDecoder(self._alphabet.characters, grammar.others) if grammar.others else None

    def read_once(self, picture: Picture, quad: Quad, view: LineView = FIRST) -> Line:
        """Return the line as one view shows it."""
        seen = self._see(quads.cut(picture, quad, view, _ROWS))
        return Line(quad, view, (seen,), self._best([seen]))

    def study(self, picture: Picture, line: Line, more: Sequence[LineView]) -> Line:
        """Return the same line after more views, and after a separate look at its province."""
        views = (*line.views, *(self._see(quads.cut(picture, line.quad, view, _ROWS)) for view in more))
        seen = Line(line.quad, line.first, views, self._best(views))
        if seen.plate is None or seen.plate.kind == plates.OTHER:
            return seen
        pieces = province_and_office(seen.plate.kind, seen.places(), seen.quad)
        if not pieces:
            return seen
        looks = [self._provinces(picture, piece) for piece in pieces]
        return replace(seen, plate=self._decoder.decode(views, np.mean(looks, axis=0)))

    def shows_characters(self, line: Line) -> bool:
        """True if enough characters for a part of a plate are clearly seen; leaves and stripes show none."""
        return self._alphabet.characters_in(line.views[0]) >= _PART_OF_A_PLATE

    def together(self, quad: Quad, lines: Sequence[Line], *, stacked: bool = False) -> Line:
        """Return several lines, each in the same views, as one text. quad: around all. stacked: one above the other."""
        views = []
        for parts in zip(*(line.views for line in lines), strict=False):
            seen = parts[0]
            for part in parts[1:]:
                seen = seen.then(part)
            views.append(seen)
        return Line(quad, None, tuple(views), self._best(views, stacked))

    def _best(self, views: Sequence[Seen], stacked: bool = False) -> DecodedPlate | None:
        """Return the best plate of the tables, unless a likelier text fits a pattern and is more than a part of that
        plate.
        """
        plate = self._decoder.decode(views, two_lines=stacked)
        other = self._others.decode(views[0]) if self._others else None
        if plate is None or other is None:
            return plate or other
        rest = plates.distance(other.text, plate.text) <= _REST_OF_A_PLATE
        handicap = PART_OF_CHINAS if rest else 0.0
        return plate if plate.score >= other.score - handicap else other

    def _provinces(self, picture: Picture, piece: Quad) -> Floats:
        """Return the log evidence for each province."""
        columns = self._columns(quads.set_upright(picture, piece, _OFFICE_WIDTH, _ROWS))
        if self._classifier:
            return self._classifier.provinces(columns)
        return np.asarray(np.log(self._alphabet.provinces(self._alphabet.see(columns)) + _FAINTEST), np.float64)

    def _see(self, cutting: Picture) -> Seen:
        """Return the marks of a picture of 48 rows."""
        return self._alphabet.see(self._columns(cutting))

    def _columns(self, cutting: Picture) -> Probabilities:
        """Return (T, alphabet): the network makes one column of eight pixels of a picture's width."""
        tensor = np.ascontiguousarray((cutting.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])
        columns: Probabilities = self._network.run(None, {self._network.get_inputs()[0].name: tensor})[0][0]
        return columns
