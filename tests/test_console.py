"""What people and programs get to see."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

from streamwatch.console import COLUMNS, print_plates, print_sightings, sighting_line
from streamwatch.model import Engine, Sighting, SightingStatus
from streamwatch.store import SightingRow

FIRST, LAST = datetime(2026, 3, 1, 8, 0, 1, 250000, tzinfo=UTC), datetime(2026, 3, 1, 8, 0, 9, tzinfo=UTC)
ROW = SightingRow(
    7,
    "gate",
    "京AD12345",
    "new energy, small",
    0.9876,
    FIRST,
    LAST,
    2,
    SightingStatus.FINAL,
    Engine.LOCAL,
    Path("/e/1.jpg"),
)


def printed(format: str, *rows: SightingRow) -> str:
    out = io.StringIO()
    print_sightings(rows, format, out)
    return out.getvalue()


def test_json_is_a_list_of_objects_with_offset_times() -> None:
    (record,) = json.loads(printed("json", ROW))
    assert set(record) == set(COLUMNS)
    assert record["plate"] == "京AD12345"
    assert record["first_seen"] == "2026-03-01T08:00:01.250+00:00"
    assert datetime.fromisoformat(record["last_seen"]) == LAST
    assert (record["id"], record["reads"], record["status"], record["image"]) == (7, 2, "final", "/e/1.jpg")
    assert json.loads(printed("json")) == []


def test_csv_has_a_head_and_one_line_a_row() -> None:
    lines = list(csv.DictReader(io.StringIO(printed("csv", ROW))))
    assert [line["plate"] for line in lines] == ["京AD12345"]
    assert lines[0]["confidence"] == "0.9876"
    assert printed("csv").splitlines() == [",".join(COLUMNS)]


def test_the_table_fits_eighty_columns_and_cuts_nothing() -> None:
    lines = printed("table", ROW).splitlines()
    assert len(lines) == 2
    assert all(len(line.rstrip()) <= 78 for line in lines)
    assert "京AD12345" in lines[1]
    assert "…" not in "".join(lines)
    assert printed("table") == "No sightings.\n"


def test_a_line_for_each_sighting_says_when_it_was_corrected() -> None:
    sighting = Sighting(
        "s", "gate", "京AD12345", None, FIRST, LAST, 1, SightingStatus.PROVISIONAL, Engine.LOCAL, "p", "k"
    )
    assert sighting_line(sighting, False).endswith("gate  京AD12345    ? ")
    assert sighting_line(sighting, True).endswith("(corrected)")


def test_pictures_with_plates_without_and_with_an_error() -> None:
    out = io.StringIO()
    print_plates(
        [
            {"image": "a[1].jpg", "plates": [{"plate": "京AF0236", "confidence": 0.5, "corners": None}], "error": None},
            {"image": "b.jpg", "plates": [], "error": None},
            {"image": "c.jpg", "plates": [], "error": "c.jpg can not be read: [no] such file."},
        ],
        out,
    )
    text = out.getvalue()
    assert "a[1].jpg  京AF0236" in text
    assert "no plate" in text
    assert "[no] such file" in text
