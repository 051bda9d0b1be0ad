"""What a permit may say, and what people should know of it."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from streamwatch.access.permit_rules import (
    LONGEST,
    MOST_SPANS,
    MOST_VEHICLES,
    PermitFault,
    PermitRemark,
    problems,
    remarks,
)
from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import Hours, PermitTerms

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EVERY = frozenset(range(7))
HOME = PermitTerms(kind=PermitKind.RESIDENT, plates=("京A12345", "京A12346"), valid_until=NOON + DAY, spaces=1)


def test_an_ordinary_permit_is_possible() -> None:
    whole_day, night = Hours(EVERY, time(), time()), Hours(EVERY, time(22), time(6))
    assert not list(problems(HOME))
    assert not list(problems(replace(HOME, valid_from=NOON, hours=(whole_day, night), lanes=frozenset({"in"}))))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"plates": ()}, PermitFault.NO_PLATE),
        ({"plates": ("京A12345",) * (MOST_VEHICLES + 1)}, PermitFault.MANY_VEHICLES),
        ({"valid_from": NOON + 2 * DAY}, PermitFault.ENDS_TOO_EARLY),
        ({"valid_from": NOON + DAY}, PermitFault.ENDS_TOO_EARLY),
        ({"hours": (Hours(EVERY, time(8), time(8)),)}, PermitFault.EMPTY_HOURS),
        ({"hours": (Hours(frozenset(), time(8), time(9)),)}, PermitFault.EMPTY_HOURS),
        ({"hours": (Hours(EVERY, time(8), time(9)),) * (MOST_SPANS + 1)}, PermitFault.MANY_HOURS),
        ({"lanes": frozenset()}, PermitFault.NO_LANE),
        ({"spaces": 0}, PermitFault.NOT_SPACES),
        ({"spaces": 10_000}, PermitFault.NOT_SPACES),
        *(({name: "x" * (most + 1)}, PermitFault.TOO_LONG) for name, most in LONGEST.items()),
    ],
)
def test_what_cannot_be_is_named(change: dict[str, Any], fault: PermitFault) -> None:
    (found,) = problems(replace(HOME, **change))
    assert found.fault is fault
    assert found.field in {*change, "valid_until"}


def test_what_people_should_know() -> None:
    def told(*others: PermitTerms, **change: Any) -> list[tuple[PermitRemark, str]]:
        return remarks(replace(HOME, **change), others, NOON)

    assert told() == []
    assert told(spaces=2) == [(PermitRemark.NEVER_FULL, "")]
    assert told(valid_until=NOON) == [(PermitRemark.OVER_ALREADY, "")]
    assert told(kind=PermitKind.VISITOR, valid_until=None) == [(PermitRemark.VISIT_WITHOUT_END, "")]
    other = replace(HOME, plates=("京A12345", "沪A00001"))
    for kind, else_, remark in (
        (PermitKind.RESIDENT, PermitKind.STAFF, PermitRemark.ALSO_PERMITTED),
        (PermitKind.RESIDENT, PermitKind.BLOCKED, PermitRemark.IS_BLOCKED),
        (PermitKind.VISITOR, PermitKind.HELD, PermitRemark.IS_HELD),
        (PermitKind.BLOCKED, PermitKind.STAFF, PermitRemark.BLOCKS_PERMITTED),
        (PermitKind.HELD, PermitKind.VISITOR, PermitRemark.HOLDS_PERMITTED),
    ):
        assert told(replace(other, kind=else_), replace(other, kind=else_), kind=kind) == [(remark, "京A12345")]
    assert told(replace(other, kind=PermitKind.HELD), kind=PermitKind.BLOCKED) == []
    for apart in ({"valid_until": NOON}, {"valid_from": NOON + DAY, "valid_until": None}):
        assert told(replace(other, **apart)) == [], "they are never in force at the same time"
