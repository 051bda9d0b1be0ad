"""One opening of a source, read in a thread of its own. What comes is kept until the consumer takes it."""

import math
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from streamwatch.capture.frames import frame_of
from streamwatch.capture.packets import CodedPacket
from streamwatch.capture.rate import Rate
from streamwatch.capture.selective_decoding import SelectiveDecoder
from streamwatch.capture.source import CodedSource, SelectiveSource, Source
from streamwatch.core.clock import Clock
from streamwatch.core.errors import CaptureError, SourceLost
from streamwatch.core.model import Attention, Frame

LATEST = 0.7
"""Seconds after which a coded picture is left out if newer ones have come."""


class Signal:
    """A lock and a signal that the readers and the consumer of a camera share. The signal: something has come."""

    def __init__(self) -> None:
        self.lock = threading.Condition()
        self.count = 0

    def send(self) -> None:
        """Wake the consumer. To be called with the lock held."""
        self.count += 1
        self.lock.notify_all()


@dataclass
class Demand:
    """The demand of a camera's consumer on each of its readers; guarded by the lock of the camera's signal.

    max_blind: seconds between two pictures at little attention; None decodes every picture in the reader's thread.
    rough: pictures are decoded roughly at all times, and only the newest one counts. pace: seconds in which one picture
    is enough at little attention. listener: called in the reader's thread whenever it is worth to ask for a frame.
    """

    max_blind: float | None
    rough: bool
    attention: Attention = Attention.ALL
    pace: float | None = None
    listener: Callable[[], None] | None = None


class FrameStore(Protocol):
    """Keeps what a reader has read until the consumer takes it."""

    @property
    def dropped(self) -> int:
        """Return the number of frames that were wanted and were not taken in time."""

    @property
    def groups_too_long(self) -> bool:
        """True if more is decoded than wanted because groups of pictures last too long."""

    def take(self, now: float) -> Frame | None:
        """Return the next frame that is wanted. now: monotonic seconds."""

    def attend(self, attention: Attention) -> bool:
        """Set the attention; see LiveCamera."""

    def wake(self, since: datetime) -> None:
        """Give all attention from a time on; see LiveCamera."""

    def rest(self, pace: float | None) -> None:
        """Set the pace; see LiveCamera."""

    def end(self) -> None:
        """Note that nothing more will come."""


class NewestFrame:
    """Keeps the newest frame of a source that decodes by itself. groups_too_long: False, as nothing is known of them.

    dropped: frames that a newer one replaced.
    """

    groups_too_long = False

    def __init__(self, lock: threading.Condition) -> None:
        self._lock = lock
        self._frame: Frame | None = None
        self.dropped = 0

    def put(self, frame: Frame) -> None:
        """Replace the frame that is there."""
        with self._lock:
            self.dropped += self._frame is not None
            self._frame = frame

    def take(self, now: float) -> Frame | None:
        with self._lock:
            frame, self._frame = self._frame, None
            return frame

    def attend(self, attention: Attention) -> bool:
        return False

    def wake(self, since: datetime) -> None:
        pass

    def rest(self, pace: float | None) -> None:
        pass

    def end(self) -> None:
        pass


class CodedFrames(SelectiveDecoder):
    """Keeps the coded packets of a source, and decodes what is wanted of them when it is taken."""

    def __init__(self, camera: str, source: CodedSource, max_blind: float, demand: Demand) -> None:
        decoder = source.decoder().rough() if demand.rough else source.decoder()
        super().__init__(
            decoder,
            max_blind=max_blind,
            latest=math.inf if demand.rough else LATEST,
            attention=demand.attention,
            only_newest=demand.rough,
        )
        self.rest(demand.pace)
        self._camera = camera

    def take(self, now: float) -> Frame | None:
        """Decode and return the next frame that is wanted. now: monotonic seconds."""
        timed = self.next(now)
        return None if timed is None else frame_of(self._camera, timed.arrived_at, timed.picture)


class Arrivals:
    """The times of arrival of frames, in monotonic seconds. Not thread safe.

    heard: the last data. last_picture: when it was last known that pictures can be made of the data. first_picture:
    None before it. rate: of the pictures that come.
    """

    def __init__(self, now: float) -> None:
        self.heard = self.last_picture = now
        self.first_picture: float | None = None
        self.rate = Rate()
        self._last_number = -1

    def packet(self, now: float, number: int) -> None:
        """Note a packet. number: of its access unit."""
        self.heard = now
        if number > self._last_number:
            self._last_number = number
            self.rate.add(now)

    def picture(self, now: float) -> None:
        """Note that a picture was decoded."""
        self.last_picture = now
        if self.first_picture is None:
            self.first_picture = now


class SourceReader:
    """Reads until the source ends or fails, or until the reader is abandoned.

    abandoned: what still comes is not wanted. over: nothing will come any more. drained: it is over, and nothing is
    left to be taken. error: why it is over; None if a recording was played to its end.
    """

    def __init__(self, camera: str, open: Callable[[], Source], demand: Demand, signal: Signal, clock: Clock) -> None:
        self._camera, self._open, self._demand, self._signal, self._clock = camera, open, demand, signal, clock
        self._source: Source | None = None
        self._frames: FrameStore = NewestFrame(signal.lock)
        self.abandoned = self.over = self.drained = False
        self.error: CaptureError | None = SourceLost("The reader failed in an unforeseen way.")
        self.arrivals = Arrivals(clock.monotonic())

    @property
    def dropped(self) -> int:
        """Return the number of frames that were wanted and were not taken in time."""
        return self._frames.dropped

    @property
    def plays_file(self) -> bool:
        """True if the source is a file that is played as if it were a camera."""
        return self._source is not None and not self._source.live

    @property
    def groups_too_long(self) -> bool:
        """True if more is decoded than wanted because the stream's groups of pictures last too long."""
        return self._frames.groups_too_long

    def run(self) -> None:
        """Read to the end, in the reader's thread."""
        error = self.error
        try:
            with closing(self._open()) as source:
                if self._introduce(source):
                    self._pass_on(source)
                error = SourceLost("The stream ended.") if source.live else None
        except CaptureError as failure:
            error = failure
        finally:
            with self._signal.lock:
                self.over, self.error = True, error
                self._frames.end()
                self._signal.send()

    def abandon(self) -> None:
        """Ignore what still comes, and ask the source to end. From any thread, with the lock held."""
        self.abandoned = True
        if self._source is not None:
            self._source.stop()

    def take(self) -> Frame | None:
        """Return the next frame that is wanted and was not taken yet. For the consumer."""
        over, frames = self.over, self._frames
        # Outside the lock, because this may decode: neither the reader nor a question for the status waits for it.
        frame = frames.take(self._clock.monotonic())
        with self._signal.lock:
            self.drained = over and frame is None
            if frame is not None and not isinstance(frames, NewestFrame):
                self.arrivals.picture(self._clock.monotonic())
            return None if self.abandoned else frame

    def attend(self, attention: Attention) -> bool:
        """Set the attention that is needed from the last frame on; see LiveCamera."""
        self._tell_source(attention)
        return self._frames.attend(attention)

    def wake(self, since: datetime) -> None:
        """Give all attention to the frames from a time on that are still there."""
        self._tell_source(Attention.ALL)
        self._frames.wake(since)

    def rest(self, pace: float | None) -> None:
        """Set the pace at little attention; see LiveCamera."""
        self._frames.rest(pace)

    def _tell_source(self, attention: Attention) -> None:
        if isinstance(self._source, SelectiveSource):
            self._source.attend(attention)

    def _introduce(self, source: Source) -> bool:
        """Get ready for what the source gives, and return True if it is still wanted."""
        with self._signal.lock:
            self._source = source
            self.arrivals.heard = self._clock.monotonic()
            if self._demand.max_blind is not None and isinstance(source, CodedSource):
                self._frames = CodedFrames(self._camera, source, self._demand.max_blind, self._demand)
            return not self.abandoned

    def _pass_on(self, source: Source) -> None:
        """Keep what comes, while it is wanted."""
        if isinstance(self._frames, CodedFrames) and isinstance(source, CodedSource):
            for packet in source.packets():
                if not self._keep(self._frames, packet):
                    return
        elif isinstance(self._frames, NewestFrame):
            for frame in source.frames():
                if not self._put(self._frames, frame):
                    return

    def _keep(self, frames: CodedFrames, packet: CodedPacket) -> bool:
        """Keep a packet, and return True if more are wanted."""
        has_news = frames.add(packet)
        with self._signal.lock:
            now = self._clock.monotonic()
            self.arrivals.packet(now, packet.number)
            if frames.content:
                self.arrivals.last_picture = now
            if has_news:
                self._signal.send()
            abandoned = self.abandoned
        if has_news and self._demand.listener is not None:
            self._demand.listener()
        return not abandoned

    def _put(self, frames: NewestFrame, frame: Frame | None) -> bool:
        """Keep a frame, and return True if more are wanted. None: data of which no picture was made."""
        with self._signal.lock:
            self.arrivals.heard = now = self._clock.monotonic()
            if self.abandoned:
                return False
            if frame is not None or isinstance(self._source, SelectiveSource):
                self.arrivals.rate.add(now)
            if frame is not None:
                frames.put(frame)
                self.arrivals.picture(now)
                self._signal.send()
            return True
