"""The verb `read`: has single pictures read by the configured engine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from streamwatch.app.wiring import make_local_help, make_recognizer, make_recorder
from streamwatch.capture.still import read_still
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import CaptureError, RecognitionError
from streamwatch.core.model import Box, Engine, PlateText, Recognizer
from streamwatch.core.plates import Grammar, grammar
from streamwatch.core.redact import hide_credentials
from streamwatch.imaging.corners import in_original
from streamwatch.imaging.jpeg import encode
from streamwatch.pipeline import RecordedLedger
from streamwatch.recognition.ocrcars.client import OcrCars
from streamwatch.store import open_store

ReadOne = Callable[[str], dict[str, Any]]
"""Turns a file or an address into {image, engine, plates: [{plate, kind, colour, confidence, corners}], error}."""


@contextmanager
def picture_reader(settings: Settings) -> Iterator[ReadOne]:
    """Yield a function that reads one picture. Paid calls go into the ledger.

    Raise ConfigError, EngineMissing, StoreError.
    """
    recognizer = make_recognizer(settings, Event().wait)
    try:
        with _record_calls(settings, recognizer) as ledger:
            yield _PictureReader(settings, recognizer, ledger).read
    finally:
        recognizer.close()


@contextmanager
def _record_calls(settings: Settings, recognizer: Recognizer) -> Iterator[Callable[[], RecordedLedger]]:
    """Yield a function that returns a new ledger for each picture. Only paid calls need the database."""
    clock = SystemClock()
    if recognizer.engine is not Engine.OCRCARS:
        yield lambda: RecordedLedger(lambda _: None, clock, recognizer.engine, None)
        return
    store = open_store(settings.database, settings.data_dir)  # beside a running daemon: it only adds to the ledger
    try:
        recorder = make_recorder(lambda: settings, store, lambda *_: None)
        yield lambda: RecordedLedger(recorder.record, clock, recognizer.engine, None)
    finally:
        store.close()


class _PictureReader:
    """Reads one picture after the other. With local-first, it pays only where the local engine is not sure."""

    def __init__(self, settings: Settings, recognizer: Recognizer, ledger: Callable[[], RecordedLedger]) -> None:
        self._limits, self._recognizer, self._ledger = settings.jpeg, recognizer, ledger
        self._local, self._grammar = make_local_help(settings), grammar(settings.plates.grammar)

    def read(self, image: str) -> dict[str, Any]:
        """Read one picture. Put what is wrong with it, or with the service, under `error`."""
        result: dict[str, Any] = {"image": hide_credentials(image), "engine": self._recognizer.engine.value}
        if not image.strip():
            return {**result, "plates": [], "error": "The name of the picture is empty."}
        try:
            engine, plates = self._read_url(image) if "://" in image else self._read_file(Path(image))
        except (RecognitionError, CaptureError) as error:
            return {**result, "plates": [], "error": hide_credentials(str(error))}
        return {
            **result,
            "engine": engine.value,
            "plates": [_plate(plate, self._grammar) for plate in plates],
            "error": None,
        }

    def _read_url(self, url: str) -> tuple[Engine, list[PlateText]]:
        if not isinstance(self._recognizer, OcrCars):
            raise CaptureError("The local engine reads files, not addresses.", "Download the picture first.")
        return self._recognizer.engine, self._recognizer.read_url(url, self._ledger())

    def _read_file(self, path: Path) -> tuple[Engine, list[PlateText]]:
        """Read a file; return corners in pixels of its picture."""
        frame = read_still(path, datetime.now(UTC))
        height, width = frame.luma.shape
        jpeg = encode(
            frame,
            Box(0, 0, width, height),
            long_side=self._limits.long_side,
            quality=self._limits.quality,
            max_bytes=self._limits.max_bytes,
        )
        engine, plates = self._read_jpeg(jpeg.data)
        scale = jpeg.scale, jpeg.scale
        return engine, [replace(plate, corners=in_original(plate.corners, scale)) for plate in plates]

    def _read_jpeg(self, jpeg: bytes) -> tuple[Engine, list[PlateText]]:
        local = self._local.engine() if self._local.first else None
        if local is not None:
            plates = local.read(jpeg, self._ledger())
            if self._local.is_sure(plates):
                return local.engine, plates
        return self._recognizer.engine, self._recognizer.read(jpeg, self._ledger())


def _plate(plate: PlateText, grammar: Grammar) -> dict[str, Any]:
    corners = None if plate.corners is None else [[round(x, 1), round(y, 1)] for x, y in plate.corners]
    parsed = grammar.parse(plate.text)
    return {
        "plate": parsed.text,
        "kind": parsed.kind,
        "colour": plate.colour or None,
        "confidence": plate.confidence,
        "corners": corners,
    }
