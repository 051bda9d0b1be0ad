"""The verb `calls`."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

import typer

from streamwatch.cli.options import (
    DEFAULT_CONFIG,
    TIMES,
    ConfigPath,
    ReadFormat,
    checked_span,
    end_moment,
    load_settings,
    moment,
)
from streamwatch.core.clock import Span, window


def calls(
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Started at or after: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Started before; a day: to its end.")] = None,
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the ledger of paid calls by camera and day, with cost and a forecast for the month."""
    from streamwatch.app.costs import Prices
    from streamwatch.cli.ledger_report import print_calls
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    now = datetime.now(UTC)
    begin, end = moment(since) or window(Span.MONTH, now).begin, end_moment(until) or now
    checked_span(begin, end)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        report, saved = reader.calls_report(begin, end), reader.not_called(begin, end)
        prices = Prices(settings.calls.price, begin, end, reader.first_use())
    print_calls(report, saved, prices, format.value, sys.stdout)
