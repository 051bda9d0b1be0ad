"""The packets of a stream as they came, undecoded: kept for as long as they may still be wanted.

Words of the codecs: an access unit is one coded picture, of one or several packets. An I-frame needs no other picture.
It opens a group of pictures (GOP), whose other pictures refer to it and to each other.
"""

import threading
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from av.packet import Packet, PacketSideData
from av.video.stream import VideoStream

_PARAMETERS: Literal["new_extradata"] = "new_extradata"
SECONDS, BYTES = 12.0, 24_000_000
"""Upper limits of what is kept of one stream, if its consumer takes nothing or its groups are very long."""

NEARLY = 0.9
"""Share of these limits. A group that fills it counts as too long to be kept; there is still time to decode it."""


@dataclass(frozen=True, slots=True)
class CodedPacket:
    """An access unit, or a part of one, because RTP senders may split it. The pts of its packet is `number`.

    serial: counts packets. number: counts access units in the order in which they came. i_frame: True if an I-frame,
    and so a group, begins with this packet. group: the number of the I-frame that opens the group. at: seconds on the
    source's own clock, never falling. arrived_at: aware UTC. stamp: the packet's own time, in units of the stream's
    time base.
    """

    packet: "Packet[VideoStream]"
    serial: int
    number: int
    i_frame: bool
    group: int
    at: float
    arrived_at: datetime
    stamp: int | None


class AccessUnitParser:
    """Numbers the packets and access units of one stream."""

    def __init__(self, split: bool = False) -> None:
        """split: packets with the same time stamp may be parts of one access unit."""
        self._split = split
        self._parameters: PacketSideData | None = None
        self._serial = self._number = self._group = -1
        self._stamp: int | None = None

    def parse(self, packet: "Packet[VideoStream]", at: float, arrived_at: datetime, stamp: int | None) -> CodedPacket:
        """Return the packet with its numbers; its time stamps are overwritten.

        at: seconds on the source's own clock. stamp: the packet's time, None if unknown.
        """
        begins = not self._split or stamp is None or stamp != self._stamp
        self._serial, self._stamp = self._serial + 1, stamp
        self._number += begins
        if i_frame := begins and packet.is_keyframe:
            self._group = self._number
            self._pass_parameters_on(packet)
        # So that a decoded picture says from which packet it comes, however wrong the stream's own time stamps are.
        packet.pts, packet.dts = self._number, None
        return CodedPacket(packet, self._serial, self._number, i_frame, self._group, at, arrived_at, stamp)

    def _pass_parameters_on(self, packet: "Packet[VideoStream]") -> None:
        """Add the last parameter sets to an I-frame: they are sent once, but every decoder needs them at its start."""
        if packet.has_sidedata(_PARAMETERS):
            self._parameters = packet.get_sidedata(_PARAMETERS)
        elif self._parameters is not None:
            packet.set_sidedata(self._parameters)


class PacketBuffer:
    """Keeps whole groups of pictures, the oldest first. One thread adds packets, another one takes them.

    dropped: access units that were given up before anybody asked for them. ended: no packet will be added any more.
    crowded: the newest group alone fills nearly all the room, so it cannot be kept if it goes on.
    """

    def __init__(self, seconds: float = SECONDS, size: int = BYTES) -> None:
        """seconds, size in bytes: the limits. Beyond them the oldest groups are given up."""
        self._seconds, self._size = seconds, size
        self._lock = threading.Lock()
        self._packets: list[CodedPacket] = []
        self._i_frames: list[CodedPacket] = []
        self._bytes = self._group_bytes = self._decoded = 0
        self._split: bool | None = None
        self.dropped = 0
        self.ended = self.crowded = False

    def add(self, packet: CodedPacket) -> None:
        """Add a packet; one before the first I-frame, or after a hole, cannot be decoded and is left out."""
        with self._lock:
            if not packet.i_frame and not self._packets:
                return
            self._note_split(packet)
            self._packets.append(packet)
            if packet.i_frame:
                self._i_frames.append(packet)
                self._group_bytes = 0
            self._bytes += packet.packet.size
            self._group_bytes += packet.packet.size
            if self._bytes > self._size or packet.at - self._packets[0].at > self._seconds:
                self._give_up()
            lasts = packet.at - self._i_frames[-1].at if self._i_frames else 0.0
            self.crowded = bool(self._i_frames) and (
                lasts > NEARLY * self._seconds or self._group_bytes > NEARLY * self._size
            )

    def newest(self) -> CodedPacket | None:
        """Return the last packet that came."""
        with self._lock:
            return self._packets[-1] if self._packets else None

    def after(self, serial: int) -> CodedPacket | None:
        """Return the first packet kept whose serial is at least this."""
        with self._lock:
            index = bisect_left(self._packets, serial, key=_serial)
            return self._packets[index] if index < len(self._packets) else None

    def since(self, at: float) -> CodedPacket | None:
        """Return the first packet kept that came at this time of the source's clock or later."""
        with self._lock:
            index = bisect_left(self._packets, at, key=_at)
            return self._packets[index] if index < len(self._packets) else None

    def access_unit(self, number: int) -> list[CodedPacket]:
        """Return all packets of an access unit, in order; none if it is not kept."""
        with self._lock:
            first, last = (bisect_left(self._packets, n, key=_number) for n in (number, number + 1))
            return self._packets[first:last]

    def newest_i_frame(self) -> CodedPacket | None:
        """Return the packet that opens the newest group."""
        with self._lock:
            return self._i_frames[-1] if self._i_frames else None

    def whole_i_frame(self, number: int) -> CodedPacket | None:
        """Return the newest I-frame that has this number or a higher one and has come completely.

        If access units come in parts, the next one tells that an I-frame is complete. If they do not, there is no need
        to wait for it. How the first one comes is not known yet.
        """
        with self._lock:
            may_go_on = bool(self._packets) and not self.ended and self._split is not False
            last = self._packets[-1].number if may_go_on else float("inf")
            return next((one for one in reversed(self._i_frames) if number <= one.number < last), None)

    def group_of(self, number: int) -> CodedPacket | None:
        """Return the I-frame of the group that holds an access unit; the oldest one kept if that group has gone."""
        with self._lock:
            before = [one for one in self._i_frames if one.number <= number]
            return before[-1] if before else self._i_frames[0] if self._i_frames else None

    def group_at(self, time: datetime) -> CodedPacket | None:
        """Return the I-frame of the group that was coming at a time; the oldest one kept if that group has gone."""
        with self._lock:
            before = [one for one in self._i_frames if one.arrived_at <= time]
            return before[-1] if before else self._i_frames[0] if self._i_frames else None

    def release(self, serial: int) -> None:
        """Remove the packets before this one, which will not be needed again."""
        with self._lock:
            self._cut(bisect_left(self._packets, serial, key=_serial))

    def decoded(self, serial: int) -> None:
        """Note that the packets before this one have been decoded, so that giving them up is no loss."""
        with self._lock:
            self._decoded = serial

    def _note_split(self, packet: CodedPacket) -> None:
        """Find out if I-frames come in parts. It does not matter for other pictures, which may come otherwise."""
        before = self._packets[-1] if self._packets else None
        if before is not None and before.number == packet.number:
            self._split = True
        elif before is not None and before.i_frame and self._split is None:
            self._split = False

    def _give_up(self) -> None:
        """Remove the oldest group. Of a single group remove the decoded part, or else all: no other part can begin."""
        first = self._packets[0].serial
        following = next((one for one in self._i_frames if one.serial > first), None)
        if following is not None:
            index = bisect_left(self._packets, following.serial, key=_serial)
        elif self._decoded > first:
            index = bisect_left(self._packets, self._decoded, key=_serial)
        else:
            index = len(self._packets)
        self.dropped += len({packet.number for packet in self._packets[:index] if packet.serial >= self._decoded})
        self._cut(index)

    def _cut(self, index: int) -> None:
        self._bytes -= sum(packet.packet.size for packet in self._packets[:index])
        del self._packets[:index]
        first = self._packets[0].serial if self._packets else float("inf")
        self._i_frames = [one for one in self._i_frames if one.serial >= first]


def _serial(packet: CodedPacket) -> int:
    return packet.serial


def _number(packet: CodedPacket) -> int:
    return packet.number


def _at(packet: CodedPacket) -> float:
    return packet.at
