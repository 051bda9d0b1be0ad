"""Prints the log, errors, and results for programs. `rich_output.py` prints tables for people.

Every text from outside passes `core.text.printable` here.
"""

import logging
import sys
from datetime import datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

from streamwatch.core.redact import hide_credentials
from streamwatch.core.text import json_text, printable

if TYPE_CHECKING:
    from streamwatch.core.model import Sighting


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


def _in_utf8(out: TextIO) -> None:
    """Write UTF-8 into a pipe or file, whatever encoding the terminals of this machine have."""
    if isinstance(out, TextIOWrapper) and not out.isatty():
        out.reconfigure(encoding="utf-8")


def printable_lines(text: str) -> str:
    """Return a text whose characters cannot steer a terminal, with its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def local_time(time: datetime) -> str:
    """Return a time as people read it: in local time, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")
