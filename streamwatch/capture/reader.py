"""One opening of a source, read in a thread of its own; what came is kept until the consumer takes it."""

import math
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from streamwatch.capture.on_demand import OnDemand
from streamwatch.capture.packets import Piece
from streamwatch.capture.picture import frame_of
from streamwatch.capture.rate import Rate
from streamwatch.capture.source import CodedSource, Source, SparingSource
from streamwatch.core.clock import Clock
from streamwatch.core.errors import CaptureError, SourceLost
from streamwatch.core.model import Attention, Frame

LATEST = 0.7
"""Seconds after which a coded picture is left out where newer ones have come."""


class News:
    """What the readers of a camera share with its consumer: a lock, and the word that something has come."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.count = 0

    def tell(self) -> None:
        """Wakes the consumer. With the lock held."""
        self.count += 1
        self.lock.notify_all()


@dataclass
class Wish:
    """What the consumer of a camera wants, whoever reads it; guarded by the lock of the camera's news.

    max_blind: seconds between two pictures at little attention; None decodes every picture in the reader's thread.
    cheap: decoded roughly at all times, and only the newest picture counts. pace: at little attention one picture in
    so many seconds is enough. listener: called in the reader's thread whenever it is worth to ask for a frame.
    """

    max_blind: float | None
    cheap: bool
    attention: Attention = Attention.ALL
    pace: float | None = None
    listener: Callable[[], None] | None = None


class Reader:
    """Reads until the source ends, fails, or nobody wants it any more. Times are monotonic seconds.

    over: nothing will come any more. drained: and nothing is left to be taken. error: why it is over; None where a
    recording was played to its end. heard: when data came last. last_picture: when it was last known that pictures can
    be made of them. rate: of the pictures that come.
    """

    def __init__(self, camera: str, open: Callable[[], Source], wish: Wish, news: News, clock: Clock) -> None:
        self._camera, self._open, self._wish, self._news, self._clock = camera, open, wish, news, clock
        self._source: Source | None = None
        self._on_demand: OnDemand | None = None
        self._newest: Frame | None = None
        self._last_number = -1
        self._replaced = 0
        self.abandoned = self.over = self.drained = False
        self.error: CaptureError | None = SourceLost("The reader failed in an unforeseen way.")
        self.heard = self.last_picture = clock.monotonic()
        self.first_picture: float | None = None
        self.rate = Rate()

    @property
    def dropped(self) -> int:
        """Frames that were wanted and were not taken in time."""
        return self._replaced + (0 if self._on_demand is None else self._on_demand.dropped)

    @property
    def plays_file(self) -> bool:
        """A file is read as if it were a camera."""
        return self._source is not None and not self._source.live

    @property
    def too_long(self) -> bool:
        """Whether every picture is decoded because the stream's groups last longer than a blindness may."""
        return self._on_demand is not None and self._on_demand.too_long

    def run(self) -> None:
        """In the reader's thread, to the end."""
        error = self.error
        try:
            with closing(self._open()) as source:
                if self._introduce(source):
                    self._pass_on(source)
                error = SourceLost("The stream ended.") if source.live else None
        except CaptureError as failure:
            error = failure
        finally:
            with self._news.lock:
                self.over, self.error = True, error
                if self._on_demand is not None:
                    self._on_demand.end()
                self._news.tell()

    def abandon(self) -> None:
        """From any thread, with the lock held: what still comes is ignored, and the source is asked to end."""
        self.abandoned, self._newest = True, None
        if self._source is not None:
            self._source.stop()

    def take(self) -> Frame | None:
        """From the consumer: the next frame that is wanted and was not taken yet."""
        over = self.over
        # Decoded outside the lock: neither the reader nor who asks for the status waits for it.
        decoded = None if self._on_demand is None else self._decode(self._on_demand)
        with self._news.lock:
            self.drained = over and decoded is None
            frame, self._newest = decoded or self._newest, None
            if decoded is not None:
                self._note_picture()
            return None if self.abandoned else frame

    def attend(self, attention: Attention) -> bool:
        """From the consumer: how much the last frame needs. True: others come first, and then this one again."""
        self._spare(attention)
        return self._on_demand is not None and self._on_demand.attend(attention)

    def wake(self, since: datetime) -> None:
        """From the consumer: all attention from a time on, as far back as there still are pictures."""
        self._spare(Attention.ALL)
        if self._on_demand is not None:
            self._on_demand.wake(since)

    def rest(self, pace: float | None) -> None:
        """From the consumer: at little attention one frame in so many seconds is enough; None: more are needed."""
        if self._on_demand is not None:
            self._on_demand.rest(pace)

    def _spare(self, attention: Attention) -> None:
        if isinstance(self._source, SparingSource):
            self._source.attend(attention)

    def _decode(self, on_demand: OnDemand) -> Frame | None:
        viewed = on_demand.next(self._clock.monotonic())
        return None if viewed is None else frame_of(self._camera, viewed.arrived_at, viewed.picture)

    def _introduce(self, source: Source) -> bool:
        """Whether what it gives is still wanted."""
        with self._news.lock:
            self._source = source
            self.heard = self._clock.monotonic()
            if self._wish.max_blind is not None and isinstance(source, CodedSource):
                decoder = source.decoder().cheap() if self._wish.cheap else source.decoder()
                self._on_demand = OnDemand(
                    decoder,
                    max_blind=self._wish.max_blind,
                    latest=math.inf if self._wish.cheap else LATEST,
                    attention=self._wish.attention,
                    hasty=self._wish.cheap,
                )
                self._on_demand.rest(self._wish.pace)
            return not self.abandoned

    def _pass_on(self, source: Source) -> None:
        """What comes, as long as it is wanted."""
        if self._on_demand is not None and isinstance(source, CodedSource):
            for piece in source.pieces():
                if not self._keep(self._on_demand, piece):
                    return
        else:
            for frame in source.frames():
                if not self._put(frame):
                    return

    def _keep(self, on_demand: OnDemand, piece: Piece) -> bool:
        """Whether more is wanted."""
        worth_it = on_demand.add(piece)
        with self._news.lock:
            self.heard = now = self._clock.monotonic()
            if piece.number > self._last_number:
                self._last_number = piece.number
                self.rate.add(now)
            if on_demand.content:
                self.last_picture = now
            if worth_it:
                self._news.tell()
            abandoned = self.abandoned
        if worth_it and self._wish.listener is not None:
            self._wish.listener()
        return not abandoned

    def _put(self, frame: Frame | None) -> bool:
        """Whether more is wanted."""
        with self._news.lock:
            self.heard = now = self._clock.monotonic()
            if self.abandoned:
                return False
            if frame is not None or isinstance(self._source, SparingSource):
                self.rate.add(now)
            if frame is not None:
                self._replaced += self._newest is not None
                self._newest = frame
                self._note_picture()
                self._news.tell()
            return True

    def _note_picture(self) -> None:
        self.last_picture = self._clock.monotonic()
        if self.first_picture is None:
            self.first_picture = self.last_picture
