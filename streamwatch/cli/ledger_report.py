"""The report of the verb `calls`: what was paid for each camera and day, what was saved, and a forecast."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

from rich.table import Table

from streamwatch.app.costs import Prices, saved_words
from streamwatch.cli.console import print_json
from streamwatch.cli.rich_output import cell, print_table, print_text
from streamwatch.core.text import some
from streamwatch.store import Calls, CallsReport, NotCalledRow


def print_calls(report: CallsReport, saved: Sequence[NotCalledRow], prices: Prices, format: str, out: TextIO) -> None:
    """Print the report. format: table or json."""
    if format == "json":
        print_json(_record(report, saved, prices), out)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("day", "camera", "calls", "charged", "fee", "no plate", "doubtful", "failed", "cost"):
        table.add_column(
            heading, justify="left" if heading in ("day", "camera") else "right", no_wrap=heading != "camera"
        )
    for row in report.rows:
        table.add_row(row.day.isoformat(), cell(row.camera or "(by hand)"), *_numbers(row.calls, prices))
    table.add_row("[bold]all[/bold]", "", *_numbers(report.total, prices))
    print_table(table, out)
    forecast = prices.forecast(report.total)
    print_text(f"\nforecast for the month: {forecast:.0f} calls, cost {forecast * prices.price:.2f}", out)
    if report.total.doubtful:
        print_text("Cost and forecast count doubtful calls as charged.", out)
    for line in saved:
        print_text(_without_call(line), out)


def _without_call(line: NotCalledRow) -> str:
    became, why = saved_words(line)
    said = became + (f" ({why})" if why else "")
    return f"No call was made for {some(line.keyframes, 'picture')} of {line.camera}: {said}."


def _numbers(calls: Calls, prices: Prices) -> list[str]:
    counts = (calls.calls, calls.charged, calls.fee, calls.no_plate, calls.doubtful, calls.failed)
    return [*map(str, counts), f"{prices.cost(calls):.2f}"]


def _record(report: CallsReport, saved: Sequence[NotCalledRow], prices: Prices) -> dict[str, Any]:
    def told(calls: Calls) -> dict[str, Any]:
        return {**asdict(calls), "cost": round(prices.cost(calls), 4)}

    forecast = prices.forecast(report.total)
    return {
        "since": prices.begin.isoformat(),
        "until": prices.end.isoformat(),
        "rows": [{"day": row.day.isoformat(), "camera": row.camera, **told(row.calls)} for row in report.rows],
        "total": told(report.total),
        "forecast": {"calls": round(forecast, 1), "cost": round(forecast * prices.price, 4)},
        "not_called": [{**asdict(line), "state": line.state.value, "reason": line.reason.value} for line in saved],
    }
