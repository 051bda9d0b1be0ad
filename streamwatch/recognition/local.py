"""The local engine: reads plates on this machine's CPU.

The detector finds plates, and looks at each once more from closer by. What is written between its four corners is read
by the text network that comes inside the rapidocr package, whose probabilities are decoded with the grammar of plates
(`lines`, `decoding`), not as free text. What is doubtful is studied in more views, and as a plate of two lines.
"""

import threading
from collections.abc import Sequence

import cv2
import numpy as np

from streamwatch.core.errors import PictureBroken
from streamwatch.core.model import Corners, Engine, Ledger, Picture, PlateText
from streamwatch.core.plates import CHINA, NAMES, Grammar
from streamwatch.imaging.limits import UnfitPicture
from streamwatch.imaging.pictures import open_picture
from streamwatch.recognition import quads
from streamwatch.recognition.colour import colour
from streamwatch.recognition.confidence import LEAST_SCORE, confidence
from streamwatch.recognition.layout import border
from streamwatch.recognition.lines import MORE, PLAIN, Line, LineReader
from streamwatch.recognition.nearby import lies_there, surroundings
from streamwatch.recognition.networks import open_detector
from streamwatch.recognition.quads import Quad

_LONGEST = 1280
"""Pixels of the longer side to which a picture is reduced for finding plates, at some 35 ms of CPU: those of 40 pixels
in a picture of 1920 are found. They are read at full size."""
_LEAST_FOUND = 0.3
"""The detector's score from which on a place is read; what it is not sure of is mostly told by the reading."""
_MOST_PLACES = 6
_CLOSE = 100.0
"""Pixels of a plate's width in the second look at its place, which tells its corners better: an eighth more far
plates are read, at 2 ms of CPU each."""

LEAST_CONFIDENCE = 0.03
"""What is less sure than this is no plate. Between this and certainty lie mostly plates whose province is blurred."""

_LINE = 0.11
"""Of a plate's height, by which a line of text as the views and layouts know it reaches over both of its edges."""
_TWO_LINES = 2.7
"""Width by height below which a plate may have two lines; the plate itself has 2."""
_LOWER_LINE = 5
"""Letters and digits in the lower line of a two-line plate."""
_SURE = 0.988
"""A first look this sure needs no second."""
_LIKELY = 0.77
"""What is read as one line and is less sure may have two."""
_MAY_BE_CUT = 0.6
"""The most that one may be sure of a plate that the picture may have cut: below what settles a plate anywhere, above
what is taken for no plate."""


class LocalReader:
    """Reads pictures with the extra `local`; costs CPU, and no money. Safe to use from several threads."""

    engine = Engine.LOCAL

    def __init__(self, threads: int = 1, *, home_province: str = "", grammar: Grammar = CHINA) -> None:
        """Loads the networks. Raises EngineMissing.

        threads: CPU threads that one reading may use. home_province: one of `plates.PROVINCES`, a hint; "" for none.
        grammar: which texts are plates.
        """
        self._lock = threading.Lock()
        self._detector = open_detector(threads)
        self._reader = LineReader(threads, home_province, grammar)

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """All plates of the picture, best first. Nothing is paid, so the ledger stays untouched. Raises PictureBroken.

        Corners are those of the plate, in pixels of the picture as a viewer shows it.
        """
        picture = _decode(jpeg)
        with self._lock:
            found = self._find(picture)
        return _plate_texts(picture, found)

    def read_near(self, jpeg: bytes, places: Sequence[Corners | None], ledger: Ledger) -> list[PlateText]:
        """The plates at the given places, best first, at a fraction of the price. Raises PictureBroken.

        All plates of the picture where one of the places is not known (None), can not be a plate's or shows none.
        """
        picture = _decode(jpeg)
        with self._lock:
            found = [self._near(picture, place) for place in places]
            if not found or not all(found):
                found = [self._find(picture)]
        return _plate_texts(picture, [one for ones in found for one in ones])

    def close(self) -> None:
        """Waits for a reading that is under way; the memory goes with the object."""
        with self._lock:
            pass

    def _find(self, picture: Picture) -> list[Line]:
        """The plates of the whole picture."""
        places = [one.corners for one in self._detector.find(picture, _LEAST_FOUND, _LONGEST)[:_MOST_PLACES]]
        closer = [self._closer(picture, place) or [np.array(place, np.float32)] for place in places]
        return _best([self._read_plate(picture, there[0]) for there in closer])

    def _near(self, picture: Picture, place: Corners | None) -> list[Line]:
        """The plates at one place."""
        closer = [] if place is None else self._closer(picture, place)
        return _best([self._read_plate(picture, plate) for plate in closer])

    def _closer(self, picture: Picture, place: Corners) -> list[Quad]:
        """The plates that a closer look sees at a place, surest first; none where no plate can have these corners."""
        height, width = picture.shape[:2]
        if (part := surroundings(place, width, height)) is None:
            return []
        shown = picture[part.y : part.y + part.height, part.x : part.x + part.width]
        scale = _CLOSE / float(np.ptp([x for x, _ in place]))
        size = max(1, round(part.width * scale)), max(1, round(part.height * scale))
        close = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
        # The middle of the first pixel lies at 0, whatever the pixel's size.
        ratio, shift = np.array(shown.shape[1::-1], np.float32) / size, np.array([part.x, part.y], np.float32) - 0.5
        found = [
            (np.array(one.corners, np.float32) + 0.5) * ratio + shift
            for one in self._detector.find(close, _LEAST_FOUND)
        ]
        return [plate for plate in found if lies_there(plate, place)]

    def _read_plate(self, picture: Picture, plate: Quad) -> Line:
        """What is written on a plate with these corners, as one line or as two."""
        line = self._reader.glance(picture, quads.part(plate, 0.0, 1.0, -_LINE, 1 + _LINE))
        if line.plate and line.plate.score > LEAST_SCORE and confidence(line.plate) < _SURE:
            line = self._reader.study(picture, line, MORE)
        likely = confidence(line.plate) >= _LIKELY and not _part_of_two_lines(line)
        if likely or quads.aspect(plate) >= _TWO_LINES or not self._reader.shows_characters(line):
            return line
        upper, lower = quads.halves(plate)
        pair = [self._reader.glance(picture, upper, PLAIN), self._reader.glance(picture, lower, PLAIN)]
        whole = self._reader.together(quads.stacked(upper, lower), pair, stacked=True)
        return max(line, whole, key=lambda one: confidence(one.plate))


def _decode(picture: bytes) -> Picture:
    try:
        return open_picture(picture)
    except UnfitPicture as unfit:
        raise PictureBroken(f"The picture can not be decoded; it is {unfit}.") from None


def _part_of_two_lines(line: Line) -> bool:
    """Whether a text that only another grammar takes for a plate may be the lower line of a truck's plate."""
    return line.plate is not None and line.plate.kind not in NAMES and len(line.plate.text) <= _LOWER_LINE


def _best(lines: Sequence[Line]) -> list[Line]:
    """The likeliest plates first, none twice."""
    chosen: dict[str, Line] = {}
    for line in sorted(lines, key=lambda one: -confidence(one.plate)):
        if line.plate and confidence(line.plate) >= LEAST_CONFIDENCE:
            chosen.setdefault(line.plate.text, line)
    return list(chosen.values())


def _plate_texts(picture: Picture, found: Sequence[Line]) -> list[PlateText]:
    """The surest first."""
    return sorted((_plate_text(picture, one) for one in found), key=lambda plate: -(plate.confidence or 0.0))


def _plate_text(picture: Picture, found: Line) -> PlateText:
    plate = found.plate
    assert plate is not None
    outline = border(plate.kind, found.places(), found.quad) if found.first else found.quad
    sure = confidence(plate)
    ground = colour(picture, outline, plate.kind)
    return PlateText(
        plate.text, min(sure, _MAY_BE_CUT) if _at_the_edge(picture, outline) else sure, quads.corners(outline), ground
    )


def _at_the_edge(picture: Picture, outline: Quad) -> bool:
    """True where a corner lies within the plate's height of the picture's edge: a character may lie beyond it."""
    height, width = picture.shape[:2]
    near = quads.size(outline)[1]
    return bool((outline < near).any() or (outline > np.array([width, height]) - near).any())
