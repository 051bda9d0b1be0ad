"""Finds live cameras that do not see anything new any more."""

from collections import deque

from streamwatch.core.model import Picture

FROZEN_AFTER = 120.0
"""Seconds of the same picture after which a camera counts as frozen."""
LONGEST_WAIT = 3600.0
"""Upper limit of the wait between two reopenings of a frozen camera, in s. The first is `frozen_after`; it doubles."""
EVERY = 1.0
"""Seconds between two looks; a look costs 0.04 ms at 1080p, 0.1 ms at 4K."""
STRIDE = 8
"""Of this number of rows, and of columns, one is looked at."""
REMEMBERED = 8
"""Number of different pictures that count as known. An encoder whose sensor hangs goes on coding one and the same
picture, and its groups of pictures repeat (x264 at constant quality: 2 to 4 different ones, once a second). A recording
that somebody serves in a loop has more."""
LOOKS = 5
"""Lower limit of the known pictures in a row, for a camera that rarely sends any."""
MOVES = 3
"""Number of new pictures in a row that end a freeze. Fewer come when a hanging sensor is merely coded anew, as after a
reopening."""


class FreezeDetector:
    """Finds out if a camera has shown nothing but pictures seen before for `after` seconds, to the bit.

    The noise of a sensor changes some pixel, and so does each I-frame that codes it. So one new picture is enough to
    prove life, and a still scene is no freeze. Two freezes are not found: a picture that stands still under a running
    clock, and one that an encoder without enough bits codes differently every time. A scene without any noise (a lens
    cap, a drawn test picture) counts as frozen. Not thread safe.
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
        """Return True if the picture is frozen. now: monotonic seconds. luma: (height, width) uint8 of any frame."""
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


class ReopenSchedule:
    """Says when to reopen a frozen camera: at once, and then after waits that double. Times are monotonic seconds."""

    def __init__(self, first_wait: float) -> None:
        self._first_wait = self._wait = first_wait
        self._due_at = 0.0

    def begin(self, now: float) -> None:
        """Note that the camera has just frozen."""
        self._due_at, self._wait = now, self._first_wait

    def due(self, now: float) -> bool:
        """Return True if the camera is to be reopened."""
        return now >= self._due_at

    def advance(self, now: float) -> None:
        """Plan the next reopening."""
        self._due_at = now + self._wait
        self._wait = min(2 * self._wait, LONGEST_WAIT)
