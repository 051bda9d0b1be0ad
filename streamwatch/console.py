"""How things look on the terminal and in a pipe."""

import csv
import json
import logging
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from streamwatch.redact import hide_credentials

if TYPE_CHECKING:
    from streamwatch.model import Sighting
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
"""Cells of a line in a pipe: none is longer."""


class _Redacting(logging.Formatter):
    """The last fence: whatever a library puts into a message, no address with credentials leaves the process."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, or more with a traceback."""
        return hide_credentials(super().format(record))


def set_up_logging() -> None:
    """Our log to stderr; of libraries only what went wrong."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S%z"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("streamwatch").setLevel(logging.INFO)


def sighting_line(sighting: "Sighting", corrected: bool) -> str:
    """One line for a new sighting, or for one whose plate was corrected."""
    confidence = "  ? " if sighting.confidence is None else f"{sighting.confidence:4.2f}"
    note = "  (corrected)" if corrected else ""
    return f"{_local(sighting.first_seen)}  {sighting.camera}  {sighting.plate}  {confidence}{note}"


def print_sightings(rows: Sequence["SightingRow"], format: str, out: TextIO) -> None:
    """format: table, json or csv."""
    records = [_record(row) for row in rows]
    if format == "json":
        print_json(records, out)
    elif format == "csv":
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
    elif not rows:
        Console(file=out).print("No sightings.")
    else:
        _print_table(rows, out)


def print_json(value: object, out: TextIO) -> None:
    """Plain JSON, readable and with Chinese characters as they are."""
    out.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def print_plates(results: Sequence[dict[str, Any]], out: TextIO) -> None:
    """The results of the verb `read` as a table."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("picture", "plate", "sure"):
        table.add_column(heading, overflow="fold")
    for result in results:
        picture = escape(result["image"])
        if result["error"]:
            table.add_row(picture, f"[red]{escape(result['error'])}[/red]")
        elif not result["plates"]:
            table.add_row(picture, "[dim]no plate[/dim]")
        for plate in result["plates"]:
            table.add_row(picture, f"[bold]{plate['plate']}[/bold]", _confidence(plate["confidence"]))
    print_table(table, out)


def _print_table(rows: Sequence["SightingRow"], out: TextIO) -> None:
    """Times are local; the second one is without its date where that is the same, and always without its year."""
    table = _table("id", "camera", "plate", "sure", "first seen", "last seen", "reads", "status")
    for row in rows:
        first, last = _local(row.first_seen), _local(row.last_seen)
        table.add_row(
            str(row.id),
            row.camera,
            f"[bold]{row.plate}[/bold]",
            _confidence(row.confidence),
            first,
            last.removeprefix(first[:11])[-len("12-31 23:59:59") :],
            str(row.reads),
            row.status.value,
        )
    print_table(table, out)


def _table(*headings: str) -> Table:
    """Where a terminal is too narrow, camera and status give way: never a plate."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        numbers = heading in ("id", "sure", "reads")
        table.add_column(
            heading, justify="right" if numbers else "left", no_wrap=heading not in ("camera", "status"), min_width=3
        )
    return table


def print_table(table: Table, out: TextIO) -> None:
    """As wide as the terminal; in a pipe as wide as it needs to be."""
    _console(out).print(table)


def print_finding(good: bool, text: str, out: TextIO) -> None:
    """A line of the verb `check`."""
    print_text(Text.assemble(("ok  ", "green") if good else ("bad ", "red"), " ", text), out)


def print_text(text: str | Text, out: TextIO) -> None:
    """On a terminal lines break between words; in a pipe they do not."""
    _console(out).print(Text(text) if isinstance(text, str) else text)


def _console(out: TextIO) -> Console:
    return Console(file=out, width=None if out.isatty() else PIPE, highlight=False)


def _record(row: "SightingRow") -> dict[str, Any]:
    return {
        "id": row.id,
        "camera": row.camera,
        "plate": row.plate,
        "kind": row.kind,
        "confidence": row.confidence,
        "first_seen": row.first_seen.isoformat(timespec="milliseconds"),
        "last_seen": row.last_seen.isoformat(timespec="milliseconds"),
        "reads": row.reads,
        "status": row.status.value,
        "engine": row.engine.value,
        "image": None if row.image is None else str(row.image),
    }


def _local(time: datetime) -> str:
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _confidence(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
