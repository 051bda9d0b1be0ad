"""Books that also tell the trace."""

from streamwatch.core.events import Event
from streamwatch.pipeline import Books
from streamwatch.replay.explain.trace import Trace
from streamwatch.store import Store


class TellingBooks:
    """Writes events into the books and, where there is one, the trace; the dispatcher's desk as well."""

    def __init__(self, books: Books, store: Store, trace: Trace | None) -> None:
        self._books, self._trace = books, trace
        self.load = store.load_keyframe
        self.as_waiting = books.as_waiting

    def record(self, event: Event) -> None:
        """Writes an event down. Raises StoreError."""
        self._books.record(event)
        if self._trace is not None:
            self._trace.happened(event)
