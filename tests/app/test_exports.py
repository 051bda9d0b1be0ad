"""Exports: CSV and XLSX hold all rows, as texts, numbers and times that a spreadsheet program understands."""

import csv
import io
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from streamwatch.app.exports import csv_pieces, write_xlsx
from streamwatch.core.model import Engine
from streamwatch.core.text import for_spreadsheet, printable

SEEN = datetime(2026, 3, 1, 8, 0, 1, 250000, tzinfo=UTC)
HOSTILE = "A\x1b[2J\x9b2K\x07\r\u202e[red]\u2028\x7f"
PLAIN = "A\\x1b[2J\\x9b2K\\x07\\r\\u202e[red]\\u2028\\x7f"
COLUMNS = ("id", "plate", "confidence", "seen", "closed", "engine", "image")


@dataclass(frozen=True)
class Visit:
    id: int = 7
    plate: str = "京AD12345"
    confidence: float | None = 0.9876
    seen: datetime = SEEN
    closed: bool = True
    engine: Engine = Engine.LOCAL
    image: Path | None = Path("/e/1.jpg")


@pytest.fixture(autouse=True)
def _shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


def in_csv(*rows: Visit) -> list[dict[str, str]]:
    text = "".join(csv_pieces(rows, COLUMNS))
    assert text.startswith("\ufeffid,plate,"), "Excel takes it for UTF-8"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def in_xlsx(folder: Path, *rows: Visit, sheet_rows: int = 100) -> Any:
    path = folder / "visits.xlsx"
    with path.open("wb") as file:
        write_xlsx(rows, COLUMNS, file, "visits", folder, sheet_rows)
    assert os.listdir(folder) == ["visits.xlsx"], "nothing is left beside it"
    return openpyxl.load_workbook(path)


def test_csv_has_texts_numbers_and_local_times_with_their_offset() -> None:
    assert in_csv(Visit(), Visit(8, "", None, closed=False, image=None)) == [
        {
            "id": "7",
            "plate": "京AD12345",
            "confidence": "0.9876",
            "seen": "2026-03-01T16:00:01.250+08:00",
            "closed": "true",
            "engine": "local",
            "image": "/e/1.jpg",
        },
        {
            "id": "8",
            "plate": "",
            "confidence": "",
            "seen": "2026-03-01T16:00:01.250+08:00",
            "closed": "false",
            "engine": "local",
            "image": "",
        },
    ]


def test_csv_without_rows_is_a_heading() -> None:
    assert "".join(csv_pieces([], COLUMNS, mark=False)) == ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝", "＋", "－", "＠", "\u3000="])
def test_no_cell_of_a_csv_file_is_a_formula(start: str) -> None:
    (line,) = in_csv(Visit(plate=f"{start}1+1", image=Path("-x.jpg")))
    assert line["plate"][0] in "'\\"
    assert line["image"] == "'-x.jpg"
    assert for_spreadsheet("京A-12345") == "京A-12345"


def test_nothing_from_outside_steers_who_reads_the_file(tmp_path: Path) -> None:
    text = "".join(csv_pieces([Visit(plate=HOSTILE)], COLUMNS, mark=False))
    assert PLAIN in text
    assert all(character == "\n" or printable(character) == character for character in text)
    assert in_xlsx(tmp_path, Visit(plate=HOSTILE)).active["B2"].value == PLAIN


def test_rows_of_csv_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def rows() -> Iterator[Visit]:
        for number in range(5000):
            taken.append(number)
            yield Visit(number)

    pieces = csv_pieces(rows(), COLUMNS)
    next(pieces)
    assert 0 < len(taken) < 5000
    assert sum(piece.count("\n") for piece in pieces) + len(taken) > 5000
    assert len(taken) == 5000


@pytest.mark.parametrize("count", [499, 500, 501, 1000])
def test_csv_has_every_row_once(count: int) -> None:
    assert [line["id"] for line in in_csv(*map(Visit, range(count)))] == [str(number) for number in range(count)]


def test_xlsx_has_real_dates_numbers_and_texts(tmp_path: Path) -> None:
    book = in_xlsx(tmp_path, Visit(plate="0123456"), Visit(8, "=1+1", None, closed=False, image=None))
    sheet = book["visits"]
    first, second = list(sheet.iter_rows(min_row=2, values_only=True))
    assert first == (7, "0123456", 0.9876, datetime(2026, 3, 1, 16, 0, 1, 250000), True, "local", "/e/1.jpg")
    assert second == (8, "=1+1", None, datetime(2026, 3, 1, 16, 0, 1, 250000), False, "local", None)
    assert sheet["B2"].data_type == "s"
    assert sheet["B2"].number_format == "@", "a plate stays a text when somebody corrects the cell"
    assert sheet["B3"].data_type != "f", "no formula"
    assert sheet["D2"].is_date


def test_xlsx_has_a_heading_that_stays_and_filters(tmp_path: Path) -> None:
    sheet = in_xlsx(tmp_path, Visit(), Visit(8))["visits"]
    assert [cell.value for cell in sheet[1]] == list(COLUMNS)
    assert sheet["A1"].font.bold
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G3"
    assert sheet.column_dimensions["D"].width > len("2026-03-01 16:00:01")


@pytest.mark.parametrize(("count", "sheets"), [(0, [0]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])])
def test_a_full_sheet_is_followed_by_another(count: int, sheets: list[int], tmp_path: Path) -> None:
    book = in_xlsx(tmp_path, *map(Visit, range(count)), sheet_rows=4)
    assert book.sheetnames == ["visits", "visits 2", "visits 3"][: len(sheets)]
    found = [list(sheet.iter_rows(min_row=2, values_only=True)) for sheet in book]
    assert [len([row for row in rows if row[0] is not None]) for rows in found] == sheets
    assert [row[0] for rows in found for row in rows if row[0] is not None] == list(range(count))
    assert all(sheet["A1"].value == "id" for sheet in book)


def test_an_error_in_the_middle_is_raised_and_leaves_no_scratch_files(tmp_path: Path) -> None:
    def rows() -> Iterator[Visit]:
        yield Visit()
        raise OSError(28, "No space left on device")

    with (tmp_path / "a.xlsx").open("wb") as file, pytest.raises(OSError, match="No space left"):
        write_xlsx(rows(), COLUMNS, file, "visits", tmp_path)
    assert os.listdir(tmp_path) == ["a.xlsx"]


def test_a_text_that_is_too_long_for_a_cell_is_cut(tmp_path: Path) -> None:
    sheet = in_xlsx(tmp_path, replace(Visit(), plate="长" * 40_000)).active
    assert sheet["B2"].value == "长" * 32_767
