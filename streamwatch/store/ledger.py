"""Adds up what calls have cost, for the budget and for people."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from streamwatch.core.clock import Span, window
from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.model import PlateText
from streamwatch.store.rows import plates_of
from streamwatch.store.tables import KeyframeState, StoredCall, StoredKeyframe, StoredPassage


@dataclass(frozen=True, slots=True)
class Calls:
    """Numbers of calls. fee: charge units of the charged calls, as the service says.

    doubtful: in flight, or it is unknown whether they were charged. failed: ended without an answer about plates,
    charged or not. calls = read + no_plate + doubtful + failed.
    """

    calls: int = 0
    charged: int = 0
    fee: int = 0
    read: int = 0
    no_plate: int = 0
    doubtful: int = 0
    failed: int = 0

    def __add__(self, other: "Calls") -> "Calls":
        return Calls(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(Calls)))


@dataclass(frozen=True, slots=True)
class CallsRow:
    """The calls of one camera (None: the verb `read`) that were started on one day of local time."""

    day: date
    camera: str | None
    calls: Calls


@dataclass(frozen=True, slots=True)
class CallsReport:
    """Newest day first, cameras by name."""

    rows: list[CallsRow]
    total: Calls


@dataclass(frozen=True, slots=True)
class NotCalledRow:
    """The number of keyframes of one camera, in one state for one reason, for which no call was made."""

    camera: str
    state: KeyframeState
    reason: StateReason
    keyframes: int


def spent(session: Session, since: datetime, camera: str | None) -> int:
    """Return the charge units since then, as `RecordedLedger` counts them: at least 1 for a call that may be charged.

    camera: None for all and the verb `read`. For a call whose clock was not trusted, the order of the rows counts, too:
    it was made after the trusted call in front of it, even if its own time is earlier.
    """
    units = func.coalesce(func.sum(case((StoredCall.fee > 1, StoredCall.fee), else_=1)), 0)
    query = select(units).where(StoredCall.charged.is_not(False), _since(session, since))
    if camera is not None:
        query = query.where(StoredCall.camera == camera)
    return int(session.scalar(query) or 0)


def answer_to(session: Session, camera: str, sha256: str) -> tuple[PlateText, ...] | None:
    """Return the service's last answer to a camera's JPEG with this SHA-256; None if there is no usable answer."""
    query = (
        select(StoredCall.answer)
        .where(StoredCall.camera == camera, StoredCall.sha256 == sha256, StoredCall.answer.is_not(None))
        .order_by(StoredCall.id.desc())
        .limit(1)
    )
    answer = session.scalar(query)
    return None if answer is None else plates_of(answer)


def _since(session: Session, since: datetime) -> ColumnElement[bool]:
    last_before = (
        select(StoredCall.id, StoredCall.started_at)
        .where(StoredCall.clock_trusted, StoredCall.started_at < since)
        .order_by(StoredCall.id.desc())
        .limit(1)
    )
    later, row = StoredCall.started_at >= since, session.execute(last_before).first()
    if row is None:
        return later
    number, started_at = row
    after_it = and_(StoredCall.id > number, or_(later, StoredCall.started_at < started_at))
    return or_(and_(StoredCall.clock_trusted, later), and_(StoredCall.clock_trusted.is_(False), after_it))


def calls_report(session: Session, since: datetime, until: datetime) -> CallsReport:
    """Return the calls that were started at `since` or later and before `until`.

    The database adds up the calls of a day. Each day of local time has a query of its own, because databases do not
    know when a day of this machine begins.
    """
    first = select(func.min(StoredCall.started_at))
    rows: list[CallsRow] = []
    while (
        at := session.scalar(first.where(StoredCall.started_at >= since, StoredCall.started_at < until))
    ) is not None:
        since = min(window(Span.DAY, at).end, until)
        rows[:0] = _day(session, at, since)
    return CallsReport(rows, _total(row.calls for row in rows))


def _day(session: Session, since: datetime, until: datetime) -> list[CallsRow]:
    kind = (StoredCall.camera, StoredCall.outcome, StoredCall.charged)
    query = (
        select(*kind, func.count(), func.sum(StoredCall.fee))
        .where(StoredCall.started_at >= since, StoredCall.started_at < until)
        .group_by(*kind)
    )
    sums: dict[str | None, Calls] = {}
    for camera, outcome, charged, number, fee in session.execute(query):
        sums[camera] = sums.get(camera, Calls()) + _alike(outcome, charged, number, fee)
    day = since.astimezone().date()
    return [CallsRow(day, camera, sums[camera]) for camera in sorted(sums, key=lambda name: (name is None, name or ""))]


def _alike(outcome: CallOutcome | None, charged: bool | None, number: int, fee: int) -> Calls:
    """Return the sums of `number` calls that ended in the same way. fee: of all these calls together."""
    read, no_plate = outcome is CallOutcome.READ, outcome is CallOutcome.NO_PLATE
    doubtful = outcome in (None, CallOutcome.DOUBTFUL)
    return Calls(
        calls=number,
        charged=number if charged else 0,
        fee=fee if charged else 0,
        read=number if read else 0,
        no_plate=number if no_plate else 0,
        doubtful=number if doubtful else 0,
        failed=0 if read or no_plate or doubtful else number,
    )


def _total(rows: Iterable[Calls]) -> Calls:
    return sum(rows, Calls())


def first_use(session: Session) -> datetime | None:
    """Return the time when the first passage or call was written by a trusted clock; None if there is none."""
    firsts = (
        select(time).where(trusted).order_by(time).limit(1)
        for time, trusted in (
            (StoredPassage.recorded_at, StoredPassage.clock_trusted),
            (StoredCall.started_at, StoredCall.clock_trusted),
        )
    )
    return min((at for at in map(session.scalar, firsts) if at is not None), default=None)


def not_called(session: Session, since: datetime, until: datetime) -> list[NotCalledRow]:
    """Count the keyframes of [since, until) for which no call was made, the most frequent kind first."""
    number = func.count()
    query = (
        select(StoredKeyframe.camera, StoredKeyframe.state, StoredKeyframe.state_reason, number)
        .where(StoredKeyframe.captured_at >= since, StoredKeyframe.captured_at < until)
        .where(without_call())
        .group_by(StoredKeyframe.camera, StoredKeyframe.state, StoredKeyframe.state_reason)
        .order_by(number.desc(), StoredKeyframe.camera, StoredKeyframe.state)
    )
    return [NotCalledRow(*row) for row in session.execute(query)]


def without_call() -> ColumnElement[bool]:
    """Return the condition that no call was made for a keyframe."""
    return ~exists().where(StoredCall.keyframe_id == StoredKeyframe.id)
