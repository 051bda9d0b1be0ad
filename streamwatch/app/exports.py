"""Rows as files for spreadsheet programs, CSV and XLSX: with all rows, of which memory holds a few at a time.

A row is any object with the attributes that the columns name. Times become local times. A text stays a text: no
spreadsheet program takes it for a formula.
"""

import csv
import io
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from operator import attrgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from streamwatch.core.text import for_spreadsheet, printable

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTE_ORDER_MARK = "\ufeff"
"""It tells spreadsheet programs that a CSV file is UTF-8."""
SHEET_ROWS = 1_048_576
"""Upper limit of the rows of a sheet, with its heading: the format has no more."""
_CELL = 32_767
"""Upper limit of the characters of a cell."""
_AT_ONCE = 500
"""Rows in one piece of CSV."""
_DATE = "yyyy-mm-dd hh:mm:ss"
_WIDEST = 60
"""Upper limit of the width of a column, in characters."""


def csv_pieces(rows: Iterable[object], columns: Sequence[str], mark: bool = True) -> Iterator[str]:
    """Yield CSV with a heading, some hundred rows at a time. mark: begin with the byte order mark.

    Times are ISO 8601 with the offset of local time. A text that looks like a formula gets a `'` before it.
    """
    values, piece = _values(columns), io.StringIO()
    writer = csv.writer(piece, lineterminator="\n")
    piece.write(BYTE_ORDER_MARK if mark else "")
    writer.writerow(columns)
    rows = iter(rows)
    while True:
        some = list(islice(rows, _AT_ONCE))
        writer.writerows([_csv_cell(value) for value in values(row)] for row in some)
        yield piece.getvalue()
        if len(some) < _AT_ONCE:
            return
        piece.seek(0)
        piece.truncate()


def write_xlsx(
    rows: Iterable[object],
    columns: Sequence[str],
    file: IO[bytes],
    title: str,
    scratch: Path,
    sheet_rows: int = SHEET_ROWS,
) -> None:
    """Write a workbook with real dates, a heading that stays in view and a filter for each column.

    file: seekable. title: of its sheet, at most 25 characters; a sheet that is full is followed by another one with a
    number. scratch: a folder on a disk, where all rows lie uncompressed until the end. Raise OSError.
    """
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    with tempfile.TemporaryDirectory(dir=scratch, prefix=".export-") as folder:
        try:
            with Workbook(file, {"constant_memory": True, "use_zip64": True, "tmpdir": folder}) as book:
                heading = book.add_format({"bold": True, "bottom": 1})
                formats = {datetime: book.add_format({"num_format": _DATE}), str: book.add_format({"num_format": "@"})}
                values: Iterator[tuple[Any, ...]] = map(_values(columns), rows)
                number = 1
                while True:
                    sheet = book.add_worksheet(title if number == 1 else f"{title} {number}")
                    sheet.freeze_panes(1, 0)
                    sheet.ignore_errors({"number_stored_as_text": "A:XFD"})
                    for column, name in enumerate(columns):
                        sheet.write_string(0, column, name, heading)
                    full = _fill(sheet, list(map(len, columns)), islice(values, sheet_rows - 1), formats) == sheet_rows
                    following = next(values, None) if full else None
                    if following is None:
                        return
                    values, number = chain([following], values), number + 1
        except FileCreateError as error:
            raise error.args[0] from None


def _fill(sheet: "Worksheet", widths: list[int], rows: Iterable[Sequence[Any]], formats: dict[type, "Format"]) -> int:
    """Write the rows of one sheet below its heading, and return the number of its rows with the heading.

    widths: of the headings, in characters; a column is as wide as its heading or the text in its first row.
    """
    number = 0
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            _write_cell(sheet, number, column, value, formats)
            if number == 1:
                widths[column] = max(widths[column], _width(value))
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(width, _WIDEST) + 2)
    sheet.autofilter(0, 0, number, len(widths) - 1)
    return number + 1


def _write_cell(sheet: "Worksheet", row: int, column: int, value: Any, formats: dict[type, "Format"]) -> None:
    match value:
        case None:
            pass
        case bool():
            sheet.write_boolean(row, column, value)
        case int() | float():
            sheet.write_number(row, column, value)
        case datetime():
            sheet.write_datetime(row, column, value.astimezone().replace(tzinfo=None), formats[datetime])
        case _:
            sheet.write_string(row, column, printable(str(value))[:_CELL], formats[str])


def _csv_cell(value: Any) -> Any:
    match value:
        case bool():
            return "true" if value else "false"
        case None | int() | float():
            return value
        case datetime():
            return value.astimezone().isoformat(timespec="milliseconds")
        case _:
            return for_spreadsheet(str(value))


def _width(value: object) -> int:
    """Return the width of a cell in characters; a Chinese one counts twice."""
    if isinstance(value, datetime):
        return len(_DATE)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in str(value))


def _values(columns: Sequence[str]) -> Callable[[object], tuple[Any, ...]]:
    """Return a function that returns the values of a row. columns: two or more."""
    return attrgetter(*columns)
