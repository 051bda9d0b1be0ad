"""Finds threads that make no progress, for the watchdog.

A thread beats when it has done a unit of work, or found that there is none (a camera that is reconnecting). While it
waits for work, or for another thread, without a time limit, it rests. A thread that does neither for longer than its
patience hangs.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

PATIENCE = 60.0
"""Seconds without a beat after which a thread counts as hanging, unless it asks for more time."""


class Heartbeat:
    """The beats of one thread."""

    def __init__(self, patience: float, monotonic: Callable[[], float]) -> None:
        self._patience, self._monotonic = patience, monotonic
        self._last, self._resting = monotonic(), False

    def beat(self) -> None:
        """Note progress."""
        self._last = self._monotonic()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Return a context for a wait that may rightly last for ever."""
        self._resting = True
        try:
            yield
        finally:
            # The beat comes first: between the two lines, a look from outside must not see an old beat and no rest.
            self.beat()
            self._resting = False

    def overdue(self, now: float) -> float:
        """Return the seconds by which the next beat is late; negative if it is not. now: on the same clock."""
        return -self._patience if self._resting else now - self._last - self._patience


class _ThreadLocal(threading.local):
    """The heartbeat of the thread that looks; None for a thread that is not watched."""

    heartbeat: Heartbeat | None = None


class Heartbeats:
    """The beats of all threads that must make progress.

    `beat` and `resting` are for the calling thread, so that what several threads share need not know their heartbeats.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._heartbeats: dict[str, Heartbeat] = {}
        self._of_thread = _ThreadLocal()

    @contextmanager
    def register(self, name: str, patience: float = PATIENCE) -> Iterator[Heartbeat]:
        """Return a context in which a thread is watched. A thread that ends is not watched any more.

        patience: seconds that one unit of work may take, such as a call with its time limits and repeats.
        Raise ValueError for a name that is in use, because one thread's beats would hide that the other hangs.
        """
        heartbeat = Heartbeat(patience, self._monotonic)
        with self._lock:
            if name in self._heartbeats:
                raise ValueError(f"a heartbeat named {name} is in use")
            self._heartbeats[name] = heartbeat
        before, self._of_thread.heartbeat = self._of_thread.heartbeat, heartbeat
        try:
            yield heartbeat
        finally:
            self._of_thread.heartbeat = before
            with self._lock:
                del self._heartbeats[name]

    def beat(self) -> None:
        """Note progress of the calling thread; nothing if it is not watched."""
        if self._of_thread.heartbeat is not None:
            self._of_thread.heartbeat.beat()

    def resting(self) -> AbstractContextManager[None]:
        """Return a context in which the calling thread may wait for ever; nothing if it is not watched."""
        heartbeat = self._of_thread.heartbeat
        return nullcontext() if heartbeat is None else heartbeat.resting()

    def stalled(self) -> list[str]:
        """Return the names of the threads that hang; the one that hangs for the longest time comes first."""
        now = self._monotonic()
        with self._lock:
            overdue = {name: heartbeat.overdue(now) for name, heartbeat in self._heartbeats.items()}
        return sorted((name for name, late in overdue.items() if late > 0), key=lambda name: -overdue[name])
