"""The keyframes that wait to be read: an index of what is on disk, bounded, newest first.

A pure data structure without file, clock or thread. It returns what gives way, so that the caller can record it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from streamwatch.core.codes import StateReason
from streamwatch.core.model import PlateText
from streamwatch.store import WaitingKeyframe


class EntryState(Enum):
    """The state of a keyframe: it says which tries were made, and so which may still be made.

        add ──▶ FRESH ──the local engine reads it and is not sure──▶ UNSURE
                  └─────────────────────┬───────────────────────────────┘
                                        │ a call is charged and the service has a fault
                      ┌─────────────────┴──────────────┐
                      │ the vehicle is in view         │ the vehicle has gone
                      ▼                                ▼
                    HELD ───the passage closes───▶ LAST_CALL ──one more call──▶ read or lost
                      └─another view is read──▶ dropped

        add ──▶ LOCAL_ONLY     a call of an earlier run may have been charged for it

        add ──▶ URGENT         an opening depends on it: it is read before all others, at once or not at all

    A failed call that was not charged leaves the state as it is. HELD keyframes do not wait: they are not handed out,
    do not count against the bounds and do not expire.
    """

    FRESH = auto()
    UNSURE = auto()
    HELD = auto()
    LAST_CALL = auto()
    LOCAL_ONLY = auto()
    URGENT = auto()


@dataclass(frozen=True, slots=True)
class Entry:
    """A keyframe in the outbox.

    since: monotonic seconds since when it waits. local: an unsure reading of the local engine; None if it has not read
    the keyframe.
    """

    keyframe: WaitingKeyframe
    since: float
    state: EntryState = EntryState.FRESH
    local: tuple[PlateText, ...] | None = None

    @property
    def key(self) -> str:
        """Return the key of the keyframe."""
        return self.keyframe.key


@dataclass(frozen=True, slots=True)
class Dropped:
    """A keyframe that gave way, and why."""

    waiting: WaitingKeyframe
    reason: StateReason


class Outbox:
    """Entries by the key of their keyframe, and the passages that are open.

    max_items, max_bytes: bounds of all that waits. max_age: seconds of waiting, measured by a monotonic clock, because
    a recording is old from the beginning and the wall clock of a box may be wrong.
    """

    def __init__(self, max_items: int, max_bytes: int, max_age: float) -> None:
        self._max_items, self._max_bytes, self._max_age = max_items, max_bytes, max_age
        self._waiting: dict[str, Entry] = {}
        self._views: dict[str, set[str]] = {}
        self._held: dict[str, list[Entry]] = {}
        self._open: set[str] = set()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def bytes(self) -> int:
        """Return the size of all waiting JPEGs."""
        return self._bytes

    @property
    def oldest(self) -> float | None:
        """Return since when the oldest entry waits; None if the outbox is empty."""
        return min((entry.since for entry in self._waiting.values()), default=None)

    def put(self, entry: Entry) -> list[Dropped]:
        """Add an entry and return what had to give way, which may be the new one."""
        self._waiting[entry.key] = entry
        self._views.setdefault(entry.keyframe.passage, set()).add(entry.key)
        self._bytes += entry.keyframe.bytes
        dropped = []
        while len(self._waiting) > self._max_items or self._bytes > self._max_bytes:
            least = min(self._waiting.values(), key=self._worth)
            many = len(self._waiting) > self._max_items
            reason = StateReason.OUTBOX_ITEMS if many else StateReason.OUTBOX_BYTES
            dropped.append(Dropped(self.take(least.key).keyframe, reason))
        return dropped

    def hold(self, entry: Entry) -> bool:
        """Hold an entry back until its passage closes or another view is read; False if the passage is not open."""
        passage = entry.keyframe.passage
        if passage not in self._open:
            return False
        self._held.setdefault(passage, []).append(replace(entry, state=EntryState.HELD))
        return True

    def take(self, key: str) -> Entry:
        """Remove and return an entry, to be read or given up."""
        entry = self._waiting.pop(key)
        views = self._views[entry.keyframe.passage]
        views.remove(key)
        if not views:
            del self._views[entry.keyframe.passage]
        self._bytes -= entry.keyframe.bytes
        return entry

    def expire(self, now: float) -> list[Dropped]:
        """Remove and return what has waited for longer than max_age."""
        old = [entry.key for entry in self._waiting.values() if now - entry.since > self._max_age]
        return [Dropped(self.take(key).keyframe, StateReason.OUTBOX_AGE) for key in old]

    def newest_first(self) -> Iterator[Entry]:
        """Return what waits, the newest capture first, so that the gate gets its answers at once.

        Those on which an opening depends come before all others.
        """

        def rank(entry: Entry) -> tuple[bool, datetime, float]:
            return entry.state is EntryState.URGENT, entry.keyframe.captured_at, entry.keyframe.score

        return iter(sorted(self._waiting.values(), key=rank, reverse=True))

    def opened(self, passage: str) -> None:
        """Note that the vehicle of a passage is in view."""
        self._open.add(passage)

    def closed(self, passage: str) -> list[Entry]:
        """Note that a vehicle has gone, and return what was held back for it: each may be sent a last time."""
        self._open.discard(passage)
        return [replace(entry, state=EntryState.LAST_CALL) for entry in self._held.pop(passage, [])]

    def answered(self, passage: str) -> list[Dropped]:
        """Note that a view of this passage was read, and return what was held back for it and is no longer needed.

        Other views of the passage are second views from now on.
        """
        for key in self._views.get(passage, ()):
            entry = self._waiting[key]
            self._waiting[key] = replace(entry, keyframe=replace(entry.keyframe, first_view=False))
        held = self._held.pop(passage, [])
        return [Dropped(entry.keyframe, StateReason.OTHER_VIEW_READ) for entry in held]

    def is_first_view(self, item: WaitingKeyframe) -> bool:
        """True if no view of its passage has been read, and no better one waits."""
        views = (self._waiting[key].keyframe for key in self._views.get(item.passage, ()))
        return item.first_view and not any(other.score > item.score for other in views)

    def _worth(self, entry: Entry) -> tuple[bool, datetime]:
        """Return what sorts the only view of a passage above a second one, and the newer above the older."""
        return self.is_first_view(entry.keyframe), entry.keyframe.captured_at
