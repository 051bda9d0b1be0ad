"""The groups of pictures of a stream: how long they last, and their I-frames decoded alone."""

from collections.abc import Iterable
from dataclasses import dataclass

from streamwatch.capture.av_source import Decoder
from streamwatch.capture.cursor import Cursor, Decoders, Handover, TimedPicture
from streamwatch.capture.frames import DecodedPicture
from streamwatch.capture.packets import CodedPacket, PacketBuffer

SLACK = 0.3
"""Seconds by which a group may last longer than `max_blind`, because cameras and networks are not that exact."""
VAIN = 2
"""Number of I-frames in a row that could not be decoded alone, after which no further one is tried."""
AGAIN = 60.0
"""Seconds after which one more is tried, because the packets may have been damaged on their way."""


class GroupMeter:
    """Adds packets to the buffer and measures their groups.

    lasts: seconds of the last whole group, or of the present one if that is longer already. endless: groups last too
    long to be kept, or do not begin with an I-frame.
    """

    def __init__(self, buffer: PacketBuffer) -> None:
        self._buffer = buffer
        self.lasts = 0.0
        self.endless = False

    def add(self, packet: CodedPacket) -> None:
        """Add the next packet to the buffer."""
        opened = self._buffer.newest_i_frame()
        if opened is not None:
            lasts = packet.at - opened.at
            self.lasts = lasts if packet.i_frame else max(self.lasts, lasts)
            self.endless &= not packet.i_frame or self._buffer.crowded
        self._buffer.add(packet)
        self.endless |= self._buffer.crowded


class LoneIFrames:
    """Decodes I-frames of a stream alone, without the rest of their groups."""

    def __init__(self, buffer: PacketBuffer, handover: Handover, cursor: Cursor, decoders: Decoders) -> None:
        self._buffer, self._handover, self._cursor, self._decoders = buffer, handover, cursor, decoders
        self._tried = -1
        self._vain, self._vain_at = 0, 0.0

    @property
    def doubtful(self) -> bool:
        """True if the last one could not be decoded."""
        return self._vain > 0

    @property
    def hopeless(self) -> bool:
        """True if too many in a row could not be decoded, so that no more are tried."""
        return self._vain >= VAIN

    def due(self, after: float) -> CodedPacket | None:
        """Return the newest complete I-frame that was not tried; None if the last look is less than `after` s ago."""
        i_frame = self._buffer.whole_i_frame(self._newest_tried() + 1)
        return None if i_frame is None or self._handover.since_look(i_frame) < after else i_frame

    def decode(self, i_frame: CodedPacket) -> TimedPicture | None:
        """Return the picture of an I-frame; None if it cannot be decoded alone."""
        decoder = self._decoders.rough
        self._cursor.interrupt(decoder)
        self._tried = i_frame.number
        decoder.restart()
        pictures = _decoded(decoder, self._buffer.access_unit(i_frame.number))
        decoder.restart()
        self._vain, self._vain_at = 0 if pictures else self._vain + 1, i_frame.at
        return self._handover.timed(pictures[0], i_frame) if pictures else None

    def give_another_chance(self) -> None:
        """Try the newest I-frame from time to time, with another decoder, if I-frames were hopeless."""
        i_frame = self._buffer.whole_i_frame(0) if self.hopeless else None
        if i_frame is None or i_frame.at - self._vain_at < AGAIN:
            return
        self._vain_at, decoder = i_frame.at, self._decoders.full.rough()
        if decoder is self._decoders.full:
            return
        if _decoded(decoder, self._buffer.access_unit(i_frame.number)):
            self._vain = 0

    def take_last(self) -> CodedPacket | None:
        """Return the very last packet of a recording, once; None if its access unit was tried or looked at."""
        newest = self._buffer.newest()
        if newest is None or newest.number <= self._newest_tried():
            return None
        self._tried = newest.number
        return newest

    def _newest_tried(self) -> int:
        return max(self._tried, self._handover.looked_number)


@dataclass(frozen=True, slots=True)
class CodedStream:
    """The state that all ways to decode one stream share."""

    buffer: PacketBuffer
    handover: Handover
    decoders: Decoders
    cursor: Cursor
    groups: GroupMeter
    i_frames: LoneIFrames
    max_blind: float

    @property
    def longest_blindness(self) -> float:
        """Return the upper limit of the seconds between two looks."""
        return self.max_blind + SLACK

    @property
    def every_picture(self) -> bool:
        """True if all pictures must be decoded even at little attention, because undecoded ones are of no use."""
        return self.groups.endless or self.i_frames.hopeless


def _decoded(decoder: Decoder, packets: Iterable[CodedPacket]) -> list[DecodedPicture]:
    """Return all pictures of some packets, after which the decoder must be restarted."""
    pictures = [picture for packet in packets for picture in decoder.decode(packet.packet)]
    return pictures + decoder.decode(None)
