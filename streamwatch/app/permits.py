"""Permits and lanes as the decision takes them: from rows of the database, and from settings."""

from datetime import timedelta

from streamwatch.access.decisions import LaneRules
from streamwatch.access.permits import Permit
from streamwatch.config.settings import Settings
from streamwatch.core.codes import Verdict
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import PermitRow


def permit_of(row: PermitRow) -> Permit:
    """Return a stored permit."""
    return permit_from(row.key, row, row.uses_left)


def permit_from(key: str, terms: PermitTerms, uses: int | None = None) -> Permit:
    """Return what people say of a permit as one. uses: how often it may still be used; None: without a limit."""
    return Permit(
        key=key,
        kind=terms.kind,
        plates=frozenset(terms.plates),
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        hours=terms.hours,
        lanes=terms.lanes,
        spaces=terms.spaces,
        when_full=terms.when_full,
        uses=uses,
        holder=terms.holder,
        group=terms.group,
    )


def lane_rules(settings: Settings, name: str) -> LaneRules:
    """Return the rules of a lane."""
    lane, access = settings.lanes[name], settings.access
    return LaneRules(
        name,
        lane.way,
        bar=lane.bar,
        unknown=Verdict(lane.unknown),
        invalid=Verdict(lane.invalid),
        inexact=Verdict(lane.inexact),
        passback=lane.passback,
        max_opens=access.max_opens,
        opens_within=timedelta(seconds=access.opens_within),
        list_age=None if access.list_max_age is None else timedelta(seconds=access.list_max_age),
    )
