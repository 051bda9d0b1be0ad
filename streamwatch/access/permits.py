"""Permits: which plates may pass which lanes, and when."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from streamwatch.core.codes import DecisionReason, PermitKind, WhenFull
from streamwatch.core.permit_terms import Hours

__all__ = ["Hours", "Permit"]


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

    @property
    def is_timed(self) -> bool:
        """Return True if it is not valid at every time."""
        return self.valid_from is not None or self.valid_until is not None or bool(self.hours)

    def fault(self, lane: str, at: datetime, zone: tzinfo | None) -> DecisionReason | None:
        """Return why the permit is not valid on a lane at an aware time; None if it is.

        zone: of the hours; None: local time.
        """
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
