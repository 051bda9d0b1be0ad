"""Lists of permits as CSV files: what their columns mean, reading them from other programs, and writing them.

A list is UTF-8, UTF-16 with its mark, or GB18030 (which holds GBK and GB2312), with commas, semicolons or tabs. The
first line names the columns. Cells are text: what looks like a formula is never more than that.
"""

import codecs
import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import TextIOWrapper
from typing import IO, Any

from streamwatch.app.exports import csv_pieces
from streamwatch.app.permit_words import (
    ListRefused,
    read_from,
    read_hours,
    read_kind,
    read_lanes,
    read_plates,
    read_spaces,
    read_text,
    read_until,
    read_when_full,
    written_from,
    written_hours,
    written_until,
)
from streamwatch.core.plates import Grammar
from streamwatch.core.text import for_spreadsheet, printable
from streamwatch.store import PermitRow

COLUMNS = {
    "key": ("key",),
    "reference": ("reference", "number", "no", "id", "编号", "序号", "卡号"),
    "plate": ("plate", "plates", "license", "车牌", "车牌号", "车牌号码"),
    "kind": ("kind", "type", "类型", "车辆类型"),
    "holder": ("holder", "owner", "name", "车主", "姓名", "车主姓名"),
    "group": ("group", "分组", "部门", "房号"),
    "from": ("from", "begin", "start", "valid_from", "开始", "开始日期", "开始时间", "生效日期"),
    "until": ("until", "end", "to", "valid_until", "结束", "结束日期", "结束时间", "到期", "到期日期"),
    "hours": ("hours", "时段", "时间段", "通行时段"),
    "lanes": ("lanes", "lane", "车道", "通道"),
    "spaces": ("spaces", "车位", "车位数"),
    "when_full": ("when_full", "车位满", "满位"),
    "note": ("note", "remark", "备注"),
}
"""The names of each column; the first is the one that an export writes."""
FIELDS = {
    "reference": "reference",
    "plate": "plates",
    "kind": "kind",
    "holder": "holder",
    "group": "group",
    "from": "valid_from",
    "until": "valid_until",
    "hours": "hours",
    "lanes": "lanes",
    "spaces": "spaces",
    "when_full": "when_full",
    "note": "note",
}
"""The field of `PermitTerms` that a column holds."""
_COLUMN_OF = {name: column for column, names in COLUMNS.items() for name in names}
_SEPARATORS = ",;\t"
_PIECE = 1 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LONGEST_HEADER, _LONGEST_NAME = 10_000, 40

NO_TEXT = "The file is neither UTF-8 nor GB18030. Save it as CSV with UTF-8."
NO_LINES = "The file is empty. Its first line names the columns, such as plate, holder, until."
NO_PLATE_COLUMN = "The first line names no column `plate` (车牌). Write the names of the columns into the first line."
TWO_COLUMNS = "The first line names the column %(name)s twice. Keep one of the two."
OPEN_QUOTE = "Line %(line)s: a cell is too long or its quotation mark is not closed. Mend it and read the file again."

TEXTS = (NO_TEXT, NO_LINES, NO_PLATE_COLUMN, TWO_COLUMNS, OPEN_QUOTE)
"""What can be wrong with a file as a whole."""


@dataclass(frozen=True, slots=True)
class Cells:
    """One line of a list. line: its number in the file, first line 1. cells: by column, only those that the file has.

    more: True if the line has more cells than there are columns.
    """

    line: int
    cells: dict[str, str]
    more: bool


class PermitFile:
    """A list of permits in a binary file; memory holds a line at a time.

    columns: those of the first line, "" for one that is not read; ignored: the names of these. encoding: of the file.
    Raise ListRefused if it cannot be read as a list.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.encoding = _encoding(file)
        first = self._text().readline(_LONGEST_HEADER)
        self._detach()
        if not first.strip():
            raise ListRefused(NO_LINES)
        self._separator = max(_SEPARATORS, key=first.count)
        (names,) = [*csv.reader([first], delimiter=self._separator)][:1] or [[]]
        self.columns, self.ignored = _columns(names)

    def lines(self) -> Iterator[Cells]:
        """Yield the lines after the first one, without empty ones. Raise ListRefused if a line cannot be read."""
        reader = csv.reader(self._text(), delimiter=self._separator)
        try:
            next(reader, None)
            begin = reader.line_num + 1
            for row in reader:
                values = [_as_text(cell) for cell in row]
                if any(values):
                    cells = {name: value for name, value in zip(self.columns, values, strict=False) if name}
                    missing = {name: "" for name in self.columns if name and name not in cells}
                    yield Cells(begin, cells | missing, any(values[len(self.columns) :]))
                begin = reader.line_num + 1
        except csv.Error:
            raise ListRefused(OPEN_QUOTE, line=str(begin)) from None
        finally:
            self._detach()

    def _text(self) -> TextIOWrapper:
        self._file.seek(0)
        self._wrapped = TextIOWrapper(self._file, self.encoding, newline="")
        return self._wrapped

    def _detach(self) -> None:
        """Let go of the binary file, so that it is not closed with the text."""
        self._wrapped.detach()


def readers(grammar: Grammar, lanes: Sequence[str]) -> dict[str, Callable[[str], Any]]:
    """Return what reads the cells of each column, but for the key: a function that may raise PermitRefused."""
    return {
        "reference": lambda text: read_text("reference", text) or None,
        "plate": lambda text: read_plates(text, grammar),
        "kind": read_kind,
        "holder": lambda text: read_text("holder", text),
        "group": lambda text: read_text("group", text),
        "from": read_from,
        "until": read_until,
        "hours": read_hours,
        "lanes": lambda text: read_lanes(text, lanes),
        "spaces": read_spaces,
        "when_full": read_when_full,
        "note": lambda text: read_text("note", text),
    }


@dataclass(frozen=True, slots=True)
class PermitLine:
    """A permit as an export writes it, one attribute for each column; texts that a list reads again."""

    key: str
    reference: str
    plate: str
    kind: str
    holder: str
    group: str
    valid_from: str
    valid_until: str
    hours: str
    lanes: str
    spaces: int | None
    when_full: str
    note: str


def permit_line(row: PermitRow) -> PermitLine:
    """Return a permit as a line of a list."""
    return PermitLine(
        key=row.key,
        reference=row.reference or "",
        plate="; ".join(row.plates),
        kind=row.kind.value,
        holder=row.holder,
        group=row.group,
        valid_from=written_from(row.valid_from),
        valid_until=written_until(row.valid_until),
        hours=written_hours(row.hours),
        lanes="; ".join(sorted(row.lanes or ())),
        spaces=row.spaces,
        when_full=row.when_full.value,
        note=row.note,
    )


def list_pieces(rows: Iterable[PermitRow], mark: bool = True) -> Iterator[str]:
    """Yield permits as a list that an import reads without a change; see `csv_pieces`."""
    return csv_pieces(map(permit_line, rows), list(PermitLine.__dataclass_fields__), mark)


def list_name(at: datetime) -> str:
    """Return the name of a file for an export."""
    return f"permits-{at.astimezone():%Y-%m-%d}.csv"


def _as_text(cell: str) -> str:
    """Return what a cell says, without the `'` that an export puts before what looks like a formula."""
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and for_spreadsheet(cell[1:]) == cell else cell


def _encoding(file: IO[bytes]) -> str:
    """Return the encoding of a file. Raise ListRefused if it has none that can be read."""
    file.seek(0)
    head = file.read(3)
    marked = [name for mark, name in _MARKS if head.startswith(mark)]
    for encoding in marked or ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        try:
            while piece := file.read(_PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeError:
            continue
        return encoding
    raise ListRefused(NO_TEXT)


def _columns(names: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the columns that a first line names, and the names of those that are not read. Raise ListRefused."""
    columns: list[str] = []
    ignored: list[str] = []
    for name in map(str.strip, names):
        column = _COLUMN_OF.get(name.lower().replace(" ", "_"), "")
        if column and column in columns:
            raise ListRefused(TWO_COLUMNS, name=f"“{printable(name[:_LONGEST_NAME])}”")
        if name and not column:
            ignored.append(printable(name[:_LONGEST_NAME]))
        columns.append(column)
    if "plate" not in columns:
        raise ListRefused(NO_PLATE_COLUMN)
    return columns, tuple(ignored)
