"""Writes permits and their vehicles. Each change sets `identity.permits_at`, by which others notice it."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from sqlalchemy import Table, delete, exists, insert, select, update
from sqlalchemy.orm import Session

from streamwatch.core.codes import PermitKind
from streamwatch.core.errors import PermitError
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store.permit_rows import PermitRow, columns_of, in_batches, permit_row
from streamwatch.store.tables import StoredIdentity, StoredPermit, StoredVehicle
from streamwatch.store.transactions import Writer

NO_PERMIT = "There is no such permit."
TAKEN = "Another permit has this number already. Change that one, or write another number."
CHANGED_MEANWHILE = "Somebody changed permits at the same time. Try again."
_PERMITS, _VEHICLES = cast(Table, StoredPermit.__table__), cast(Table, StoredVehicle.__table__)
CODE_LETTERS = "23456789CDFGHJKMNPQRTVWXY"
"""The characters of a visitor's code: none looks or sounds like another one, and they make no words."""
CODE_LENGTH = 6


@dataclass(frozen=True, slots=True)
class PermitChanges:
    """What an import does. added: new permits. changed: by the key. ended: keys.

    seen: `PermitReader.changed_at` when it was worked out. Each is gone through once.
    """

    added: Iterable[PermitTerms]
    changed: Iterable[tuple[str, PermitTerms]]
    ended: Iterable[str]
    seen: datetime | None


class Permits:
    """Adds, changes and ends permits. Who calls has checked them by `access.permit_rules`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def add(self, terms: PermitTerms, who: str, at: datetime) -> PermitRow:
        """Add a permit. One of a visitor gets a code and is for one use.

        who: see `audit_log.who`. Raise PermitError if the reference is taken.
        """
        with self._writer.transaction() as session:
            _require_free(session, terms, None)
            (number,) = _insert(session, [terms], who, at)
            _touch(session, at)
            return _shown(session, session.get_one(StoredPermit, number))

    def change(self, key: str, terms: PermitTerms, at: datetime) -> PermitRow:
        """Give a permit other terms. Raise PermitError if there is none with this key, or the reference is taken.

        If it becomes one of a visitor, it gets a code and is for one use; if it was one, it loses them.
        """
        with self._writer.transaction() as session:
            row = _permit(session, key)
            _require_free(session, terms, row.id)
            _change(session, row, terms, at)
            _touch(session, at)
            return _shown(session, row)

    def end(self, key: str, at: datetime) -> PermitRow:
        """End a permit now. One that has ended stays as it is. Raise PermitError if there is none with this key."""
        with self._writer.transaction() as session:
            row = _permit(session, key)
            if row.valid_until is None or row.valid_until > at:
                _end(row, at)
                _touch(session, at)
            return _shown(session, row)

    def used(self, key: str) -> bool:
        """Count one use of a permit whose uses are limited; do nothing for another one. Return False if none is left.

        It does not count as a change of the list.
        """
        with self._writer.transaction() as session:
            left = session.scalar(select(StoredPermit.uses_left).where(StoredPermit.key == key).with_for_update())
            if left is not None and left > 0:
                session.execute(update(StoredPermit).where(StoredPermit.key == key).values(uses_left=left - 1))
            return left is None or left > 0

    def not_used(self, key: str) -> None:
        """Take back a use that was counted, because nothing has opened."""
        with self._writer.transaction() as session:
            limited = StoredPermit.key == key, StoredPermit.uses_left.is_not(None)
            session.execute(update(StoredPermit).where(*limited).values(uses_left=StoredPermit.uses_left + 1))

    def take_list(self, changes: PermitChanges, who: str, at: datetime) -> None:
        """Take over an import, as a whole or not at all. The time of the list is set also if nothing changes.

        Raise PermitError if somebody changed permits since the import was worked out.
        """
        with self._writer.transaction() as session:
            if session.scalar(select(StoredIdentity.permits_at)) != changes.seen:
                raise PermitError(CHANGED_MEANWHILE)
            for keys in in_batches(changes.ended):
                for row in _rows(session, keys).values():
                    _end(row, at)
            for some in in_batches(changes.changed):
                rows = _rows(session, [key for key, _ in some])
                for key, terms in some:
                    _change(session, rows[key], terms, at)
                session.flush()
            for added in in_batches(changes.added):
                _insert(session, added, who, at)
            _touch(session, at)


def _insert(session: Session, added: Sequence[PermitTerms], who: str, at: datetime) -> Sequence[int]:
    """Add permits with their vehicles, and return their ids in order."""
    visitors = sum(terms.kind is PermitKind.VISITOR for terms in added)
    codes = _codes(session, visitors)
    rows = [
        {
            **columns_of(terms),
            **_visit(terms.kind, codes),
            "key": uuid4().hex,
            "created_at": at,
            "created_by": who,
            "changed_at": at,
        }
        for terms in added
    ]
    connection = session.connection()
    connection.execute(insert(_PERMITS), rows)
    # Asked for afterwards: SQLite would return them only from one statement for each row.
    of_keys = select(_PERMITS.c.key, _PERMITS.c.id).where(_PERMITS.c.key.in_([row["key"] for row in rows]))
    ids = {row.key: row.id for row in connection.execute(of_keys)}
    numbers = [ids[row["key"]] for row in rows]
    vehicles = [
        {"permit_id": number, "plate": plate, "note": ""}
        for number, terms in zip(numbers, added, strict=True)
        for plate in terms.plates
    ]
    if vehicles:
        connection.execute(insert(_VEHICLES), vehicles)
    return numbers


def _visit(kind: PermitKind, codes: Iterator[str]) -> dict[str, Any]:
    """Return the columns that only a visitor's permit has."""
    is_visit = kind is PermitKind.VISITOR
    return {"uses_left": 1 if is_visit else None, "code": next(codes) if is_visit else None}


def _change(session: Session, row: StoredPermit, terms: PermitTerms, at: datetime) -> None:
    """Give a row other terms. Vehicles that stay keep their rows."""
    if (row.kind is PermitKind.VISITOR) is not (terms.kind is PermitKind.VISITOR):
        for name, value in _visit(terms.kind, _codes(session, 1)).items():
            setattr(row, name, value)
    for name, value in columns_of(terms).items():
        setattr(row, name, value)
    row.changed_at = at
    before = _plates(session, row)
    if list(terms.plates) != before:
        gone = set(before) - set(terms.plates)
        session.execute(delete(StoredVehicle).where(StoredVehicle.permit_id == row.id, StoredVehicle.plate.in_(gone)))
        session.add_all(StoredVehicle(permit_id=row.id, plate=plate) for plate in terms.plates if plate not in before)


def _end(row: StoredPermit, at: datetime) -> None:
    """End a permit. One that was to begin later never does."""
    row.valid_until = row.changed_at = at
    if row.valid_from is not None and row.valid_from > at:
        row.valid_from = at


def _codes(session: Session, count: int) -> Iterator[str]:
    """Yield so many codes that no permit has."""
    codes: set[str] = set()
    while len(codes) < count:
        some = {"".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH)) for _ in range(count - len(codes))}
        codes |= some - set(session.scalars(select(StoredPermit.code).where(StoredPermit.code.in_(some))))
    return iter(codes)


def _permit(session: Session, key: str) -> StoredPermit:
    row = session.scalar(select(StoredPermit).where(StoredPermit.key == key))
    if row is None:
        raise PermitError(NO_PERMIT)
    return row


def _rows(session: Session, keys: Sequence[str]) -> dict[str, StoredPermit]:
    return {row.key: row for row in session.scalars(select(StoredPermit).where(StoredPermit.key.in_(keys)))}


def _plates(session: Session, row: StoredPermit) -> list[str]:
    query = select(StoredVehicle.plate).where(StoredVehicle.permit_id == row.id)
    return list(session.scalars(query.order_by(StoredVehicle.id)))


def _shown(session: Session, row: StoredPermit) -> PermitRow:
    session.flush()
    return permit_row(row, _plates(session, row))


def _require_free(session: Session, terms: PermitTerms, own: int | None) -> None:
    """Raise PermitError if another permit than `own` (id) has the reference."""
    if terms.reference is None:
        return
    same = StoredPermit.source == terms.source, StoredPermit.reference == terms.reference
    if session.scalar(select(exists().where(*same, StoredPermit.id != (-1 if own is None else own)))):
        raise PermitError(TAKEN)


def _touch(session: Session, at: datetime) -> None:
    """Note the time of a change. It always differs from the last one, because by that others notice the change."""
    before = session.scalar(select(StoredIdentity.permits_at))
    session.execute(update(StoredIdentity).values(permits_at=at if at != before else at + timedelta(microseconds=1)))
