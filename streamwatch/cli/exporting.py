"""Rows as the output of a verb: JSON, CSV or XLSX, to stdout or into a file that is whole or absent."""

import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

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


Output = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write this file instead of stdout; its ending names the format."),
]
RowFormat = Annotated[Format | None, typer.Option(help="json for programs, csv and xlsx for spreadsheets.")]


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
    """Yield stdout, or a file that is whole after the block and as before if the block raises."""
    if output is None:
        yield sys.stdout
        return
    try:
        with whole_file(output.resolve()) as file:
            text = TextIOWrapper(file, "utf-8", write_through=True)
            yield text
            text.detach()
    except OSError as error:
        raise StreamwatchError(f"{output} cannot be written: {error.strerror}.") from None


def write_rows(
    objects: "Iterable[Representation]", kind: "type[Representation]", title: str, format: Format, output: Path | None
) -> None:
    """Write objects of one kind as JSON, CSV or XLSX, as they come; memory holds a few.

    Raise StreamwatchError if the file cannot be written, and OSError if stdout cannot.
    """
    with opened(output) as out:
        if isinstance(out, TextIOWrapper) and not out.isatty():
            out.reconfigure(encoding="utf-8")  # whatever encoding the terminals of this machine have
        if format is Format.JSON:
            write_json(objects, out)
            return
        from streamwatch.app.exports import csv_pieces, write_xlsx

        columns = list(kind.model_fields)
        if format is Format.CSV:
            out.writelines(csv_pieces(objects, columns, mark=not out.isatty()))
            return
        scratch = Path(tempfile.gettempdir()) if output is None else output.resolve().parent
        with tempfile.TemporaryFile(dir=scratch) as file:
            write_xlsx(objects, columns, file, title, scratch)
            file.seek(0)
            shutil.copyfileobj(file, out.buffer)


def write_json(objects: "Iterable[Representation]", out: TextIO) -> None:
    """Write objects as a JSON list, one by one."""
    from streamwatch.app.representation import as_json

    before = "[\n"
    for value in objects:
        out.write(before + textwrap.indent(json_text(as_json(value)), " "))
        before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")
