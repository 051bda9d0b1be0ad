"""Recorded files: every frame in the video's own time, or played at its pace as if it were a camera."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from streamwatch.capture.av_source import Decoder, open_file
from streamwatch.capture.picture import frame_of
from streamwatch.clock import Clock
from streamwatch.errors import SourceUnreadable
from streamwatch.model import Frame

log = logging.getLogger(__name__)

_DEFAULT_RATE = Fraction(25)
_JITTER = Fraction(1)
"""Seconds that a time stamp may step back as mere disorder; further back, the recorder's clock was set anew."""
_SHORTFALL = 1.0
"""Seconds of the announced length that may be missing before a file counts as cut off."""
_STUMBLES = 10
"""Errors in a row, without a packet between them, after which the rest of a file is given up."""


class Recording:
    """A video file, read once from its beginning as fast as it goes. Raises SourceUnreadable when it can not be opened.

    fps: average frames a second. duration: seconds as the file announces it, None where it does not. started: when it
    was recorded, if it says so (aware UTC). damaged: packets and pictures left out. ended_at: seconds into the file of
    the last picture so far.
    """

    def __init__(self, camera: str, path: Path) -> None:
        self._camera, self._path = camera, path
        self._container, self._stream = open_file(path)
        self._decoder = Decoder(self._stream)
        rate = self._stream.average_rate or self._stream.guessed_rate or _DEFAULT_RATE
        self._timeline = Timeline(self._stream.time_base or 1 / rate, rate)
        self.fps = float(rate)
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
        return self._decoder.damaged

    def frames(self, start: datetime) -> Iterator[Frame]:
        """All frames; `captured_at` is `start`, the time of the first one, plus the video's own time.

        Damage in the middle is left out and counted. A file that breaks off gives what it has and one warning.
        Raises SourceUnreadable when not one picture can be decoded.
        """
        for offset, picture in self.pictures():
            yield frame_of(self._camera, start + offset, picture)
        self.report_damage()

    def pictures(self) -> Iterator[tuple[timedelta, av.VideoFrame]]:
        """Decoded pictures, each with its time since the first one; never earlier than the one before."""
        some = False
        for picture in self._decoded():
            offset = self._timeline.offset(picture.pts)
            some, self.ended_at = True, offset.total_seconds()
            yield offset, picture
        if not some:
            raise SourceUnreadable(f"Not one picture of {self._path} can be decoded.")

    def report_damage(self) -> None:
        """One warning, after the last picture, if the file broke off or was damaged."""
        if self.duration is not None and self.ended_at + 1 / self.fps < self.duration - _SHORTFALL:
            log.warning("%s breaks off at %.1f s of %.1f s; it was cut off.", self._path, self.ended_at, self.duration)
        elif self.damaged:
            log.warning("%s is damaged; %d packets or pictures were left out.", self._path, self.damaged)

    def close(self) -> None:
        """Closes the file."""
        self._container.close()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._packets():
            yield from self._decoder.decode(packet)
        yield from self._decoder.decode(None)

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        stumbles = 0
        while stumbles < _STUMBLES:
            try:
                for packet in self._container.demux(self._stream):
                    # An empty packet would end the decoder for good: PyAV's last one, or a skipped frame of an AVI.
                    if packet.size:
                        stumbles = 0
                        yield packet
            except FFmpegError:
                stumbles += 1
                self._decoder.damaged += 1
            else:
                return

    def _announced_length(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None


class PlayedRecording:
    """A file played at its own pace as if it were a camera: `captured_at` is the time of the clock."""

    live = False

    def __init__(self, camera: str, path: Path, *, loop: bool, clock: Clock) -> None:
        self._camera, self._path, self._loop, self._clock = camera, path, loop, clock
        self._recording = Recording(camera, path)
        self._stopped = threading.Event()

    def frames(self) -> Iterator[Frame | None]:
        """Ends after the last frame, or with `loop` never. Raises SourceUnreadable."""
        yield from self._play(self._recording)
        if not self._stopped.is_set():
            self._recording.report_damage()
        while self._loop and not self._stopped.is_set():
            self._recording.close()
            self._recording = Recording(self._camera, self._path)
            yield from self._play(self._recording)

    def stop(self) -> None:
        """Ends the wait for the next frame."""
        self._stopped.set()

    def close(self) -> None:
        """Closes the file."""
        self._recording.close()

    def _play(self, recording: Recording) -> Iterator[Frame]:
        began = self._clock.monotonic()
        for offset, picture in recording.pictures():
            wait = began + offset.total_seconds() - self._clock.monotonic()
            if self._stopped.wait(max(0.0, wait)):
                return
            if wait < -1:
                # Far behind (a machine that slept or is too slow): go on from here instead of rushing after.
                began -= wait
            yield frame_of(self._camera, self._clock.now(), picture)
        self._stopped.wait(1 / recording.fps)


class Timeline:
    """Time since the first picture, from time stamps that may be missing, out of order or set anew."""

    def __init__(self, time_base: Fraction, rate: Fraction) -> None:
        self._time_base, self._step = time_base, 1 / rate
        self._first: Fraction | None = None
        self._now = Fraction(0)

    def offset(self, pts: int | None) -> timedelta:
        """For the next picture, never less than for the one before. pts: in units of the time base."""
        stamp = None if pts is None else pts * self._time_base
        if self._first is None:
            self._first = Fraction(0) if stamp is None else stamp
        elif stamp is None:
            self._now += self._step
        elif stamp - self._first < self._now - _JITTER:
            self._now += self._step
            self._first = stamp - self._now
        else:
            self._now = max(self._now, stamp - self._first)
        return timedelta(microseconds=round(self._now * 1_000_000))


def _recorded_at(text: str) -> datetime | None:
    """The container's `creation_time`. Recorders without a clock write 1904 or 1970."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time if time.year >= 2000 else None
