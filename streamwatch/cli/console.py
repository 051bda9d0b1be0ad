"""Prints on a terminal or into a pipe. Every text from outside passes `core.text.printable` here."""

import csv
import logging
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streamwatch.core.redact import hide_credentials
from streamwatch.core.text import for_spreadsheet, json_text, printable

if TYPE_CHECKING:
    from streamwatch.core.model import Sighting
    from streamwatch.store import SightingRow

COLUMNS = (
    "id",
    "camera",
    "plate",
    "kind",
    "confidence",
    "first_seen",
    "last_seen",
    "reads",
    "status",
    "engine",
    "image",
)

PIPE = 10_000
"""Upper limit of the cells of a line in a pipe."""


class _Redacting(logging.Formatter):
    """Hides credentials in every log line, also in messages of libraries, as the last step before the output."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return one line, because a line break in a message could imitate a line of ours."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, or more with a traceback."""
        return hide_credentials(_lines(super().format(record)))


def set_up_logging() -> None:
    """Send our log to stderr, and of libraries only warnings and errors."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S%z"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("streamwatch").setLevel(logging.INFO)


def sighting_line(sighting: "Sighting", corrected: bool) -> str:
    """Return one line for a new sighting, or for one whose plate was corrected."""
    confidence = "  ? " if sighting.confidence is None else f"{sighting.confidence:4.2f}"
    note = "  (corrected)" if corrected else ""
    return f"{_local(sighting.first_seen)}  {printable(f'{sighting.camera}  {sighting.plate}')}  {confidence}{note}"


def print_error(text: str, out: TextIO) -> None:
    """Print the error that ends the program; each line is a sentence of its own."""
    out.write(f"streamwatch: {hide_credentials(_lines(text))}\n")


def print_sightings(rows: Iterable["SightingRow"], format: str, out: TextIO, left: int = 0) -> None:
    """Print sightings as a table, or row by row as JSON or CSV. left: number of sightings that a table leaves out."""
    if format == "json":
        _write_json_list(map(_record, rows), out)
    elif format == "csv":
        _write_csv(rows, out)
    elif shown := list(rows):
        _print_table(shown, out)
        if left:
            all_ = f"--limit {len(shown) + left} shows all, and --format csv writes them."
            print_text(f"{left} more that are older; {all_}", out)
    else:
        print_text("No sightings.", out)


def print_json(value: object, out: TextIO) -> None:
    """Print readable JSON in UTF-8, with Chinese characters as they are."""
    _in_utf8(out)
    out.write(json_text(value) + "\n")


def _write_json_list(records: Iterable[dict[str, Any]], out: TextIO) -> None:
    """Print a list as `print_json` does, one record at a time."""
    _in_utf8(out)
    before = "[\n"
    for record in records:
        out.write(before + textwrap.indent(json_text(record), " "))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def _write_csv(rows: Iterable["SightingRow"], out: TextIO) -> None:
    """Print CSV with the byte order mark by which spreadsheet programs know UTF-8; times are local with an offset."""
    _in_utf8(out)
    if not out.isatty():
        out.write("\ufeff")
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        times = {name: _stamp(getattr(row, name).astimezone()) for name in ("first_seen", "last_seen")}
        record = _record(row) | times
        writer.writerow({name: for_spreadsheet(v) if isinstance(v, str) else v for name, v in record.items()})


def _in_utf8(out: TextIO) -> None:
    """Write UTF-8 into a pipe or file, whatever encoding the terminals of this machine have."""
    if isinstance(out, TextIOWrapper) and not out.isatty():
        out.reconfigure(encoding="utf-8")


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.split("\n")))


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


def _print_table(rows: Sequence["SightingRow"], out: TextIO) -> None:
    """Print sightings with local times; the second time has no year, and no date if that is the same."""
    table = _table("id", "camera", "plate", "sure", "first seen", "last seen", "reads", "status")
    for row in rows:
        first, last = _local(row.first_seen), _local(row.last_seen)
        table.add_row(
            str(row.id),
            cell(row.camera),
            cell(row.plate, "bold"),
            _confidence(row.confidence),
            first,
            last.removeprefix(first[:11])[-len("12-31 23:59:59") :],
            str(row.reads),
            row.status.value,
        )
    print_table(table, out)


def _table(*headings: str) -> Table:
    """Return an empty table. If a terminal is too narrow, the camera and the status are cut, never a plate."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        numbers = heading in ("id", "sure", "reads")
        table.add_column(
            heading, justify="right" if numbers else "left", no_wrap=heading not in ("camera", "status"), min_width=3
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
    plain = Text(_lines(text))
    _console(out).print(plain if before is None else Text.assemble(before, " ", plain))


def _console(out: TextIO) -> Console:
    return Console(file=out, width=None if out.isatty() else PIPE, highlight=False)


def _record(row: "SightingRow") -> dict[str, Any]:
    return {
        "id": row.id,
        "camera": row.camera,
        "plate": row.plate,
        "kind": row.kind,
        "confidence": row.confidence,
        "first_seen": _stamp(row.first_seen),
        "last_seen": _stamp(row.last_seen),
        "reads": row.reads,
        "status": row.status.value,
        "engine": row.engine.value,
        "image": None if row.image is None else str(row.image),
    }


def _stamp(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _local(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _confidence(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
