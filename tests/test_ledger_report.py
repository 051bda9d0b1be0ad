"""What the verb `calls` says."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest

from streamwatch.clock import Span, window
from streamwatch.ledger_report import Prices, print_calls
from streamwatch.store import Calls, CallsReport, CallsRow, KeyframeState, NotCalledRow

PRICES = Prices(0.5, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))


def said(calls: Calls, *saved: NotCalledRow) -> str:
    out = io.StringIO()
    print_calls(CallsReport([CallsRow(date(2026, 3, 1), "gate", calls)], calls), saved, PRICES, "table", out)
    return out.getvalue()


def test_a_doubtful_call_costs_and_that_is_said() -> None:
    text = said(Calls(calls=8, charged=4, fee=4, read=4, doubtful=4))
    assert text.splitlines()[1].split() == ["2026-03-01", "gate", "8", "4", "4", "0", "4", "0", "4.00"]
    assert "Cost and forecast count doubtful calls as charged.\n" in text
    assert "doubtful calls" not in said(Calls(calls=4, charged=4, fee=4, read=4))


@pytest.mark.parametrize(
    ("first_use", "forecast"),
    [(None, 31.0), (datetime(2026, 3, 10, 18, tzinfo=UTC), 62.0), (datetime(2025, 3, 10, tzinfo=UTC), 31.0)],
)
def test_the_forecast_counts_from_the_first_day_of_use(first_use: datetime | None, forecast: float) -> None:
    """Eighteen of the thirty-one days are over; a box that came on the tenth was there for nine of them."""
    begin, end = (window(Span.MONTH, datetime(2026, 3, 9, tzinfo=UTC)).begin + timedelta(days=n) for n in (0, 18))
    prices = Prices(0.5, begin, end, first_use)
    assert prices.forecast(Calls(calls=18, charged=18, fee=18, read=18)) == pytest.approx(forecast, rel=0.01)


def test_pictures_that_cost_nothing_are_told_with_the_reason_where_there_is_one() -> None:
    text = said(
        Calls(),
        NotCalledRow("gate", KeyframeState.ANSWERED, "", 9),
        NotCalledRow("gate", KeyframeState.WAITING, "", 1),
        NotCalledRow("gate", KeyframeState.DROPPED, "the outbox is full", 2),
    )
    assert text.splitlines()[-3:] == [
        "not called: 9 pictures of gate, read by the local engine",
        "not called: 1 picture of gate, still waiting",
        "not called: 2 pictures of gate, dropped: the outbox is full",
    ]
