"""Decodes of a stream what is asked for, and no more.

All attention: every picture, in order. Little attention: of each group of pictures only the first, which needs no
other. Where groups last too long for that, a picture now and then within them, too: all before it in its group are
decoded for it, but cheaply, and nothing behind the last one that is looked at before the next group. When attention
rises, what was passed over is decoded after all, from the last picture that was looked at on.
"""

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from streamwatch.capture.av_source import Decoder
from streamwatch.capture.packets import PacketBuffer, Piece
from streamwatch.capture.picture import Decoded
from streamwatch.core.model import Attention

SLACK = 0.3
"""Seconds by which a group may last longer than the longest blindness: cameras and networks are not that exact."""
SOONEST = 0.1
"""Seconds from one look at a group to the next, at least."""
GLIMPSE = 0.4
"""Seconds between two pictures that are handed out at little attention, where each could be (JPEG)."""
RARELY = 0.2
"""The same where groups cannot be kept, so that every picture is decoded at once."""
CATCH_UP = 5.0
"""Seconds in which what was passed over must be worked off, from the first picture of it on that is wanted; then what
is late is left out as ever."""
HELD_BACK = 64
"""Pictures that a decoder may hold back, at most."""
KEPT_BEFORE = timedelta(seconds=4)
"""So much is kept of a stream for which another one is watched: it is woken for what began that long ago at most."""
VAIN = 2
"""Groups in a row whose first picture alone could not be decoded, after which that is not tried any more."""
AGAIN = 60.0
"""Seconds after which it is tried once more: the packets may have been damaged on their way."""
REORDERED = 16
"""Pictures that may be shown in another order than they come in, at most (H.264 and H.265)."""


@dataclass(frozen=True, slots=True)
class Viewed:
    """A decoded picture, and the first piece of it as it came. arrived_at: never before the one looked at before."""

    picture: Decoded
    piece: Piece
    arrived_at: datetime


class OnDemand:
    """One stream: packets in from one thread, pictures out in another.

    damaged: packets and pictures that could not be decoded whole.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        max_blind: float,
        latest: float = math.inf,
        attention: Attention = Attention.ALL,
        hasty: bool = False,
    ) -> None:
        """decoder: of this stream, for this alone. max_blind: seconds between two looks.

        latest: seconds after which a picture is left out because newer ones are there. hasty: what comes before the
        newest group is left out at once, as only the newest picture counts.
        """
        self._max_blind, self._latest, self._hasty = max_blind, latest, hasty
        self._buffer = PacketBuffer()
        self._attention = attention
        self._full = self._running = decoder
        self._cheap: Decoder | None = None
        self._in_step, self._drained, self._next = False, False, 0
        self._resumable = self._passing = False
        self._ready: deque[Decoded] = deque()
        self._fed: dict[int, Piece] = {}
        self._offered: Piece | None = None
        self._looked: Piece | None = None
        self._tried, self._vain, self._vain_at = -1, 0, 0.0
        self._endless = False
        self._lasts = 0.0  # s; the last whole group, or the present one where that is longer already
        self._pace: float | None = None
        self._catching_up_until = self._wanted_from = -math.inf
        self._late = 0

    @property
    def dropped(self) -> int:
        """Pictures that were wanted and were left out, because they were late or nobody came for them."""
        return self._late + self._buffer.dropped

    @property
    def damaged(self) -> int:
        """Packets and pictures left out so far, because they could not be decoded whole."""
        return self._full.damaged + (0 if self._cheap in (None, self._full) else self._cheap.damaged)

    @property
    def too_long(self) -> bool:
        """Whether the stream's groups of pictures last longer than a blindness may."""
        return self._lasts > self._longest_blindness

    @property
    def every_picture(self) -> bool:
        """Whether all pictures must be decoded even at little attention, because undecoded ones are of no use.

        Groups last too long to be kept, or do not begin with a key.
        """
        return self._endless or self._vain >= VAIN

    @property
    def _longest_blindness(self) -> float:
        return self._max_blind + SLACK

    @property
    def _resting(self) -> bool:
        """Whether little attention means one picture now and then, and the others kept undecoded."""
        return self._pace is not None and not self.every_picture

    @property
    def content(self) -> bool:
        """Whether it is well that data come and nothing is decoded."""
        return (
            self._attention is Attention.QUIET
            and not self.every_picture
            and self._vain == 0
            and self._looked is not None
        )

    def rest(self, pace: float | None) -> None:
        """At little attention one picture in so many seconds is enough: somebody else watches. None: nobody does."""
        self._pace = pace

    def wake(self, since: datetime) -> None:
        """All attention from a time on, as far back as the groups that are kept; only to what was not looked at yet."""
        if self._attention is Attention.ALL:
            return
        self._accept()
        newest = self._buffer.newest()
        if newest is not None:
            self._wanted_from = newest.at - (newest.arrived_at - since).total_seconds()
        self._attention, self._catching_up_until = Attention.ALL, math.inf
        start = self._buffer.group_at(since)
        if start is not None and not self._resumes(start):
            self._begin(start, self._full)

    def add(self, piece: Piece) -> bool:
        """From the thread that reads: whether it is worth to ask for a picture now."""
        before = self._buffer.newest_key() if piece.key else None
        if before is not None:
            self._lasts = piece.at - before.at
            self._endless &= self._buffer.crowded()
        self._buffer.add(piece)
        self._endless |= self._buffer.crowded()
        if self._attention is Attention.ALL:
            return not self._hasty or self._untouched_group()
        if self._resting:
            return self._beginning() is not None
        return self.every_picture or self._beginning() is not None or self._due() is not None

    def end(self) -> None:
        """Nothing will come any more."""
        self._buffer.ended = True

    def next(self, now: float) -> Viewed | None:
        """The next picture; None as long as nothing that came is wanted. now: on the clock of the pieces."""
        self._accept()
        if self._attention is Attention.ALL:
            viewed = self._all(now)
        elif self._resting:
            viewed = self._rarely_one()
        elif self.every_picture:
            viewed = self._some()
        else:
            viewed = self._now_and_then()
        self._offered = None if viewed is None else viewed.piece
        return viewed

    def attend(self, attention: Attention) -> bool:
        """How much attention the picture needs that was handed out last, and from now on.

        True: others come first that were passed over, and then this one again.
        """
        before, self._attention = self._attention, attention
        if self._offered is None or before is Attention.ALL or attention is Attention.QUIET:
            self._accept()
            return False
        start, passed = self._following_group(), -1 if self._looked is None else self._looked.number
        if self._vain >= VAIN or (self._in_step and (start is None or start.number > passed + 1)):
            self._accept()
            return False
        self._offered, self._catching_up_until = None, math.inf
        if start is not None:
            self._begin(start, self._full)
        return True

    def _accept(self) -> None:
        """The picture that was handed out last has been looked at."""
        if self._offered is None:
            return
        self._looked, self._offered = self._offered, None
        group = self._following_group()
        if group is not None and group.number <= self._looked.number + 1:
            self._buffer.release(group.serial)

    def _following_group(self) -> Piece | None:
        """Where the group begins in which the picture lies that follows on the last one looked at."""
        return self._buffer.group_of(0 if self._looked is None else self._looked.number + 1)

    def _viewed(self, picture: Decoded, piece: Piece) -> Viewed:
        earliest = piece.arrived_at if self._looked is None else self._looked.arrived_at
        return Viewed(picture, piece, max(piece.arrived_at, earliest))

    def _since_look(self, piece: Piece) -> float:
        return math.inf if self._looked is None else piece.at - self._looked.at

    def _all(self, now: float) -> Viewed | None:
        if not self._in_step and (start := self._following_group()) is not None:
            self._begin(start, self._full)
        if self._hasty and (key := self._buffer.newest_key()) is not None and key.serial > self._next:
            self._begin(key, self._full)
        while (viewed := self._step()) is not None:
            if viewed.piece.at < self._wanted_from:
                continue
            if self._in_time(now, now - viewed.piece.at):
                return viewed
            self._late += 1
            key = self._buffer.newest_key()
            if key is not None and key.serial >= self._next:
                self._late += key.number - viewed.piece.number - 1
                self._begin(key, self._full)
        return None

    def _in_time(self, now: float, age: float) -> bool:
        """Whether a picture is to be looked at that came so many seconds ago."""
        if self._catching_up_until == math.inf:
            self._catching_up_until = now + CATCH_UP
        # Not as soon as one is hardly late: in another order than they came in, the next one may be later.
        if age <= self._latest / 2:
            self._catching_up_until = -math.inf
        return age <= self._latest or now < self._catching_up_until

    def _some(self) -> Viewed | None:
        self._try_alone_again()
        roughly = self._endless and self._running is not self._full
        if (roughly or not self._in_step) and (start := self._buffer.newest_key()) is not None:
            self._begin(start, self._cheap_one())
        while (viewed := self._step()) is not None:
            if self._since_look(viewed.piece) >= RARELY:
                return viewed
        return None

    def _rarely_one(self) -> Viewed | None:
        newest = self._buffer.newest()
        group = None if newest is None else self._buffer.group_at(newest.arrived_at - KEPT_BEFORE)
        if group is not None:
            self._buffer.release(group.serial)
        key = self._beginning()
        return None if key is None else self._alone(key)

    def _now_and_then(self) -> Viewed | None:
        key = self._beginning()
        if key is not None:
            return self._alone(key)
        if self._buffer.ended:
            return self._very_last()
        piece = self._due()
        return None if piece is None else self._seen_at(piece)

    def _beginning(self) -> Piece | None:
        """A group's first picture that was not looked at yet."""
        key = self._buffer.whole_key(self._newest_tried() + 1)
        return None if key is None or self._since_look(key) < (self._pace or GLIMPSE) else key

    def _untouched_group(self) -> bool:
        """Whether the newest group's first picture is there, and nothing of the group was decoded yet."""
        key = self._buffer.whole_key(0)
        return key is not None and key.serial >= self._next

    def _newest_tried(self) -> int:
        return self._tried if self._looked is None else max(self._tried, self._looked.number)

    def _due(self) -> Piece | None:
        """The picture of the newest group, not its first, that is to be looked at; None as long as it has not come.

        Looks are laid so that the last of a group comes as early as the next group's beginning allows: what lies behind
        it is never decoded; for that the last blindness may use up half of SLACK. How long the group will last is told
        by the one before.
        """
        newest, key = self._buffer.newest(), self._buffer.newest_key()
        if newest is None or key is None:
            return None
        self._lasts = max(self._lasts, newest.at - key.at)
        looked_at = key.at if self._looked is None else self._looked.at
        left, wait = key.at + self._lasts - looked_at, self._longest_blindness
        if left > wait and newest.at < key.at + self._lasts:
            wait = max(SOONEST, (left - SLACK / 2) % self._max_blind)
        return self._buffer.since(looked_at + wait)

    def _seen_at(self, piece: Piece) -> Viewed | None:
        """The last picture that comes out when the newest group is decoded as far as this piece."""
        key = self._buffer.group_of(piece.number)
        if key is not None and (not self._in_step or self._next <= key.serial):
            self._begin(key, self._cheap_one())
        last = None
        while self._next <= piece.serial and (viewed := self._step()) is not None:
            last = viewed
        return last

    def _alone(self, key: Piece) -> Viewed | None:
        """A picture that needs no other."""
        decoder = self._cheap_one()
        # Where another decoder is used for it, the one that was running still stands where it stopped.
        self._resumable = (self._in_step or self._resumable) and decoder is not self._running
        self._tried, self._in_step = key.number, False
        decoder.restart()
        pictures = [p for piece in self._buffer.picture(key.number) for p in decoder.decode(piece.packet)]
        pictures += decoder.decode(None)
        decoder.restart()
        self._vain, self._vain_at = 0 if pictures else self._vain + 1, key.at
        return self._viewed(pictures[0], key) if pictures else None

    def _try_alone_again(self) -> None:
        """Whether the newest group's first picture can be decoded alone after all, now and then."""
        key = self._buffer.whole_key(0) if self._vain >= VAIN else None
        if key is None or key.at - self._vain_at < AGAIN:
            return
        self._vain_at, decoder = key.at, self._full.cheap()
        if decoder is self._full:
            return
        pictures = [p for piece in self._buffer.picture(key.number) for p in decoder.decode(piece.packet)]
        if pictures or decoder.decode(None):
            self._vain = 0

    def _very_last(self) -> Viewed | None:
        """The last picture of a recording: behind it no group will begin."""
        newest = self._buffer.newest()
        if newest is None or newest.number <= self._newest_tried():
            return None
        self._tried = newest.number
        last = self._seen_at(newest)
        while (viewed := self._step()) is not None:
            last = viewed
        return last

    def _cheap_one(self) -> Decoder:
        if self.every_picture:
            return self._full
        self._cheap = self._cheap or self._full.cheap()
        return self._cheap

    def _begin(self, key: Piece, decoder: Decoder) -> None:
        """Goes on in order from a key picture."""
        decoder.restart()
        self._running, self._next, self._in_step, self._drained = decoder, key.serial, True, False
        self._ready.clear()
        self._fed.clear()
        self._passing = self._looked is not None and self._looked.serial >= key.serial
        self._buffer.decoded(key.serial)

    def _resumes(self, start: Piece) -> bool:
        """Goes on where it stopped, if that lies behind a group's beginning and all that came since is there."""
        if not (self._in_step or self._resumable) or self._running is not self._full or self._next <= start.serial:
            return False
        self._passing = self._looked is not None and self._looked.serial >= self._next
        following = self._buffer.after(self._next)
        self._in_step = following is None or following.serial == self._next
        return self._in_step

    def _step(self) -> Viewed | None:
        """The next picture in order that was not looked at."""
        while True:
            while self._ready:
                picture = self._ready.popleft()
                piece = self._fed.get(picture.picture.pts or 0)
                if piece is not None and not self._passes(piece):
                    return self._viewed(picture, piece)
            piece = self._buffer.after(self._next)
            if piece is not None:
                self._feed(piece)
            elif self._buffer.ended and not self._drained:
                self._drained = True
                self._ready.extend(self._running.decode(None))
            else:
                return None

    def _passes(self, piece: Piece) -> bool:
        """Whether a picture that was decoded again is shown no later than the one looked at last.

        Decoders give pictures out in the order in which they are shown; time stamps can not be relied on for it.
        """
        looked = self._looked
        if looked is None or piece.number == looked.number:
            self._passing = False
            return looked is not None
        self._passing &= piece.group <= looked.group and piece.number <= looked.number + REORDERED
        return self._passing

    def _feed(self, piece: Piece) -> None:
        if piece.serial > self._next:
            self._running.restart()  # there is a hole, and this begins a group
        wanted = self._full if self._attention is Attention.ALL else self._cheap_one()
        if piece.key and self._running is not wanted:
            self._ready.extend(self._running.decode(None))
            wanted.restart()
            self._running = wanted
        self._fed.setdefault(piece.number, piece)
        self._fed.pop(piece.number - HELD_BACK, None)
        self._next = piece.serial + 1
        self._buffer.decoded(self._next)
        self._ready.extend(self._running.decode(piece.packet))
