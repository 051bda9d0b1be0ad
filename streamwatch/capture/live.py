"""Supervision of one camera: always the newest frame, reconnecting for ever, never blocked by a reader.

A reader thread opens the source and puts each frame into a place for one; the consumer takes the newest from there and,
while it waits, judges the reader. With `max_blind` the reader keeps the coded pictures instead, and the consumer
decodes of them what `attend` asks for. A reader that is silent for too long is abandoned: FFmpeg can not be interrupted
from outside, so its thread closes the source itself when the call comes back, and its late frames are ignored.

A live camera that sends one and the same picture is frozen: its frames are handed out as ever, and it is reopened, at
once and then after growing pauses, because that often wakes it.
"""

import logging
import math
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from streamwatch.capture.frozen import FrozenWatch
from streamwatch.capture.on_demand import OnDemand
from streamwatch.capture.outages import Outages
from streamwatch.capture.packets import Piece
from streamwatch.capture.pauses import Pauses
from streamwatch.capture.picture import frame_of
from streamwatch.capture.rate import Rate
from streamwatch.capture.source import CodedSource, Source, SparingSource
from streamwatch.capture.state import CameraState, CameraStatus
from streamwatch.clock import Clock
from streamwatch.errors import CaptureError, SourceLost, SourceUnreadable
from streamwatch.model import Attention, Frame
from streamwatch.words import age

log = logging.getLogger(__name__)

MOST_ABANDONED = 3
"""Readers of one camera that may hang at the same time; with so many, no further one is started."""
FIRST_PICTURE = 3
"""How many deadlines a stream may send data without one picture: it may be joined in the middle of a long group."""
FROZEN_AFTER = 120.0
"""Seconds of the same picture after which a camera counts as frozen."""
FROZEN_PAUSE_LONGEST = 3600.0
"""Seconds between two reopenings of a camera that stays frozen: `frozen_after` at first, doubled up to this."""
LATEST = 0.7
"""Seconds after which a coded picture is left out where newer ones have come."""
CLOSING = 1.0
"""Seconds that `close` waits for the reader to give back its source."""


class _Session:
    """One reader's work. All fields are guarded by the camera's lock; times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self.source: Source | None = None
        self.on_demand: OnDemand | None = None
        self.last_number = -1
        self.abandoned = False
        self.over = self.drained = False
        self.error: CaptureError | None = SourceLost("The reader failed in an unforeseen way.")
        self.newest: Frame | None = None
        self.heard = now
        self.first_picture: float | None = None
        self.last_picture = now

    def dropped(self) -> int:
        return 0 if self.on_demand is None else self.on_demand.dropped

    def plays_file(self) -> bool:
        return self.source is not None and not self.source.live


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
        self._changed = threading.Condition()
        self._closed = False
        self._session: _Session | None = None
        self._readers = 0
        self._retry_at = clock.monotonic()
        self._outages = Outages(name)
        self._failure: SourceUnreadable | None = None
        self._state, self._since = CameraState.CONNECTING, clock.now()
        self._frames = self._dropped = self._attempts = 0
        self._last_frame_at: datetime | None = None
        self._last_error = ""
        self._rate = Rate()
        self._frozen_after, self._watch = frozen_after, FrozenWatch(frozen_after)
        self._wake_at, self._wake_pause = 0.0, frozen_after
        self._max_blind, self._cheap, self._attention = max_blind, cheap, Attention.ALL
        self._pace: float | None = None
        self._news, self._told_long = 0, False
        self._nudged = False
        self._listener: Callable[[], None] | None = None

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
            news = self._news
            if (frame := self._take()) is not None:
                return frame
            with self._changed:
                if self._closed:
                    return None
                now = self._clock.monotonic()
                next_look = self._supervise(now)
                if self._failure is not None:
                    raise self._failure
                if self.ended or now >= until or self._nudged:
                    self._nudged = False
                    return None
                if news == self._news:
                    self._changed.wait(max(0.0, min(until, next_look) - now))

    def attend(self, attention: Attention) -> bool:
        """How much attention the last frame needs, and from now on; before the first call it is all.

        True: frames come first that were passed over, and then this one again. Without `max_blind` it changes nothing.
        """
        session = self._ask_for(attention)
        if session is None or session.on_demand is None:
            return False
        again = session.on_demand.attend(attention, self._clock.monotonic())
        self._frames -= again
        return again

    def rest(self, pace: float | None) -> None:
        """At little attention one frame in so many seconds is enough: another stream is watched. None: none is."""
        self._pace, session = pace, self._session
        if session is not None and session.on_demand is not None:
            session.on_demand.rest(pace)

    def wake(self, since: datetime) -> None:
        """All attention from a time on, as far back as there still are pictures."""
        session = self._ask_for(Attention.ALL)
        if session is not None and session.on_demand is not None:
            session.on_demand.wake(since, self._clock.monotonic())

    def _ask_for(self, attention: Attention) -> _Session | None:
        """Of the source, too, where it can spare something."""
        self._attention, session = attention, self._session
        if session is not None and isinstance(session.source, SparingSource):
            session.source.attend(attention)
        return session

    def nudge(self) -> None:
        """From any thread: whoever waits for a frame now, or else next time, does not."""
        with self._changed:
            self._nudged = True
            self._tell()

    def call_at_news(self, listener: Callable[[], None]) -> None:
        """listener: called in the reader's thread whenever a coded picture makes it worth to ask for a frame.

        To be set before the first frame is asked for.
        """
        self._listener = listener

    def status(self) -> CameraStatus:
        """From any thread."""
        with self._changed:
            return CameraStatus(
                self._name,
                self._state,
                self._since,
                self._frames,
                self._dropped + (0 if self._session is None else self._session.dropped()),
                self._attempts,
                self._last_frame_at,
                self._last_error,
                0.0 if self._session is None else self._rate.value(self._clock.monotonic()),
            )

    def close(self) -> None:
        """From any thread. Ends the reader, and waits a moment for it; one that hangs is left to itself."""
        with self._changed:
            self._closed, session = True, self._session
            if session is not None:
                self._abandon(session)
            self._changed.notify_all()
            self._changed.wait_for(lambda: session is None or session.over, CLOSING)

    def _take(self) -> Frame | None:
        session = self._session
        if session is None:
            return None
        # Decoded outside the lock: neither the reader nor who asks for the status waits for it.
        over = session.over
        decoded = None if session.on_demand is None else self._decode(session, session.on_demand)
        with self._changed:
            session.drained = over and decoded is None
            frame, session.newest = decoded or session.newest, None
            if frame is None or session.abandoned:
                return None
            if decoded is not None:
                self._note_picture(session, self._clock.monotonic())
            self._hand_out(session, frame)
            return frame

    def _decode(self, session: _Session, on_demand: OnDemand) -> Frame | None:
        viewed = on_demand.next(self._clock.monotonic())
        # A recording has no setting that could be changed.
        if on_demand.too_long and not self._told_long and not session.plays_file():
            self._told_long = True
            log.info(
                "Camera %s: every picture is decoded, because groups of pictures last more than %g s. "
                "It costs less CPU when the camera's I-frame interval is at most %g s.",
                self._name,
                self._max_blind,
                self._max_blind,
            )
        return None if viewed is None else frame_of(self._name, viewed.arrived_at, viewed.picture)

    def _hand_out(self, session: _Session, frame: Frame) -> None:
        self._frames += 1
        self._last_frame_at = frame.captured_at
        if self._state not in (CameraState.ONLINE, CameraState.FROZEN):
            self._came_back(frame)
        if not session.plays_file():
            self._look_for_life(session, frame)

    def _look_for_life(self, session: _Session, frame: Frame) -> None:
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
            self._abandon(session)
            self._part_with(session)
            self._retry_at = now
            self._wake_at = now + self._wake_pause
            self._wake_pause = min(2 * self._wake_pause, FROZEN_PAUSE_LONGEST)

    def _supervise(self, now: float) -> float:
        """Does what is due; the time until which nothing else will be."""
        session = self._session
        if session is None:
            if now < self._retry_at or self._state in (CameraState.ENDED, CameraState.FAILED):
                return max(now, self._retry_at)
            if self._readers > MOST_ABANDONED:
                return now + self._deadline
            return self._start(now)
        if session.over and not session.drained:
            return now
        if session.over:
            self._conclude(session, now)
        elif (reason := self._overdue(session, now)) is not None:
            self._abandon(session)
            self._lose(session, reason, now)
        elif session.plays_file():
            return math.inf
        else:
            return min(session.heard + self._deadline, session.last_picture + FIRST_PICTURE * self._deadline)
        return self._retry_at

    def _start(self, now: float) -> float:
        session = self._session = _Session(now)
        self._attempts += 1
        self._readers += 1
        self._spawn(lambda: self._read(session), f"capture {self._name}")
        return now + self._deadline

    def _overdue(self, session: _Session, now: float) -> SourceLost | None:
        """Why this reader must be given up. A file is never overdue: it may hold few pictures."""
        if session.plays_file():
            return None
        if now - session.heard >= self._deadline:
            return SourceLost(f"Nothing has come for {self._deadline:g} s.")
        if now - session.last_picture >= FIRST_PICTURE * self._deadline:
            return SourceLost("Data come, but no picture can be decoded.", "Is the stream H.264 or H.265?")
        return None

    def _abandon(self, session: _Session) -> None:
        session.abandoned = True
        session.newest = None
        if session.source is not None:
            session.source.stop()

    def _conclude(self, session: _Session, now: float) -> None:
        self._part_with(session)
        if session.error is None:
            log.info("Camera %s: the recording has ended.", self._name)
            self._enter(CameraState.ENDED)
        elif isinstance(session.error, SourceUnreadable):
            self._failure, self._last_error = session.error, str(session.error)
            self._enter(CameraState.FAILED)
        else:
            self._lose(session, session.error, now)

    def _part_with(self, session: _Session) -> None:
        if self._session is session:
            self._session = None
            self._dropped += session.dropped()

    def _lose(self, session: _Session, reason: CaptureError, now: float) -> None:
        self._part_with(session)
        if session.first_picture is not None and session.last_picture - session.first_picture >= self._deadline:
            self._pauses.reset()
        self._retry_at = now + self._pauses.next()
        self._last_error = str(reason)
        self._outages.lost(reason, now, session.last_picture, self._state is CameraState.CONNECTING)
        if self._state in (CameraState.ONLINE, CameraState.FROZEN):
            self._enter(CameraState.RECONNECTING)

    def _came_back(self, frame: Frame) -> None:
        connecting = self._state is CameraState.CONNECTING
        self._outages.over(self._clock.monotonic(), self._attempts, connecting, frame.luma.shape)
        self._attempts = 0
        self._enter(CameraState.FROZEN if self._watch.frozen else CameraState.ONLINE)

    def _enter(self, state: CameraState) -> None:
        self._state, self._since = state, self._clock.now()

    def _read(self, session: _Session) -> None:
        """A reader's thread."""
        error: CaptureError | None = session.error
        try:
            with closing(self._open()) as source:
                if self._introduce(session, source):
                    self._pass_on(session, source)
                error = SourceLost("The stream ended.") if source.live else None
        except CaptureError as failure:
            error = failure
        finally:
            with self._changed:
                session.over, session.error = True, error
                if session.on_demand is not None:
                    session.on_demand.end()
                self._readers -= 1
                self._tell()

    def _introduce(self, session: _Session, source: Source) -> bool:
        with self._changed:
            session.source = source
            session.heard = self._clock.monotonic()
            if self._max_blind is not None and isinstance(source, CodedSource):
                decoder = source.decoder().cheap() if self._cheap else source.decoder()
                session.on_demand = OnDemand(
                    decoder,
                    max_blind=self._max_blind,
                    latest=math.inf if self._cheap else LATEST,
                    attention=self._attention,
                    hasty=self._cheap,
                )
                session.on_demand.rest(self._pace)
            return not session.abandoned

    def _pass_on(self, session: _Session, source: Source) -> None:
        """What comes, as long as it is wanted."""
        if session.on_demand is not None and isinstance(source, CodedSource):
            for piece in source.pieces():
                if not self._keep(session, session.on_demand, piece):
                    return
        else:
            for frame in source.frames():
                if not self._put(session, frame):
                    return

    def _keep(self, session: _Session, on_demand: OnDemand, piece: Piece) -> bool:
        """From the reader: whether it is still wanted."""
        wanted = on_demand.add(piece)
        with self._changed:
            session.heard = now = self._clock.monotonic()
            if piece.number > session.last_number:
                session.last_number = piece.number
                self._rate.add(now)
            if on_demand.content:
                session.last_picture = now
            if wanted:
                self._tell()
            abandoned = session.abandoned
        if wanted and self._listener is not None:
            self._listener()
        return not abandoned

    def _put(self, session: _Session, frame: Frame | None) -> bool:
        """From the reader: whether it is still wanted."""
        with self._changed:
            session.heard = now = self._clock.monotonic()
            if session.abandoned:
                return False
            if frame is not None or isinstance(session.source, SparingSource):
                self._rate.add(now)
            if frame is not None:
                if session.newest is not None:
                    self._dropped += 1
                session.newest = frame
                self._note_picture(session, now)
                self._tell()
            return True

    def _note_picture(self, session: _Session, now: float) -> None:
        if session.first_picture is None:
            session.first_picture = now
        session.last_picture = now

    def _tell(self) -> None:
        """Wakes the consumer."""
        self._news += 1
        self._changed.notify_all()
