"""Prints the log, errors, and results for programs. `rich_output.py` prints tables for people.

Every text from outside passes `core.text.printable` here.
"""

import csv
import logging
import sys
import textwrap
from collections.abc import Iterable
from datetime import datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

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


class _Redacting(logging.Formatter):
    """Hides credentials in every log line, also in messages of libraries, as the last step before the output."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return one line, because a line break in a message could imitate a line of ours."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, or more with a traceback."""
        return hide_credentials(printable_lines(super().format(record)))


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
    return f"{local_time(sighting.first_seen)}  {printable(f'{sighting.camera}  {sighting.plate}')}  {confidence}{note}"


def print_error(text: str, out: TextIO) -> None:
    """Print the error that ends the program; each line is a sentence of its own."""
    out.write(f"streamwatch: {hide_credentials(printable_lines(text))}\n")


def print_json(value: object, out: TextIO) -> None:
    """Print readable JSON in UTF-8, with Chinese characters as they are."""
    _in_utf8(out)
    out.write(json_text(value) + "\n")


def write_json(rows: Iterable["SightingRow"], out: TextIO) -> None:
    """Print sightings as `print_json` prints a list, row by row."""
    _in_utf8(out)
    before = "[\n"
    for row in rows:
        out.write(before + textwrap.indent(json_text(_record(row)), " "))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def write_csv(rows: Iterable["SightingRow"], out: TextIO) -> None:
    """Print sightings as CSV, row by row; times are local with an offset.

    The byte order mark tells spreadsheet programs that it is UTF-8.
    """
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


def printable_lines(text: str) -> str:
    """Return a text whose characters cannot steer a terminal, with its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


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


def local_time(time: datetime) -> str:
    """Return a time as people read it: in local time, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
