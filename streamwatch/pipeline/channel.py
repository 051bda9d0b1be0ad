"""Between threads: bounded, closable, and it says what happens when full."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """Nothing goes in any more, and nothing is left to come out."""


class Channel(Generic[T]):
    """First in, first out, at most `size` items.

    worth: None makes `put` wait while the channel is full; else the least worthy item, maybe the new one, gives way
    and `put` returns it.
    """

    def __init__(self, size: int, worth: Callable[[T], float] | None = None) -> None:
        self._size, self._worth = size, worth
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> T | None:
        """Adds an item; returns the one that gave way. Raises ChannelClosed."""
        with self._changed:
            while self._worth is None and len(self._items) >= self._size and not self._closed:
                self._changed.wait()
            if self._closed:
                raise ChannelClosed
            self._items.append(item)
            loser = None
            if self._worth is not None and len(self._items) > self._size:
                loser = min(self._items, key=self._worth)
                self._items.remove(loser)
            self._changed.notify_all()
            return loser

    def offer(self, item: T) -> bool:
        """Adds an item unless the channel is full or closed; whether it did."""
        with self._changed:
            if self._closed or len(self._items) >= self._size:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self) -> T:
        """Waits for the next item. Raises ChannelClosed when the channel is closed and empty."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            if not self._items:
                raise ChannelClosed
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Nothing goes in any more; what is inside can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take_all(self) -> list[T]:
        """Everything that waits, at once; an empty list where nothing does."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return items
