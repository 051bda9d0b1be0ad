"""A camera with two streams: the small one is watched while it is quiet, the main one kept undecoded until it stirs."""

import logging
import math
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from streamwatch.capture import CameraStatus, LiveCamera
from streamwatch.core.clock import Clock
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention, Frame
from streamwatch.gate import News, Stir

log = logging.getLogger(__name__)

EARLIER = timedelta(seconds=0.2)
"""So much before the small stream was last seen quiet the main one is looked at: cameras delay one of the two."""
LATER = timedelta(seconds=0.8)
"""So long after it the main stream has all attention in any case."""
LATEST, STILL = timedelta(seconds=2), timedelta(seconds=0.5)
"""So long after it at most where the gate has seen nothing yet and the small stream shows it still, or did until then:
the main one may come later by as much."""
PACE = 30.0
"""Seconds between two frames of the main stream while it is quiet, so that the gate knows its scene."""
NEARER = 1.5
"""The same while something moves that the gate knows: another thing may hide behind it from the small stream."""
SILENT = 3.0
"""Seconds without a frame after which the small stream is not relied upon."""
FIRM = 1.0
"""Seconds for which its frames must have come: a connection that breaks off gives out one more."""
UNSEEN = 10.0
"""Seconds without its first frame after which the log says what is watched instead."""
LISTEN = 1.1
"""Seconds between two looks at the small stream while it is quiet: to wake up costs more CPU than to look."""
EARLY = 0.3
"""So much sooner it is looked at when a group of its pictures begins: one is to be decoded then, a moment ago all."""
SOON = 0.25
"""Seconds after the gate has settled all that is there in which the small stream shows it, too."""
APART, PASSED_OVER = timedelta(seconds=0.15), 8
"""Of what was passed over since the last look so many frames are kept, so far apart: one is the first with the news."""


class Camera(Protocol):
    """What the daemon needs of a camera; see LiveCamera."""

    @property
    def ended(self) -> bool: ...

    def next_frame(self, timeout: float) -> Frame | None: ...

    def attend(self, attention: Attention) -> bool: ...

    def status(self) -> CameraStatus: ...

    def close(self) -> None: ...


class WatchedCamera:
    """Used like a LiveCamera. The small stream has another reader; both clocks are the time at which data arrive."""

    def __init__(self, name: str, main: LiveCamera, small: LiveCamera, stir: Stir, clock: Clock) -> None:
        self._name, self._main, self._small, self._stir, self._clock = name, main, small, stir, clock
        self._heard_at: datetime | None = None
        self._began = clock.monotonic()
        self._heard = self._heard_since = -math.inf  # monotonic: when its last frame was captured, and that since when
        self._stirred_at = self._shown_at = self._moved_at = self._busy_at = clock.now()
        self._seen = True
        self._quiet, self._alone, self._relied, self._told = False, True, False, False
        self._listen_at = -math.inf
        small.call_at_news(self._hurry)

    @property
    def ended(self) -> bool:
        """Whether the main stream, a recording, has ended."""
        return self._main.ended

    def next_frame(self, timeout: float) -> Frame | None:
        """The next frame of the main stream; see LiveCamera."""
        until = self._clock.monotonic() + timeout
        while True:
            now = self._clock.monotonic()
            if now >= self._listen_at or not self._quiet:
                self._listen_at = now + LISTEN
                self._listen()
            left = max(0.0, min(until, self._listen_at) - self._clock.monotonic())
            frame = self._main.next_frame(left)
            if frame is not None:
                self._shown_at = frame.captured_at
                return frame
            if self.ended or self._clock.monotonic() >= until:
                return None

    def attend(self, attention: Attention) -> bool:
        """See LiveCamera. What the small stream has seen must have come by in the main one before that rests."""
        self._seen |= attention is Attention.ALL
        if self._relied and self._shown_at < self._stirred_at + self._later():
            attention = Attention.ALL
        if attention is Attention.QUIET and not self._quiet:
            self._stir.settle()
            self._listen_at = self._clock.monotonic() + SOON
        self._quiet = attention is Attention.QUIET
        return self._main.attend(attention)

    def status(self) -> CameraStatus:
        """Of the main stream, whose newest picture may be one of the small one. From any thread."""
        status, heard_at = self._main.status(), self._heard_at
        if heard_at is not None and status.last_frame_at is not None:
            status = replace(status, last_frame_at=max(heard_at, status.last_frame_at))
        return replace(status, unwatched=self._why_alone() if self._told and self._alone else "")

    def close(self) -> None:
        """From any thread."""
        self._small.close()
        self._main.close()

    def _later(self) -> timedelta:
        """How long after a stir the main stream has all attention in any case."""
        return LATER if self._seen or self._shown_at > self._busy_at + STILL else LATEST

    def _why_alone(self) -> str:
        small = self._small.status()
        if small.state is CameraState.FROZEN:
            return "It sends the same picture."
        return small.last_error or "No picture comes."

    def _hurry(self) -> None:
        """In the small stream's reader: its newest group has begun."""
        if self._listen_at - self._clock.monotonic() <= EARLY:
            self._listen_at = -math.inf
            self._main.nudge()

    def _listen(self) -> None:
        """Takes in what the small stream shows now."""
        frames = self._small_frames()
        if frames:
            frame = frames[-1]
            ago = (self._clock.now() - frame.captured_at).total_seconds()
            # Of a frame from before a stop, or a step of the clock, it is only known that it came after the one before.
            heard = max(self._heard, self._clock.monotonic() - ago)
            if heard - self._heard >= SILENT:
                self._heard_since = heard
            self._heard = heard
            before, self._heard_at = self._heard_at or frame.captured_at, frame.captured_at
            news = self._stir.look(frame)
            if news is not News.NONE:
                self._busy_at = frame.captured_at
            # While the gate attends it decides by itself; else what has come to stand would be news for ever.
            if news is News.NEW and self._quiet:
                self._stirred_at, self._quiet, self._seen = frame.captured_at, False, False
                self._main.wake(self._quiet_until(before, frames) - EARLIER)
            if news is News.KNOWN:
                self._moved_at = frame.captured_at
            if not self._alone:
                self._main.rest(NEARER if self._shown_at < self._moved_at + LATER else PACE)
        self._judge()

    def _quiet_until(self, before: datetime, frames: Iterable[Frame]) -> datetime:
        """When the small stream was last seen quiet: at the look before, or in a frame that was passed over since."""
        for frame in frames:
            if self._stir.stirs(frame):
                break
            before = frame.captured_at
        return before

    def _small_frames(self) -> deque[Frame]:
        """Some of those of the small stream that have come since it was asked before, the newest at the end."""
        frames: deque[Frame] = deque(maxlen=PASSED_OVER)
        try:
            while (frame := self._small.next_frame(0.0)) is not None:
                if len(frames) > 1 and frame.captured_at - frames[-2].captured_at < APART:
                    frames.pop()
                frames.append(frame)
        except SourceUnreadable:
            pass
        return frames

    def _judge(self) -> None:
        """Whether the small stream can be relied upon."""
        now = self._clock.monotonic()
        alone = not (self._small.status().state is CameraState.ONLINE and self._is_heard(now))
        if alone and not self._told and (self._relied or now - self._began >= UNSEEN):
            self._told = True
            log.warning("Camera %s: its small stream can not be watched; the main stream alone is.", self._name)
        if alone == self._alone:
            return
        self._alone = alone
        self._main.rest(None if alone else PACE)
        if alone:
            self._look_back()
        elif self._told:
            self._told = False
            log.info("Camera %s: its small stream is watched%s.", self._name, " again" * self._relied)
        self._relied = True

    def _is_heard(self, now: float) -> bool:
        return now - self._heard < SILENT and self._heard - self._heard_since >= FIRM

    def _look_back(self) -> None:
        """In the main stream, at what came while nobody looked."""
        if self._quiet and self._heard_at is not None:
            self._stirred_at, self._quiet = self._clock.now(), False
            self._main.wake(self._heard_at - EARLIER)
