"""The present picture of each camera, and what its gate sees in it, for the people who look at a page.

The thread of a camera hands over each frame by reference, which costs nothing. A JPEG is made when somebody asks for
it, and the gate's report only while somebody watches it.
"""

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from streamwatch.app.read_now import NO_PICTURE, ReadingNow, ReadNow
from streamwatch.core.clock import Clock
from streamwatch.core.errors import RecognitionError
from streamwatch.core.model import Box, Engine, Frame
from streamwatch.gate import FrameReport
from streamwatch.imaging.jpeg import encode

WIDTHS = (320, 640, 960, 1920)
"""Widths of the pictures that can be asked for, in pixels; a smaller frame is not enlarged."""
WATCHED_FOR = 5.0
"""The time, in seconds, that a camera counts as watched after a request."""
CACHED_FOR = 1.0
"""The age, in seconds, up to which a JPEG is shown again although there is a newer frame."""
_QUALITY, _MAX_BYTES = 75, 1_500_000


@dataclass(frozen=True, slots=True)
class PresentPicture:
    """The present picture of a camera as JPEG. size: of the frame that it was made of, in pixels."""

    jpeg: bytes
    captured_at: datetime
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class GateView:
    """The newest frame of a camera as its gate saw it. size: of the frame in pixels.

    report: None until the first frame after somebody began to watch.
    """

    captured_at: datetime
    size: tuple[int, int]
    report: FrameReport | None


@dataclass(eq=False)
class _Newest:
    """The newest frame of one camera. Times are monotonic seconds.

    asked_at, watched_at: when somebody asked last for a picture, and for what the gate sees. encoded: JPEG by width,
    and when they were made.
    """

    look: tuple[Frame, FrameReport | None] | None = None
    asked_at: float = -math.inf
    watched_at: float = -math.inf
    encoded: dict[int, tuple[float, PresentPicture]] = field(default_factory=dict)
    encoding: threading.Lock = field(default_factory=threading.Lock)


class LiveCameras:
    """The cameras as pages see them at this moment. Any thread may use it."""

    def __init__(self, clock: Clock, reader: ReadNow) -> None:
        self._clock, self._reader = clock, reader
        self._newest: dict[str, _Newest] = {}

    def show(self, frame: Frame, report: Callable[[], FrameReport | None]) -> None:
        """Take a frame that the gate has looked at. Called by the camera's thread.

        report: returns what the gate saw; it is only called while somebody watches.
        """
        newest = self._of(frame.camera)
        watched = self._clock.monotonic() - newest.watched_at < WATCHED_FOR
        newest.look = frame, report() if watched else None

    def forget(self, camera: str) -> None:
        """Forget a camera that is not watched any more."""
        self._newest.pop(camera, None)

    def is_asked_for(self, camera: str) -> bool:
        """True if somebody looks at a camera. Its picture should then not be old, even if nothing happens."""
        newest = self._newest.get(camera)
        return newest is not None and self._clock.monotonic() - newest.asked_at < WATCHED_FOR

    def picture(self, camera: str, width: int, cached_for: float = CACHED_FOR) -> PresentPicture | None:
        """Return the present picture of a camera; None before its first frame.

        width: one of WIDTHS. cached_for: seconds for which an earlier JPEG may be returned.
        """
        newest = self._of(camera)
        newest.asked_at = self._clock.monotonic()
        look = newest.look
        if look is None:
            return None
        frame = look[0]
        with newest.encoding:
            made_at, picture = newest.encoded.get(width, (-math.inf, None))
            now = self._clock.monotonic()
            if picture is None or (picture.captured_at != frame.captured_at and now - made_at >= cached_for):
                picture = _encoded(frame, width)
                newest.encoded[width] = now, picture
            return picture

    def gate_view(self, camera: str) -> GateView | None:
        """Return what the gate of a camera saw in its newest frame; None before that. Ask again within WATCHED_FOR."""
        newest = self._of(camera)
        newest.asked_at = newest.watched_at = self._clock.monotonic()
        if newest.look is None:
            return None
        frame, report = newest.look
        return GateView(frame.captured_at, _size(frame), report)

    @property
    def engines(self) -> tuple[Engine, ...]:
        """Return the engines that can read a present picture, the free one first."""
        return self._reader.engines

    def read(self, camera: str, engine: Engine) -> ReadingNow:
        """Have the newest frame of a camera read. Raise RecognitionError, StoreError; see `ReadNow.read`."""
        look = self._of(camera).look
        if look is None:
            raise RecognitionError(NO_PICTURE)
        return self._reader.read(look[0], engine)

    def _of(self, camera: str) -> _Newest:
        return self._newest.setdefault(camera, _Newest())


def _size(frame: Frame) -> tuple[int, int]:
    height, width = frame.luma.shape
    return width, height


def _encoded(frame: Frame, width: int) -> PresentPicture:
    across, down = _size(frame)
    long_side = round(max(across, down) * min(1.0, width / across))
    jpeg = encode(frame, Box(0, 0, across, down), long_side=long_side, quality=_QUALITY, max_bytes=_MAX_BYTES)
    return PresentPicture(jpeg.data, frame.captured_at, (across, down))
