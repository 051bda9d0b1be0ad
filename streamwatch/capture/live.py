"""One camera: always the newest frame, reopened for ever, never blocked by a reader.

A reader's thread opens the source and keeps what comes. The consumer takes it from there and supervises the reader
while it waits. Without `max_blind` the reader keeps the newest frame. With `max_blind` it keeps the coded packets, and
the consumer decodes those that `attend` asks for.

A live camera that sends one and the same picture is frozen. Its frames are still handed out, and it is reopened, at
once and then after growing waits, because that often wakes it.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from streamwatch.capture.frozen import FreezeDetector, ReopenSchedule
from streamwatch.capture.overload import OverloadWarning
from streamwatch.capture.source import Source
from streamwatch.capture.source_reader import Demand, Signal, SourceReader
from streamwatch.capture.state import SHOWING, CameraRecord, CameraStatus
from streamwatch.capture.supervisor import ReaderSupervisor, ReopenTimes
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Attention, Frame
from streamwatch.core.text import age

log = logging.getLogger(__name__)

CLOSING = 1.0
"""Seconds for which `close` waits until the reader has closed its source."""


class LiveCamera:
    """One camera with one consumer. The lock of its signal guards its record and its supervisor."""

    def __init__(
        self,
        name: str,
        open: Callable[[], Source],
        *,
        times: ReopenTimes,
        clock: Clock,
        spawn: Callable[[Callable[[], None], str], object],
        max_blind: float | None = None,
        rough: bool = False,
    ) -> None:
        """open: opens the source; called in a reader's thread. spawn: starts a daemon thread with a target and a name.

        max_blind: seconds between two pictures at little attention; None decodes every picture in the reader. rough:
        pictures are decoded roughly at all times, and only the newest one counts.
        """
        self._clock, self._frozen_after = clock, times.frozen_after
        self._demand, self._signal = Demand(max_blind, rough), Signal()
        self._record = CameraRecord(name, clock)

        def start() -> SourceReader:
            reader = SourceReader(name, open, self._demand, self._signal, clock)
            spawn(reader.run, f"capture {name}")
            return reader

        self._supervisor = ReaderSupervisor(self._record, times, clock, start)
        self._freeze, self._schedule = FreezeDetector(times.frozen_after), ReopenSchedule(times.frozen_after)
        self._overload = OverloadWarning(name, clock)
        self._closed = self._nudged = self._told_groups = False

    @property
    def ended(self) -> bool:
        """True if a recording has been played to its end, and its last frame was handed out."""
        return self._record.state is CameraState.ENDED

    def next_frame(self, timeout: float) -> Frame | None:
        """Return the newest frame not yet handed out; None after `timeout` seconds without one, or after a nudge.

        Raise SourceUnreadable, in this and each later call, if the source can never work.
        """
        until = self._clock.monotonic() + timeout
        while True:
            count = self._signal.count
            if (frame := self._take()) is not None:
                return frame
            with self._signal.lock:
                if self._closed:
                    return None
                now = self._clock.monotonic()
                next_look = self._supervisor.supervise(now)
                if self._supervisor.failure is not None:
                    raise self._supervisor.failure
                if self.ended or now >= until or self._nudged:
                    self._nudged = False
                    return None
                if count == self._signal.count:
                    self._signal.lock.wait(max(0.0, min(until, next_look) - now))

    def attend(self, attention: Attention) -> bool:
        """Set the attention that the last frame and all later ones need; before the first call it is ALL.

        Return True if frames that were passed over come next, and then this one again; never without `max_blind`.
        """
        reader = self._demand_attention(attention)
        again = reader is not None and reader.attend(attention)
        self._record.frames -= again
        return again

    def rest(self, pace: float | None) -> None:
        """Set the pace at little attention: the seconds in which one frame is enough, as another stream is watched.

        pace: None if no other stream is watched.
        """
        with self._signal.lock:
            self._demand.pace, reader = pace, self._supervisor.reader
        if reader is not None:
            reader.rest(pace)

    def wake(self, since: datetime) -> None:
        """Give all attention to the frames from a time on, as far back as there still are pictures."""
        reader = self._demand_attention(Attention.ALL)
        if reader is not None:
            reader.wake(since)

    def nudge(self) -> None:
        """End the present wait for a frame, or else the next one. From any thread."""
        with self._signal.lock:
            self._nudged = True
            self._signal.send()

    def call_at_news(self, listener: Callable[[], None]) -> None:
        """Have a function called in the reader's thread when a coded picture makes it worth to ask for a frame.

        To be set before the first frame is asked for.
        """
        self._demand.listener = listener

    def status(self) -> CameraStatus:
        """Return a snapshot. From any thread."""
        with self._signal.lock:
            reader = self._supervisor.reader
            if reader is None:
                return self._record.status(0, 0.0)
            return self._record.status(reader.dropped, reader.arrivals.rate.value(self._clock.monotonic()))

    def close(self) -> None:
        """End the reader, and wait a moment for it; a reader that hangs is left alone. From any thread."""
        with self._signal.lock:
            self._closed, reader = True, self._supervisor.reader
            if reader is not None:
                reader.abandon()
            self._signal.send()
            self._signal.lock.wait_for(lambda: reader is None or reader.over, CLOSING)

    def _demand_attention(self, attention: Attention) -> SourceReader | None:
        """Return the reader that must be told. A reader that is just beginning finds the demand by itself."""
        with self._signal.lock:
            self._demand.attention = attention
            return self._supervisor.reader

    def _take(self) -> Frame | None:
        reader = self._supervisor.reader
        if reader is None:
            return None
        frame = reader.take()
        # A recording has no setting that could be changed.
        if reader.groups_too_long and not self._told_groups and not reader.plays_file:
            self._told_groups = True
            log.info(
                "Camera %s: more is decoded than it shows, because groups of pictures last more than %g s. "
                "It costs less CPU when the camera's I-frame interval is at most %g s.",
                self._record.name,
                self._demand.max_blind,
                self._demand.max_blind,
            )
        if frame is not None:
            with self._signal.lock:
                self._hand_out(reader, frame)
                self._overload.look(reader.dropped, self._record.dropped)
        return frame

    def _hand_out(self, reader: SourceReader, frame: Frame) -> None:
        self._record.hand_out(frame)
        if self._record.state not in SHOWING:
            self._supervisor.came_back(frame, self._freeze.frozen)
        if not reader.plays_file:
            self._look_for_life(reader, frame)

    def _look_for_life(self, reader: SourceReader, frame: Frame) -> None:
        now, record = self._clock.monotonic(), self._record
        frozen = self._freeze.look(now, frame.luma)
        if frozen and record.state is CameraState.ONLINE:
            self._schedule.begin(now)
            record.enter(CameraState.FROZEN)
            log.warning(
                "Camera %s is frozen: it has sent the same picture for %s. It is reopened now and then.",
                record.name,
                age(self._frozen_after),
            )
        elif not frozen and record.state is CameraState.FROZEN:
            stood = age((self._clock.now() - record.since).total_seconds())
            log.info("Camera %s moves again after %s, at attempt %d.", record.name, stood, record.attempts)
            record.came_back(CameraState.ONLINE)
        if frozen and self._schedule.due(now):
            self._schedule.advance(now)
            self._supervisor.reopen(reader, now)
