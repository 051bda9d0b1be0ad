"""What waits to be read: an index of keyframes that are on disk, bounded, newest first.

A pure data structure: no file, clock or thread inside. What gives way is told, so that it can be recorded.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from streamwatch.core.codes import StateReason
from streamwatch.store import WaitingKeyframe


@dataclass(frozen=True, slots=True)
class Dropped:
    """A keyframe that gave way, and why."""

    waiting: WaitingKeyframe
    reason: StateReason


class Outbox:
    """Keyframes by key. max_items, max_bytes: bounds of all together; max_age: seconds of waiting.

    How long something waits is measured by a monotonic clock: a recording is old from the beginning, and the wall clock
    of a box may be anything.
    """

    def __init__(self, max_items: int, max_bytes: int, max_age: float) -> None:
        self._max_items, self._max_bytes, self._max_age = max_items, max_bytes, max_age
        self._waiting: dict[str, WaitingKeyframe] = {}
        self._since: dict[str, float] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """Size of all waiting JPEGs."""
        return self._bytes

    @property
    def oldest(self) -> float | None:
        """Since when the one that waits longest does so."""
        return min(self._since.values(), default=None)

    def add(self, item: WaitingKeyframe, since: float) -> list[Dropped]:
        """Puts a keyframe in that waits since then; returns what had to give way, maybe the new one."""
        self._waiting[item.key] = item
        self._since[item.key] = since
        self._bytes += item.bytes
        dropped = []
        while len(self._waiting) > self._max_items or self._bytes > self._max_bytes:
            least = min(self._waiting.values(), key=self._worth)
            many = len(self._waiting) > self._max_items
            reason = StateReason.OUTBOX_ITEMS if many else StateReason.OUTBOX_BYTES
            dropped.append(Dropped(self.remove(least.key), reason))
        return dropped

    def since(self, key: str) -> float:
        """Since when a keyframe waits."""
        return self._since[key]

    def remove(self, key: str) -> WaitingKeyframe:
        """Takes a keyframe out: it is being read, or given up."""
        item = self._waiting.pop(key)
        self._bytes -= item.bytes
        del self._since[key]
        return item

    def expire(self, now: float) -> list[Dropped]:
        """Takes out what has waited for longer than max_age."""
        old = [key for key, since in self._since.items() if now - since > self._max_age]
        return [Dropped(self.remove(key), StateReason.OUTBOX_AGE) for key in old]

    def newest_first(self) -> list[WaitingKeyframe]:
        """In the order in which they are worth sending: the newest capture first, so that the gate works at once."""
        return sorted(self._waiting.values(), key=lambda item: (item.captured_at, item.score), reverse=True)

    def answered(self, passage: str) -> None:
        """A view of this passage has been read: others of it are second views from now on."""
        for key, item in self._waiting.items():
            if item.passage == passage and item.first_view:
                self._waiting[key] = replace(item, first_view=False)

    def is_first_view(self, item: WaitingKeyframe) -> bool:
        """Whether nothing better of its passage was read or waits."""
        return item.first_view and not any(
            other.passage == item.passage and other.score > item.score for other in self._waiting.values()
        )

    def _worth(self, item: WaitingKeyframe) -> tuple[bool, datetime]:
        """The only view of a passage before a second one, the newer before the older."""
        return self.is_first_view(item), item.captured_at
