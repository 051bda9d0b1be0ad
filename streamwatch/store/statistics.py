"""Figures over time: vehicles, read rates, widths of plates and calls, by camera, hour and day of local time.

Databases do not know when an hour of this machine's local time begins. So they add up by hours since 1970 that are
moved by the minutes of the zone's offset, and days are added up of these hours here.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy
from sqlalchemy import BigInteger, ColumnElement, func, literal, select, tuple_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from streamwatch.core.clock import Span, window
from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.store import ledger
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.ledger import NotCalledRow
from streamwatch.store.tables import (
    KeyframeState,
    PassageOutcome,
    StoredCall,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    UtcDateTime,
)

HOUR = 3600
SAMPLE = 200
"""About the readings of a camera and day of which a median is taken; more would not make it much surer."""
LONGEST = timedelta(days=400)
"""The longest time that one question may be about, so that its work is bounded."""


@dataclass(frozen=True, slots=True)
class PassageCounts:
    """Numbers of passages. opened: all; the others: those that are closed, by outcome. failed: no engine answered."""

    opened: int = 0
    read: int = 0
    unsure: int = 0
    unread: int = 0
    failed: int = 0

    @property
    def answered(self) -> int:
        """Return the closed passages of which an engine said something: an outage says nothing about a camera."""
        return self.read + self.unsure + self.unread

    @property
    def read_rate(self) -> float | None:
        """Return the part of the answered passages whose plate was read, 0 to 1; None if there is none."""
        return self.read / self.answered if self.answered else None

    def __add__(self, other: "PassageCounts") -> "PassageCounts":
        return PassageCounts(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(PassageCounts)))


@dataclass(frozen=True, slots=True)
class HourRow:
    """The passages of one camera that opened in one hour of local time. hour: its begin, aware UTC."""

    camera: str
    hour: datetime
    counts: PassageCounts


@dataclass(frozen=True, slots=True)
class PlateSizes:
    """Plates that were read at one camera on one day of local time, measured in pixels of the camera's frame.

    readings: the number measured, a sample of at most about `SAMPLE`. width: median of the mean of upper and lower
    edge. x, y: medians of the centre. night_readings, night_width: the same of those from 20:00 to 6:00; 0 and None if
    there are none.
    """

    camera: str
    day: date
    readings: int
    width: float
    x: float
    y: float
    night_readings: int = 0
    night_width: float | None = None


@dataclass(frozen=True, slots=True)
class NotCalledDay:
    """The keyframes of one day of local time for which no call was made."""

    day: date
    row: NotCalledRow


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One call as people read it. Times: aware UTC. plates: the texts that it brought; None: it said nothing.

    camera: None for the verb `read`. charged: None: unknown. passage_id: None if its passage was deleted.
    """

    id: int
    started_at: datetime
    camera: str | None
    keyframe_id: int | None
    passage_id: int | None
    attempt: int
    outcome: CallOutcome | None
    charged: bool | None
    fee: int
    latency: float | None
    plates: tuple[str, ...] | None
    request_id: str
    error: str


class Statistics:
    """Answers questions about times past. Every question is refused whose time is longer than `LONGEST`.

    The work grows with the rows of the time that is asked about, not with those of the database.
    """

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName) -> None:
        self._engine, self._place = engine, place

    def passages_by_hour(self, since: datetime, until: datetime, camera: str | None = None) -> list[HourRow]:
        """Return the passages opened at `since` or later and before `until`, by hour; hours without one are left out.

        since, until: aware. camera: None for all. Raise ValueError for a time that is too long.
        """
        shift = _shift(since)
        hour = _Hour(StoredPassage.opened_at, shift)
        kind = (StoredPassage.camera, hour, StoredPassage.closed, StoredPassage.outcome)
        query = select(*kind, func.count()).where(*_between(StoredPassage.opened_at, since, until))
        if camera is not None:
            query = query.where(StoredPassage.camera == camera)
        sums: dict[tuple[str, int], PassageCounts] = {}
        with translated(self._place), Session(self._engine) as session:
            for name, at, closed, outcome, number in session.execute(query.group_by(*kind)):
                counts = {outcome.value: number} if closed and outcome is not PassageOutcome.PENDING else {}
                key = name, int(at)
                sums[key] = sums.get(key, PassageCounts()) + PassageCounts(opened=number, **counts)
        return [HourRow(name, _begin(at, shift), sums[name, at]) for name, at in sorted(sums)]

    def last_passages(self, cameras: Iterable[str]) -> dict[str, datetime]:
        """Return the time when the last passage opened, for each of the cameras that has one."""
        latest = select(func.max(StoredPassage.opened_at))
        with translated(self._place), Session(self._engine) as session:
            found = ((camera, session.scalar(latest.where(StoredPassage.camera == camera))) for camera in cameras)
            return {camera: at for camera, at in found if at is not None}

    def plate_sizes(self, since: datetime, until: datetime, camera: str) -> list[PlateSizes]:
        """Return the sizes of the plates read at a camera, by day of local time, the oldest first.

        Only readings that support a sighting count. Raise ValueError for a time that is too long.
        """
        return [found for begin, end in _days(since, until) if (found := self._sizes_of_day(begin, end, camera))]

    def not_called_by_day(self, since: datetime, until: datetime) -> list[NotCalledDay]:
        """Count the keyframes that `DatabaseReader.not_called` counts for each day by itself, the oldest first."""
        shift = _shift(since)
        hour = _Hour(StoredKeyframe.captured_at, shift)
        kind = (StoredKeyframe.camera, StoredKeyframe.state, StoredKeyframe.state_reason)
        query = select(hour, *kind, func.count()).where(*_between(StoredKeyframe.captured_at, since, until))
        query = query.where(ledger.without_call()).group_by(hour, *kind)
        sums: dict[tuple[date, str, KeyframeState, StateReason], int] = {}
        with translated(self._place), Session(self._engine) as session:
            for at, camera, state, reason, number in session.execute(query):
                key = _begin(int(at), shift).astimezone().date(), camera, state, reason
                sums[key] = sums.get(key, 0) + number
        rows = ((*key, number) for key, number in sorted(sums.items()))
        return [NotCalledDay(day, NotCalledRow(camera, state, why, n)) for day, camera, state, why, n in rows]

    def ledger_page(
        self,
        since: datetime,
        until: datetime,
        cameras: frozenset[str | None] | None = None,
        outcomes: frozenset[CallOutcome] | None = None,
        charged: frozenset[bool | None] | None = None,
        older_than: tuple[datetime, int] | None = None,
        limit: int = 50,
    ) -> list[LedgerRow]:
        """Return the calls started at `since` or later and before `until`, the newest first.

        cameras (None among them: the verb `read`), outcomes, charged: only these; None for all. older_than: time and id
        of the last row that is known already.
        """
        order = (StoredCall.started_at, StoredCall.id)
        query = (
            select(StoredCall, StoredKeyframe.passage_id)
            .where(*_between(StoredCall.started_at, since, until))
            .outerjoin(StoredKeyframe, StoredKeyframe.id == StoredCall.keyframe_id)
            .where(*_which(cameras, outcomes, charged))
            .order_by(*(column.desc() for column in order))
            .limit(limit)
        )
        if older_than is not None:
            at, number = older_than
            query = query.where(tuple_(*order) < tuple_(literal(at, UtcDateTime), number))
        with translated(self._place), Session(self._engine) as session:
            return [_ledger_row(call, passage) for call, passage in session.execute(query)]

    def _sizes_of_day(self, begin: datetime, end: datetime, camera: str) -> PlateSizes | None:
        """Return the sizes of one day. Every nth keyframe is looked at, so that a busy day costs no more than others.

        Ids grow with time, so that these are spread over the day.
        """
        of_day = StoredKeyframe.camera == camera, StoredKeyframe.captured_at >= begin, StoredKeyframe.captured_at < end
        with translated(self._place), Session(self._engine) as session:
            number = session.scalar(select(func.count()).select_from(StoredKeyframe).where(*of_day)) or 0
            query = (
                select(StoredKeyframe.captured_at, StoredReading.corners)
                .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
                .where(*of_day, StoredKeyframe.id % math.ceil((number or 1) / SAMPLE) == 0)
                .where(StoredReading.sighting_id.is_not(None), StoredReading.corners.is_not(None))
            )
            measured = [(at, *_measured(corners)) for at, corners in session.execute(query) if corners]
        if not measured:
            return None
        nights = [width for at, width, _, _ in measured if is_night(at)]
        _, widths, xs, ys = zip(*measured, strict=True)
        night = median(nights) if nights else None
        day = begin.astimezone().date()
        return PlateSizes(camera, day, len(measured), median(widths), median(xs), median(ys), len(nights), night)


def is_night(at: datetime) -> bool:
    """Return True from 20:00 to 6:00 of local time, when plates are seen by lamps or infrared light."""
    return not 6 <= at.astimezone().hour < 20


def added_up(rows: Iterable[HourRow], key: Callable[[HourRow], Any]) -> dict[Any, PassageCounts]:
    """Return the sums of rows with the same key, in the order of the keys."""
    sums: dict[Any, PassageCounts] = {}
    for row in rows:
        sums[key(row)] = sums.get(key(row), PassageCounts()) + row.counts
    return {part: sums[part] for part in sorted(sums)}


def local_day(row: HourRow) -> date:
    """Return the day of local time, as a key for `added_up`."""
    return row.hour.astimezone().date()


def hour_of_day(row: HourRow) -> int:
    """Return the hour of the day of local time, 0 to 23, as a key for `added_up`."""
    return row.hour.astimezone().hour


class _Hour(GenericFunction[int]):
    """The hours since 1970 at a time plus some seconds: `_Hour(column, seconds)`."""

    type = BigInteger()
    inherit_cache = True
    name = "streamwatch_hour"


@compiles(_Hour, "sqlite")
def _sqlite_hour(element: _Hour, compiler: SQLCompiler, **options: Any) -> str:
    time, shift = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((CAST(strftime('%s', {time}) AS INTEGER) + {shift}) / {HOUR})"


@compiles(_Hour, "postgresql")
def _postgresql_hour(element: _Hour, compiler: SQLCompiler, **options: Any) -> str:
    time, shift = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(floor((extract(epoch FROM {time}) + {shift}) / {HOUR}) AS BIGINT)"


def _shift(at: datetime) -> ColumnElement[int]:
    """Return the seconds by which hours of local time begin before those of UTC: 1800 in India, 0 in most zones."""
    offset = at.astimezone().utcoffset() or timedelta(0)
    # Written into the statement: a parameter would make PostgreSQL take GROUP BY for another expression.
    return sqlalchemy.literal_column(str(int(offset.total_seconds()) % HOUR), BigInteger)


def _begin(hour: int, shift: ColumnElement[int]) -> datetime:
    return datetime.fromtimestamp(hour * HOUR - int(str(shift)), UTC)


def _between(
    column: InstrumentedAttribute[datetime], since: datetime, until: datetime
) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    _require_bounded(since, until)
    return column >= since, column < until


def _require_bounded(since: datetime, until: datetime) -> None:
    if until - since > LONGEST:
        raise ValueError(f"The time is too long: ask for {LONGEST.days} days at most.")


def _days(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield begin and end of each day of local time, cut to [since, until)."""
    _require_bounded(since, until)
    while since < until:
        end = min(window(Span.DAY, since).end, until)
        yield since, end
        since = end


def _measured(corners: list[list[float]]) -> tuple[float, float, float]:
    """Return the mean width of the upper and lower edge, and the centre."""
    left_top, right_top, right_bottom, left_bottom = corners
    width = (math.dist(left_top, right_top) + math.dist(left_bottom, right_bottom)) / 2
    x, y = (sum(point[axis] for point in corners) / 4 for axis in (0, 1))
    return width, x, y


def _which(
    cameras: frozenset[str | None] | None,
    outcomes: frozenset[CallOutcome] | None,
    charged: frozenset[bool | None] | None,
) -> Iterator[ColumnElement[bool]]:
    if cameras is not None:
        yield _is_one_of(StoredCall.camera, cameras)
    if outcomes is not None:
        yield StoredCall.outcome.in_(outcomes)
    if charged is not None:
        yield _is_one_of(StoredCall.charged, charged)


def _is_one_of(column: InstrumentedAttribute[Any], values: frozenset[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values; None among them stands for NULL."""
    known = column.in_([value for value in values if value is not None])
    return known | column.is_(None) if None in values else known


def _ledger_row(call: StoredCall, passage_id: int | None) -> LedgerRow:
    return LedgerRow(
        id=call.id,
        started_at=call.started_at,
        camera=call.camera,
        keyframe_id=call.keyframe_id,
        passage_id=passage_id,
        attempt=call.attempt,
        outcome=call.outcome,
        charged=call.charged,
        fee=call.fee,
        latency=call.latency,
        plates=None if call.answer is None else tuple(str(plate.get("text", "")) for plate in call.answer),
        request_id=call.request_id,
        error=call.error,
    )
