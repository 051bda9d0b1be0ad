"""Reads events, their receivers and the dead letters."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime

import sqlalchemy
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from streamwatch.core.codes import EventType
from streamwatch.store.events import EVENTS, EventRow, ReceiverRow, receiver_row
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.tables import StoredDeadLetter, StoredEvent, StoredIdentity, StoredKeyframe, StoredReceiver

_COLUMNS = [EVENTS.c[field.name] for field in fields(EventRow)]
_EVENTS = select(*_COLUMNS)
_AFTER = _EVENTS.where(EVENTS.c.id > bindparam("event")).order_by(EVENTS.c.id).limit(bindparam("most"))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a receiver refused for good. again: True if it is to be sent once more."""

    id: int
    receiver: str
    event: EventRow
    error: str
    given_up_at: datetime
    again: bool


@dataclass(frozen=True, slots=True)
class ReceiverStanding:
    """A receiver, and what it has not got yet. waiting: events that are still to be looked at for it, at most."""

    row: ReceiverRow
    waiting: int
    dead: int


class EventReader:
    """Reads the queue of events. Threads may share it."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName) -> None:
        self._engine, self._place = engine, place

    def after(self, event: int, limit: int) -> list[EventRow]:
        """Return the events that follow an id, in order."""
        with translated(self._place), self._engine.connect() as connection:
            return [EventRow(*row) for row in connection.execute(_AFTER, {"event": event, "most": limit})]

    def newest(
        self, limit: int, before: int | None = None, types: Iterable[EventType] = (), camera: str | None = None
    ) -> list[EventRow]:
        """Return events, newest first. before: only lower ids. types: none for all."""
        query = _EVENTS.order_by(StoredEvent.id.desc()).limit(limit)
        if before is not None:
            query = query.where(StoredEvent.id < before)
        if types := tuple(types):
            query = query.where(StoredEvent.type.in_(types))
        if camera is not None:
            query = query.where(StoredEvent.camera == camera)
        with translated(self._place), Session(self._engine) as session:
            return [EventRow(*row) for row in session.execute(query)]

    def receiver(self, name: str) -> ReceiverRow | None:
        """Return how far a receiver has got; None if the database does not know it."""
        with translated(self._place), Session(self._engine) as session:
            row = session.get(StoredReceiver, name)
            return None if row is None else receiver_row(row)

    def standings(self) -> list[ReceiverStanding]:
        """Return all receivers with what they have not got, by name."""
        first, last = select(func.min(StoredEvent.id)), select(func.max(StoredEvent.id))
        letters = select(StoredDeadLetter.receiver, func.count().label("number")).group_by(StoredDeadLetter.receiver)
        with translated(self._place), Session(self._engine) as session:
            lowest, highest = session.scalar(first), session.scalar(last)
            dead = {row.receiver: row.number for row in session.execute(letters)}
            rows = [receiver_row(row) for row in session.scalars(select(StoredReceiver).order_by(StoredReceiver.name))]
        known = 0 if highest is None or lowest is None else lowest - 1
        return [
            ReceiverStanding(row, max(0, (highest or 0) - max(row.taken, known)), dead.get(row.name, 0)) for row in rows
        ]

    def keyframe(self, key: str) -> int | None:
        """Return the id of the keyframe with that key; None if there is none any more."""
        with translated(self._place), Session(self._engine) as session:
            return session.scalar(select(StoredKeyframe.id).where(StoredKeyframe.key == key))

    def database_key(self) -> str:
        """Return the random name of this database."""
        with translated(self._place), Session(self._engine) as session:
            return session.scalar(select(StoredIdentity.key)) or ""

    def dead_letters(
        self, limit: int, receiver: str | None = None, before: int | None = None, again: bool | None = None
    ) -> list[DeadLetter]:
        """Return dead letters, newest first; those that are to be sent again (again=True) in the order of events."""
        order = StoredEvent.id.asc() if again else StoredDeadLetter.id.desc()
        query = (
            select(StoredDeadLetter, *_COLUMNS)
            .join(StoredEvent, StoredEvent.id == StoredDeadLetter.event_id)
            .order_by(order)
            .limit(limit)
        )
        if receiver is not None:
            query = query.where(StoredDeadLetter.receiver == receiver)
        if before is not None:
            query = query.where(StoredDeadLetter.id < before)
        if again is not None:
            query = query.where(StoredDeadLetter.again.is_(again))
        with translated(self._place), Session(self._engine) as session:
            return [
                DeadLetter(letter.id, letter.receiver, EventRow(*event), letter.error, letter.given_up_at, letter.again)
                for letter, *event in session.execute(query)
            ]
