"""Selective decoding: only those pictures of a stream are decoded that are asked for.

All attention: every picture, in order. Little attention: of each group of pictures only the I-frame. If groups last too
long for that, a picture now and then between two I-frames, too. When attention rises, the pictures that were passed
over are decoded after all, from the last one on that was looked at.
"""

import math
from datetime import datetime

from streamwatch.capture.av_source import Decoder
from streamwatch.capture.cursor import Cursor, Decoders, Handover, TimedPicture
from streamwatch.capture.groups import CodedStream, GroupMeter, LoneIFrames
from streamwatch.capture.packets import CodedPacket, PacketBuffer
from streamwatch.capture.strategies import EveryPicture, FewOfAll, IFramesAndBetween, SparseIFrames, Strategy
from streamwatch.core.model import Attention


class SelectiveDecoder:
    """One stream: one thread adds packets, another one takes pictures.

    The strategy follows from the attention, from `rest`, and from the stream (every_picture):

    attention ALL                  EveryPicture
    attention QUIET  every_picture FewOfAll            groups cannot be kept, or I-frames cannot be decoded alone
                     resting       SparseIFrames       another stream is watched
                     else          IFramesAndBetween
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        max_blind: float,
        latest: float = math.inf,
        attention: Attention = Attention.ALL,
        only_newest: bool = False,
    ) -> None:
        """decoder: of this stream, and only for this object. max_blind: seconds between two looks at little attention.

        latest: seconds after which a picture is left out if newer ones are there. only_newest: pictures before the
        newest group are left out at once, because only the newest picture counts.
        """
        buffer = PacketBuffer()
        handover, decoders = Handover(buffer), Decoders(decoder)
        cursor = Cursor(buffer, handover, decoder)
        i_frames = LoneIFrames(buffer, handover, cursor, decoders)
        self._stream = CodedStream(buffer, handover, decoders, cursor, GroupMeter(buffer), i_frames, max_blind)
        self._attention = attention
        self._every = EveryPicture(self._stream, latest, only_newest)
        self._few_of_all, self._i_frames = FewOfAll(self._stream), IFramesAndBetween(self._stream)
        self._resting: SparseIFrames | None = None

    @property
    def dropped(self) -> int:
        """Return the number of wanted pictures that were left out, because they were late or not asked for in time."""
        return self._every.dropped + self._stream.buffer.dropped

    @property
    def damaged(self) -> int:
        """Return the number of packets and pictures left out so far, because they could not be decoded whole."""
        return self._stream.decoders.damaged

    @property
    def groups_too_long(self) -> bool:
        """True if the stream's groups of pictures last longer than the time between two looks."""
        return self._stream.groups.lasts > self._stream.longest_blindness

    @property
    def every_picture(self) -> bool:
        """True if all pictures must be decoded even at little attention, because undecoded ones are of no use."""
        return self._stream.every_picture

    @property
    def content(self) -> bool:
        """True if it is no fault that packets come and nothing is decoded."""
        return (
            self._attention is Attention.QUIET
            and not self.every_picture
            and not self._stream.i_frames.doubtful
            and self._stream.handover.looked is not None
        )

    def rest(self, pace: float | None) -> None:
        """Set that at little attention one picture in `pace` seconds is enough, as another stream is watched.

        pace: None if no other stream is watched.
        """
        self._resting = None if pace is None else SparseIFrames(self._stream, pace)

    def wake(self, since: datetime) -> None:
        """Give all attention to the pictures from a time on that are still kept and were not looked at yet."""
        if self._attention is Attention.ALL:
            return
        buffer, cursor, full = self._stream.buffer, self._stream.cursor, self._stream.decoders.full
        self._stream.handover.accept()
        newest = buffer.newest()
        if newest is None:
            self._every.catch_up()
        else:
            self._every.catch_up(newest.at - (newest.arrived_at - since).total_seconds())
        self._attention = Attention.ALL
        start = buffer.group_at(since)
        if start is not None and not cursor.resume(start, full):
            cursor.begin(start, full)

    def add(self, packet: CodedPacket) -> bool:
        """Add the next packet, and return True if it is worth to ask for a picture now. For the thread that reads."""
        self._stream.groups.add(packet)
        return self._strategy.has_news()

    def end(self) -> None:
        """Note that no more packets will come."""
        self._stream.buffer.ended = True

    def next(self, now: float) -> TimedPicture | None:
        """Return the next picture; None if nothing that came is wanted. now: on the clock of the packets."""
        self._stream.handover.accept()
        picture = self._strategy.next(now)
        self._stream.handover.offered = None if picture is None else picture.packet
        return picture

    def attend(self, attention: Attention) -> bool:
        """Set the attention that the last picture handed out and all later ones need.

        Return True if pictures that were passed over come next, and then this one again.
        """
        before, self._attention = self._attention, attention
        handover, cursor = self._stream.handover, self._stream.cursor
        if handover.offered is None or before is Attention.ALL or attention is Attention.QUIET:
            handover.accept()
            return False
        start, next_number = handover.following_group(), handover.looked_number + 1
        cannot_begin = cursor.in_step and (start is None or start.number > next_number)
        if self._stream.i_frames.hopeless or cannot_begin:
            handover.accept()
            return False
        handover.offered = None
        self._every.catch_up()
        if start is not None:
            cursor.begin(start, self._stream.decoders.full)
        return True

    @property
    def _strategy(self) -> Strategy:
        if self._attention is Attention.ALL:
            return self._every
        if self.every_picture:
            return self._few_of_all
        return self._resting or self._i_frames
