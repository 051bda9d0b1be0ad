"""The forecast of the month with its range, against months that went on as they began."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from streamwatch.app.costs import Prices
from streamwatch.core.clock import Span, window
from streamwatch.store import Calls, CallsReport, CallsRow

MONTH = window(Span.MONTH, datetime(2026, 3, 15, tzinfo=UTC))
DAY = timedelta(days=1)


def report(units: list[int]) -> CallsReport:
    """Return a report with so many charged calls on each day of the month, the newest first."""
    rows = []
    for n, number in enumerate(units):
        day = (MONTH.begin + n * DAY).astimezone().date()
        rows.insert(0, CallsRow(day, "gate", Calls(calls=number, charged=number, fee=number, read=number)))
    return CallsReport(rows, sum((row.calls for row in rows), Calls()))


def prices(days: int, first_use: datetime | None = None) -> Prices:
    return Prices(1.0, MONTH.begin, MONTH.begin + days * DAY, first_use)


def test_days_that_are_alike_leave_no_doubt() -> None:
    forecast = prices(10).range(report([7] * 10))
    assert forecast.units == pytest.approx(7 * 31, rel=0.01)
    assert (forecast.low, forecast.high) == (forecast.units, forecast.units)
    assert forecast.since == MONTH.begin


def test_two_days_say_nothing_about_the_range() -> None:
    forecast = prices(2).range(report([3, 9]))
    assert (forecast.low, forecast.high) == (None, None)
    assert prices(3).range(report([3, 9, 5])).high is not None


def test_days_before_the_first_use_do_not_count() -> None:
    first_use = MONTH.begin + 6 * DAY + timedelta(hours=9)
    forecast = prices(10, first_use).range(report([0] * 6 + [8, 8, 8, 8]))
    assert forecast.since == MONTH.begin + 6 * DAY
    assert forecast.high == forecast.units == pytest.approx(8 * 31, rel=0.01)


def test_days_without_a_call_count() -> None:
    some = report([4, 0, 8, 0, 4, 0])
    some.rows[:] = [row for row in some.rows if row.calls.calls]
    forecast = prices(6).range(some)
    assert forecast.units == pytest.approx(16 * 31 / 6, rel=0.01)
    assert forecast.low is not None
    assert forecast.high is not None
    assert forecast.low < forecast.units < forecast.high


def test_what_is_used_already_is_never_less() -> None:
    forecast = prices(30).range(report([0] * 29 + [900]))
    assert forecast.low is not None
    assert forecast.low >= 900


@pytest.mark.parametrize("days", [3, 7, 20])
def test_eight_of_ten_months_end_within_the_range(days: int) -> None:
    draw = random.Random(days)
    within = 0
    for _ in range(400):
        month = [max(0, round(draw.gauss(40, 9))) for _ in range(31)]
        forecast = prices(days).range(report(month[:days]))
        assert forecast.low is not None
        assert forecast.high is not None
        within += forecast.low <= sum(month) <= forecast.high
    assert 0.75 < within / 400 < 0.9
