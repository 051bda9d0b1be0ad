"""Pictures as they came, undecoded: kept for as long as they may still be wanted."""

import threading
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from av.packet import Packet, PacketSideData
from av.video.stream import VideoStream

_PARAMETERS: Literal["new_extradata"] = "new_extradata"
SECONDS, BYTES = 12.0, 24_000_000
"""How much is kept at most of a stream whose consumer does not come, or whose groups of pictures are that long."""

NEARLY = 0.9
"""So much of that, which leaves time to decode the group while its key picture is still there."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A coded picture, or a part of one (RTP senders may split it). Its packet's pts is `number`.

    serial: counts pieces; number: counts pictures in the order in which they came. key: with this piece a picture
    begins that needs no other, and so a group; group: that picture's number. at: seconds on the source's own clock,
    never falling. arrived_at: aware UTC. stamp: the packet's own time, in units of the stream's time base.
    """

    packet: "Packet[VideoStream]"
    serial: int
    number: int
    key: bool
    group: int
    at: float
    arrived_at: datetime
    stamp: int | None


class Cutter:
    """Makes pieces of one stream's packets. in_parts: those with one time stamp may be parts of one picture."""

    def __init__(self, in_parts: bool = False) -> None:
        self._in_parts = in_parts
        self._parameters: PacketSideData | None = None
        self._serial = self._number = self._group = -1
        self._stamp: int | None = None

    def piece(self, packet: "Packet[VideoStream]", at: float, arrived_at: datetime, stamp: int | None) -> Piece:
        """Takes the packet over. at: seconds on the source's own clock. stamp: the packet's time, None if unknown."""
        begins = not self._in_parts or stamp is None or stamp != self._stamp
        self._serial, self._stamp = self._serial + 1, stamp
        self._number += begins
        if key := begins and packet.is_keyframe:
            self._group = self._number
            self._pass_parameters_on(packet)
        # So that a decoded picture says of which packet it is, whatever the stream's own time stamps are worth.
        packet.pts, packet.dts = self._number, None
        return Piece(packet, self._serial, self._number, key, self._group, at, arrived_at, stamp)

    def _pass_parameters_on(self, packet: "Packet[VideoStream]") -> None:
        """They are sent once, with a key picture, but each decoder needs them, and each begins with such a one."""
        if packet.has_sidedata(_PARAMETERS):
            self._parameters = packet.get_sidedata(_PARAMETERS)
        elif self._parameters is not None:
            packet.set_sidedata(self._parameters)


class PacketBuffer:
    """Whole groups of pictures, the oldest first. One thread adds, one takes.

    dropped: pictures that were given up before anybody had asked for them. ended: nothing will be added any more.
    """

    def __init__(self, seconds: float = SECONDS, size: int = BYTES) -> None:
        """seconds, size in bytes: what is kept at most; beyond, the oldest groups go."""
        self._seconds, self._size = seconds, size
        self._lock = threading.Lock()
        self._pieces: list[Piece] = []
        self._keys: list[Piece] = []
        self._bytes = self._group_bytes = self._decoded = 0
        self._joined = False
        self._in_parts: bool | None = None
        self.dropped = 0
        self.ended = False

    def add(self, piece: Piece) -> None:
        """What comes before a key picture, or after a hole, can not be decoded and is left out."""
        with self._lock:
            self._joined |= piece.key
            if not self._joined:
                return
            self._note_parts(piece)
            self._pieces.append(piece)
            if piece.key:
                self._keys.append(piece)
                self._group_bytes = 0
            self._bytes += piece.packet.size
            self._group_bytes += piece.packet.size
            if self._bytes > self._size or piece.at - self._pieces[0].at > self._seconds:
                self._give_up()

    def crowded(self) -> bool:
        """Whether the newest group alone takes nearly all the room: if it goes on it can not be kept."""
        with self._lock:
            if not self._keys:
                return False
            lasts = self._pieces[-1].at - self._keys[-1].at
            return lasts > NEARLY * self._seconds or self._group_bytes > NEARLY * self._size

    def newest(self) -> Piece | None:
        """The last piece that came."""
        with self._lock:
            return self._pieces[-1] if self._pieces else None

    def after(self, serial: int) -> Piece | None:
        """The first piece kept whose serial is at least this."""
        with self._lock:
            index = bisect_left(self._pieces, serial, key=_serial)
            return self._pieces[index] if index < len(self._pieces) else None

    def since(self, at: float) -> Piece | None:
        """The first piece kept that came at this time of the source's clock or later."""
        with self._lock:
            index = bisect_left(self._pieces, at, key=_at)
            return self._pieces[index] if index < len(self._pieces) else None

    def picture(self, number: int) -> list[Piece]:
        """All pieces of a picture, in order; none where it is not kept."""
        return self.pictures(number, number + 1)

    def pictures(self, number: int, end: int) -> list[Piece]:
        """All pieces of the pictures from one number on and before another, as far as they are kept."""
        with self._lock:
            first, last = (bisect_left(self._pieces, n, key=_number) for n in (number, end))
            return self._pieces[first:last]

    def newest_key(self) -> Piece | None:
        """Where the newest group begins."""
        with self._lock:
            return self._keys[-1] if self._keys else None

    def whole_key(self, number: int) -> Piece | None:
        """The newest beginning of a group that has that number or a higher one and whose picture is complete.

        Where pictures come in parts that is known when the next one begins; else there is no need to wait for it. Of
        the first one it is not known yet how they come.
        """
        with self._lock:
            may_go_on = bool(self._pieces) and not self.ended and self._in_parts is not False
            last = self._pieces[-1].number if may_go_on else float("inf")
            return next((key for key in reversed(self._keys) if number <= key.number < last), None)

    def group_of(self, number: int) -> Piece | None:
        """Where the group begins to which a picture belongs; the oldest one kept where that has gone."""
        with self._lock:
            before = [key for key in self._keys if key.number <= number]
            return before[-1] if before else self._keys[0] if self._keys else None

    def group_at(self, time: datetime) -> Piece | None:
        """Where the group begins that was coming at a time; the oldest one kept where that has gone."""
        with self._lock:
            before = [key for key in self._keys if key.arrived_at <= time]
            return before[-1] if before else self._keys[0] if self._keys else None

    def release(self, serial: int) -> None:
        """What was there before this piece will not be asked for again."""
        with self._lock:
            self._cut(bisect_left(self._pieces, serial, key=_serial))

    def decoded(self, serial: int) -> None:
        """What was there before this piece has been decoded; it is no loss."""
        with self._lock:
            self._decoded = serial

    def _note_parts(self, piece: Piece) -> None:
        """Whether key pictures come in parts; of the others it does not matter, and they may come otherwise."""
        before = self._pieces[-1] if self._pieces else None
        if before is not None and before.number == piece.number:
            self._in_parts = True
        elif before is not None and before.key and self._in_parts is None:
            self._in_parts = False

    def _give_up(self) -> None:
        """The oldest group. Where there is only one: what of it was decoded, else all, as none can begin within it."""
        first = self._pieces[0].serial
        following = next((key for key in self._keys if key.serial > first), None)
        if following is not None:
            index = bisect_left(self._pieces, following.serial, key=_serial)
        elif self._decoded > first:
            index = bisect_left(self._pieces, self._decoded, key=_serial)
        else:
            index, self._joined = len(self._pieces), False
        self.dropped += len({piece.number for piece in self._pieces[:index] if piece.serial >= self._decoded})
        self._cut(index)

    def _cut(self, index: int) -> None:
        self._bytes -= sum(piece.packet.size for piece in self._pieces[:index])
        del self._pieces[:index]
        first = self._pieces[0].serial if self._pieces else float("inf")
        self._keys = [key for key in self._keys if key.serial >= first]


def _serial(piece: Piece) -> int:
    return piece.serial


def _number(piece: Piece) -> int:
    return piece.number


def _at(piece: Piece) -> float:
    return piece.at
