"""The local engine: reads plates on this machine's CPU with the networks that come inside the rapidocr package.

One network finds lines of text (`finder`). Each that may be a plate is read by the other, whose probabilities are
decoded with the grammar of plates (`lines`, `decoding`), not as free text. What is doubtful is studied in more views.
Neighbouring lines are also read as one: a province that was found apart, and the two lines of a truck's plate.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from streamwatch.errors import PictureBroken
from streamwatch.imaging import UnfitPicture, open_picture
from streamwatch.model import Corners, Engine, Ledger, Picture, PlateText
from streamwatch.plates import CHINA, NAMES, Grammar
from streamwatch.recognition import quads
from streamwatch.recognition.colour import colour
from streamwatch.recognition.confidence import LEAST_SCORE, confidence
from streamwatch.recognition.finder import Found, TextFinder
from streamwatch.recognition.layout import border
from streamwatch.recognition.lines import FIRST, MORE, PLAIN, Line, LineReader
from streamwatch.recognition.nearby import lies_there, pixels_for, surroundings
from streamwatch.recognition.quads import Quad, View

PIXELS = 350_000
"""To so many a picture is reduced for finding text, some 0.11 s of CPU; the text itself is read at full size."""

MORE_PIXELS = 450_000
"""The same for a second search, where the first has found no plate."""

_NEAR = ((80.0, False), (112.0, True))
"""Where the place is known, to what width a plate is reduced for the first search and for the second, evened one."""

LEAST_CONFIDENCE = 0.03
"""What is less sure than this is no plate. Between this and certainty lie mostly plates whose province is blurred."""

_MOST_LINES, _MOST_NEW_LINES, _MOST_STUDIES = 6, 3, 3
_MUCH_TEXT = 5
"""Where the first search has found so many lines, it was not the dark that hid a plate."""
_LEAST_HEIGHT = 8.0
_STEEPEST, _FLATTEST, _LONGER_THAN_A_PLATE = 0.8, 8.0, 5.0
_USUAL = 3.0
"""Width by height. A plate has 3.1 to 3.4, a line of a two-line plate 1.5 to 4, a line with other text more."""
_TWO_LINES = (1.3, 2.7)
"""Width by height of a two-line plate that was found as one block; the plate itself has 2."""
_LOWER_LINE = 5
"""Letters and digits in the lower line of a two-line plate."""
_SURE = 0.988
"""A first look this sure needs no second."""
_LIKELY = 0.77
"""Where no line is this sure, plates are put together from lines and parts of lines."""
_MAY_BE_CUT = 0.6
"""The most that one may be sure of a plate that the picture may have cut: below what settles a plate anywhere, above
what is taken for no plate."""
_HALF = (1.2, 2.4)
"""Width by height of what may be half of a plate whose other half was not found."""


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A plate and the quads of the lines that it would use up."""

    line: Line
    confidence: float
    uses: frozenset[int]


class LocalReader:
    """Reads pictures with the extra `local`; costs CPU, and no money. Safe to use from several threads."""

    engine = Engine.LOCAL

    def __init__(self, threads: int = 1, *, home_province: str = "", grammar: Grammar = CHINA) -> None:
        """Loads the networks. Raises EngineMissing.

        threads: CPU threads that one reading may use. home_province: one of `plates.PROVINCES`, a hint; "" for none.
        grammar: which texts are plates.
        """
        self._lock = threading.Lock()
        self._finder = TextFinder(threads)
        self._reader = LineReader(threads, home_province, grammar)

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """All plates of the picture, best first. Nothing is paid, so the ledger stays untouched. Raises PictureBroken.

        Corners are those of the plate, in pixels of the picture as a viewer shows it.
        """
        picture = _decode(jpeg)
        with self._lock:
            candidates = self._candidates(picture)
        return _plate_texts(picture, _best(candidates))

    def read_near(self, jpeg: bytes, places: Sequence[Corners | None], ledger: Ledger) -> list[PlateText]:
        """The plates at the given places, best first, at a quarter of the price. Raises PictureBroken.

        All plates of the picture where one of the places is not known (None), can not be a plate's of one line or shows
        none.
        """
        picture = _decode(jpeg)
        with self._lock:
            found = [self._near(picture, place) for place in places]
            if not found or not all(found):
                found = [_best(self._candidates(picture))]
        return _plate_texts(picture, [one for ones in found for one in ones])

    def close(self) -> None:
        """Waits for a reading that is under way; the memory goes with the object."""
        with self._lock:
            pass

    def _candidates(self, picture: Picture) -> list[_Candidate]:
        lines = self._read_lines(picture, _worth_reading(self._finder.find(picture, PIXELS)))
        found = self._put_together(picture, lines)
        if len(lines) >= _MUCH_TEXT or any(one.confidence >= LEAST_CONFIDENCE for one in found):
            return found
        again = _worth_reading(self._finder.find(picture, MORE_PIXELS, evened=True))
        new = [quad for quad in again if not any(quads.same(quad, line.quad) for line in lines)]
        more = self._read_lines(picture, new[:_MOST_NEW_LINES])
        return self._put_together(picture, [*lines, *more]) if more else found

    def _near(self, picture: Picture, place: Corners | None) -> list[_Candidate]:
        """What there is at one place."""
        height, width = picture.shape[:2]
        if place is None or (part := surroundings(place, width, height)) is None:
            return []
        shown = picture[part.y : part.y + part.height, part.x : part.x + part.width]
        shift = np.array([part.x, part.y], np.float32)
        for wide, evened in _NEAR:
            seen = self._finder.find(shown, pixels_for(part, place, wide), evened=evened)
            there = _worth_reading([replace(one, quad=one.quad + shift) for one in seen])
            lines = self._read_lines(picture, [quad for quad in there if lies_there(quad, place)], MORE[:1])
            if best := _best(self._put_together(picture, lines)):
                return best
        return []

    def _read_lines(self, picture: Picture, there: Sequence[Quad], more: Sequence[View] = MORE) -> list[Line]:
        lines = [
            self._reader.glance(picture, quad, PLAIN if quads.aspect(quad) > _LONGER_THAN_A_PLATE else FIRST)
            for quad in there
        ]
        return self._studied(picture, lines, more)

    def _put_together(self, picture: Picture, lines: Sequence[Line]) -> list[_Candidate]:
        candidates = [_Candidate(line, confidence(line.plate), frozenset([n])) for n, line in enumerate(lines)]
        if not any(one.confidence >= _LIKELY and not _part_of_two_lines(one.line) for one in candidates):
            parts = [line for line in lines if self._reader.shows_characters(line)]
            candidates += self._joined(lines) if parts else []
            candidates += self._two_lines(picture, lines, parts[:_MOST_STUDIES])
            candidates += self._widened(picture, lines, parts[:_MOST_STUDIES])
        return candidates

    def _studied(self, picture: Picture, lines: Sequence[Line], more: Sequence[View]) -> list[Line]:
        """The same lines; those that look most like a plate, but not surely, in more views."""
        doubtful = {
            n: line.plate.score
            for n, line in enumerate(lines)
            if line.plate and line.plate.score > LEAST_SCORE and confidence(line.plate) < _SURE
        }
        worth = sorted(doubtful, key=lambda n: -doubtful[n])[:_MOST_STUDIES]
        return [self._reader.study(picture, line, more) if n in worth else line for n, line in enumerate(lines)]

    def _joined(self, lines: Sequence[Line]) -> Iterator[_Candidate]:
        """Plates that only two neighbouring lines make together."""
        for (a, first), (b, second) in permutations(enumerate(lines), 2):
            if quads.beside(first.quad, second.quad):
                line = self._reader.together(quads.side_by_side(first.quad, second.quad), [first, second])
            elif quads.above(first.quad, second.quad):
                line = self._reader.together(quads.stacked(first.quad, second.quad), [first, second], stacked=True)
            else:
                continue
            yield _Candidate(line, confidence(line.plate), frozenset((a, b)))

    def _two_lines(self, picture: Picture, lines: Sequence[Line], parts: Sequence[Line]) -> Iterator[_Candidate]:
        """Two-line plates that were found as one block, or of which only the lower line was found."""
        for line in parts:
            pairs = []
            if _TWO_LINES[0] < quads.aspect(line.quad) < _TWO_LINES[1]:
                pairs.append(quads.halves(line.quad))
            if 1.4 < quads.aspect(line.quad) < 3.6 and not any(quads.above(one.quad, line.quad) for one in lines):
                pairs.append((quads.upper_line(line.quad), line.quad))
            for upper, lower in pairs:
                pair = [self._reader.glance(picture, upper, PLAIN), self._reader.glance(picture, lower, PLAIN)]
                whole = self._reader.together(quads.stacked(upper, lower), pair, stacked=True)
                yield _Candidate(whole, confidence(whole.plate), frozenset([lines.index(line)]))

    def _widened(self, picture: Picture, lines: Sequence[Line], parts: Sequence[Line]) -> Iterator[_Candidate]:
        """Plates of which only the left or the right half was found."""
        for line in parts:
            if _HALF[0] < quads.aspect(line.quad) < _HALF[1]:
                for left, right in ((-1.0, 1.1), (-0.1, 2.0)):
                    wide = self._reader.glance(picture, quads.part(line.quad, left, right, 0.0, 1.0))
                    yield _Candidate(wide, confidence(wide.plate), frozenset([lines.index(line)]))


def _decode(picture: bytes) -> Picture:
    try:
        return open_picture(picture)
    except UnfitPicture as unfit:
        raise PictureBroken(f"The picture can not be decoded; it is {unfit}.") from None


def _worth_reading(found: Sequence[Found]) -> list[Quad]:
    """The lines of text that may hold a plate, those most like one first."""
    lines = [line.quad for line in found if quads.size(line.quad)[1] >= _LEAST_HEIGHT]
    lines = [quad for quad in lines if _STEEPEST <= quads.aspect(quad) <= _FLATTEST]
    return sorted(lines, key=lambda quad: abs(np.log(quads.aspect(quad) / _USUAL)))[:_MOST_LINES]


def _part_of_two_lines(line: Line) -> bool:
    """Whether a text that only another grammar takes for a plate may be the lower line of a truck's plate."""
    return line.plate is not None and line.plate.kind not in NAMES and len(line.plate.text) <= _LOWER_LINE


def _best(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The likeliest candidates, so that no line serves twice and no plate comes twice."""
    chosen: list[_Candidate] = []
    for one in sorted(candidates, key=lambda found: -found.confidence):
        if one.line.plate is None or one.confidence < LEAST_CONFIDENCE:
            continue
        texts = {other.line.plate.text for other in chosen if other.line.plate}
        if one.line.plate.text not in texts and not any(one.uses & other.uses for other in chosen):
            chosen.append(one)
    return chosen


def _plate_texts(picture: Picture, found: Sequence[_Candidate]) -> list[PlateText]:
    """The surest first."""
    return sorted((_plate_text(picture, one) for one in found), key=lambda plate: -(plate.confidence or 0.0))


def _plate_text(picture: Picture, found: _Candidate) -> PlateText:
    plate = found.line.plate
    assert plate is not None
    outline = border(plate.kind, found.line.places(), found.line.quad) if found.line.first else found.line.quad
    ground = colour(picture, outline, plate.kind)
    sure = min(found.confidence, _MAY_BE_CUT) if _at_the_edge(picture, outline) else found.confidence
    return PlateText(plate.text, sure, quads.corners(outline), ground)


def _at_the_edge(picture: Picture, outline: Quad) -> bool:
    """True where a corner lies within the plate's height of the picture's edge: a character may lie beyond it."""
    height, width = picture.shape[:2]
    near = quads.size(outline)[1]
    return bool((outline < near).any() or (outline > np.array([width, height]) - near).any())
