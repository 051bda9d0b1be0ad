"""Permits: which plates may pass which lanes, and when."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from streamwatch.core.codes import DecisionReason, PermitKind, WhenFull


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


@dataclass(frozen=True, slots=True)
class Permit:
    """What an operator knows of a holder's vehicles.

    plates: normalised. valid_from, valid_until: aware; `valid_until` is excluded; None: without a limit. hours: () is
    any time. lanes: None is every lane. spaces: how many of the vehicles may be inside at once; None: all. uses: how
    often it may still be used; None: without a limit.
    """

    key: str
    kind: PermitKind
    plates: frozenset[str]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    hours: tuple[Hours, ...] = ()
    lanes: frozenset[str] | None = None
    spaces: int | None = None
    when_full: WhenFull = WhenFull.ASK
    uses: int | None = None
    holder: str = ""
    group: str = ""

    def fault(self, lane: str, at: datetime, zone: tzinfo) -> DecisionReason | None:
        """Return why the permit is not valid on a lane at an aware time; None if it is. zone: of the hours."""
        if self.lanes is not None and lane not in self.lanes:
            return DecisionReason.OTHER_LANE
        if self.valid_from is not None and at < self.valid_from:
            return DecisionReason.NOT_YET_VALID
        if self.valid_until is not None and at >= self.valid_until:
            return DecisionReason.EXPIRED
        if self.uses is not None and self.uses <= 0:
            return DecisionReason.USED_UP
        if self.hours and not any(hours.contain(at.astimezone(zone)) for hours in self.hours):
            return DecisionReason.OUTSIDE_HOURS
        return None
