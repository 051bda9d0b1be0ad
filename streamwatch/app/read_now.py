"""Has the present picture of a camera read because a person asks for it, beside the pipeline."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.errors import RecognitionError
from streamwatch.core.events import Event
from streamwatch.core.model import Box, Engine, Frame, FrameCorners, PlateText, Recognizer
from streamwatch.core.plates import grammar
from streamwatch.core.sentences import sentence
from streamwatch.imaging.corners import in_frame
from streamwatch.imaging.jpeg import encode, thumbnail
from streamwatch.pipeline import ChannelClosed, PaidCalls, RecordedLedger

PREVIEW, PREVIEW_QUALITY = 960, 80
"""Pixels of the longest side, and JPEG quality, of the picture that is shown with a reading."""
NOT_THERE = "This engine is not configured, or not installed."
BUSY = "Another picture is being read at this moment. Try again in a moment."
STOPPING = "streamwatch is stopping, so that the picture was not read."
FORBIDDEN = "Nothing was sent, because a limit forbids it:"
NO_PICTURE = "This camera has shown no picture yet."
REFUSALS = (NOT_THERE, BUSY, STOPPING, FORBIDDEN, NO_PICTURE)
"""The messages of the errors that have nothing to do with an engine."""


@dataclass(frozen=True, slots=True)
class PlateNow:
    """A plate that was read in a frame. text: normalised; kind: "" if no grammar fits; corners: in frame pixels."""

    text: str
    kind: str
    confidence: float | None
    corners: FrameCorners | None

    @property
    def width(self) -> float | None:
        """Return the width of the plate in frame pixels; None if the engine gave no corners."""
        if self.corners is None:
            return None
        (ax, ay), (bx, by) = self.corners[:2]
        return math.hypot(bx - ax, by - ay)


@dataclass(frozen=True, slots=True)
class ReadingNow:
    """The plates of one frame, best first. seconds: the time that reading took; size: of the frame in pixels.

    preview: a smaller JPEG of the frame, for people.
    """

    camera: str
    captured_at: datetime
    engine: Engine
    plates: tuple[PlateNow, ...]
    seconds: float
    size: tuple[int, int]
    preview: bytes


class ReadNow:
    """Reads one frame at a time. The pipeline's readers wait for none of it.

    A paid call is counted in the budget before it is made, and stands in the ledger as one of the verb `read` does. The
    circuit breakers do not count it, because a person may also have an empty scene read.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        paid: Callable[[], Recognizer | None],
        local: Callable[[], Recognizer] | None,
        calls: PaidCalls,
        record: Callable[[Event], None],
        clock: Clock,
    ) -> None:
        """paid: the paid engine, None if no camera pays. local: loads the local engine, None if not installed.

        record: writes an event down before it returns.
        """
        self._settings, self._paid, self._local = settings, paid, local
        self._calls, self._record, self._clock = calls, record, clock
        self._busy = threading.Lock()

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Return the engines that can be asked, the free one first."""
        local, paid = self._local is not None, self._paid() is not None
        return (Engine.LOCAL,) * local + (Engine.OCRCARS,) * paid

    def read(self, frame: Frame, engine: Engine) -> ReadingNow:
        """Have a whole frame read. Raise RecognitionError, also if another one is being read or the budget forbids it.

        Raise StoreError if a paid call cannot be written down; nothing is sent then.
        """
        if engine not in self.engines:
            raise RecognitionError(NOT_THERE)
        if not self._busy.acquire(blocking=False):
            raise RecognitionError(BUSY)
        try:
            return self._read(frame, engine)
        except ChannelClosed:
            raise RecognitionError(STOPPING) from None
        finally:
            self._busy.release()

    def _read(self, frame: Frame, engine: Engine) -> ReadingNow:
        settings = self._settings()
        height, width = frame.luma.shape
        whole, limits = Box(0, 0, width, height), settings.jpeg
        jpeg = encode(frame, whole, long_side=limits.long_side, quality=limits.quality, max_bytes=limits.max_bytes)
        began = time.monotonic()
        plates = self._pay(frame.camera, jpeg.data) if engine is Engine.OCRCARS else self._read_free(jpeg.data)
        spoken = grammar(settings.plates.grammar)

        def plate(found: PlateText) -> PlateNow:
            parsed, corners = spoken.parse(found.text), in_frame(found.corners, whole, jpeg.scale)
            return PlateNow(parsed.text, parsed.kind, found.confidence, corners)

        took = time.monotonic() - began
        preview = thumbnail(jpeg.data, long_side=PREVIEW, quality=PREVIEW_QUALITY).data
        found = tuple(map(plate, plates))
        return ReadingNow(frame.camera, frame.captured_at, engine, found, took, (width, height), preview)

    def _read_free(self, jpeg: bytes) -> list[PlateText]:
        """Read with an engine of its own, which is loaded in a tenth of a second and holds up no reader."""
        assert self._local is not None
        engine = self._local()
        try:
            return engine.read(jpeg, RecordedLedger(self._record, self._clock, Engine.LOCAL, None))
        finally:
            engine.close()

    def _pay(self, camera: str, jpeg: bytes) -> list[PlateText]:
        client = self._paid()
        if client is None:
            raise RecognitionError(NOT_THERE)
        exhausted = self._calls.begin_by_hand(camera)
        if exhausted is not None:
            raise RecognitionError(FORBIDDEN, sentence(exhausted.reason))
        ledger = RecordedLedger(self._record, self._clock, Engine.OCRCARS, None)
        try:
            return client.read(jpeg, ledger)
        finally:
            self._calls.end_by_hand(camera, ledger.paid)
