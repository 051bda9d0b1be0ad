"""Opens and reopens one camera: starts its first reader, and the next one, after a wait, when a reader is lost.

A reader that is silent for too long is abandoned: nobody can interrupt FFmpeg from outside. Its thread closes the
source when FFmpeg's call returns, and its late frames are ignored.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.capture.backoff import Backoff
from streamwatch.capture.frozen import FROZEN_AFTER
from streamwatch.capture.outages import OutageLog
from streamwatch.capture.source_reader import SourceReader
from streamwatch.capture.state import OVER, SHOWING, CameraRecord
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import CaptureError, SourceLost, SourceUnreadable
from streamwatch.core.model import Frame

log = logging.getLogger(__name__)

MOST_ABANDONED = 3
"""Number of readers of one camera that may hang at the same time. While more do, no further one is started."""
FIRST_PICTURE = 3
"""Number of deadlines for which a stream may send data without one picture, as it may be joined in a long group."""


@dataclass(frozen=True, slots=True)
class ReopenTimes:
    """All in seconds.

    deadline: time without data after which a reader is abandoned. first, longest: limits of the waits between two
    tries. frozen_after: time with the same picture after which a camera counts as frozen.
    """

    deadline: float
    first: float
    longest: float
    frozen_after: float = FROZEN_AFTER


class ReaderSupervisor:
    """Judges the reader of one camera whenever it is asked. To be used with the camera's lock held.

    reader: the present one, None while there is none. failure: why the source can never work.
    """

    def __init__(
        self, record: CameraRecord, times: ReopenTimes, clock: Clock, start: Callable[[], SourceReader]
    ) -> None:
        """start: makes a reader and starts its thread."""
        self._record, self._deadline, self._clock, self._start_reader = record, times.deadline, clock, start
        self._backoff, self._outages = Backoff(times.first, times.longest), OutageLog(record.name)
        self._living: list[SourceReader] = []
        self._retry_at = clock.monotonic()
        self.reader: SourceReader | None = None
        self.failure: SourceUnreadable | None = None

    def supervise(self, now: float) -> float:
        """Do what is due, and return the time until which nothing else will be. Monotonic seconds."""
        reader = self.reader
        if reader is None:
            if now < self._retry_at or self._record.state in OVER:
                return max(now, self._retry_at)
            self._living = [one for one in self._living if not one.over]
            if len(self._living) > MOST_ABANDONED:
                return now + self._deadline
            return self._start(now)
        if reader.over and not reader.drained:
            return now
        if reader.over:
            self._conclude(reader, now)
        elif (reason := self._overdue(reader, now)) is not None:
            reader.abandon()
            self._lose(reader, reason, now)
        elif reader.plays_file:
            return math.inf
        else:
            arrivals = reader.arrivals
            return min(arrivals.heard + self._deadline, arrivals.last_picture + FIRST_PICTURE * self._deadline)
        return self._retry_at

    def reopen(self, reader: SourceReader, now: float) -> None:
        """Abandon the reader of a frozen camera; `supervise` starts the next one at once."""
        reader.abandon()
        self._part_with(reader)
        self._retry_at = now

    def came_back(self, frame: Frame, frozen: bool) -> None:
        """Note the first frame of all, or after an outage. frozen: the picture is still the same."""
        record = self._record
        connecting = record.state is CameraState.CONNECTING
        self._outages.over(self._clock.monotonic(), record.attempts, connecting, frame.luma.shape)
        record.came_back(CameraState.FROZEN if frozen else CameraState.ONLINE)

    def _start(self, now: float) -> float:
        self.reader = self._start_reader()
        self._living.append(self.reader)
        self._record.attempts += 1
        return now + self._deadline

    def _overdue(self, reader: SourceReader, now: float) -> SourceLost | None:
        """Return why a reader must be given up, or None. A file is never overdue: it may hold few pictures."""
        if reader.plays_file:
            return None
        if now - reader.arrivals.heard >= self._deadline:
            return SourceLost(f"Nothing has come for {self._deadline:g} s.", "Is it on, and is the address right?")
        if now - reader.arrivals.last_picture >= FIRST_PICTURE * self._deadline:
            return SourceLost("Data come, but no picture can be decoded.", "Is the stream H.264 or H.265?")
        return None

    def _conclude(self, reader: SourceReader, now: float) -> None:
        self._part_with(reader)
        if reader.error is None:
            log.info("Camera %s: the recording has ended.", self._record.name)
            self._record.enter(CameraState.ENDED)
        elif isinstance(reader.error, SourceUnreadable):
            self.failure, self._record.last_error = reader.error, str(reader.error)
            self._record.enter(CameraState.FAILED)
        else:
            self._lose(reader, reader.error, now)

    def _part_with(self, reader: SourceReader) -> None:
        if self.reader is reader:
            self.reader = None
            self._record.dropped += reader.dropped

    def _lose(self, reader: SourceReader, reason: CaptureError, now: float) -> None:
        self._part_with(reader)
        arrivals, record = reader.arrivals, self._record
        if arrivals.first_picture is not None and arrivals.last_picture - arrivals.first_picture >= self._deadline:
            self._backoff.reset()
        self._retry_at = now + self._backoff.next()
        record.last_error = str(reason)
        self._outages.lost(reason, now, arrivals.last_picture, record.state is CameraState.CONNECTING)
        if record.state in SHOWING:
            record.enter(CameraState.RECONNECTING)
