"""Delivers events to one receiver: at least once, in order, with growing pauses after failures.

A receiver's place in the queue is the column `receivers.taken`. It is written twice a second and when there is
nothing more to send, not after each event: a crash in between repeats some events, with the same ids. What a receiver
refuses for good becomes a dead letter and is passed over; every other failure keeps its place, so order is kept, and
nothing is lost.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

from streamwatch.core.codes import ReceiverState
from streamwatch.core.errors import DeliveryError, EventsRefused, ReceiverAway, ReceiverUnusable
from streamwatch.store import DeadLetter, EventRow, ReceiverRow

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 600.0
"""Seconds before the second try, and at most between two."""
PAUSED_AFTER = 600.0
"""Seconds of failures after which a receiver counts as paused."""
READ = 200
"""Events that are read at once: what one receiver holds in memory at most."""
NOTE_EVERY, LOOK_EVERY = 0.5, 2.0
"""Seconds after which progress is noted, and after which it is looked what a person has changed."""


class Sender(Protocol):
    """Sends events to a receiver. For one thread; `close` may be called by any."""

    most: int
    """The largest number of events in one `send`."""

    def send(self, events: Sequence[EventRow]) -> str:
        """Send all of the events, in order, and return what the receiver said, in words, for people.

        Return only once the receiver has them. Raise DeliveryError: ReceiverAway if another try may help,
        ReceiverUnusable if a person must act first, EventsRefused if the receiver will never take one of them. Some of
        the events may be with the receiver then; they are sent again.
        """

    def close(self) -> None:
        """End all waits and close all connections."""


@runtime_checkable
class Ticking(Protocol):
    """A sender that has something to send also when nothing happens."""

    def tick(self) -> None:
        """Send what is due by now. It is called every few seconds, and raises nothing."""


class Queue(Protocol):
    """The queue of events, read. See `store.EventReader`."""

    def after(self, event: int, limit: int) -> list[EventRow]: ...

    def receiver(self, name: str) -> ReceiverRow | None: ...

    def dead_letters(
        self, limit: int, receiver: str | None = None, before: int | None = None, again: bool | None = None
    ) -> list[DeadLetter]: ...


class Notes(Protocol):
    """Writes down how far a receiver has got; returns when that is safe. See `store.Events`."""

    def save_receiver(self, row: ReceiverRow) -> None: ...

    def give_up(self, receiver: str, event: int, error: str, at: datetime) -> None: ...

    def delivered(self, receiver: str, events: Sequence[int]) -> None: ...


Wants = Callable[[EventRow], bool]
"""Returns True if a receiver is to get an event."""


def everything(event: EventRow) -> bool:
    """Return True."""
    return True


def pause_after(failures: int, chance: float) -> float:
    """Return the seconds until the next try: they double with each failure in a row, from 1 s to 10 min.

    chance: 0 to 1; spreads the tries of many receivers, so that they do not come all at once after an outage.
    """
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 30)) * (0.75 + 0.5 * chance)


@dataclass
class Delivery:
    """Delivers to one receiver. For one thread at a time.

    now: returns the aware wall time; monotonic: seconds that only grow. stopping: True once the program ends: then
    nothing more is begun. chance: returns 0 to 1.
    """

    name: str
    sender: Sender
    queue: Queue
    notes: Notes
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = lambda: 0.0
    wants: Wants = everything
    stopping: Callable[[], bool] = lambda: False
    chance: Callable[[], float] = random.random
    _row: ReceiverRow | None = field(default=None, init=False)
    _noted_at: float = field(default=-NOTE_EVERY, init=False)
    _looked_at: float = field(default=-LOOK_EVERY, init=False)
    _dirty: bool = field(default=False, init=False)

    def step(self) -> float:
        """Deliver one batch, if there is one and it is time; return the seconds until it is worth asking again.

        0.0: at once, there may be more; infinite: only when something has changed. Raise StoreError.
        """
        looks = self._row is None or self._row.failures or self.monotonic() - self._looked_at >= LOOK_EVERY
        if looks and not self._look():
            return float("inf")
        row = self._known
        wait = 0.0 if row.next_try is None else (row.next_try - self.now()).total_seconds()
        if 0 < wait <= LONGEST_PAUSE * 1.25:  # one that is further away is of a clock that was ahead
            return wait
        try:
            again = self._send_again() if looks else False
            more = self._send_new()
        except DeliveryError as error:
            if not self.stopping():  # otherwise the connection was closed for that
                self.fail(error)
            return 0.0
        return 0.0 if again or more else float("inf")

    def note(self) -> None:
        """Write down how far it has got, if that has changed. Raise StoreError."""
        if self._dirty:
            self.notes.save_receiver(self._known)
        self._dirty, self._noted_at = False, self.monotonic()

    def _look(self) -> bool:
        """Take up what others have changed, such as the time of the next try. Return False if it is known no longer."""
        row = self.queue.receiver(self.name)
        if row is None:
            return False
        # Only the retention moves a receiver forward beside this.
        self._row = row if self._row is None else replace(row, taken=max(row.taken, self._row.taken))
        self._looked_at = self.monotonic()
        return True

    def _send_new(self) -> bool:
        """Send the next events; return True if there may be more."""
        events = self.queue.after(self._known.taken, READ)
        wanted: list[EventRow] = []
        for event in events:
            if self.stopping():
                break
            if self.wants(event):
                wanted.append(event)
            elif not wanted:
                self._row, self._dirty = replace(self._known, taken=event.id), True
            if len(wanted) == self.sender.most or (wanted and event is events[-1]):
                self._offer(wanted)
                self._took(event.id)
                wanted = []
        if not events or self.monotonic() - self._noted_at >= NOTE_EVERY:
            self.note()
        return len(events) == READ

    def _send_again(self) -> bool:
        """Send the dead letters that a person asked for; return True if there were any."""
        letters = self.queue.dead_letters(READ, self.name, again=True)
        for letter in letters:
            if self.stopping():
                break
            if self._offer([letter.event]):
                self.notes.delivered(self.name, [letter.event.id])
        return bool(letters)

    def _offer(self, events: Sequence[EventRow]) -> bool:
        """Send events; one that is refused for good becomes a dead letter. Return True if all were taken.

        If several are refused together, each is sent by itself: the others may be good. Raise DeliveryError.
        """
        try:
            self.sender.send(events)
        except EventsRefused as error:
            if len(events) == 1:
                self.notes.give_up(self.name, events[0].id, str(error), self.now())
                return False
            taken = [self._offer([event]) for event in events]
            return all(taken)
        return True

    def _took(self, upto: int) -> None:
        """Note that the receiver has all events up to this id. A success ends a time of failures at once."""
        was = self._known.state
        self._row = replace(
            self._known,
            taken=upto,
            state=ReceiverState.OK,
            failures=0,
            failing_since=None,
            next_try=None,
            error="",
            taken_at=self.now(),
        )
        self._dirty = True
        if was is not ReceiverState.OK or self.monotonic() - self._noted_at >= NOTE_EVERY:
            self.note()

    def fail(self, error: DeliveryError) -> None:
        """Note a failure and when the next try is due. Do nothing before the first step. Raise StoreError."""
        if self._row is None:
            return
        now, row = self.now(), self._known
        since, failures = row.failing_since or now, row.failures + 1
        hopeless = isinstance(error, ReceiverUnusable)
        pause = LONGEST_PAUSE if hopeless else pause_after(failures, self.chance())
        if isinstance(error, ReceiverAway) and error.after is not None:
            pause = max(pause, min(error.after, LONGEST_PAUSE))
        paused = hopeless or (now - since).total_seconds() >= PAUSED_AFTER
        self._row = replace(
            row,
            state=ReceiverState.PAUSED if paused else ReceiverState.FAILING,
            failures=failures,
            failing_since=since,
            next_try=now + timedelta(seconds=pause),
            error=str(error),
        )
        self._dirty = True
        self.note()

    @property
    def row(self) -> ReceiverRow | None:
        """Return how far it has got and how it goes; None before the first step."""
        return self._row

    @property
    def _known(self) -> ReceiverRow:
        assert self._row is not None
        return self._row
