"""What a permit says: the form in which people, the import, the database and the decision hand it on."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from streamwatch.core.codes import PermitKind, WhenFull


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of day on some days of the week, by local time.

    days: 0 is Monday. end: excluded; if it is not later than `begin`, it lies on the next day, and the whole span
    belongs to the day on which it begins.
    """

    days: frozenset[int]
    begin: time
    end: time

    def contain(self, at: datetime) -> bool:
        """Return True if a local time lies within. at: naive or aware, in local time."""
        clock = at.time()
        if self.begin < self.end:
            return at.weekday() in self.days and self.begin <= clock < self.end
        if clock >= self.begin:
            return at.weekday() in self.days
        return clock < self.end and (at - timedelta(days=1)).weekday() in self.days


@dataclass(frozen=True, kw_only=True, slots=True)
class PermitTerms:
    """What people say of a permit. It has one field for each thing that they may say, and so has many.

    plates: normalised, in the order in which they were typed, without repeats. valid_from, valid_until: aware;
    `valid_until` is excluded; None: without a limit. hours: () is any time. lanes: None is every lane. spaces: how many
    of the vehicles may be inside at once; None: all. source, reference: the list that the permit comes from, and its
    number there; reference None: no number.
    """

    kind: PermitKind
    plates: tuple[str, ...]
    holder: str = ""
    group: str = ""
    note: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    hours: tuple[Hours, ...] = ()
    lanes: frozenset[str] | None = None
    spaces: int | None = None
    when_full: WhenFull = WhenFull.ASK
    source: str = ""
    reference: str | None = None
