"""The page of costs: the figures of the verb `calls`, charts with their tables, a ledger by pages, for managers."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser import DESK, PHONE, Shoot, Visitor, findings, too_wide
from consoles import DrawnConsole, console_over
from playwright.sync_api import expect
from records import ANSWER, ONLY_SQLITE, Database, saved_call, saved_view
from snapshots import WELL
from test_gate_page import as_somebody

from streamwatch.app.costs import Prices
from streamwatch.core.clock import Span, window
from streamwatch.core.codes import CallOutcome, Role, StateReason
from streamwatch.core.model import CallResult
from streamwatch.health import BudgetUse
from streamwatch.store import KeyframeState
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.catalogue import load_catalogues
from streamwatch.web.pages.costs import period_of

NO_PLATE = replace(ANSWER, outcome=CallOutcome.NO_PLATE, plates=())
DOUBTFUL = CallResult(CallOutcome.DOUBTFUL, None, 0, 35.0)
FAILED = CallResult(CallOutcome.THROTTLED, False, 0, 0.1, 429, error="The service was asked too often.")
DAY = timedelta(days=1)


@pytest.fixture
def paid(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    """Return a console over three weeks of calls until now, at a price of 0.02 for each."""
    with console_over(database.url, tmp_path, []) as console:
        calls = console.backend.settings.calls.model_copy(update={"price": 0.02})
        console.backend.settings = console.backend.settings.model_copy(update={"calls": calls})
        now = datetime.now(UTC)
        with console.store.together():
            for n in range(21):
                day = now - n * DAY - timedelta(minutes=5)
                for camera, results in (
                    ("entry", [ANSWER] * (2 + n % 3) + [NO_PLATE]),
                    ("exit", [ANSWER, ANSWER] + [DOUBTFUL] * (n == 4) + [FAILED] * (n == 6)),
                ):
                    for result in results:
                        saved_call(console.store, saved_view(console.store, camera, day), result, day)
                view = saved_view(console.store, "entry", day)
                console.store.keyframes.set_state(view.key, KeyframeState.ANSWERED, StateReason.LOCAL_SURE)
            saved_call(console.store, None, ANSWER, now - timedelta(minutes=1))
        yield console


@ONLY_SQLITE
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_it_is_accessible_at_both_sizes(
    paid: DrawnConsole, visitor: Visitor, shoot: Shoot, size: tuple[int, int], language: str, dark: bool
) -> None:
    paid.backend.state = replace(WELL, budget=(BudgetUse("day", "", 190, 200), BudgetUse("month", "exit", 40, 500)))
    page = visitor.open(f"{paid.url}/costs?from=20d", size, language=language, dark=dark)
    assert not findings(page)
    assert not too_wide(page)
    assert page.locator("figure.chart").count() == 4
    assert len(page.content()) < 150_000
    shoot(page, f"costs-{language}")


def test_its_figures_are_those_of_the_verb_calls(paid: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{paid.url}/costs?period=7d", scripts=False)
    begin = window(Span.DAY, datetime.now(UTC) - 6 * DAY).begin
    report = paid.reader.calls_report(begin, datetime.now(UTC))
    cost = Prices(0.02, begin, datetime.now(UTC)).cost(report.total)
    figures = page.locator(".costs-large").all_inner_texts()
    saved = sum(row.keyframes for row in paid.reader.not_called(begin, datetime.now(UTC)) if row.state == "answered")
    assert figures[:4] == [str(report.total.calls), f"{cost:.2f}", str(report.total.no_plate), str(saved)]
    table = page.locator("figure.chart", has_text="Calls saved, by rule").locator("tbody tr")
    assert table.count() == 7
    assert table.first.locator("td").all_text_contents() == ["1"]
    assert "the local engine was sure of it" in page.locator("main").inner_text()


def test_the_ledger_is_walked_and_filtered_without_scripts(paid: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{paid.url}/costs?from=20d", scripts=False)
    rows = page.locator("#ledger tbody tr")
    expect(rows).to_have_count(50)
    first = rows.first.inner_text()
    assert "(by hand)" in first
    page.get_by_role("link", name="Older").click()
    seen = rows.count()
    while page.get_by_role("link", name="Older").count():
        page.get_by_role("link", name="Older").click()
        seen += rows.count()
    report = paid.reader.calls_report(datetime.now(UTC) - 20 * DAY, datetime.now(UTC))
    assert abs(50 + seen - report.total.calls) <= 6  # the oldest day is cut at this moment
    page.get_by_label("Charged").select_option("perhaps charged")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("no answer, maybe charged")
    page.goto(f"{paid.url}/costs?from=20d&outcome=throttled")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("The service was asked too often.")
    page.goto(f"{paid.url}/costs?from=20d&before=nonsense&camera=no-such&charged=what&outcome=odd")
    expect(page.locator("#ledger")).to_contain_text("No call in this time")


@ONLY_SQLITE
def test_a_console_without_calls_and_price_says_so(console: DrawnConsole, visitor: Visitor) -> None:
    page = visitor.open(f"{console.url}/costs?from=2w&to=13d", scripts=False)
    said = page.locator("main").inner_text()
    assert "Set calls.price in the configuration" in said
    assert "No call in this time" in said
    assert "There is no limit." in said


@pytest.mark.parametrize(
    ("asked", "begin", "end", "error"),
    [
        (("", "", ""), "2026-11-01T00:00", "2026-11-28T12:00", ""),
        (("month", "", ""), "2026-11-01T00:00", "2026-11-28T12:00", ""),
        (("7d", "", ""), "2026-11-22T00:00", "2026-11-28T12:00", ""),
        (("quarter", "", ""), "2026-09-01T00:00", "2026-11-28T12:00", ""),
        (("", "2026-10-05", "2026-10-06"), "2026-10-05T00:00", "2026-10-06T23:59", ""),
        (("", "yesterday", ""), "2026-11-27T00:00", "2026-11-28T12:00", ""),
        (("", "tomato", ""), "2026-11-01T00:00", "2026-11-28T12:00", "This is not a time."),
        (("", "2026-11-05", "2026-11-03"), "2026-11-01T00:00", "2026-11-28T12:00", "ends before it begins"),
        (("", "2020-01-01", ""), "2026-11-01T00:00", "2026-11-28T12:00", "400 days at most"),
        (("century", "", ""), "2026-11-01T00:00", "2026-11-28T12:00", ""),
    ],
)
def test_periods(asked: tuple[str, str, str], begin: str, end: str, error: str) -> None:
    now = datetime(2026, 11, 28, 12).astimezone()
    period = period_of(*asked, now.astimezone(UTC), load_catalogues()["en"])
    local = [at.astimezone().replace(tzinfo=None).isoformat(timespec="minutes") for at in (period.begin, period.end)]
    assert local == [begin, end]
    assert error in period.error
    assert bool(error) is bool(period.error)


@ONLY_SQLITE
def test_a_person_sees_only_the_costs_of_own_cameras(paid: DrawnConsole) -> None:
    principal = Principal("chen", Role.MANAGER, frozenset({"exit"}), masks_plates=True)
    with as_somebody(paid, principal) as client:
        said = client.get("/costs?from=20d").text
        assert "<td>exit</td>" in said
        assert "entry" not in said
        assert "(by hand)" not in said
        assert "京a12345" not in said
        assert "No call in this time" in client.get("/costs?from=20d&camera=entry").text
        assert "No call in this time" in client.get("/costs?from=20d&camera=-").text
    with as_somebody(paid, Principal("li", Role.GUARD)) as client:
        assert client.get("/costs").status_code == 403
