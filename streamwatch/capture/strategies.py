"""The ways to decode a stream. Which one is used depends on the attention and on the stream itself."""

import math
from datetime import timedelta
from typing import Protocol

from streamwatch.capture.cursor import TimedPicture
from streamwatch.capture.groups import SLACK, CodedStream
from streamwatch.capture.packets import CodedPacket

SOONEST = 0.1
"""Lower limit of the seconds between two looks at a group."""
GLIMPSE = 0.4
"""Seconds between two pictures that are handed out at little attention, if each picture is an I-frame (JPEG)."""
RARELY = 0.2
"""The same if groups cannot be kept, so that every picture is decoded at once."""
CATCH_UP = 5.0
"""Seconds in which the pictures that were passed over are handed out, from the first wanted one on. After that, late
pictures are left out as usual."""
KEPT_BEFORE = timedelta(seconds=4)
"""The part of a stream that is kept while another one is watched: nothing that began earlier can be looked at."""


class Strategy(Protocol):
    """A way to decode a stream."""

    def has_news(self) -> bool:
        """Return True if it is worth to ask for a picture now. Called in the thread that reads."""

    def next(self, now: float) -> TimedPicture | None:
        """Return the next picture; None if nothing that came is wanted. now: on the clock of the packets."""


class EveryPicture:
    """All attention: every picture, in order. dropped: pictures left out because they were late."""

    def __init__(self, stream: CodedStream, latest: float, only_newest: bool) -> None:
        """latest: seconds after which a picture is left out if newer ones are there.

        only_newest: pictures before the newest group are left out at once.
        """
        self._stream, self._latest, self._only_newest = stream, latest, only_newest
        self._catching_up_until = self._wanted_from = -math.inf
        self.dropped = 0

    def catch_up(self, since: float | None = None) -> None:
        """Hand out late pictures, too, for a while. since: leave out pictures before this time (clock of packets)."""
        self._catching_up_until = math.inf
        self._wanted_from = self._wanted_from if since is None else since

    def has_news(self) -> bool:
        if not self._only_newest:
            return True
        i_frame = self._stream.buffer.whole_i_frame(0)
        return i_frame is not None and i_frame.serial >= self._stream.cursor.next_serial

    def next(self, now: float) -> TimedPicture | None:
        cursor, buffer, full = self._stream.cursor, self._stream.buffer, self._stream.decoders.full
        if not cursor.in_step and (start := self._stream.handover.following_group()) is not None:
            cursor.begin(start, full)
        newest = buffer.newest_i_frame() if self._only_newest else None
        if newest is not None and newest.serial > cursor.next_serial:
            cursor.begin(newest, full)
        while (picture := cursor.step(full)) is not None:
            if picture.packet.at < self._wanted_from:
                continue
            self._note_age(now, now - picture.packet.at)
            if now - picture.packet.at <= self._latest or now < self._catching_up_until:
                return picture
            self.dropped += 1
            newest = buffer.newest_i_frame()
            if newest is not None and newest.serial >= cursor.next_serial:
                self.dropped += newest.number - picture.packet.number - 1
                cursor.begin(newest, full)
        return None

    def _note_age(self, now: float, age: float) -> None:
        """Begin and end the time for catching up. age: seconds since a picture came."""
        if self._catching_up_until == math.inf:
            self._catching_up_until = now + CATCH_UP
        # Not as soon as one is hardly late: in another order than they came in, the next one may be later.
        if age <= self._latest / 2:
            self._catching_up_until = -math.inf


class FewOfAll:
    """Little attention if undecoded pictures are of no use: all are decoded, and a few are handed out."""

    def __init__(self, stream: CodedStream) -> None:
        self._stream = stream

    def has_news(self) -> bool:
        return True

    def next(self, now: float) -> TimedPicture | None:
        stream, cursor = self._stream, self._stream.cursor
        stream.i_frames.give_another_chance()
        decoder = stream.decoders.full if stream.every_picture else stream.decoders.rough
        roughly = stream.groups.endless and cursor.running is not stream.decoders.full
        if (roughly or not cursor.in_step) and (start := stream.buffer.newest_i_frame()) is not None:
            cursor.begin(start, decoder)
        while (picture := cursor.step(decoder)) is not None:
            if stream.handover.since_look(picture.packet) >= RARELY:
                return picture
        return None


class SparseIFrames:
    """Little attention while another stream is watched: an I-frame in every `pace` seconds, the rest kept undecoded."""

    def __init__(self, stream: CodedStream, pace: float) -> None:
        self._stream, self._pace = stream, pace or GLIMPSE

    def has_news(self) -> bool:
        return self._stream.i_frames.due(self._pace) is not None

    def next(self, now: float) -> TimedPicture | None:
        buffer, i_frames = self._stream.buffer, self._stream.i_frames
        newest = buffer.newest()
        group = None if newest is None else buffer.group_at(newest.arrived_at - KEPT_BEFORE)
        if group is not None:
            buffer.release(group.serial)
        i_frame = i_frames.due(self._pace)
        return None if i_frame is None else i_frames.decode(i_frame)


class IFramesAndBetween:
    """Little attention: the I-frame of each group, and in long groups a picture now and then between two of them.

    All pictures before it in its group are decoded for it, but roughly, and none after the last look at a group.
    """

    def __init__(self, stream: CodedStream) -> None:
        self._stream = stream

    def has_news(self) -> bool:
        return self._stream.i_frames.due(GLIMPSE) is not None or self._due_between() is not None

    def next(self, now: float) -> TimedPicture | None:
        i_frame = self._stream.i_frames.due(GLIMPSE)
        if i_frame is not None:
            return self._stream.i_frames.decode(i_frame)
        if self._stream.buffer.ended:
            return self._very_last()
        packet = self._due_between()
        return None if packet is None else self._stream.cursor.last_up_to(packet, self._stream.decoders.rough)

    def _due_between(self) -> CodedPacket | None:
        """Return the packet up to which the newest group is to be decoded; None if it has not come.

        Looks are planned so that the last one at a group comes as early as the beginning of the next group allows: what
        follows it is never decoded. The last blindness may use up half of SLACK for that. The group before tells how
        long this one will last.
        """
        buffer, looked, lasts = self._stream.buffer, self._stream.handover.looked, self._stream.groups.lasts
        newest, i_frame = buffer.newest(), buffer.newest_i_frame()
        if newest is None or i_frame is None:
            return None
        looked_at = i_frame.at if looked is None else looked.at
        left, wait = i_frame.at + lasts - looked_at, self._stream.longest_blindness
        if left > wait and newest.at < i_frame.at + lasts:
            wait = max(SOONEST, (left - SLACK / 2) % self._stream.max_blind)
        return buffer.since(looked_at + wait)

    def _very_last(self) -> TimedPicture | None:
        """Return the last picture of a recording: no group will begin after it."""
        newest = self._stream.i_frames.take_last()
        if newest is None:
            return None
        rough = self._stream.decoders.rough
        last = self._stream.cursor.last_up_to(newest, rough)
        while (picture := self._stream.cursor.step(rough)) is not None:
            last = picture
        return last
