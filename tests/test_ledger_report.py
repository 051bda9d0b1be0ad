"""What the verb `calls` says."""

import io
from datetime import UTC, date, datetime

import pytest

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


def test_of_pictures_that_cost_no_call_it_says_in_a_sentence_what_became_of_them() -> None:
    text = said(
        Calls(),
        NotCalledRow("gate", KeyframeState.ANSWERED, "", 9),
        NotCalledRow("gate", KeyframeState.ANSWERED, "saved by local: the local engine was sure of it", 3),
        NotCalledRow("gate", KeyframeState.WAITING, "", 1),
        NotCalledRow("gate", KeyframeState.DROPPED, "more than 5000 pictures were waiting", 2),
    )
    assert text.splitlines()[-4:] == [
        "No call was made for 9 pictures of gate: read by the local engine, as configured.",
        "No call was made for 3 pictures of gate: read without one (saved by local: the local engine was sure of it).",
        "No call was made for 1 picture of gate: still waiting to be read.",
        "No call was made for 2 pictures of gate: given up unread (more than 5000 pictures were waiting).",
    ]


@pytest.mark.parametrize("state", KeyframeState)
def test_it_has_words_for_whatever_may_have_become_of_a_picture(state: KeyframeState) -> None:
    assert "No call was made for 2 pictures of gate: " in said(Calls(), NotCalledRow("gate", state, "", 2))
