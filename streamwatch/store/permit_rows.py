"""Permits as rows of the database, and back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Row

from streamwatch.core.codes import PermitState
from streamwatch.core.permit_terms import Hours, PermitTerms
from streamwatch.store.tables import StoredPermit

_Item = TypeVar("_Item")
BATCH = 500
"""Rows of one statement: SQLite takes some thousand values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PermitRow(PermitTerms):
    """A permit as it is stored; see the columns of `permits`. Times are aware UTC."""

    id: int
    key: str
    uses_left: int | None
    code: str | None
    created_at: datetime
    created_by: str
    changed_at: datetime

    def state(self, now: datetime) -> PermitState:
        """Return where the permit stands at an aware time, whatever its hours and lanes are."""
        if (self.valid_until is not None and self.valid_until <= now) or (
            self.uses_left is not None and self.uses_left <= 0
        ):
            return PermitState.ENDED
        return PermitState.UPCOMING if self.valid_from is not None and self.valid_from > now else PermitState.VALID

    @property
    def terms(self) -> PermitTerms:
        """What people say of it."""
        return PermitTerms(
            kind=self.kind,
            plates=self.plates,
            holder=self.holder,
            group=self.group,
            note=self.note,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            hours=self.hours,
            lanes=self.lanes,
            spaces=self.spaces,
            when_full=self.when_full,
            source=self.source,
            reference=self.reference,
        )


def permit_row(row: StoredPermit | Row[Any], plates: Sequence[str]) -> PermitRow:
    """Return a permit with the plates of its vehicles."""
    return PermitRow(
        id=row.id,
        key=row.key,
        kind=row.kind,
        plates=tuple(plates),
        holder=row.holder,
        group=row.group_name,
        note=row.note,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        hours=hours_of(row.hours),
        lanes=None if row.lanes is None else frozenset(row.lanes),
        spaces=row.spaces,
        when_full=row.when_full,
        source=row.source,
        reference=row.reference,
        uses_left=row.uses_left,
        code=row.code,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
    )


def columns_of(terms: PermitTerms) -> dict[str, Any]:
    """Return the values of the columns that hold what people say of a permit, without its vehicles."""
    return {
        "kind": terms.kind,
        "holder": terms.holder,
        "group_name": terms.group,
        "note": terms.note,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "hours": [
            {"days": sorted(one.days), "begin": f"{one.begin:%H:%M}", "end": f"{one.end:%H:%M}"} for one in terms.hours
        ],
        "lanes": None if terms.lanes is None else sorted(terms.lanes),
        "spaces": terms.spaces,
        "when_full": terms.when_full,
        "source": terms.source,
        "reference": terms.reference,
    }


def hours_of(column: Iterable[Mapping[str, Any]]) -> tuple[Hours, ...]:
    """Return the hours that a column holds."""
    return tuple(
        Hours(frozenset(one["days"]), time.fromisoformat(one["begin"]), time.fromisoformat(one["end"]))
        for one in column
    )


def in_batches(items: Iterable[_Item]) -> Iterator[tuple[_Item, ...]]:
    """Yield the items, BATCH at a time."""
    rest = iter(items)
    while some := tuple(islice(rest, BATCH)):
        yield some
