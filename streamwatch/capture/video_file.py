"""A video file: its packets in the video's own time, and what is wrong with it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream

from streamwatch.capture.av_source import Decoder, open_file, rate_of
from streamwatch.capture.timestamps import TimestampCorrector
from streamwatch.core.text import age, signed_age, some

log = logging.getLogger(__name__)

_SHORTFALL = 1.0
"""Seconds of the announced length that may be missing before a file counts as cut off."""
_MOST_ERRORS = 10
"""Number of errors in a row after which the rest of a file is given up."""


class VideoFile:
    """A video file, open from the start. Raise SourceUnreadable if it cannot be opened.

    fps: average frames a second. duration: seconds as the file announces them; None if it does not. started: when it
    was recorded (aware UTC), if the file says it. errors: failed attempts to read a packet. ended_at: seconds into the
    file of the last packet so far.
    """

    def __init__(self, path: Path, rotate: int) -> None:
        """rotate: degrees clockwise by which its pictures are turned."""
        self.path, self._rotate = path, rotate
        self._container, self._stream = open_file(path)
        self.fps = float(rate_of(self._container, self._stream))
        self.time_base = self._stream.time_base or 1 / Fraction(self.fps)
        self._stamps = TimestampCorrector(float(self.time_base), self.fps)
        self.duration = self._announced_length()
        self.started = _recorded_at(self._container.metadata.get("creation_time", ""))
        self.errors, self.ended_at = 0, 0.0

    def timed(self) -> "Iterator[tuple[Packet[VideoStream], float, int]]":
        """Yield packets in the order of the file, each with its seconds of the video's own time and its time stamp."""
        timeline = Timeline(self.time_base)
        for packet, shown, decoded in self._stamps.correct(self._packets()):
            at = timeline.offset(decoded).total_seconds()
            self.ended_at = max(self.ended_at, at)
            yield packet, at, shown

    def decoder(self) -> Decoder:
        """Return a decoder of the packets, for any thread, also after the file is closed."""
        return Decoder(self._stream.codec_context, rotate=self._rotate)

    def report_damage(self, damaged: int) -> None:
        """Log a warning if the file broke off, was damaged, or had its clock set. For the end of the file.

        damaged: packets and pictures that were left out.
        """
        if jumps := self._stamps.jumps:
            log.warning(
                "%s: its clock was set %s, first by %s after %s of the video; the times go on from where they were.",
                self.path,
                some(len(jumps), "time"),
                signed_age(jumps[0].by),
                age(jumps[0].at),
            )
        # If time stamps leapt, the length that the file announces is wrong, too.
        elif self._breaks_off and not self._stamps.leapt:
            log.warning("%s breaks off at %.1f s of %.1f s; it was cut off.", self.path, self.ended_at, self.duration)
            return
        if damaged:
            log.warning("%s is damaged; %d packets or pictures were left out.", self.path, damaged)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        in_a_row = 0
        while in_a_row < _MOST_ERRORS:
            try:
                for packet in self._container.demux(self._stream):
                    # An empty packet would end the decoder for good: PyAV's last one, or a skipped frame of an AVI.
                    if packet.size:
                        in_a_row = 0
                        yield packet
            except FFmpegError:
                in_a_row += 1
                self.errors += 1
            else:
                return

    @property
    def _breaks_off(self) -> bool:
        return self.duration is not None and self.ended_at + 1 / self.fps < self.duration - _SHORTFALL

    def _announced_length(self) -> float | None:
        if self._stream.duration and self._stream.time_base:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else None


class Timeline:
    """Time since the first picture, from corrected time stamps."""

    def __init__(self, time_base: Fraction) -> None:
        # In whole microseconds: fractions cost more than all else that is done for a packet.
        self._tick, self._ticks = time_base.numerator * 1_000_000, time_base.denominator
        self._first: int | None = None
        self._now = 0

    def offset(self, stamp: int) -> timedelta:
        """Return the time of the next picture, never less than of the one before. stamp: in units of the time base."""
        time = (stamp * self._tick + self._ticks // 2) // self._ticks
        if self._first is None:
            self._first = time
        self._now = max(self._now, time - self._first)
        return timedelta(microseconds=self._now)


def _recorded_at(text: str) -> datetime | None:
    """Return the container's `creation_time`; None if it is wrong. Recorders without a clock write 1904 or 1970."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return time if time.year >= 2000 else None
