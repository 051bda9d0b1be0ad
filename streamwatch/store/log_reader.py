"""The log as other programs read it: page by page, newest first, each page in its own short transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy
from sqlalchemy import literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import Engine
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.passage_reader import (
    CallRow,
    KeyframeRow,
    PassageReader,
    PassageRow,
    ReadingRow,
    shown_call,
    shown_keyframe,
    shown_reading,
)
from streamwatch.store.search import Key, Search, parse_key, walk
from streamwatch.store.sighting_rows import SightingRow, sighting_row, sighting_rows
from streamwatch.store.tables import (
    StoredCall,
    StoredCorrection,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
    UtcDateTime,
)

T = TypeVar("T")
Scope = frozenset[str] | None
"""The cameras that may be seen; None for all."""
PAGE = 1000
"""Passages that are read in one transaction."""


@dataclass(frozen=True, slots=True)
class LogPage(Generic[T]):
    """Some rows, and the key from which the next page goes on; None if there are no more."""

    rows: tuple[T, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What is asked for; one that is left out is no condition. since, until: aware, both included."""

    cameras: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    engines: frozenset[Engine] = frozenset()
    outcomes: frozenset[CallOutcome] = frozenset()


class LogReader:
    """Reads lists; part of `DatabaseReader`. `after`: the key of the page before; ValueError for another text."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName, data_dir: Path, passages: PassageReader) -> None:
        self._engine, self._place, self._data_dir, self._passages = engine, place, data_dir, passages

    def each_passage(self, search: Search, scope: Scope = None, limit: int | None = None) -> Iterator[PassageRow]:
        """Yield the passages that a search finds, newest first; memory holds one page."""
        after: str | None = None
        while limit is None or limit > 0:
            page = self._passages.find(search, scope, after, PAGE if limit is None else min(limit, PAGE))
            yield from page.rows
            limit = None if limit is None else limit - len(page.rows)
            after = page.after
            if after is None:
                return

    def passages_of(self, sighting: int) -> tuple[int, ...]:
        """Return the ids of the passages that a sighting (id) is made of, in the order of time."""
        of_readings = (
            select(StoredKeyframe.passage_id)
            .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
            .where(StoredReading.sighting_id == sighting)
        )
        own = select(StoredSighting.passage_id).where(StoredSighting.id == sighting)
        query = select(StoredPassage.id).where(StoredPassage.id.in_(of_readings.union(own)))
        with self._session() as session:
            return tuple(session.scalars(query.order_by(StoredPassage.opened_at, StoredPassage.id)))

    def sightings(self, search: Search, scope: Scope, after: str | None, limit: int) -> LogPage[SightingRow]:
        """Return a page of the sightings that a search finds, newest first; look-alikes after what is the same."""
        key = None if after is None else parse_key(after)
        with self._session() as session:
            found = list(walk(session, StoredSighting, search, scope, key, limit + 1, sighting_rows()))
            rows = tuple(sighting_row(row, path, self._data_dir) for _, (row, path) in found[:limit])
        more = len(found) > limit
        return LogPage(rows, str(Key(found[limit - 1][0].number, rows[-1].first_seen, rows[-1].id)) if more else None)

    def keyframes(self, wanted: LogFilter, scope: Scope, after: str | None, limit: int) -> LogPage[KeyframeRow]:
        """Return a page of keyframes. Engines and outcomes are no conditions."""
        table = StoredKeyframe
        query = _narrowed(select(table), table.camera, table.captured_at, wanted, scope)
        return self._page(query, (table.captured_at, table.id), after, limit, lambda row: shown_keyframe(*row))

    def keyframe(self, number: int, scope: Scope) -> KeyframeRow | None:
        """Return the keyframe with that id; None if there is none."""
        query = select(StoredKeyframe).where(StoredKeyframe.id == number)
        with self._session() as session:
            found = session.scalar(query if scope is None else query.where(StoredKeyframe.camera.in_(scope)))
            return None if found is None else shown_keyframe(found)

    def readings(self, wanted: LogFilter, scope: Scope, after: str | None, limit: int) -> LogPage[ReadingRow]:
        """Return a page of readings, by the times of their keyframes. Outcomes are no condition."""
        query = (
            select(StoredReading, StoredCorrection, StoredKeyframe)
            .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
            .outerjoin(StoredCorrection, StoredCorrection.reading_id == StoredReading.id)
        )
        query = _narrowed(query, StoredKeyframe.camera, StoredKeyframe.captured_at, wanted, scope)
        if wanted.engines:
            query = query.where(StoredReading.engine.in_(wanted.engines))
        return self._page(
            query, (StoredKeyframe.captured_at, StoredReading.id), after, limit, lambda row: shown_reading(*row)
        )

    def calls(self, wanted: LogFilter, scope: Scope, after: str | None, limit: int) -> LogPage[CallRow]:
        """Return a page of the ledger, by the times at which the calls were started."""
        table = StoredCall
        query = _narrowed(select(table), table.camera, table.started_at, wanted, scope)
        if wanted.engines:
            query = query.where(table.engine.in_(wanted.engines))
        if wanted.outcomes:
            query = query.where(table.outcome.in_(wanted.outcomes))
        return self._page(query, (table.started_at, table.id), after, limit, lambda row: shown_call(*row))

    def _page(
        self,
        query: Any,
        order: tuple[InstrumentedAttribute[datetime], InstrumentedAttribute[int]],
        after: str | None,
        limit: int,
        make: Callable[[Any], T],
    ) -> LogPage[T]:
        at, number = order
        if after is not None:
            key = parse_key(after)
            query = query.where(tuple_(at, number) < tuple_(literal(key.at, UtcDateTime), key.id))
        query = query.add_columns(at, number).order_by(at.desc(), number.desc()).limit(limit + 1)
        with self._session() as session:
            found = session.execute(query).all()
            rows = tuple(make(row[:-2]) for row in found[:limit])
        return LogPage(rows, str(Key(0, *found[limit - 1][-2:])) if len(found) > limit else None)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with translated(self._place), Session(self._engine) as session:
            yield session


def _narrowed(
    query: Any,
    camera: InstrumentedAttribute[Any],
    at: InstrumentedAttribute[datetime],
    wanted: LogFilter,
    scope: Scope,
) -> Any:
    for cameras in (wanted.cameras or None, scope):
        if cameras is not None:
            query = query.where(camera.in_(cameras))
    if wanted.since is not None:
        query = query.where(at >= wanted.since)
    if wanted.until is not None:
        query = query.where(at <= wanted.until)
    return query
