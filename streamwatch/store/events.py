"""What the outside is told: a queue in the database, written in the same transaction as what it tells.

Receivers take events in the order of their ids. A receiver remembers the last id that it has; what it refuses for good
becomes a dead letter, and it goes on. Nothing is written while the database knows no receiver.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

import sqlalchemy
from sqlalchemy import CursorResult, Table, case, delete, exists, func, select, update
from sqlalchemy.orm import Session

from streamwatch.core.codes import EventType, ReceiverState
from streamwatch.core.event_data import EventData, as_data
from streamwatch.store.revisions import in_order
from streamwatch.store.tables import StoredDeadLetter, StoredEvent, StoredReceiver
from streamwatch.store.transactions import Writer

EVENTS = cast(Table, StoredEvent.__table__)
_INSERT = EVENTS.insert()
_LISTENS = "somebody is told of the commit"


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event. key: the same in each delivery. occurred_at: of what was observed. data: see core/event_data.py."""

    id: int
    key: str
    type: EventType
    subject: str
    camera: str | None
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReceiverRow:
    """How far a receiver has got: one field for each column of `receivers`."""

    name: str
    taken: int
    state: ReceiverState = ReceiverState.OK
    failures: int = 0
    failing_since: datetime | None = None
    next_try: datetime | None = None
    error: str = ""
    taken_at: datetime | None = None
    lost: int = 0


class Events:
    """Writes events, and how far their receivers have got.

    committed: called in the writer's thread after the commit of a transaction that has added events; it must not write.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._wanted: bool | None = None
        self.committed: Callable[[], None] = lambda: None

    def mute(self) -> None:
        """Add no more events: a recording that is replayed is no news."""
        self._wanted = False

    def add(
        self,
        type: EventType,
        subject: str,
        data: EventData | Mapping[str, Any],
        camera: str | None,
        occurred_at: datetime,
    ) -> str | None:
        """Add an event, and return its key; do nothing and return None if there is no receiver.

        Call it inside `Store.together` with what it tells. subject: what it is about, such as a plate, camera or
        barrier. camera: for filters; None if it is about none. occurred_at: aware time of what was observed.
        """
        with self._writer.transaction() as session:
            if self._wanted is None:
                self._wanted = bool(session.scalar(select(exists(select(StoredReceiver.name)))))
            if not self._wanted:
                return None
            if not session.info.get(_LISTENS):
                session.info[_LISTENS] = True
                in_order(session)
                sqlalchemy.event.listen(session, "after_commit", lambda _: self.committed(), once=True)
            key = uuid4().hex
            values = {
                "key": key,
                "type": type,
                "subject": subject,
                "camera": camera,
                "occurred_at": occurred_at,
                "recorded_at": datetime.now(UTC),
                "data": as_data(data),
            }
            # A statement of the table, not of its class, which costs several times the CPU.
            session.connection().execute(_INSERT, values)
            return key

    def set_receivers(self, names: Collection[str]) -> None:
        """Know these receivers and no others. A new one begins with the next event; one that is gone is forgotten."""
        with self._writer.transaction() as session:
            known = set(session.scalars(select(StoredReceiver.name)))
            gone = known.difference(names)
            session.execute(delete(StoredDeadLetter).where(StoredDeadLetter.receiver.not_in(names)))
            session.execute(delete(StoredReceiver).where(StoredReceiver.name.in_(gone)))
            last = _last(session)
            session.add_all(StoredReceiver(name=name, taken=last) for name in sorted(set(names) - known))
        self._wanted = bool(names)

    def save_receiver(self, row: ReceiverRow) -> None:
        """Note how far a receiver has got and how it goes, unless it is known no longer.

        It never goes back: the retention may have moved it forward. What was lost is counted there alone.
        """
        values = {
            "taken": case((StoredReceiver.taken > row.taken, StoredReceiver.taken), else_=row.taken),
            "state": row.state,
            "failures": row.failures,
            "failing_since": row.failing_since,
            "next_try": row.next_try,
            "error": row.error,
            "taken_at": row.taken_at,
        }
        with self._writer.transaction() as session:
            session.execute(update(StoredReceiver).where(StoredReceiver.name == row.name).values(**values))

    def give_up(self, receiver: str, event: int, error: str, at: datetime) -> None:
        """Make an event (its id) a dead letter of a receiver; one that it is already waits for a person again."""
        with self._writer.transaction() as session:
            if not session.scalar(select(exists().where(StoredEvent.id == event))):
                return
            letter = session.scalar(
                select(StoredDeadLetter).where(
                    StoredDeadLetter.receiver == receiver, StoredDeadLetter.event_id == event
                )
            )
            letter = letter or StoredDeadLetter(receiver=receiver, event_id=event)
            letter.error, letter.given_up_at, letter.again = error, at, False
            session.add(letter)

    def delivered(self, receiver: str, events: Sequence[int]) -> None:
        """Delete dead letters of a receiver (ids of the events), because it has them after all."""
        with self._writer.transaction() as session:
            session.execute(
                delete(StoredDeadLetter).where(
                    StoredDeadLetter.receiver == receiver, StoredDeadLetter.event_id.in_(events)
                )
            )

    def send_again(self, receiver: str, letters: Collection[int] | None = None) -> int:
        """Have dead letters (ids; None: all) sent to their receiver once more, and return how many are to be."""
        letter = update(StoredDeadLetter).where(StoredDeadLetter.receiver == receiver)
        if letters is not None:
            letter = letter.where(StoredDeadLetter.id.in_(letters))
        with self._writer.transaction() as session:
            done = session.execute(letter.values(again=True))
            assert isinstance(done, CursorResult)
            return done.rowcount

    def hurry(self, receiver: str) -> None:
        """Have a receiver that failed tried at once."""
        with self._writer.transaction() as session:
            session.execute(update(StoredReceiver).where(StoredReceiver.name == receiver).values(next_try=None))


def receiver_row(row: StoredReceiver) -> ReceiverRow:
    """Return what a row holds."""
    return ReceiverRow(
        row.name,
        row.taken,
        row.state,
        row.failures,
        row.failing_since,
        row.next_try,
        row.error,
        row.taken_at,
        row.lost,
    )


def _last(session: Session) -> int:
    """Return the id of the last event; of those that are deleted, too, as far as receivers know them."""
    newest = session.scalar(select(func.max(StoredEvent.id))) or 0
    return max(newest, session.scalar(select(func.max(StoredReceiver.taken))) or 0)
