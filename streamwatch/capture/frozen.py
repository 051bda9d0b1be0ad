"""Whether a live camera still sees anything new."""

from collections import deque

from streamwatch.core.model import Picture

EVERY = 1.0
"""Seconds between two looks; a look costs 0.04 ms at 1080p, 0.1 ms at 4K."""
STRIDE = 8
"""Of every so many rows and columns one pixel is looked at."""
REMEMBERED = 8
"""How many different pictures count as known. An encoder whose sensor hangs goes on coding one and the same picture,
and its groups of pictures repeat (x264 at constant quality: 2 to 4 different ones, once a second). A recording that
somebody serves in a loop has more."""
LOOKS = 5
"""At least so many known pictures in a row, for a camera that rarely sends any."""
MOVES = 3
"""So many new pictures in a row end a freeze. Fewer come when a hanging sensor is merely coded anew, as after a
reopening."""


class FrozenWatch:
    """Whether a camera has shown nothing but pictures seen before for `after` seconds, to the bit.

    The noise of a sensor, and each key picture that codes it, changes some pixel; so one new picture is enough to
    prove life, and a still scene is no freeze. Not found: a picture that stands still under a running clock, and one
    that an encoder starved of bits codes differently every time. A scene without any noise (a lens cap, a drawn test
    picture) counts as frozen. Not thread safe.
    """

    def __init__(self, after: float) -> None:
        self._after = after
        self._every = min(EVERY, after / LOOKS)
        self._next_look = float("-inf")
        self._known: deque[int] = deque(maxlen=REMEMBERED)
        self._changed_at = float("-inf")
        self._old_in_a_row = self._new_in_a_row = 0
        self.frozen = False

    def look(self, now: float, luma: Picture) -> bool:
        """Whether the picture is frozen. now: monotonic seconds. luma: (height, width) uint8 of any frame."""
        if now >= self._next_look:
            self._next_look = now + self._every
            self._judge(now, hash((luma.shape, luma[::STRIDE, ::STRIDE].tobytes())))
        return self.frozen

    def _judge(self, now: float, picture: int) -> None:
        if picture in self._known:
            # Moved to the end, so that what repeats is not forgotten.
            self._known.remove(picture)
            self._old_in_a_row, self._new_in_a_row = self._old_in_a_row + 1, 0
        else:
            self._old_in_a_row, self._new_in_a_row = 0, self._new_in_a_row + 1
            self._changed_at = now
        self._known.append(picture)
        if self._old_in_a_row >= LOOKS and now - self._changed_at >= self._after:
            self.frozen = True
        elif self._new_in_a_row >= MOVES:
            self.frozen = False
