"""Supervision of one camera: always the newest frame, reconnecting for ever, never blocked by a reader.

A reader thread opens the source and puts each frame into a place for one; the consumer takes the newest from there and,
while it waits, judges the reader. With `max_blind` the reader keeps the coded pictures instead, and the consumer
decodes of them what `attend` asks for. A reader that is silent for too long is abandoned: nobody can interrupt FFmpeg
from outside. Its thread closes the source when the call returns, and its late frames are ignored.

A live camera that sends one and the same picture is frozen: its frames are handed out as ever, and it is reopened, at
once and then after growing pauses, because that often wakes it.
"""

import logging
import math
from collections.abc import Callable
from datetime import datetime

from streamwatch.capture.frozen import FrozenWatch
from streamwatch.capture.outages import Outages
from streamwatch.capture.pauses import Pauses
from streamwatch.capture.reader import News, Reader, Wish
from streamwatch.capture.source import Source
from streamwatch.capture.state import CameraStatus
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import CaptureError, SourceLost, SourceUnreadable
from streamwatch.core.model import Attention, Frame
from streamwatch.core.words import age

log = logging.getLogger(__name__)

MOST_ABANDONED = 3
"""Readers of one camera that may hang at the same time; with so many, no further one is started."""
FIRST_PICTURE = 3
"""How many deadlines a stream may send data without one picture: it may be joined in the middle of a long group."""
FROZEN_AFTER = 120.0
"""A camera that sends the same picture for so many seconds is frozen."""
FROZEN_PAUSE_LONGEST = 3600.0
"""The longest pause between two reopenings of a frozen camera, in s. The first is `frozen_after`; each doubles."""
LEFT_OUT, TELL_AGAIN = 100, 3600.0
"""The log tells of left-out pictures once a reader has left out so many, and again after so many seconds."""
BURST, SPELL = 1.5, 5.0
"""Seconds. BURST: a network that hung sends many pictures at once; those left out for so long do not count, as the
machine is not too slow. SPELL: after so long without a left-out picture the next ones may be such a burst again."""
CLOSING = 1.0
"""`close` waits so many seconds until the reader has closed its source."""


class LiveCamera:
    """One camera, pulled by one consumer.

    open: opens the source; called in a reader's thread. deadline: seconds without data after which a reader is
    abandoned. reopen_first, reopen_longest: limits of the pauses between tries, in seconds. spawn: starts a daemon
    thread with a target and a name. frozen_after: seconds of the same picture after which it counts as frozen.
    """

    def __init__(
        self,
        name: str,
        open: Callable[[], Source],
        *,
        deadline: float,
        reopen_first: float,
        reopen_longest: float,
        clock: Clock,
        spawn: Callable[[Callable[[], None], str], object],
        frozen_after: float = FROZEN_AFTER,
        max_blind: float | None = None,
        cheap: bool = False,
    ) -> None:
        """max_blind: seconds between two pictures at little attention; None decodes every picture in the reader.

        cheap: decoded roughly at all times, and only its newest picture counts.
        """
        self._name, self._open, self._deadline, self._clock, self._spawn = name, open, deadline, clock, spawn
        self._pauses = Pauses(reopen_first, reopen_longest)
        self._wish, self._news = Wish(max_blind, cheap), News()
        self._closed = self._nudged = self._told_long = False
        self._reader: Reader | None = None
        self._living: list[Reader] = []
        self._retry_at = clock.monotonic()
        self._outages = Outages(name)
        self._failure: SourceUnreadable | None = None
        self._state, self._since = CameraState.CONNECTING, clock.now()
        self._frames = self._dropped = self._attempts = 0
        self._last_frame_at: datetime | None = None
        self._last_error = ""
        self._frozen_after, self._watch = frozen_after, FrozenWatch(frozen_after)
        self._wake_at, self._wake_pause = 0.0, frozen_after
        self._tell_left_out_at = clock.monotonic()
        self._left_out, self._left_out_at, self._left_out_since = 0, -math.inf, 0.0

    @property
    def ended(self) -> bool:
        """A recording has been played to its end, and its last frame was handed out."""
        return self._state is CameraState.ENDED

    def next_frame(self, timeout: float) -> Frame | None:
        """The newest frame not yet handed out; waits for one up to `timeout` seconds or until a nudge, then None.

        Raises SourceUnreadable, now and ever after, when the source can not work however often it is tried.
        """
        until = self._clock.monotonic() + timeout
        while True:
            news = self._news.count
            if (frame := self._take()) is not None:
                return frame
            with self._news.lock:
                if self._closed:
                    return None
                now = self._clock.monotonic()
                next_look = self._supervise(now)
                if self._failure is not None:
                    raise self._failure
                if self.ended or now >= until or self._nudged:
                    self._nudged = False
                    return None
                if news == self._news.count:
                    self._news.lock.wait(max(0.0, min(until, next_look) - now))

    def attend(self, attention: Attention) -> bool:
        """How much attention the last frame needs, and from now on; before the first call it is all.

        True: frames come first that were passed over, and then this one again. Without `max_blind` it changes nothing.
        """
        reader = self._ask_for(attention)
        again = reader is not None and reader.attend(attention)
        self._frames -= again
        return again

    def rest(self, pace: float | None) -> None:
        """At little attention one frame in so many seconds is enough: another stream is watched. None: none is."""
        with self._news.lock:
            self._wish.pace, reader = pace, self._reader
        if reader is not None:
            reader.rest(pace)

    def wake(self, since: datetime) -> None:
        """All attention from a time on, as far back as there still are pictures."""
        reader = self._ask_for(Attention.ALL)
        if reader is not None:
            reader.wake(since)

    def _ask_for(self, attention: Attention) -> Reader | None:
        """With the lock: a reader that is just beginning finds the wish, or is there to be told."""
        with self._news.lock:
            self._wish.attention = attention
            return self._reader

    def nudge(self) -> None:
        """From any thread: whoever waits for a frame now, or else next time, does not."""
        with self._news.lock:
            self._nudged = True
            self._news.tell()

    def call_at_news(self, listener: Callable[[], None]) -> None:
        """listener: called in the reader's thread whenever a coded picture makes it worth to ask for a frame.

        To be set before the first frame is asked for.
        """
        self._wish.listener = listener

    def status(self) -> CameraStatus:
        """From any thread."""
        with self._news.lock:
            reader = self._reader
            return CameraStatus(
                self._name,
                self._state,
                self._since,
                self._frames,
                self._dropped + (0 if reader is None else reader.dropped),
                self._attempts,
                self._last_frame_at,
                self._last_error,
                0.0 if reader is None else reader.rate.value(self._clock.monotonic()),
            )

    def close(self) -> None:
        """From any thread. Ends the reader, and waits a moment for it; one that hangs is left to itself."""
        with self._news.lock:
            self._closed, reader = True, self._reader
            if reader is not None:
                reader.abandon()
            self._news.tell()
            self._news.lock.wait_for(lambda: reader is None or reader.over, CLOSING)

    def _take(self) -> Frame | None:
        reader = self._reader
        if reader is None:
            return None
        frame = reader.take()
        # A recording has no setting that could be changed.
        if reader.too_long and not self._told_long and not reader.plays_file:
            self._told_long = True
            log.info(
                "Camera %s: more is decoded than it shows, because groups of pictures last more than %g s. "
                "It costs less CPU when the camera's I-frame interval is at most %g s.",
                self._name,
                self._wish.max_blind,
                self._wish.max_blind,
            )
        if frame is not None:
            with self._news.lock:
                self._hand_out(reader, frame)
                self._tell_left_out(reader)
        return frame

    def _hand_out(self, reader: Reader, frame: Frame) -> None:
        self._frames += 1
        self._last_frame_at = frame.captured_at
        if self._state not in (CameraState.ONLINE, CameraState.FROZEN):
            self._came_back(frame)
        if not reader.plays_file:
            self._look_for_life(reader, frame)

    def _tell_left_out(self, reader: Reader) -> None:
        now = self._clock.monotonic()
        if reader.dropped != self._left_out:
            if now - self._left_out_at > SPELL:
                self._left_out_since = now
            self._left_out, self._left_out_at = reader.dropped, now
        in_a_burst = self._left_out_at - self._left_out_since < BURST
        if reader.dropped < LEFT_OUT or in_a_burst or now < self._tell_left_out_at:
            return
        self._tell_left_out_at = now + TELL_AGAIN
        log.warning(
            "Camera %s: this machine can not follow, and pictures are left out (%d so far). "
            "`streamwatch bench` says how many cameras it can carry.",
            self._name,
            self._dropped + reader.dropped,
        )

    def _look_for_life(self, reader: Reader, frame: Frame) -> None:
        now = self._clock.monotonic()
        frozen = self._watch.look(now, frame.luma)
        if frozen and self._state is CameraState.ONLINE:
            self._wake_at, self._wake_pause = now, self._frozen_after
            self._enter(CameraState.FROZEN)
            log.warning(
                "Camera %s is frozen: it has sent the same picture for %s. It is reopened now and then.",
                self._name,
                age(self._frozen_after),
            )
        elif not frozen and self._state is CameraState.FROZEN:
            stood = age((self._clock.now() - self._since).total_seconds())
            log.info("Camera %s moves again after %s, at attempt %d.", self._name, stood, self._attempts)
            self._attempts = 0
            self._enter(CameraState.ONLINE)
        if frozen and now >= self._wake_at:
            reader.abandon()
            self._part_with(reader)
            self._retry_at = now
            self._wake_at = now + self._wake_pause
            self._wake_pause = min(2 * self._wake_pause, FROZEN_PAUSE_LONGEST)

    def _supervise(self, now: float) -> float:
        """Does what is due; the time until which nothing else will be."""
        reader = self._reader
        if reader is None:
            if now < self._retry_at or self._state in (CameraState.ENDED, CameraState.FAILED):
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
            return min(reader.heard + self._deadline, reader.last_picture + FIRST_PICTURE * self._deadline)
        return self._retry_at

    def _start(self, now: float) -> float:
        reader = self._reader = Reader(self._name, self._open, self._wish, self._news, self._clock)
        self._living.append(reader)
        self._attempts += 1
        self._spawn(reader.run, f"capture {self._name}")
        return now + self._deadline

    def _overdue(self, reader: Reader, now: float) -> SourceLost | None:
        """Why this reader must be given up. A file is never overdue: it may hold few pictures."""
        if reader.plays_file:
            return None
        if now - reader.heard >= self._deadline:
            return SourceLost(f"Nothing has come for {self._deadline:g} s.", "Is it on, and is the address right?")
        if now - reader.last_picture >= FIRST_PICTURE * self._deadline:
            return SourceLost("Data come, but no picture can be decoded.", "Is the stream H.264 or H.265?")
        return None

    def _conclude(self, reader: Reader, now: float) -> None:
        self._part_with(reader)
        if reader.error is None:
            log.info("Camera %s: the recording has ended.", self._name)
            self._enter(CameraState.ENDED)
        elif isinstance(reader.error, SourceUnreadable):
            self._failure, self._last_error = reader.error, str(reader.error)
            self._enter(CameraState.FAILED)
        else:
            self._lose(reader, reader.error, now)

    def _part_with(self, reader: Reader) -> None:
        if self._reader is reader:
            self._reader = None
            self._dropped += reader.dropped

    def _lose(self, reader: Reader, reason: CaptureError, now: float) -> None:
        self._part_with(reader)
        if reader.first_picture is not None and reader.last_picture - reader.first_picture >= self._deadline:
            self._pauses.reset()
        self._retry_at = now + self._pauses.next()
        self._last_error = str(reason)
        self._outages.lost(reason, now, reader.last_picture, self._state is CameraState.CONNECTING)
        if self._state in (CameraState.ONLINE, CameraState.FROZEN):
            self._enter(CameraState.RECONNECTING)

    def _came_back(self, frame: Frame) -> None:
        connecting = self._state is CameraState.CONNECTING
        self._outages.over(self._clock.monotonic(), self._attempts, connecting, frame.luma.shape)
        self._attempts = 0
        self._enter(CameraState.FROZEN if self._watch.frozen else CameraState.ONLINE)

    def _enter(self, state: CameraState) -> None:
        self._state, self._since = state, self._clock.now()
