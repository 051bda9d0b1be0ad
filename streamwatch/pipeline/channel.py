"""A queue between threads that is bounded and can be closed, and says what happens when it is full."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """The channel takes no items any more, and none is left in it."""


class Channel(Generic[T]):
    """First in, first out, at most `size` items.

    worth: the value of an item. While the channel is full, the item of least worth gives way, maybe the new one, and
    `put` returns it. If `worth` is None, `put` waits instead.
    """

    def __init__(self, size: int, worth: Callable[[T], float] | None = None) -> None:
        self._size, self._worth = size, worth
        self._items: deque[T] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, item: T) -> T | None:
        """Add an item; return the one that gave way. Raise ChannelClosed."""
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
        """Add an item and return True, unless the channel is full or closed."""
        with self._changed:
            if self._closed or len(self._items) >= self._size:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def get(self) -> T:
        """Wait for the next item and return it. Raise ChannelClosed when the channel is closed and empty."""
        with self._changed:
            while not self._items and not self._closed:
                self._changed.wait()
            if not self._items:
                raise ChannelClosed
            item = self._items.popleft()
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Take no items any more; those inside can still be taken out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take_all(self) -> list[T]:
        """Take out all items at once and return them, without waiting for any."""
        with self._changed:
            items = list(self._items)
            self._items.clear()
            self._changed.notify_all()
            return items
