"""Threads are started here and nowhere else, so that one search finds whatever runs beside the main thread."""

import threading
from collections.abc import Callable

Spawn = Callable[[Callable[[], None], str], threading.Thread]


def spawn(target: Callable[[], None], name: str) -> threading.Thread:
    """Start a thread that does not keep the process alive, and return it."""
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
