"""Recorded files: every frame in the video's own time, or played at its pace as if the file were a camera."""

import threading
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from streamwatch.capture.av_source import Decoder
from streamwatch.capture.cursor import TimedPicture
from streamwatch.capture.frames import DecodedPicture, frame_of
from streamwatch.capture.packets import AccessUnitParser, CodedPacket
from streamwatch.capture.selective_decoding import SelectiveDecoder
from streamwatch.capture.video_file import Timeline, VideoFile
from streamwatch.core.clock import Clock
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention, Frame

_AT_ONCE, _AT_LEISURE = 0.4, 0.8
"""Seconds of a played file whose packets are handed out together: at full and at little attention."""
_NO_TIME = datetime.min.replace(tzinfo=UTC)


class Recording:
    """A video file, read once from its beginning as fast as it goes. Raise SourceUnreadable if it cannot be opened."""

    def __init__(self, camera: str, path: Path, max_blind: float = 0.0, rotate: int = 0) -> None:
        """max_blind: seconds of the video between two pictures that are decoded at little attention.

        rotate: degrees clockwise by which its pictures are turned.
        """
        self._camera, self.file = camera, VideoFile(path, rotate)
        self._selective = SelectiveDecoder(self.file.decoder(), max_blind=max_blind)
        self._timeline, self._taken_back = Timeline(self.file.time_base), False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def fps(self) -> float:
        """Return the average number of frames a second."""
        return self.file.fps

    @property
    def duration(self) -> float | None:
        """Return the length in seconds that the file announces; None if it announces none."""
        return self.file.duration

    @property
    def started(self) -> datetime | None:
        """Return when it was recorded (aware UTC); None if the file does not say it."""
        return self.file.started

    @property
    def damaged(self) -> int:
        """Return the number of packets and pictures left out so far, because they could not be decoded whole."""
        return self.file.errors + self._selective.damaged

    def frames(self, start: datetime) -> Iterator[Frame]:
        """Yield all frames that `attend` asks for. captured_at: `start`, the time of the first, plus the video's time.

        Damage in the middle is left out and counted. A file that breaks off gives what it has and one warning.
        Raise SourceUnreadable if not one picture can be decoded.
        """
        for offset, picture in self.pictures():
            yield frame_of(self._camera, start + offset, picture)
        self.report_damage()

    def attend(self, attention: Attention) -> bool:
        """Set the attention that the last frame and all later ones need; before the first call it is ALL.

        Return True if frames that were passed over come next, and then this one again.
        """
        self._taken_back = self._selective.attend(attention)
        return self._taken_back

    def pictures(self) -> Iterator[tuple[timedelta, DecodedPicture]]:
        """Yield decoded pictures, each with its time since the first one; never earlier than the one before."""
        shown = False
        for timed in self._wanted():
            timeline = copy(self._timeline)
            offset, shown = timeline.offset(timed.packet.stamp or 0), True
            yield offset, timed.picture
            if not self._taken_back:
                self._timeline = timeline
            self._taken_back = False
        if not shown:
            raise SourceUnreadable(f"Not one picture of {self.file.path} can be decoded.")

    def report_damage(self) -> None:
        """Log a warning if the file broke off, was damaged, or had its clock set. For the end of the file."""
        self.file.report_damage(self.damaged)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _wanted(self) -> Iterator[TimedPicture]:
        parser = AccessUnitParser()
        for packet, at, stamp in self.file.timed():
            if self._selective.add(parser.parse(packet, at, _NO_TIME, stamp)):
                yield from iter(self._next, None)
        self._selective.end()
        yield from iter(self._next, None)

    def _next(self) -> TimedPicture | None:
        return self._selective.next(0.0)


class PlayedRecording:
    """A file played at its own pace as if it were a camera: `captured_at` is the time of the clock."""

    live = False

    def __init__(self, camera: str, path: Path, *, loop: bool, clock: Clock, rotate: int = 0) -> None:
        self._camera, self._path, self._loop, self._clock, self._rotate = camera, path, loop, clock, rotate
        self._recording = self._opened()
        self._stopped, self._attentive = threading.Event(), threading.Event()
        self._attentive.set()

    def attend(self, attention: Attention) -> None:
        """Set the attention: when it rises, `packets` hands out at once what is due. From any thread."""
        if attention is Attention.ALL:
            self._attentive.set()
        elif not self._stopped.is_set():
            self._attentive.clear()

    def frames(self) -> Iterator[Frame | None]:
        """Yield all frames; end after the last one, or with `loop` never. Raise SourceUnreadable."""
        for recording in self._rounds():
            began = self._clock.monotonic()
            for offset, picture in recording.pictures():
                began = self._wait(began, offset.total_seconds(), self._stopped)
                if self._stopped.is_set():
                    break
                yield frame_of(self._camera, self._clock.now(), picture)

    def packets(self) -> Iterator[CodedPacket]:
        """Yield the same pictures undecoded, for `decoder`; a few at once, because waiting for each costs CPU."""
        parser = AccessUnitParser()
        for recording in self._rounds():
            began, due = self._clock.monotonic(), 0.0
            for packet, at, stamp in recording.file.timed():
                while at >= due and not self._stopped.is_set():
                    attentive = self._attentive.is_set()
                    due = at + (_AT_ONCE if attentive else _AT_LEISURE)
                    began = self._wait(began, due, self._stopped if attentive else self._attentive)
                    now, wall = self._clock.monotonic(), self._clock.now()
                    due = min(due, now - began)
                if self._stopped.is_set():
                    break
                ago = max(0.0, now - began - at)
                yield parser.parse(packet, now - ago, wall - timedelta(seconds=ago), stamp)

    def decoder(self) -> Decoder:
        """Return a decoder of the packets, for any thread, also after the file is closed."""
        return self._recording.file.decoder()

    def stop(self) -> None:
        """End the wait for the next frame. From any thread."""
        self._stopped.set()
        self._attentive.set()

    def close(self) -> None:
        """Close the file."""
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
        """Wait until `at` seconds after the beginning, or until `sooner`. Return the time that counts as beginning."""
        wait = began + at - self._clock.monotonic()
        sooner.wait(max(0.0, wait))
        # Far behind (a machine that slept or is too slow): go on from here instead of hurrying to catch up.
        return began - wait if wait < -1 else began
