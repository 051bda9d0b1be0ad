"""The local engine: reads plates on this machine's CPU with the networks that come inside the rapidocr package.

rapidocr finds lines of text. Each line that has the proportions of a plate, or of a part of one, goes through the text
network, whose probabilities are read with the grammar of plates (`decoding`), not as free text. A line that is doubtful
is looked at once more with a wider view. Neighbouring lines are also read as one: a province that was found apart, and
the two lines of a truck's plate.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from streamwatch.errors import EngineMissing, PictureBroken
from streamwatch.model import Engine, Ledger, Picture, PlateText
from streamwatch.recognition import quads
from streamwatch.recognition.decoding import Decoded, PlateDecoder, Probabilities
from streamwatch.recognition.quads import Quad, View

LONG_SIDE = 960
"""Pixels to which the longer side of a picture is reduced for finding text; the text itself is read at full size."""

LEAST_CONFIDENCE = 0.35
"""What is less sure than this is no plate but some other text."""

_INSTALL = "Run: pip install 'streamwatch[local]'"

_ROWS = 48
"""Height that the text network takes."""
# Plates squeeze Chinese characters to half their width; stretched, they look as the network has learned them. A long
# line holds other text as well, which needs no stretching and would only cost time; the upper line of a two-line plate
# has wide characters.
_TIGHT = View(left=0.0, right=0.02, upright=-0.06, stretch=1.9)
_WIDE = View(left=0.22, right=0.04, upright=0.06, stretch=1.4)
_PLAIN = View(left=0.0, right=0.02, upright=0.0, stretch=1.0)

_MOST_LINES = 16
_LEAST_HEIGHT = 8.0
_STEEPEST, _FLATTEST, _LONGER_THAN_A_PLATE = 0.8, 14.0, 5.0
_USUAL = 3.2
"""Width by height. A plate has 3.1 to 3.4, a line of a two-line plate 1.5 to 4, a line with other text more."""

_SURE, _HOPELESS = 0.9, 0.15
"""Between these a second view of a line is worth its time."""
_DISPUTED, _JOINED = 0.9, 0.95
"""Factors of the confidence where two views of a line differ, and where a plate was put together from two lines."""


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """One line of text: where it is, what the network says of it, and the best plate that it may be."""

    quad: Quad
    columns: Probabilities
    plate: Decoded | None = None
    confidence: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    """A plate and the lines that it would use up."""

    text: str
    confidence: float
    quad: Quad
    lines: frozenset[int]


class LocalReader:
    """Reads pictures with the extra `local`; costs CPU, and no money. Safe to use from several threads."""

    engine = Engine.LOCAL

    def __init__(self, threads: int = 1) -> None:
        """Loads the networks. threads: CPU threads that one reading may use. Raises EngineMissing."""
        self._lock = threading.Lock()
        self._finder, self._network = _load(threads)
        characters = self._network.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._decoder = PlateDecoder(["", *characters, " "])

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """All plates of the picture, best first. Nothing is paid, so the ledger stays untouched. Raises PictureBroken.

        Corners are those of the line of text, in pixels of the picture as a viewer shows it.
        """
        picture = _decode(jpeg)
        with self._lock:
            lines = [self._line(picture, quad) for quad in self._find(picture)]
            lines += [_Line(quad, self._columns(picture, quad, _PLAIN)) for quad in _missed_upper_lines(lines)]
            candidates = [*_single(lines), *self._joined(lines)]
        return [PlateText(found.text, found.confidence, quads.corners(found.quad)) for found in _best(candidates)]

    def close(self) -> None:
        """Waits for a reading that is under way; the memory goes with the object."""
        with self._lock:
            pass

    def _find(self, picture: Picture) -> list[Quad]:
        """The lines of text that may hold a plate, those most like one first."""
        boxes = self._finder(picture, use_det=True, use_cls=False, use_rec=False).boxes
        found = [] if boxes is None else [np.asarray(box, np.float32) for box in boxes]
        found = [quad for quad in found if quads.size(quad)[1] >= _LEAST_HEIGHT]
        found = [quad for quad in found if _STEEPEST <= quads.aspect(quad) <= _FLATTEST]
        return sorted(found, key=lambda quad: abs(np.log(quads.aspect(quad) / _USUAL)))[:_MOST_LINES]

    def _line(self, picture: Picture, quad: Quad) -> _Line:
        columns = self._columns(picture, quad, _PLAIN if quads.aspect(quad) > _LONGER_THAN_A_PLATE else _TIGHT)
        first = self._decoder.decode(columns)
        if first is None:
            return _Line(quad, columns)
        second = None
        if _HOPELESS < first.confidence < _SURE:
            second = self._decoder.decode(self._columns(picture, quad, _WIDE))
        if second is None:
            return _Line(quad, columns, first, first.confidence)
        best = max(first, second, key=lambda plate: plate.score)
        return _Line(quad, columns, best, best.confidence * (1 if first.text == second.text else _DISPUTED))

    def _columns(self, picture: Picture, quad: Quad, view: View) -> Probabilities:
        """(T, characters) probabilities of the columns of a line, left to right; a column is eight pixels wide."""
        cutting = quads.cut(picture, quad, view, _ROWS)
        tensor = (cutting.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        return np.asarray(self._network.run(None, {self._network.get_inputs()[0].name: tensor})[0][0], np.float32)

    def _joined(self, lines: Sequence[_Line]) -> Iterator[_Candidate]:
        """Plates that only two neighbouring lines make together."""
        for (a, first), (b, second) in permutations(enumerate(lines), 2):
            if max(first.confidence, second.confidence) >= _SURE:
                continue
            if quads.beside(first.quad, second.quad):
                quad = quads.side_by_side(first.quad, second.quad)
            elif quads.above(first.quad, second.quad):
                quad = quads.stacked(first.quad, second.quad)
            else:
                continue
            plate = self._decoder.decode(_end_to_end(first.columns, second.columns))
            if plate:
                yield _Candidate(plate.text, plate.confidence * _JOINED, quad, frozenset((a, b)))


def _load(threads: int) -> tuple[Any, Any]:
    """rapidocr's text finder, and the session of its text network."""
    try:
        import onnxruntime  # type: ignore[import-untyped]
        import rapidocr
    except ImportError as error:
        raise EngineMissing(f"The local engine is not installed ({error.name} is missing).", _INSTALL) from None
    models = Path(rapidocr.__file__).parent / "models"
    files = {part: sorted(models.glob(f"*_{part}_*.onnx")) for part in ("det", "rec")}
    if not all(files.values()):
        raise EngineMissing("The installed rapidocr comes without its models.", f"{_INSTALL} --upgrade")
    # A model that is named is used as it is; without a name rapidocr would go and fetch what it misses.
    finder = rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Det.model_path": str(files["det"][-1]),
            "Det.limit_side_len": LONG_SIDE,
            "Det.limit_type": "max",
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_cpu_mem_arena = False
    network = onnxruntime.InferenceSession(str(files["rec"][-1]), options, providers=["CPUExecutionProvider"])
    return finder, network


def _decode(jpeg: bytes) -> Picture:
    try:
        picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise PictureBroken("The picture can not be decoded; it is damaged or no picture at all.")
    return np.asarray(picture, np.uint8)


def _missed_upper_lines(lines: Sequence[_Line]) -> Iterator[Quad]:
    """Where to look for the two characters over a line that is no plate by itself."""
    for line in lines:
        alone = not any(quads.above(other.quad, line.quad) for other in lines)
        if alone and line.confidence < _SURE and 1.4 < quads.aspect(line.quad) < 3.6:
            yield quads.upper_line(line.quad)


def _end_to_end(first: Probabilities, second: Probabilities) -> Probabilities:
    pause = np.zeros((1, first.shape[1]), np.float32)
    pause[0, 0] = 1
    return np.concatenate([first, pause, second])


def _single(lines: Sequence[_Line]) -> Iterator[_Candidate]:
    for n, line in enumerate(lines):
        if line.plate:
            yield _Candidate(line.plate.text, line.confidence, line.quad, frozenset((n,)))


def _best(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """The likeliest candidates, so that no line serves twice and no plate comes twice."""
    chosen: list[_Candidate] = []
    for candidate in sorted(candidates, key=lambda found: -found.confidence):
        taken = any(candidate.text == other.text or candidate.lines & other.lines for other in chosen)
        if candidate.confidence >= LEAST_CONFIDENCE and not taken:
            chosen.append(candidate)
    return chosen
