"""Tables and texts for people, as Rich lays them out on a terminal and in a pipe.

This module is apart from console.py, because Rich costs CPU time, and neither the daemon nor output for programs needs
it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamwatch.cli.console import local_time, printable_lines
from streamwatch.core.text import printable

if TYPE_CHECKING:
    from streamwatch.store import PassageRow, PermitRow, SightingRow

PIPE = 10_000
"""Cells of a line in a pipe: none is longer."""


def print_plates(results: Sequence[dict[str, Any]], out: TextIO) -> None:
    """Print the results of the verb `read` as a table."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("picture", "plate", "sure"):
        table.add_column(heading, overflow="fold")
    for result in results:
        picture = cell(result["image"])
        if result["error"]:
            table.add_row(picture, cell(result["error"], "red"))
        elif not result["plates"]:
            table.add_row(picture, cell("no plate", "dim"))
        for plate in result["plates"]:
            table.add_row(picture, cell(plate["plate"], "bold"), _confidence(plate["confidence"]))
    print_table(table, out)


def print_sightings(rows: Sequence["SightingRow"], out: TextIO, left: int = 0) -> None:
    """Print sightings with local times.

    left: the number of sightings that the table leaves out.
    """
    if not rows:
        print_text("No sightings.", out)
        return
    table = _table("id", "camera", "plate", "sure", "first seen", "last seen", "reads", "status")
    for row in rows:
        table.add_row(
            str(row.id),
            cell(row.camera),
            cell(row.plate, "bold"),
            _confidence(row.confidence),
            *_span(row.first_seen, row.last_seen),
            str(row.reads),
            row.status.value,
        )
    print_table(table, out)
    _print_left(len(rows), left, out)


def print_passages(rows: Sequence["PassageRow"], out: TextIO, left: int = 0) -> None:
    """Print passages as `print_sightings` prints sightings; a plate that cannot be believed gets a question mark."""
    if not rows:
        print_text("No passages.", out)
        return
    table = _table("id", "camera", "plate", "sure", "first seen", "last seen", "direction", "outcome")
    for row in rows:
        plate = row.plate
        doubt = "" if plate is None or plate.sighting is not None else " ?"
        table.add_row(
            str(row.id),
            cell(row.camera),
            cell("" if plate is None else f"{plate.text}{doubt}", "bold"),
            _confidence(None if plate is None else plate.confidence),
            *_span(row.opened_at, row.last_seen),
            row.direction.value,
            row.outcome.value,
        )
    print_table(table, out)
    _print_left(len(rows), left, out)


def print_permits(rows: Sequence["PermitRow"], now: datetime, left: int, out: TextIO) -> None:
    """Print permits with local times. now: for their states. left: the number of permits that are left out."""
    if not rows:
        print_text("No permits.", out)
        return
    from streamwatch.app.permit_words import written_from, written_until

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("kind", "plates", "holder", "group", "from", "until", "state", "key"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "state")
    for row in rows:
        table.add_row(
            cell(row.kind.value),
            cell(" ".join(row.plates), "bold"),
            cell(row.holder),
            cell(row.group),
            cell(_as_written(written_from(row.valid_from))),
            cell(_as_written(written_until(row.valid_until))),
            cell(row.state(now).value),
            cell(row.key),
        )
    print_table(table, out)
    _print_left(len(rows), left, out)


def _as_written(moment: str) -> str:
    """Return a day, or day and time of day to the minute."""
    return moment[: len("2026-01-31T18:00")].replace("T", " ")


def _span(first: datetime, last: datetime) -> tuple[str, str]:
    """Return both local times; the second has no year, and no date if that is the same."""
    shown = local_time(first)
    return shown, local_time(last).removeprefix(shown[:11])[-len("12-31 23:59:59") :]


def _print_left(shown: int, left: int, out: TextIO) -> None:
    if left:
        print_text(f"{left} more that are older; --limit {shown + left} shows all, and --format csv writes them.", out)


def print_accounts(rows: Sequence[dict[str, Any]], out: TextIO) -> None:
    """Print users or tokens, with local times to the minute."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in rows[0]:
        table.add_column(heading.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_account_cell(name, value) for name, value in row.items()))
    print_table(table, out)


def _account_cell(name: str, value: object) -> Text:
    if isinstance(value, datetime):
        return cell(local_time(value)[: -len(":00")])
    if name == "cameras":
        return cell(", ".join(value) if isinstance(value, list) else "all")
    return cell("" if value is None else str(value), "bold" if name == "name" else "")


def _table(*headings: str) -> Table:
    """Return an empty table. If a terminal is too narrow, the camera and the status are cut, never a plate."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        numbers = heading in ("id", "sure", "reads")
        table.add_column(
            heading,
            justify="right" if numbers else "left",
            no_wrap=heading not in ("camera", "status", "outcome"),
            min_width=3,
        )
    return table


def cell(text: str, style: str = "") -> Text:
    """Return a cell with a text from outside: it cannot steer the terminal, and Rich's markup in it does not count."""
    return Text(printable(text), style)


def print_table(table: Table, out: TextIO) -> None:
    """Print a table as wide as the terminal; in a pipe as wide as it needs to be."""
    _console(out).print(table)


def print_finding(good: bool, text: str, out: TextIO) -> None:
    """Print a line of the verb `check`."""
    print_text(text, out, ("ok  ", "green") if good else ("bad ", "red"))


def print_text(text: str, out: TextIO, before: tuple[str, str] | None = None) -> None:
    """Print a text; on a terminal its lines break between words. before: a word with its style."""
    plain = Text(printable_lines(text))
    _console(out).print(plain if before is None else Text.assemble(before, " ", plain))


def _console(out: TextIO) -> Console:
    return Console(file=out, width=None if out.isatty() else PIPE, highlight=False)


def _confidence(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
