"""The output of the verb `calls`."""

import io
from datetime import UTC, date, datetime, timedelta

import pytest

from streamwatch.app.costs import Prices
from streamwatch.cli.ledger_report import print_calls
from streamwatch.core.clock import Span, window
from streamwatch.core.codes import StateReason
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
    """Eighteen of the thirty-one days are over; a box that was set up on the tenth was in use for nine of them."""
    begin, end = (window(Span.MONTH, datetime(2026, 3, 9, tzinfo=UTC)).begin + timedelta(days=n) for n in (0, 18))
    prices = Prices(0.5, begin, end, first_use)
    assert prices.forecast(Calls(calls=18, charged=18, fee=18, read=18)) == pytest.approx(forecast, rel=0.01)


def test_of_pictures_that_cost_no_call_it_says_in_a_sentence_what_became_of_them() -> None:
    text = said(
        Calls(),
        NotCalledRow("gate", KeyframeState.ANSWERED, StateReason.NONE, 9),
        NotCalledRow("gate", KeyframeState.ANSWERED, StateReason.LOCAL_SURE, 3),
        NotCalledRow("gate", KeyframeState.WAITING, StateReason.NONE, 1),
        NotCalledRow("gate", KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS, 2),
    )
    assert text.splitlines()[-4:] == [
        "No call was made for 9 pictures of gate: read by the local engine, as configured.",
        "No call was made for 3 pictures of gate: read without a call "
        "(the local engine was sure of it, which saved the call).",
        "No call was made for 1 picture of gate: still waiting to be read.",
        "No call was made for 2 pictures of gate: given up unread "
        "(more pictures were waiting than outbox.max_items allows).",
    ]


@pytest.mark.parametrize("state", KeyframeState)
def test_it_has_words_for_whatever_may_have_become_of_a_picture(state: KeyframeState) -> None:
    assert "No call was made for 2 pictures of gate: " in said(
        Calls(), NotCalledRow("gate", state, StateReason.NONE, 2)
    )
