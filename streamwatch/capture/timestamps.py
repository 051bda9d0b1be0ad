"""Corrects the time stamps of streams whose clock leaps.

A recorder's clock is set, a counter overflows, an encoder stamps some pictures with nonsense. Vehicles must not be
logged hours late for that. A leap that is taken back is left out. A leap that stays is left out, too, and reported.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream

DISORDER, REORDERED = 1.0, 16
"""Upper limits, in seconds and in pictures (the longer one counts), of the difference between two packets in a row that
is no leap: packets come in another order than pictures are shown (H.264 and H.265: by at most 16)."""
LONGEST_GAP = 60.0
"""Seconds. A leap ahead that stays, and is not longer, is a gap in the recording and no leap of its clock."""
LOOK_AHEAD = 250
"""Packets within which a leap of a recording may be taken back."""
STAYS, STAYS_PACKETS = 5.0, 25
"""Seconds and packets after which a leap of a live stream is not taken back any more."""


class Jump(NamedTuple):
    """A leap that stayed. at: seconds of the video. by: seconds."""

    at: float
    by: float


class TimestampCorrector:
    """Takes the leaps out of the time stamps of one recording.

    After a leap that is taken back time goes on from where it is again; after one that stays, from where it was.
    jumps: leaps that stayed and are no gaps, in order.
    """

    def __init__(self, tick: float, rate: float) -> None:
        """tick: seconds of one unit of the stamps. rate: pictures a second, as the file says."""
        self.jumps: list[Jump] = []
        self._tick = tick
        step = max(1, round(1 / rate / tick))
        self._shown = _StampLine(_pts, step, tick, self._note)
        self._decoded = _StampLine(_dts, step, tick, lambda at, by: None)

    def correct(self, packets: "Iterable[Packet[VideoStream]]") -> "Iterator[tuple[Packet[VideoStream], int, int]]":
        """Yield each packet with the time at which it is shown and the one at which it is decoded, in units."""
        coming = iter(packets)
        ahead: deque[Packet[VideoStream]] = deque()
        while True:
            packet = ahead.popleft() if ahead else next(coming, None)
            if packet is None:
                return
            if self._shown.leaps(packet) or self._decoded.leaps(packet):
                while len(ahead) < LOOK_AHEAD and (following := next(coming, None)) is not None:
                    ahead.append(following)
            yield packet, self._shown.place(packet, ahead), self._decoded.place(packet, ahead)

    @property
    def leapt(self) -> bool:
        """True if there were leaps, whether they stayed or were taken back."""
        return self._shown.leapt or self._decoded.leapt

    def _note(self, at: int, by: int) -> None:
        self.jumps.append(Jump(at * self._tick, by * self._tick))


class _StampLine:
    """One of the two time stamps of the packets, pts or dts; all times in units, as they are given out."""

    def __init__(
        self,
        stamp_of: "Callable[[Packet[VideoStream]], int | None]",
        step: int,
        tick: float,
        jumped: Callable[[int, int], None],
    ) -> None:
        """step: from one picture to the next. jumped: called for each jump with its time and size."""
        self._stamp_of, self._jumped = stamp_of, jumped
        self._step, self._disorder = step, max(round(DISORDER / tick), REORDERED * step)
        self._gap = round(LONGEST_GAP / tick)
        self._first: int | None = None
        self._last = self._shift = 0
        self.leapt = False

    def leaps(self, packet: "Packet[VideoStream]") -> bool:
        """Return True if a packet does not follow on the one before."""
        stamp = self._stamp_of(packet)
        return stamp is not None and self._first is not None and not self._follows(stamp - self._shift - self._last)

    def place(self, packet: "Packet[VideoStream]", ahead: "Iterable[Packet[VideoStream]]") -> int:
        """Return the time of the next packet. ahead: the packets after it."""
        stamp = self._stamp_of(packet)
        if self._first is None:
            self._first = self._last = stamp or 0
        elif stamp is None:
            self._last += self._step
        elif not self.leaps(packet):
            self._step = min(self._step, max(1, stamp - self._shift - self._last))
            self._last = stamp - self._shift
        elif (back := self._taken_back(stamp, ahead)) is not None:
            self._last += back
            self.leapt = True
        else:
            self._stay(stamp)
        return self._last

    def _follows(self, by: int) -> bool:
        return -self._disorder <= by <= self._disorder

    def _taken_back(self, stamp: int, ahead: "Iterable[Packet[VideoStream]]") -> int | None:
        """Return how long this packet lasts if a later one leaps back to where time would have gone on; else None."""
        before = stamp
        for number, packet in enumerate(ahead, 2):
            following = self._stamp_of(packet)
            if following is None:
                continue
            passed = following - self._shift - self._last
            if not self._follows(following - before) and -self._disorder <= passed <= (
                self._disorder + 2 * number * self._step
            ):
                return max(0, passed) // number
            before = following
        return None

    def _stay(self, stamp: int) -> None:
        by = stamp - self._shift - self._last - self._step
        if by > self._gap or by < 0:
            assert self._first is not None
            self._jumped(self._last + self._step - self._first, by)
            self._shift += by
            self.leapt = True
        self._last = stamp - self._shift


class ClockJumpDetector:
    """Compares the time stamps of a live stream with the time of arrival, which is the one that counts."""

    def __init__(self) -> None:
        self._ahead: float | None = None
        self._leapt_at, self._packets = 0.0, 0

    def look(self, stamp: float, arrived_at: float) -> float | None:
        """Return by how many seconds the stamps have jumped, as soon as it is certain that this stays; else None.

        stamp, arrived_at: seconds, each since any moment.
        """
        ahead = stamp - arrived_at
        if self._ahead is None or abs(ahead - self._ahead) <= LONGEST_GAP:
            self._ahead, self._packets = ahead, 0
            return None
        if self._packets == 0:
            self._leapt_at = arrived_at
        self._packets += 1
        if self._packets < STAYS_PACKETS or arrived_at - self._leapt_at < STAYS:
            return None
        by, self._ahead, self._packets = ahead - self._ahead, ahead, 0
        return by


def _pts(packet: "Packet[VideoStream]") -> int | None:
    return packet.pts


def _dts(packet: "Packet[VideoStream]") -> int | None:
    return packet.pts if packet.dts is None else packet.dts
