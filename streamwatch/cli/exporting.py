"""Rows as the output of a verb: JSON, CSV or XLSX, to stdout or into a file that is whole or absent."""

import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, TextIO

import typer

from streamwatch.core.errors import ConfigError, StreamwatchError
from streamwatch.core.text import json_text
from streamwatch.system.files import whole_file

if TYPE_CHECKING:
    from streamwatch.app.representation import Representation


class Format(StrEnum):
    """The formats of rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"


TABLE_ROWS = 50
"""Upper limit of the rows that a table shows without `--limit`."""
Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write this file instead of stdout; its ending names the format."),
]
RowFormat = Annotated[Format | None, typer.Option(help="json for programs, csv and xlsx for spreadsheets.")]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows to be written. title: what they are. columns: attributes of a row. represent: one as a JSON object."""

    title: str
    rows: Iterable[object]
    columns: Sequence[str]
    represent: "Callable[[object], Representation]"


def chosen_format(format: Format | None, output: Path | None) -> Format:
    """Return the format: the one that was asked for, else that of the file's ending, else a table.

    Raise ConfigError if the output cannot take it.
    """
    if format is None:
        ending = "" if output is None else output.suffix.lower().removeprefix(".")
        format = Format(ending) if ending in list(Format) else Format.TABLE
    if format is Format.XLSX and output is None and sys.stdout.isatty():
        raise ConfigError("A terminal cannot show an XLSX file.", "Name a file with --output.")
    if output is not None and output.exists() and not output.is_file():
        what = "a folder" if output.is_dir() else "no ordinary file"
        raise ConfigError(f"--output {output} is {what}.", "Name a file.")
    return format


@contextmanager
def opened(output: Path | None) -> Iterator[TextIO]:
    """Yield stdout, or the file that is whole after the block and unchanged if the block raises."""
    if output is None:
        yield sys.stdout
        return
    try:
        with whole_file(output.resolve()) as file:
            text = TextIOWrapper(file, "utf-8", write_through=True)
            yield text
            text.flush()
            text.detach()
    except OSError as error:
        raise StreamwatchError(f"{output} cannot be written: {error.strerror}.") from None


def write_rows(found: Rows, format: Format, output: Path | None) -> None:
    """Write rows as JSON, CSV or XLSX, as they come; memory holds a few. Raise StreamwatchError or OSError."""
    with opened(output) as out:
        if isinstance(out, TextIOWrapper) and not out.isatty():
            out.reconfigure(encoding="utf-8")
        match format:
            case Format.JSON:
                write_json(map(found.represent, found.rows), out)
            case Format.CSV:
                from streamwatch.app.exports import csv_pieces

                out.writelines(csv_pieces(found.rows, found.columns, mark=not out.isatty()))
            case Format.XLSX:
                _write_xlsx(found, out.buffer, output)
            case Format.TABLE:
                raise AssertionError("a table is for people")


def write_json(objects: "Iterable[Representation]", out: TextIO) -> None:
    """Write objects as a JSON list, one by one."""
    before = "[\n"
    for value in objects:
        out.write(before + textwrap.indent(json_text(value.model_dump(mode="json")), " "))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def _write_xlsx(found: Rows, out: IO[bytes], output: Path | None) -> None:
    from streamwatch.app.exports import write_xlsx

    if output is not None:
        write_xlsx(found.rows, found.columns, out, found.title, output.resolve().parent)
        return
    with tempfile.TemporaryFile() as file:
        write_xlsx(found.rows, found.columns, file, found.title, Path(tempfile.gettempdir()))
        file.seek(0)
        shutil.copyfileobj(file, out)
