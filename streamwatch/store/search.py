"""What people search for: conditions, and the order in which results come.

Results come in tiers, the nearest look-alikes first, and newest first in each tier. A page ends with a key, from which
the next page goes on: tier, time and id of the last row. So rows that are new meanwhile shift nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Tuple, and_, exists, func, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, Session

from streamwatch.core.codes import Verdict
from streamwatch.core.model import Engine
from streamwatch.core.plates import confusable
from streamwatch.store.plate_parts import LONGEST_LIKE, plates_like, plates_matching, tolerance
from streamwatch.store.tables import (
    PLATE_LENGTH,
    PassageOutcome,
    StoredCorrection,
    StoredDecision,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
    UtcDateTime,
)

UNREAD = (PassageOutcome.UNREAD, PassageOutcome.UNSURE, PassageOutcome.FAILED)
"""The outcomes of a passage whose plate a person may type in."""
_DAYS_TOGETHER = 31
_EVERYWHERE = 60  # look-alikes of a short text that are looked for in every row
_KEY = re.compile(r"(\d{1,4})-(-?\d{1,17})-(\d{1,18})", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Search:
    """Conditions that all hold for what is found; one that is left out is none.

    plate: a pattern of the whole normalised plate, as `core.plates.part_of_plate` makes it: `*` for any text, `?` for
    one character, so `*A12*` for a part; letter case is ignored. like: also plates of which that text may be a misread
    (look-alikes, one character wrong, missing or additional), nearest first; for texts without other patterns.
    cameras: empty for all. since, until: aware, both included. They bound `opened_at` of a passage; a sighting counts
    when any part of [first_seen, last_seen] lies between them. begin, end: local times of day, the end excluded; an end
    before the begin is on the next day. weekdays: of the local day of `begin`, 0 for Monday. outcomes: of the passage.
    engines, least, most: engine and confidence (0 to 1) of the plate; what a person typed is sure. unread: only
    passages whose plate a person can still type in, because a picture is kept. verdicts: only passages with a decision
    that is one of these.
    """

    plate: str | None = None
    like: bool = False
    cameras: frozenset[str] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    begin: time | None = None
    end: time | None = None
    weekdays: frozenset[int] = frozenset()
    outcomes: frozenset[PassageOutcome] = frozenset()
    engines: frozenset[Engine] = frozenset()
    least: float | None = None
    most: float | None = None
    unread: bool = False
    verdicts: frozenset[Verdict] = frozenset()

    @property
    def text(self) -> str:
        """The text that is looked for if the pattern is a plain text, a whole plate or a part; otherwise empty."""
        inner = (self.plate or "").upper().strip("*")
        return "" if set(inner) & {"*", "?"} or len(inner) > PLATE_LENGTH else inner


@dataclass(frozen=True, slots=True)
class Key:
    """The place of a row among the results."""

    tier: int
    at: datetime
    id: int

    def __str__(self) -> str:
        return f"{self.tier}-{(self.at - _EPOCH) // _MICROSECOND}-{self.id}"


def parse_key(text: str) -> Key:
    """Return the key that a page ended with. Raise ValueError with a sentence."""
    match = _KEY.fullmatch(text)
    try:
        if match is not None:
            return Key(int(match[1]), _EPOCH + int(match[2]) * _MICROSECOND, int(match[3]))
    except OverflowError:
        pass
    raise ValueError("This is not the key of a page; begin again with the first page.")


@dataclass(frozen=True, slots=True)
class Tier:
    """Results that are equally near to what is sought. number: hundredths of the distance of the plates."""

    number: int
    condition: ColumnElement[bool] | None


Searched = type[StoredPassage] | type[StoredSighting]


def begin_of(table: Searched) -> InstrumentedAttribute[datetime]:
    """Return the column by which results are ordered."""
    return StoredPassage.opened_at if table is StoredPassage else StoredSighting.first_seen


def conditions(table: Searched, search: Search, scope: frozenset[str] | None) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions but for plate and time of day. scope: cameras that may be seen at all; None: all."""
    if search.cameras:
        yield table.camera.in_(search.cameras)
    if scope is not None:
        yield table.camera.in_(scope)
    if search.since is not None:
        yield (StoredPassage.opened_at if table is StoredPassage else StoredSighting.last_seen) >= search.since
    if search.until is not None:
        yield begin_of(table) <= search.until
    if search.outcomes:
        yield _passage(table, StoredPassage.outcome.in_(search.outcomes))
    if search.unread:
        untyped = or_(StoredPassage.engine.is_(None), StoredPassage.engine != Engine.OPERATOR)
        shown = exists().where(StoredKeyframe.passage_id == StoredPassage.id, StoredKeyframe.path.is_not(None))
        yield _passage(table, and_(StoredPassage.outcome.in_(UNREAD), untyped, shown))
    if search.verdicts:
        decided = exists().where(
            StoredDecision.passage_id == StoredPassage.id, StoredDecision.verdict.in_(search.verdicts)
        )
        yield _passage(table, decided)
    if search.engines:
        yield table.engine.in_(search.engines)
        if search.engines == {Engine.OPERATOR}:  # few, and no index of passages finds them
            yield _passage(table, StoredPassage.id.in_(_typed()))
    if search.least is not None:
        yield or_(table.confidence >= search.least, table.engine == Engine.OPERATOR)
    if search.most is not None:
        yield table.confidence <= search.most


def _typed() -> Select[Any]:
    """Return the query for the ids of the passages that a person has answered."""
    return (
        select(StoredKeyframe.passage_id)
        .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
        .join(StoredCorrection, StoredCorrection.reading_id == StoredReading.id)
    )


def _passage(table: Searched, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    if table is StoredPassage:
        return condition
    return StoredSighting.passage_id.in_(select(StoredPassage.id).where(condition))


def tiers(session: Session, table: Searched, search: Search) -> Iterator[Tier]:
    """Yield the conditions on the plate, the nearest first; none if no plate fits.

    A passage that shows several vehicles is found by the plates of all of them, but for texts that are very frequent.
    """
    glob = None if search.plate is None else re.sub(r"\*+", "*", search.plate.upper())
    if glob in (None, "*"):
        yield Tier(0, None)
    # Databases may refuse a longer pattern as too complex.
    elif not glob or len(glob.replace("*", "")) > PLATE_LENGTH:
        return
    elif search.like and 0 < len(search.text) <= LONGEST_LIKE:
        yield from _like(session, table, search.text)
    elif not set(glob) & {"*", "?"}:
        yield Tier(0, _one_of(session, table, [glob]))
    else:
        pattern = _pattern(glob)
        # The longest text, and the last of several: plates end in many ways and begin in few.
        plates = plates_matching(session, max(reversed(re.split(r"[*?]", glob)), key=len), pattern)
        if plates is None:
            yield Tier(0, table.plate.like(pattern, escape="!"))
        elif plates:
            yield Tier(0, _one_of(session, table, plates))


def _like(session: Session, table: Searched, text: str) -> Iterator[Tier]:
    found = plates_like(session, text)
    if found is None:
        variants = sorted(confusable(text, tolerance(text)).items(), key=lambda one: one[1])[:_EVERYWHERE]
        anywhere = [table.plate.like(_pattern(f"*{variant}*"), escape="!") for variant, _ in variants]
        yield Tier(0, or_(*anywhere))
        return
    for gap in sorted(set(found.values())):
        yield Tier(round(gap * 100), _one_of(session, table, [plate for plate in found if found[plate] == gap]))


def _pattern(glob: str) -> str:
    return re.sub(r"([!%_\[\]])", r"!\1", glob).translate({ord("*"): "%", ord("?"): "_"})


def _one_of(session: Session, table: Searched, plates: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition for the plates; for passages also those that show another vehicle with such a plate."""
    is_one = table.plate.in_(plates)
    if table is StoredSighting:
        return is_one
    second = (
        select(StoredSighting.passage_id)
        .join(StoredPassage, StoredPassage.id == StoredSighting.passage_id)
        .where(StoredSighting.plate.in_(plates), StoredPassage.plate != StoredSighting.plate)
    )
    ids = session.scalars(second.limit(1000)).all()
    return or_(is_one, StoredPassage.id.in_(ids)) if ids else is_one


def windows(session: Session, table: Searched, search: Search) -> Iterator[ColumnElement[bool] | None]:
    """Yield conditions on the time of day that together hold for all that is sought, the newest time first."""
    if search.begin is None and search.end is None and not search.weekdays:
        yield None
        return
    column = begin_of(table)
    # Two questions, because SQLite looks through the whole index for both in one.
    oldest, newest = session.scalar(select(func.min(column))), session.scalar(select(func.max(column)))
    if oldest is None or newest is None:
        return
    first, last = max(oldest, search.since or oldest), min(newest, search.until or newest)
    if first > last:
        return
    days = _days(first, last, search.weekdays)
    while some := [day for _, day in zip(range(_DAYS_TOGETHER), days, strict=False)]:
        spans = [_span(day, search.begin, search.end) for day in some]
        bounds = and_(column >= spans[-1][0], column < spans[0][1])
        yield and_(bounds, or_(*(and_(column >= begin, column < end) for begin, end in spans)))


def _days(first: datetime, last: datetime, weekdays: frozenset[int]) -> Iterator[date]:
    """Yield the local days in which a span may lie that overlaps [first, last], the last day first."""
    day, end = last.astimezone().date(), first.astimezone().date() - timedelta(days=1)
    while day >= end:
        if not weekdays or day.weekday() in weekdays:
            yield day
        day -= timedelta(days=1)


def _span(day: date, begin: time | None, end: time | None) -> tuple[datetime, datetime]:
    """Return the two ends of a span of local time as UTC."""
    starts, ends = begin or time.min, end or time.min
    until = day if ends > starts else day + timedelta(days=1)
    return tuple(datetime.combine(d, t).astimezone(UTC) for d, t in ((day, starts), (until, ends)))  # type: ignore[return-value]


def older(table: Searched, key: Key) -> ColumnElement[bool]:
    """Return the condition for rows after a key in its tier."""
    return _place(table) < tuple_(literal(key.at, UtcDateTime), key.id)


def newer(table: Searched, key: Key) -> ColumnElement[bool]:
    """Return the condition for rows before a key in its tier."""
    return _place(table) > tuple_(literal(key.at, UtcDateTime), key.id)


def _place(table: Searched) -> Tuple:
    return tuple_(begin_of(table), table.id)


def walk(
    session: Session,
    table: Searched,
    search: Search,
    scope: frozenset[str] | None,
    after: Key | None,
    limit: int,
    what: Any,
) -> Iterator[tuple[Tier, Any]]:
    """Yield at most `limit` rows of the query `what` in order, each with its tier."""
    plain = list(conditions(table, search, scope))
    newest_first = (begin_of(table).desc(), table.id.desc())
    for tier in tiers(session, table, search):
        if after is not None and tier.number < after.tier:
            continue
        begun = [older(table, after)] if after is not None and tier.number == after.tier else []
        plate = [] if tier.condition is None else [tier.condition]
        for window in windows(session, table, search):
            timed = [] if window is None else [window]
            query = what.where(*plain, *plate, *timed, *begun).order_by(*newest_first).limit(limit)
            for row in session.execute(query):
                limit -= 1
                yield tier, row
            if limit <= 0:
                return


def count(session: Session, table: Searched, search: Search, scope: frozenset[str] | None, most: int | None) -> int:
    """Return the number of results, at most `most`."""
    plain, found = list(conditions(table, search, scope)), 0
    for tier in tiers(session, table, search):
        plate = [] if tier.condition is None else [tier.condition]
        for window in windows(session, table, search):
            timed = [] if window is None else [window]
            query = select(table.id).where(*plain, *plate, *timed)
            if most is not None:
                query = query.limit(most - found)
            found += session.scalar(select(func.count()).select_from(query.subquery())) or 0
            if most is not None and found >= most:
                return found
    return found
