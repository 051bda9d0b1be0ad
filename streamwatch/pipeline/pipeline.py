"""The one way from frames to rows: daemon, replay and resume all take it."""

from collections.abc import Callable, Iterable
from functools import partial

from streamwatch.core.codes import ViewReason
from streamwatch.core.events import Event, KeyframeTaken, VehiclePushed
from streamwatch.core.model import Keyframe
from streamwatch.pipeline.dispatcher import Dispatcher, dropping
from streamwatch.pipeline.outbox import Dropped, EntryState
from streamwatch.pipeline.recorder import Recorder
from streamwatch.store import Store

Listener = Callable[[Event], None]
"""Gets an event."""
Attempt = Callable[[Callable[[], None]], None]
"""Makes a write happen. It may try again while the machine is at fault; it raises StoreError when it gives up."""


def ignore(event: Event) -> None:
    """Do nothing with an event."""


def once(write: Callable[[], None]) -> None:
    """Make a write happen without a second try."""
    write()


class Pipeline:
    """Takes every event, in this order: record it, tell the listener, have the dispatcher hear it.

    Only a recorded keyframe goes into the outbox, so whatever waits there can be found again after a crash. What gives
    way in the outbox is an event too. For one thread at a time.

    dispatcher: its readers report to `take`, directly or through the thread that owns the database.
    """

    def __init__(
        self,
        recorder: Recorder,
        make_dispatcher: Callable[[Listener], Dispatcher],
        listener: Listener = ignore,
        attempt: Attempt = once,
    ) -> None:
        """make_dispatcher: gets `take`, which its readers report to. listener: gets each event once it is recorded.

        Raise what `make_dispatcher` raises.
        """
        self.recorder, self._listener, self._attempt = recorder, listener, attempt
        self.dispatcher = make_dispatcher(self.take)

    def take(self, event: Event) -> None:
        """Record an event, and put what may be read because of it into the outbox. Raise StoreError."""
        self._attempt(partial(self.recorder.work_out, event))
        self._attempt(self.recorder.catch_up)
        self._listener(event)
        self.drop(self.dispatcher.heard(event))
        if isinstance(event, KeyframeTaken):
            urgent = event.keyframe.reason is ViewReason.BEFORE_OPENING
            state = EntryState.URGENT if urgent else EntryState.FRESH
            self.drop(self.dispatcher.add(self.recorder.as_waiting(event.keyframe), state))
        elif isinstance(event, VehiclePushed) and event.is_read:
            self.drop(self.dispatcher.add(self.recorder.as_waiting(event.keyframe, event.plates)))

    def drop(self, dropped: Iterable[Dropped]) -> None:
        """Take the events of keyframes that gave way in the outbox. Raise StoreError."""
        for lost in dropped:
            self.take(dropping(lost))


class DirectAccess:
    """The storage as the dispatcher uses it if its reader runs in the thread that owns the database."""

    def __init__(self, store: Store, take: Listener) -> None:
        """take: of the pipeline."""
        self._store, self._take = store, take

    def load(self, key: str) -> Keyframe:
        """Return a stored keyframe with its JPEG. Raise StoreError."""
        return self._store.keyframes.load_keyframe(key)

    def record(self, event: Event) -> None:
        """Record an event. Raise StoreError."""
        self._take(event)
