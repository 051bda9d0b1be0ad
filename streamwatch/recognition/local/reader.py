"""The local engine: reads plates on this machine's CPU.

The detector finds plates, and looks at each of them again in an enlarged part of the picture. The text network of the
rapidocr package reads what is written between a plate's four corners. Its probabilities are decoded with the grammar of
plates (`lines`, `decoding`), not as free text. A doubtful plate is studied in more views, and as a plate of two lines.
"""

import threading
from collections.abc import Sequence

import cv2
import numpy as np

from streamwatch.core.errors import PictureBroken
from streamwatch.core.model import Corners, Engine, JpegCorners, Ledger, Picture, PlateText
from streamwatch.core.plates import CHINA, NAMES, Grammar
from streamwatch.imaging.limits import UnfitPicture
from streamwatch.imaging.pictures import open_picture
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.colour import colour
from streamwatch.recognition.local.confidence import LEAST_SCORE, confidence
from streamwatch.recognition.local.layout import border
from streamwatch.recognition.local.lines import MORE, PLAIN, Line, LineReader
from streamwatch.recognition.local.nearby import lies_there, surroundings
from streamwatch.recognition.local.networks import open_detector
from streamwatch.recognition.local.quads import Quad

_LONGEST = 1280
"""Pixels of the longer side to which a picture is reduced for finding plates, at some 35 ms of CPU. Plates of 40 pixels
in a picture of 1920 are found. They are read at full size."""
_LEAST_FOUND = 0.3
"""The detector's score from which on a place is read. Below certainty, the reading mostly tells if it is a plate."""
_MOST_PLACES = 6
_CLOSE = 100.0
"""Pixels of a plate's width in the second look at its place, which gives better corners: an eighth more far plates are
read, at 2 ms of CPU each."""

LEAST_CONFIDENCE = 0.03
"""A less sure text is no plate. Between this and certainty lie mostly plates whose province is blurred."""

_LINE = 0.11
"""Fraction of a plate's height by which a line of text reaches over both of its edges."""
_TWO_LINES = 2.7
"""Width by height below which a plate may have two lines; the plate itself has 2."""
_LOWER_LINE = 5
"""Letters and digits in the lower line of a two-line plate."""
_SURE = 0.988
"""A first look with this confidence needs no second one."""
_LIKELY = 0.77
"""A plate that was read as one line with less confidence may have two."""
_MAY_BE_CUT = 0.6
"""Highest confidence of a plate that the edge of the picture may have cut: below what settles a plate anywhere, above
what is taken for no plate."""


class LocalReader:
    """Reads pictures with the extra `local`; it costs CPU and no money. Several threads may use it at once."""

    engine = Engine.LOCAL

    def __init__(self, threads: int = 1, *, home_province: str = "", grammar: Grammar = CHINA) -> None:
        """Load the networks. Raise EngineMissing.

        threads: CPU threads that one reading may use. home_province: one of `plates.PROVINCES`, a hint; "" for none.
        grammar: which texts are plates.
        """
        self._lock = threading.Lock()
        self._detector = open_detector(threads)
        self._reader = LineReader(threads, home_province, grammar)

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """Return all plates of the picture, best first. Raise PictureBroken. Nothing is paid, so the ledger is not
        used.

        Corners are those of the plate, in pixels of the picture as a viewer shows it.
        """
        picture = _decode(jpeg)
        with self._lock:
            found = self._find(picture)
        return _plate_texts(picture, found)

    def read_near(self, jpeg: bytes, places: Sequence[JpegCorners | None], ledger: Ledger) -> list[PlateText]:
        """Return the plates at the given places, best first, at a fraction of the cost. Raise PictureBroken.

        Return all plates of the picture if one of the places is not known (None), cannot be that of a plate, or shows
        none.
        """
        picture = _decode(jpeg)
        with self._lock:
            found = [self._near(picture, place) for place in places]
            if not found or not all(found):
                found = [self._find(picture)]
        return _plate_texts(picture, [one for ones in found for one in ones])

    def close(self) -> None:
        """Wait for a reading that is running; the memory is freed with the object."""
        with self._lock:
            pass

    def _find(self, picture: Picture) -> list[Line]:
        """Return the plates of the whole picture."""
        places = [one.corners for one in self._detector.find(picture, _LEAST_FOUND, _LONGEST)[:_MOST_PLACES]]
        closer = [self._closer(picture, place) or [np.array(place, np.float32)] for place in places]
        return _best([self._read_plate(picture, there[0]) for there in closer])

    def _near(self, picture: Picture, place: Corners | None) -> list[Line]:
        """Return the plates at one place."""
        closer = [] if place is None else self._closer(picture, place)
        return _best([self._read_plate(picture, plate) for plate in closer])

    def _closer(self, picture: Picture, place: Corners) -> list[Quad]:
        """Return the plates that a closer look finds at a place, surest first; empty if the place is impossible."""
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
        """Return what is written on a plate with these corners, as one line or as two."""
        line = self._reader.read_once(picture, quads.part(plate, 0.0, 1.0, -_LINE, 1 + _LINE))
        if line.plate and line.plate.score > LEAST_SCORE and confidence(line.plate) < _SURE:
            line = self._reader.study(picture, line, MORE)
        likely = confidence(line.plate) >= _LIKELY and not _part_of_two_lines(line)
        if likely or quads.aspect(plate) >= _TWO_LINES or not self._reader.shows_characters(line):
            return line
        upper, lower = quads.halves(plate)
        pair = [self._reader.read_once(picture, upper, PLAIN), self._reader.read_once(picture, lower, PLAIN)]
        whole = self._reader.together(quads.stacked(upper, lower), pair, stacked=True)
        return max(line, whole, key=lambda one: confidence(one.plate))


def _decode(picture: bytes) -> Picture:
    try:
        return open_picture(picture)
    except UnfitPicture as unfit:
        raise PictureBroken(f"The picture cannot be decoded; it is {unfit}.") from None


def _part_of_two_lines(line: Line) -> bool:
    """True if a text that is a plate only by another grammar may be the lower line of a truck's plate."""
    return line.plate is not None and line.plate.kind not in NAMES and len(line.plate.text) <= _LOWER_LINE


def _best(lines: Sequence[Line]) -> list[Line]:
    """Return the likeliest plates first, none twice."""
    chosen: dict[str, Line] = {}
    for line in sorted(lines, key=lambda one: -confidence(one.plate)):
        if line.plate and confidence(line.plate) >= LEAST_CONFIDENCE:
            chosen.setdefault(line.plate.text, line)
    return list(chosen.values())


def _plate_texts(picture: Picture, found: Sequence[Line]) -> list[PlateText]:
    """Return the plates, surest first."""
    return sorted((_plate_text(picture, one) for one in found), key=lambda plate: -(plate.confidence or 0.0))


def _plate_text(picture: Picture, found: Line) -> PlateText:
    plate = found.plate
    assert plate is not None
    outline = border(plate.kind, found.places(), found.quad) if found.first else found.quad
    sure = confidence(plate)
    ground = colour(picture, outline, plate.kind)
    confident = min(sure, _MAY_BE_CUT) if _at_the_edge(picture, outline) else sure
    return PlateText(plate.text, confident, JpegCorners(quads.corners(outline)), ground)


def _at_the_edge(picture: Picture, outline: Quad) -> bool:
    """True if a corner is closer to the picture's edge than the plate's height: a character may lie beyond the edge."""
    height, width = picture.shape[:2]
    near = quads.size(outline)[1]
    return bool((outline < near).any() or (outline > np.array([width, height]) - near).any())
