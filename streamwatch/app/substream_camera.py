"""A camera with two streams. While nothing moves, only the substream is decoded; the main stream is kept undecoded."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Protocol

from streamwatch.app.substream import SubstreamHealth
from streamwatch.capture import CameraStatus, LiveCamera
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention, Frame
from streamwatch.gate import Activity, ActivityDetector

EARLIER = timedelta(seconds=0.2)
"""The main stream is looked at from this time before the substream was last quiet, as cameras delay one of the two."""
LATER = timedelta(seconds=0.8)
"""The main stream has all attention for this time after activity in any case."""
LATEST, STILL = timedelta(seconds=2), timedelta(seconds=0.5)
"""LATEST: upper limit of that time, because the main stream may come later. It holds if the gate has seen nothing yet,
and the substream shows something or did so until STILL ago."""
PACE = 30.0
"""The gate gets a frame of the quiet main stream every so many seconds, and so keeps knowing its scene."""
NEARER = 1.5
"""The same while a known vehicle moves, which may hide a new one in the substream; and while a person looks."""
LISTEN = 1.1
"""A quiet substream is looked at every so many seconds. Waking up costs more CPU than looking."""
EARLY = 0.3
"""If a group of the substream begins and the next look is due within so many seconds, the look is made at once: one
picture has to be decoded for it now, and several later."""
SOON = 0.25
"""The substream shows the same vehicle so many seconds later than the main stream, at most."""
APART, PASSED_OVER = timedelta(seconds=0.15), 8
"""Time between the frames that are kept since the last look, and their number: they show when activity began."""


class Camera(Protocol):
    """A camera as the daemon uses it: a LiveCamera, or a SubstreamCamera with two of them."""

    @property
    def ended(self) -> bool: ...

    def next_frame(self, timeout: float) -> Frame | None: ...

    def attend(self, attention: Attention) -> bool: ...

    def nudge(self) -> None: ...

    def status(self) -> CameraStatus: ...

    def close(self) -> None: ...


class Watch(Enum):
    """The states of the main stream.

              ◀──────────────────the gate needs all attention──────────────────
    ATTENDED ──time is up──▶ QUIET ──activity──▶ ACTIVE ──time is up──▶ UNSEEN
              ◀──lost───────                           ◀──activity, lost────────

    lost: the substream cannot be relied upon any more. time is up: the gate needs little attention, and the time after
    the last activity (see `_grace`) is over. UNSEEN becomes ACTIVE also if the activity gets more time.

    ATTENDED: the gate has seen something. ACTIVE: the main stream was woken, and the gate has not seen anything yet.
    QUIET, UNSEEN: the main stream rests, after the one and the other.
    """

    ATTENDED = auto()
    QUIET = auto()
    ACTIVE = auto()
    UNSEEN = auto()

    @property
    def rests(self) -> bool:
        """True if the main stream rests, and the substream may wake it."""
        return self in (Watch.QUIET, Watch.UNSEEN)

    def awake(self) -> "Watch":
        """Return the state in which the main stream does not rest."""
        return {Watch.QUIET: Watch.ATTENDED, Watch.UNSEEN: Watch.ACTIVE}.get(self, self)

    def resting(self) -> "Watch":
        """Return the state in which the main stream rests."""
        return {Watch.ATTENDED: Watch.QUIET, Watch.ACTIVE: Watch.UNSEEN}.get(self, self)


class SubstreamCamera:
    """A camera with two streams, used like a LiveCamera. Each stream has its reader; frames have arrival times."""

    def __init__(
        self,
        name: str,
        main: LiveCamera,
        substream: LiveCamera,
        activity: ActivityDetector,
        clock: Clock,
        is_asked_for: Callable[[], bool] = lambda: False,
    ) -> None:
        """is_asked_for: True while a person looks at the picture of the main stream, which then must not be old."""
        self._is_asked_for = is_asked_for
        self._main, self._substream, self._activity, self._clock = main, substream, activity, clock
        self._health = SubstreamHealth(name, substream, clock)
        self._watch = Watch.ATTENDED
        self._woken_at = self._shown_at = self._moved_at = self._busy_at = clock.now()
        self._listen_at = -math.inf  # monotonic
        self._nudged = False
        substream.call_at_news(self._hurry)

    @property
    def ended(self) -> bool:
        """True if the main stream, a recording, has ended."""
        return self._main.ended

    def next_frame(self, timeout: float) -> Frame | None:
        """Return the next frame of the main stream; see LiveCamera. Only `nudge` ends the wait, no other news."""
        until = self._clock.monotonic() + timeout
        while True:
            now = self._clock.monotonic()
            if now >= self._listen_at or not self._watch.rests:
                self._listen_at = now + LISTEN
                self._listen()
            left = max(0.0, min(until, self._listen_at) - self._clock.monotonic())
            frame = self._main.next_frame(left)
            if frame is not None:
                self._shown_at = frame.captured_at
                return frame
            if self.ended or self._nudged or self._clock.monotonic() >= until:
                self._nudged = False
                return None

    def attend(self, attention: Attention) -> bool:
        """Set the attention; see LiveCamera. The main stream does not rest before it has shown what woke it."""
        if attention is Attention.ALL:
            self._watch = Watch.ATTENDED
        if self._health.was_relied_upon and self._shown_at < self._woken_at + self._grace():
            attention = Attention.ALL
        if attention is Attention.ALL:
            self._watch = self._watch.awake()
        elif not self._watch.rests:
            self._watch = self._watch.resting()
            self._activity.settle()
            self._listen_at = self._clock.monotonic() + SOON
        return self._main.attend(attention)

    def nudge(self) -> None:
        """End the present wait for a frame, or else the next one. From any thread."""
        self._nudged = True
        self._main.nudge()

    def status(self) -> CameraStatus:
        """Return the status of the main stream, whose newest picture may be one of the substream. From any thread."""
        status, heard_at = self._main.status(), self._health.heard_at
        if heard_at is not None and status.last_frame_at is not None:
            status = replace(status, last_frame_at=max(heard_at, status.last_frame_at))
        return replace(status, unwatched=self._health.complaint())

    def close(self) -> None:
        """Close both streams. From any thread."""
        self._substream.close()
        self._main.close()

    def _grace(self) -> timedelta:
        """Return how long after activity the main stream has all attention in any case."""
        seen = self._watch in (Watch.ATTENDED, Watch.QUIET)
        return LATER if seen or self._shown_at > self._busy_at + STILL else LATEST

    def _hurry(self) -> None:
        """Look at the substream at once if that is due soon. Called in its reader's thread when a group has begun."""
        if self._listen_at - self._clock.monotonic() <= EARLY:
            self._listen_at = -math.inf
            self._main.nudge()

    def _listen(self) -> None:
        """Take in what the substream shows now, and find out if it can be relied upon."""
        frames = self._new_frames()
        if frames:
            before = self._health.heard_at or frames[-1].captured_at
            self._health.hear(frames[-1])
            self._look(frames, before)
        if self._health.judge():
            self._main.rest(PACE if self._health.relied_upon else None)
            if not self._health.relied_upon:
                self._look_back()

    def _look(self, frames: Sequence[Frame], before: datetime) -> None:
        """Look at new frames of the substream. before: the time of the last look."""
        frame = frames[-1]
        news = self._activity.look(frame)
        if news is not Activity.NONE:
            self._busy_at = frame.captured_at
        # Only a resting stream is woken: a vehicle that stops before the camera would otherwise wake it for ever.
        if news is Activity.NEW and self._watch.rests:
            self._woken_at, self._watch = frame.captured_at, Watch.ACTIVE
            self._main.wake(self._quiet_until(before, frames) - EARLIER)
        if news is Activity.KNOWN:
            self._moved_at = frame.captured_at
        if self._health.relied_upon:
            nearer = self._shown_at < self._moved_at + LATER or self._is_asked_for()
            self._main.rest(NEARER if nearer else PACE)

    def _quiet_until(self, before: datetime, frames: Iterable[Frame]) -> datetime:
        """Return when the substream was last seen quiet: at the look before, or in a later frame."""
        for frame in frames:
            if self._activity.is_active(frame):
                break
            before = frame.captured_at
        return before

    def _new_frames(self) -> Sequence[Frame]:
        """Return some of the frames of the substream that have come since the last look, the newest at the end."""
        frames: deque[Frame] = deque(maxlen=PASSED_OVER)
        try:
            while (frame := self._substream.next_frame(0.0)) is not None:
                if len(frames) > 1 and frame.captured_at - frames[-2].captured_at < APART:
                    frames.pop()
                frames.append(frame)
        except SourceUnreadable:
            pass
        return frames

    def _look_back(self) -> None:
        """Wake the main stream for what came while the substream could not be relied upon."""
        if self._watch.rests and self._health.heard_at is not None:
            self._woken_at, self._watch = self._clock.now(), self._watch.awake()
            self._main.wake(self._health.heard_at - EARLIER)
