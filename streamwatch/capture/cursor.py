"""A place in a stream from which access units are decoded in order, and what its consumer has looked at so far."""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from streamwatch.capture.av_source import Decoder
from streamwatch.capture.frames import DecodedPicture
from streamwatch.capture.packets import CodedPacket, PacketBuffer

HELD_BACK = 64
"""Upper limit of the pictures that a decoder may hold back."""
REORDERED = 16
"""Upper limit of the pictures that may be shown in another order than they come in (H.264 and H.265)."""


@dataclass(frozen=True, slots=True)
class TimedPicture:
    """A decoded picture with its first packet. arrived_at: never earlier than that of the last picture looked at."""

    picture: DecodedPicture
    packet: CodedPacket
    arrived_at: datetime


class Handover:
    """The pictures that the consumer has looked at. looked: the last one's packet. offered: the one it looks at now."""

    def __init__(self, buffer: PacketBuffer) -> None:
        self._buffer = buffer
        self.looked: CodedPacket | None = None
        self.offered: CodedPacket | None = None

    @property
    def looked_number(self) -> int:
        """Return the number of the last access unit looked at; -1 before the first."""
        return -1 if self.looked is None else self.looked.number

    def accept(self) -> None:
        """Note that the offered picture has been looked at, and release what is not needed any more."""
        if self.offered is None:
            return
        self.looked, self.offered = self.offered, None
        group = self.following_group()
        if group is not None and group.number <= self.looked.number + 1:
            self._buffer.release(group.serial)

    def following_group(self) -> CodedPacket | None:
        """Return the I-frame of the group that holds the access unit after the last one looked at."""
        return self._buffer.group_of(self.looked_number + 1)

    def since_look(self, packet: CodedPacket) -> float:
        """Return how many seconds after the last picture looked at a packet came; inf before the first look."""
        return math.inf if self.looked is None else packet.at - self.looked.at

    def timed(self, picture: DecodedPicture, packet: CodedPacket) -> TimedPicture:
        """Return the picture with the time of its packet."""
        earliest = packet.arrived_at if self.looked is None else self.looked.arrived_at
        return TimedPicture(picture, packet, max(packet.arrived_at, earliest))


class Decoders:
    """The two decoders of a stream. full: exact. rough: cheaper, made when it is needed for the first time."""

    def __init__(self, full: Decoder) -> None:
        self.full = full
        self._rough: Decoder | None = None

    @property
    def rough(self) -> Decoder:
        self._rough = self._rough or self.full.rough()
        return self._rough

    @property
    def damaged(self) -> int:
        """Return the number of packets and pictures left out so far, because they could not be decoded whole."""
        return self.full.damaged + (0 if self._rough in (None, self.full) else self._rough.damaged)


class Position(Enum):
    """The position of a cursor.

    NOWHERE ──begin──▶ IN_STEP ──interrupt, by another decoder──▶ STANDING
       ▲                │  ▲                                      │  │  ▲ interrupt, by another decoder
       ├──interrupt─────┘  └───────────begin, resume──────────────┘  └──┘
       └──────────────────interrupt, by the cursor's own decoder─────┘

    IN_STEP: all before the next packet has been decoded. STANDING: the decoder still stands there, and may go on.
    """

    NOWHERE = auto()
    IN_STEP = auto()
    STANDING = auto()


class Cursor:
    """Decodes access units in order, from an I-frame on. next_serial: the serial of the next packet.

    running: the decoder in use.
    """

    def __init__(self, buffer: PacketBuffer, handover: Handover, decoder: Decoder) -> None:
        self._buffer, self._handover = buffer, handover
        self.running = decoder
        self.next_serial = 0
        self._position = Position.NOWHERE
        self._drained = self._repeats = False
        self._ready: deque[DecodedPicture] = deque()
        self._fed: dict[int, CodedPacket] = {}

    @property
    def in_step(self) -> bool:
        """True if the next packet can be decoded right away."""
        return self._position is Position.IN_STEP

    def begin(self, i_frame: CodedPacket, decoder: Decoder) -> None:
        """Go on in order from an I-frame."""
        decoder.restart()
        self.running, self.next_serial, self._position, self._drained = decoder, i_frame.serial, Position.IN_STEP, False
        self._ready.clear()
        self._fed.clear()
        looked = self._handover.looked
        self._repeats = looked is not None and looked.serial >= i_frame.serial
        self._buffer.decoded(i_frame.serial)

    def resume(self, group: CodedPacket, decoder: Decoder) -> bool:
        """Go on where the cursor stands, and return True.

        Return False if another decoder was in use, if the cursor stands before the group, or if a packet is missing.
        """
        if self._position is Position.NOWHERE or self.running is not decoder or self.next_serial <= group.serial:
            return False
        following, looked = self._buffer.after(self.next_serial), self._handover.looked
        if following is not None and following.serial != self.next_serial:
            return False
        self._repeats = looked is not None and looked.serial >= self.next_serial
        self._position = Position.IN_STEP
        return True

    def interrupt(self, decoder: Decoder) -> None:
        """Note that a decoder is used for something else. Only the cursor's own decoder loses its place by that."""
        standing = self._position is not Position.NOWHERE and decoder is not self.running
        self._position = Position.STANDING if standing else Position.NOWHERE

    def step(self, decoder: Decoder) -> TimedPicture | None:
        """Return the next picture in order that was not looked at; None if no more packets are there.

        decoder: takes over with the next I-frame.
        """
        while True:
            while self._ready:
                picture = self._ready.popleft()
                packet = self._fed.get(picture.picture.pts or 0)
                if packet is not None and not self._was_looked_at(packet):
                    return self._handover.timed(picture, packet)
            packet = self._buffer.after(self.next_serial)
            if packet is not None:
                self._feed(packet, decoder)
            elif self._buffer.ended and not self._drained:
                self._drained = True
                self._ready.extend(self.running.decode(None))
            else:
                return None

    def last_up_to(self, packet: CodedPacket, decoder: Decoder) -> TimedPicture | None:
        """Return the last picture that comes out if the packet's group is decoded up to this packet."""
        i_frame = self._buffer.group_of(packet.number)
        if i_frame is not None and (not self.in_step or self.next_serial <= i_frame.serial):
            self.begin(i_frame, decoder)
        last = None
        while self.next_serial <= packet.serial and (picture := self.step(decoder)) is not None:
            last = picture
        return last

    def _was_looked_at(self, packet: CodedPacket) -> bool:
        """Return True if a picture that was decoded again is shown no later than the one looked at last.

        Decoders give pictures out in the order in which they are shown; time stamps do not tell that order reliably.
        """
        looked = self._handover.looked
        if looked is None or packet.number == looked.number:
            self._repeats = False
            return looked is not None
        self._repeats &= packet.group <= looked.group and packet.number <= looked.number + REORDERED
        return self._repeats

    def _feed(self, packet: CodedPacket, decoder: Decoder) -> None:
        if packet.serial > self.next_serial:
            self.running.restart()  # packets are missing, and this one opens a group
        if packet.i_frame and self.running is not decoder:
            self._ready.extend(self.running.decode(None))
            decoder.restart()
            self.running = decoder
        self._fed.setdefault(packet.number, packet)
        self._fed.pop(packet.number - HELD_BACK, None)
        self.next_serial = packet.serial + 1
        self._buffer.decoded(self.next_serial)
        self._ready.extend(self.running.decode(packet.packet))
