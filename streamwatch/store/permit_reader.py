"""Reads permits: all of them for the decision, pages of a list for people, and single ones."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, literal, not_, or_, select, tuple_
from sqlalchemy.orm import Session

from streamwatch.core.codes import PermitKind, PermitState
from streamwatch.core.plates import normalise
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.log_reader import LogPage
from streamwatch.store.permit_rows import PermitRow, in_batches, permit_row
from streamwatch.store.search import Key, parse_key
from streamwatch.store.tables import StoredIdentity, StoredPermit, StoredVehicle, UtcDateTime

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class PermitSearch:
    """What is sought; a condition that is left out is none.

    text: a part of a plate, holder, group, note, reference or visitor's code. plate: a normalised plate. now: aware,
    for `state` and `within`. within: only permits that are valid and end by then, the next to end first. lanes: only
    permits of one of these lanes, or of all; None: any.
    """

    text: str = ""
    plate: str = ""
    kinds: frozenset[PermitKind] = frozenset()
    group: str = ""
    now: datetime | None = None
    state: PermitState | None = None
    within: timedelta | None = None
    lanes: frozenset[str] | None = None


class PermitReader:
    """Reads permits; part of `DatabaseReader`."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName) -> None:
        self._engine, self._place = engine, place

    def changed_at(self) -> datetime | None:
        """Return when the permits were changed last; another value than before means that they were changed since."""
        with self._session() as session:
            return session.scalar(select(StoredIdentity.permits_at))

    def load_all(self) -> list[PermitRow]:
        """Return all permits in the order in which they were added, in one snapshot.

        Those that have ended are among them, because a decision tells an expired permit from none.
        """
        with self._session() as session:
            plates: defaultdict[int, list[str]] = defaultdict(list)
            for number, plate in session.execute(
                select(StoredVehicle.permit_id, StoredVehicle.plate).order_by(StoredVehicle.id)
            ):
                plates[number].append(plate)
            # Of the table and not of the class: 100,000 objects that the session watches would cost seconds.
            rows = session.execute(select(StoredPermit.__table__).order_by(StoredPermit.id))
            return [permit_row(row, plates[row.id]) for row in rows]

    def find(self, search: PermitSearch, after: str | None, limit: int) -> LogPage[PermitRow]:
        """Return a page of what is sought, the newest first. after: of the page before; ValueError for another text."""
        at = StoredPermit.created_at if search.within is None else StoredPermit.valid_until
        place = tuple_(at, StoredPermit.id)
        query = _wanted(select(StoredPermit), search)
        if after is not None:
            key = parse_key(after)
            end = tuple_(literal(key.at, UtcDateTime), literal(key.id))
            query = query.where(place < end if search.within is None else place > end)
        order = (at.desc(), StoredPermit.id.desc()) if search.within is None else (at.asc(), StoredPermit.id.asc())
        with self._session() as session:
            found = self._shown(session, query.order_by(*order).limit(limit + 1))
        rows = tuple(found[:limit])
        if len(found) <= limit:
            return LogPage(rows, None)
        last = rows[-1].created_at if search.within is None else rows[-1].valid_until
        assert last is not None
        return LogPage(rows, str(Key(0, last, rows[-1].id)))

    def each(self, search: PermitSearch) -> Iterator[PermitRow]:
        """Yield what is sought, page by page, the newest first; memory holds one page."""
        after: str | None = None
        while True:
            page = self.find(search, after, _PAGE)
            yield from page.rows
            after = page.after
            if after is None:
                return

    def count(self, search: PermitSearch) -> int:
        """Return the number of permits that are sought."""
        with self._session() as session:
            return session.scalar(_wanted(select(func.count()).select_from(StoredPermit), search)) or 0

    def groups(self) -> list[str]:
        """Return the names of all groups in their order."""
        query = select(StoredPermit.group_name).where(StoredPermit.group_name != "").distinct()
        with self._session() as session:
            return list(session.scalars(query.order_by(StoredPermit.group_name)))

    def one(self, key: str) -> PermitRow | None:
        """Return the permit with this key; None if there is none."""
        return next(iter(self._by(StoredPermit.key == key)), None)

    def by_code(self, code: str) -> PermitRow | None:
        """Return the visitor's permit with this code, however it is written; None if there is none.

        It may have ended or not have begun: see `PermitRow.state`.
        """
        plain = "".join(character for character in normalise(code) if character.isalnum())
        return next(iter(self._by(StoredPermit.code == plain)), None) if plain else None

    def by_keys(self, keys: Iterable[str]) -> list[PermitRow]:
        """Return the permits with these keys."""
        return [row for some in in_batches(keys) for row in self._by(StoredPermit.key.in_(some))]

    def by_references(self, source: str, references: Iterable[str]) -> list[PermitRow]:
        """Return the permits with these references of a source."""
        return [
            row
            for some in in_batches(references)
            for row in self._by(StoredPermit.source == source, StoredPermit.reference.in_(some))
        ]

    def by_plates(self, plates: Iterable[str]) -> list[PermitRow]:
        """Return the permits that name one of these normalised plates, each once, the oldest first."""
        found: dict[int, PermitRow] = {}
        for some in in_batches(plates):
            named = select(StoredVehicle.permit_id).where(StoredVehicle.plate.in_(some))
            found.update((row.id, row) for row in self._by(StoredPermit.id.in_(named)))
        return [found[number] for number in sorted(found)]

    def of_source(self, source: str, now: datetime) -> list[tuple[str, str]]:
        """Return key and reference of each permit of a source that has a reference and has not ended."""
        running = StoredPermit.valid_until.is_(None) | (StoredPermit.valid_until > now)
        query = select(StoredPermit.key, StoredPermit.reference).where(StoredPermit.source == source, running)
        with self._session() as session:
            return [(key, reference) for key, reference in session.execute(query) if reference is not None]

    def _by(self, *conditions: ColumnElement[bool]) -> list[PermitRow]:
        with self._session() as session:
            return self._shown(session, select(StoredPermit).where(*conditions).order_by(StoredPermit.id))

    def _shown(self, session: Session, query: Select[Any]) -> list[PermitRow]:
        rows: list[StoredPermit] = list(session.scalars(query))
        plates = _plates_of(session, [row.id for row in rows])
        return [permit_row(row, plates[row.id]) for row in rows]

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with translated(self._place), Session(self._engine) as session:
            yield session


def _plates_of(session: Session, permits: Collection[int]) -> dict[int, list[str]]:
    plates: defaultdict[int, list[str]] = defaultdict(list)
    for some in in_batches(permits):
        query = select(StoredVehicle.permit_id, StoredVehicle.plate).where(StoredVehicle.permit_id.in_(some))
        for number, plate in session.execute(query.order_by(StoredVehicle.id)):
            plates[number].append(plate)
    return plates


def _wanted(query: Select[Any], search: PermitSearch) -> Select[Any]:
    return query.where(*_conditions(search))


def _conditions(search: PermitSearch) -> Iterator[ColumnElement[bool]]:
    table = StoredPermit
    if search.text:
        yield _says(search.text)
    if search.plate:
        yield exists().where(StoredVehicle.permit_id == table.id, StoredVehicle.plate == search.plate)
    if search.kinds:
        yield table.kind.in_(search.kinds)
    if search.group:
        yield table.group_name == search.group
    if search.lanes is not None:
        # JSON lists are texts in both databases; a name stands in them as `json.dumps` writes it.
        listed = (cast(table.lanes, Text).contains(json.dumps(lane), autoescape=True) for lane in search.lanes)
        yield or_(table.lanes.is_(None), *listed)
    if search.state is not None:
        assert search.now is not None
        yield _in_state(search.state, search.now)
    if search.within is not None:
        assert search.now is not None
        yield and_(_in_state(PermitState.VALID, search.now), table.valid_until <= search.now + search.within)


def _in_state(state: PermitState, now: datetime) -> ColumnElement[bool]:
    """Return the condition that `PermitRow.state` is this one."""
    table = StoredPermit
    ended = func.coalesce(table.valid_until <= literal(now, UtcDateTime), False) | func.coalesce(
        table.uses_left <= 0, False
    )
    upcoming = func.coalesce(table.valid_from > literal(now, UtcDateTime), False)
    match state:
        case PermitState.ENDED:
            return ended
        case PermitState.UPCOMING:
            return and_(not_(ended), upcoming)
        case PermitState.VALID:
            return and_(not_(ended), not_(upcoming))


def _says(text: str) -> ColumnElement[bool]:
    table = StoredPermit
    words = (table.holder, table.group_name, table.note, table.reference)
    found: list[ColumnElement[bool]] = [
        func.coalesce(column.icontains(text, autoescape=True), False) for column in words
    ]
    part = normalise(text)
    if part:
        plates = StoredVehicle.plate.contains(part, autoescape=True)
        found += [table.id.in_(select(StoredVehicle.permit_id).where(plates)), table.code == part]
    return or_(*found)
