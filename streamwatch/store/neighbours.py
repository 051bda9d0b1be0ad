"""The passages just after and just before one of those that a search finds, in the order of time."""

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from streamwatch.store.search import Search, conditions, tiers
from streamwatch.store.tables import StoredPassage

_AT_ONCE = 200
_MOST = 5000
"""Passages that are looked at in search of a time of day."""


def neighbours(
    session: Session, passage: StoredPassage, search: Search, scope: frozenset[str] | None
) -> tuple[int | None, int | None]:
    """Return the ids of the next newer and the next older passage that a search finds; None if there is none.

    Look-alikes count as what is the same. Of a search by time of day, only the nearest some thousand are looked at.
    """
    sought = list(tiers(session, StoredPassage, search))
    if not sought:
        return None, None
    found = list(conditions(StoredPassage, search, scope))
    plates = [tier.condition for tier in sought if tier.condition is not None]
    if plates:
        found.append(or_(*plates))
    at, number = StoredPassage.opened_at, StoredPassage.id
    newer = or_(at > passage.opened_at, and_(at == passage.opened_at, number > passage.id))
    older = or_(at < passage.opened_at, and_(at == passage.opened_at, number < passage.id))
    return (
        _first(session, [*found, newer], (at, number), search),
        _first(session, [*found, older], (at.desc(), number.desc()), search),
    )


def _first(session: Session, found: list[ColumnElement[bool]], order: Any, search: Search) -> int | None:
    timed = search.begin is not None or search.end is not None or bool(search.weekdays)
    most = _AT_ONCE if timed else 1
    for offset in range(0, _MOST if timed else 1, most):
        query = select(StoredPassage.id, StoredPassage.opened_at).where(*found).order_by(*order)
        rows = session.execute(query.offset(offset).limit(most)).all()
        for number, opened_at in rows:
            if in_daily_span(opened_at, search):
                return int(number)
        if len(rows) < most:
            return None
    return None


def in_daily_span(at: datetime, search: Search) -> bool:
    """Return True if a time lies in the times of day and on the weekdays that are searched."""
    local = at.astimezone()
    begin, end = search.begin or time.min, search.end or time.min
    clock, day = local.time(), local.date()
    if end <= begin and clock < end:
        day -= timedelta(days=1)  # the span began on the day before
    elif clock < begin or (end > begin and clock >= end):
        return False
    return not search.weekdays or day.weekday() in search.weekdays
