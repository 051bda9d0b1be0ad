"""Recorded files: every frame in the video's own time, or played at its pace as if it were a camera."""

import logging
import threading
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from streamwatch.capture.av_source import Decoder, open_file, rate_of
from streamwatch.capture.on_demand import OnDemand, Viewed
from streamwatch.capture.packets import Cutter, Piece
from streamwatch.capture.picture import Decoded, frame_of
from streamwatch.capture.stamps import Straightener
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention, Frame
from streamwatch.core.words import age, signed_age, some

log = logging.getLogger(__name__)

_SHORTFALL = 1.0
"""Seconds of the announced length that may be missing before a file counts as cut off."""
_AT_ONCE, _AT_LEISURE = 0.4, 0.8
"""Seconds of a played file that come together, undecoded; the second at little attention."""
_NO_TIME = datetime.min.replace(tzinfo=UTC)
_STUMBLES = 10
"""Errors in a row, without a packet between them, after which the rest of a file is given up."""


class Recording:
    """A video file, read once from its beginning as fast as it goes. Raises SourceUnreadable when it can not be opened.

    fps: average frames a second. duration: seconds as the file announces it, None where it does not. started: when it
    was recorded, if it says so (aware UTC). damaged: packets and pictures left out. ended_at: seconds into the file of
    the last picture so far.
    """

    def __init__(self, camera: str, path: Path, max_blind: float = 0.0, rotate: int = 0) -> None:
        """max_blind: seconds of the video between two pictures that are decoded at little attention.

        rotate: degrees clockwise by which its pictures are turned.
        """
        self._camera, self._path, self._rotate = camera, path, rotate
        self._container, self._stream = open_file(path)
        self._on_demand = OnDemand(self.decoder(), max_blind=max_blind)
        self._stumbles, self._taken_back = 0, False
        self.fps = float(rate_of(self._container, self._stream))
        self._time_base = self._stream.time_base or 1 / Fraction(self.fps)
        self._stamps, self._timeline = Straightener(float(self._time_base), self.fps), Timeline(self._time_base)
        self.duration = self._announced_length()
        self.started = _recorded_at(self._container.metadata.get("creation_time", ""))
        self.ended_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def damaged(self) -> int:
        """Packets and pictures left out so far, because they could not be decoded whole."""
        return self._stumbles + self._on_demand.damaged

    def frames(self, start: datetime) -> Iterator[Frame]:
        """All frames that `attend` asks for; `captured_at` is `start`, the time of the first, plus the video's time.

        Damage in the middle is left out and counted. A file that breaks off gives what it has and one warning.
        Raises SourceUnreadable when not one picture can be decoded.
        """
        for offset, picture in self.pictures():
            yield frame_of(self._camera, start + offset, picture)
        self.report_damage()

    def attend(self, attention: Attention) -> bool:
        """How much attention the last frame needs, and from now on; before the first call it is all.

        True: frames come first that were passed over, and then this one again.
        """
        self._taken_back = self._on_demand.attend(attention)
        return self._taken_back

    def pictures(self) -> Iterator[tuple[timedelta, Decoded]]:
        """Decoded pictures, each with its time since the first one; never earlier than the one before."""
        shown = False
        for viewed in self._viewed():
            timeline = copy(self._timeline)
            offset, shown = timeline.offset(viewed.piece.stamp or 0), True
            yield offset, viewed.picture
            if not self._taken_back:
                self._timeline = timeline
            self._taken_back = False
        if not shown:
            raise SourceUnreadable(f"Not one picture of {self._path} can be decoded.")

    def pieces(self) -> Iterator[Piece]:
        """The pictures undecoded, in the order of the file, `at` on the way of the video's own time."""
        cutter = Cutter()
        for packet, at, stamp in self.timed():
            yield cutter.piece(packet, at, _NO_TIME, stamp)

    def timed(self) -> "Iterator[tuple[Packet[VideoStream], float, int]]":
        """Packets in the order of the file, each with its seconds of the video's own time and its time stamp."""
        way = Timeline(self._time_base)
        for packet, shown, decoded in self._stamps.straighten(self._packets()):
            at = way.offset(decoded).total_seconds()
            self.ended_at = max(self.ended_at, at)
            yield packet, at, shown

    def decoder(self) -> Decoder:
        """Decodes what `pieces` gives, in any thread, also when the file is closed."""
        return Decoder(self._stream.codec_context, rotate=self._rotate)

    def report_damage(self) -> None:
        """After the last picture: a warning if the file broke off or was damaged, and one if its clock was set."""
        if jumps := self._stamps.jumps:
            log.warning(
                "%s: its clock was set %s, first by %s after %s of the video; the times go on from where they were.",
                self._path,
                some(len(jumps), "time"),
                signed_age(jumps[0].by),
                age(jumps[0].at),
            )
        # Where stamps leapt, what the file announces of its length is worth nothing.
        elif self._breaks_off and not self._stamps.leapt:
            log.warning("%s breaks off at %.1f s of %.1f s; it was cut off.", self._path, self.ended_at, self.duration)
            return
        if self.damaged:
            log.warning("%s is damaged; %d packets or pictures were left out.", self._path, self.damaged)

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def _viewed(self) -> Iterator[Viewed]:
        for piece in self.pieces():
            if self._on_demand.add(piece):
                yield from self._wanted()
        self._on_demand.end()
        yield from self._wanted()

    def _wanted(self) -> Iterator[Viewed]:
        while (viewed := self._on_demand.next(0.0)) is not None:
            yield viewed

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        in_a_row = 0
        while in_a_row < _STUMBLES:
            try:
                for packet in self._container.demux(self._stream):
                    # An empty packet would end the decoder for good: PyAV's last one, or a skipped frame of an AVI.
                    if packet.size:
                        in_a_row = 0
                        yield packet
            except FFmpegError:
                in_a_row += 1
                self._stumbles += 1
            else:
                return

    @property
    def _breaks_off(self) -> bool:
        return self.duration is not None and self.ended_at + 1 / self.fps < self.duration - _SHORTFALL

    def _announced_length(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None


class PlayedRecording:
    """A file played at its own pace as if it were a camera: `captured_at` is the time of the clock."""

    live = False

    def __init__(self, camera: str, path: Path, *, loop: bool, clock: Clock, rotate: int = 0) -> None:
        self._camera, self._path, self._loop, self._clock, self._rotate = camera, path, loop, clock, rotate
        self._recording = self._opened()
        self._stopped, self._attentive = threading.Event(), threading.Event()
        self._attentive.set()

    def attend(self, attention: Attention) -> None:
        """From any thread: when attention rises, `pieces` hands out at once what is due."""
        if attention is Attention.ALL:
            self._attentive.set()
        elif not self._stopped.is_set():
            self._attentive.clear()

    def frames(self) -> Iterator[Frame | None]:
        """Ends after the last frame, or with `loop` never. Raises SourceUnreadable."""
        for recording in self._rounds():
            began = self._clock.monotonic()
            for offset, picture in recording.pictures():
                began = self._wait(began, offset.total_seconds(), self._stopped)
                if self._stopped.is_set():
                    break
                yield frame_of(self._camera, self._clock.now(), picture)

    def pieces(self) -> Iterator[Piece]:
        """The same undecoded, to be decoded by one of `decoder`; a few at once, as it costs CPU to wait for each."""
        cutter = Cutter()
        for recording in self._rounds():
            began, due = self._clock.monotonic(), 0.0
            for packet, at, stamp in recording.timed():
                while at >= due and not self._stopped.is_set():
                    attentive = self._attentive.is_set()
                    due = at + (_AT_ONCE if attentive else _AT_LEISURE)
                    began = self._wait(began, due, self._stopped if attentive else self._attentive)
                    now, wall = self._clock.monotonic(), self._clock.now()
                    due = min(due, now - began)
                if self._stopped.is_set():
                    break
                ago = max(0.0, now - began - at)
                yield cutter.piece(packet, now - ago, wall - timedelta(seconds=ago), stamp)

    def decoder(self) -> Decoder:
        """Decodes what `pieces` gives, in any thread, also when the file is closed."""
        return self._recording.decoder()

    def stop(self) -> None:
        """Ends the wait for the next frame."""
        self._stopped.set()
        self._attentive.set()

    def close(self) -> None:
        """Closes the file."""
        self._recording.close()

    def _opened(self) -> Recording:
        return Recording(self._camera, self._path, rotate=self._rotate)

    def _rounds(self) -> Iterator[Recording]:
        yield self._recording
        if not self._stopped.is_set():
            self._stopped.wait(1 / self._recording.fps)
            self._recording.report_damage()
        while self._loop and not self._stopped.is_set():
            self._recording.close()
            self._recording = self._opened()
            yield self._recording
            self._stopped.wait(1 / self._recording.fps)

    def _wait(self, began: float, at: float, sooner: threading.Event) -> float:
        """Waits until `at` seconds after the beginning, or until `sooner`. Returns when it is to have begun."""
        wait = began + at - self._clock.monotonic()
        sooner.wait(max(0.0, wait))
        # Far behind (a machine that slept or is too slow): go on from here instead of rushing after.
        return began - wait if wait < -1 else began


class Timeline:
    """Time since the first picture, from straightened time stamps."""

    def __init__(self, time_base: Fraction) -> None:
        # In whole microseconds: fractions cost more than all else that is done for a packet.
        self._tick, self._ticks = time_base.numerator * 1_000_000, time_base.denominator
        self._first: int | None = None
        self._now = 0

    def offset(self, stamp: int) -> timedelta:
        """For the next picture, never less than for the one before. stamp: in units of the time base."""
        time = (stamp * self._tick + self._ticks // 2) // self._ticks
        if self._first is None:
            self._first = time
        self._now = max(self._now, time - self._first)
        return timedelta(microseconds=self._now)


def _recorded_at(text: str) -> datetime | None:
    """The container's `creation_time`. Recorders without a clock write 1904 or 1970."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time if time.year >= 2000 else None
