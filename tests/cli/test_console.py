"""The output for people and for programs."""

import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

import pytest
from rich.console import Console

from streamwatch.app.representation import SightingObject, sighting_object
from streamwatch.cli.console import print_error, sighting_line
from streamwatch.cli.exporting import write_json
from streamwatch.cli.output import progress_bar
from streamwatch.cli.rich_output import print_finding, print_plates, print_sightings, print_text
from streamwatch.core.model import Engine, Sighting, SightingStatus
from streamwatch.core.text import printable
from streamwatch.store import SightingRow

FIRST, LAST = datetime(2026, 3, 1, 8, 0, 1, 250000, tzinfo=UTC), datetime(2026, 3, 1, 8, 0, 9, tzinfo=UTC)
DAY = timedelta(days=1)
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
    "k",
    3,
    4,
)


def printed(format: str, *rows: SightingRow) -> str:
    out = io.StringIO()
    if format == "table":
        print_sightings(rows, out)
    else:
        write_json(map(sighting_object, rows), out)
    return out.getvalue()


def test_json_is_a_list_of_objects_with_offset_times() -> None:
    (record,) = json.loads(printed("json", ROW))
    columns = {"id", "camera", "plate", "kind", "confidence", "first_seen", "last_seen", "reads", "status", "engine"}
    assert set(record) == {*columns, "image", "passage", "keyframe"}
    assert record["plate"] == "京AD12345"
    assert record["first_seen"] == "2026-03-01T08:00:01.250+00:00"
    assert datetime.fromisoformat(record["last_seen"]) == LAST
    assert (record["id"], record["reads"], record["status"], record["image"]) == (7, 2, "final", "/e/1.jpg")
    assert json.loads(printed("json")) == []


HOSTILE = "A\x1b[2J\x9b2K\x07\r\u202e[red]\u2028\x7f"
PLAIN = "A\\x1b[2J\\x9b2K\\x07\\r\\u202e[red]\\u2028\\x7f"


def test_nothing_from_outside_steers_a_terminal_or_a_file() -> None:
    row = replace(ROW, plate=HOSTILE, camera=HOSTILE)
    text = printed("table", row)
    assert PLAIN in text
    assert all(character == "\n" or printable(character) == character for character in text)
    text = printed("json", row)
    assert json.loads(text)[0]["plate"] == HOSTILE
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
    out = io.StringIO()
    found = Sighting(
        "s", HOSTILE, HOSTILE, None, FIRST, LAST, 1, SightingStatus.FINAL, Engine.LOCAL, "p", "k"
    )  # fmt: skip
    out.write(sighting_line(found, False))
    print_finding(False, HOSTILE, out)
    print_text(HOSTILE, out)
    print_error(HOSTILE, out)
    print_plates([{"image": HOSTILE, "plates": [], "error": HOSTILE}], out)
    assert out.getvalue().count(PLAIN) == 7
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", out.getvalue())


def test_a_message_of_the_log_is_one_line() -> None:
    code = "import logging; from streamwatch.cli.console import set_up_logging; set_up_logging(); "
    code += "logging.getLogger('streamwatch').info('a%s', '\\n2026-01-01 ERROR \\x1b[2J\\u202e')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("\n") == 1
    assert "a\\n2026-01-01 ERROR \\x1b[2J\\u202e" in done.stderr


def test_control_characters_are_those_of_unicode() -> None:
    steering = (chr(n) for n in range(sys.maxunicode) if unicodedata.category(chr(n)) in {"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert [character for character in steering if printable(character) == character] == []
    assert printable("京AF0236 ü é́ 🚗 \u3000") == "京AF0236 ü é́ 🚗 \u3000"


def test_rows_are_written_as_they_come() -> None:
    """Print many rows; memory keeps none of them."""
    written: list[int] = []
    out = io.StringIO()

    def rows() -> Iterator[SightingObject]:
        for number in range(3):
            written.append(out.getvalue().count("京AD12345"))
            yield sighting_object(replace(ROW, id=number))

    write_json(rows(), out)
    assert written == [0, 1, 2]
    assert out.getvalue() == json.dumps(json.loads(out.getvalue()), ensure_ascii=False, indent=1) + "\n"


def test_a_progress_bar_shows_the_name_of_a_file_as_it_is() -> None:
    out = io.StringIO()
    with progress_bar() as bar:
        bar.add_task("[red]gate[/].mp4", total=1)
        Console(file=out, width=80).print(bar.make_tasks_table(bar.tasks))
    assert out.getvalue().startswith("[red]gate[/].mp4 ")


def test_a_table_says_how_many_it_leaves_out() -> None:
    out = io.StringIO()
    print_sightings([ROW], out, left=7)
    assert out.getvalue().splitlines()[2:] == [
        "7 more that are older; --limit 8 shows all, and --format csv writes them."
    ]


def test_the_table_fits_eighty_columns_and_cuts_nothing() -> None:
    lines = printed("table", ROW).splitlines()
    assert len(lines) == 2
    assert all(len(line.rstrip()) <= 78 for line in lines)
    assert "京AD12345" in lines[1]
    assert "…" not in "".join(lines)
    assert printed("table") == "No sightings.\n"


@contextmanager
def terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TextIO, Callable[[], str]]]:
    """Yield a terminal of that width, and a function that returns the text written to it."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as out:
        yield out, lambda: os.read(ours, 100_000).decode()
    os.close(ours)


LONG = replace(ROW, camera="a-camera-with-a-very-long-name-at-the-north-gate", id=123_456, last_seen=LAST + DAY)


def test_in_a_pipe_no_cell_is_cut() -> None:
    line = printed("table", replace(LONG, status=SightingStatus.PROVISIONAL)).splitlines()[1]
    for text in ("123456", LONG.camera, LONG.plate, "0.99", "provisional"):
        assert text in line
    assert "…" not in line


@pytest.mark.parametrize("status", list(SightingStatus))
def test_on_a_narrow_terminal_the_camera_gives_way_and_never_the_plate(
    status: SightingStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal(80, monkeypatch) as (out, seen):
        print_sightings([replace(LONG, status=status)], out)
        out.flush()
        lines = seen().splitlines()
    assert len(lines) == 2
    first = LONG.first_seen.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    last = LONG.last_seen.astimezone().strftime("%m-%d %H:%M:%S")
    assert re.search(rf"123456  a-[^ ]*…  京AD12345  0.99  {first}  {last} ", lines[1])


def test_sentences_break_between_words_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = "camera gate: 192.0.2.7:554 refuses the connection. Is the camera's service switched on, and the port?"
    with terminal(80, monkeypatch) as (out, seen):
        print_finding(False, sentence, out)
        out.flush()
        shown = seen()
    assert all(len(line) <= 80 for line in shown.splitlines())
    assert shown.split() == ["bad", *sentence.split()]
    out = io.StringIO()
    print_finding(True, sentence, out)
    assert out.getvalue() == f"ok   {sentence}\n"


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
            {"image": "c.jpg", "plates": [], "error": "c.jpg cannot be read: [no] such file."},
        ],
        out,
    )
    text = out.getvalue()
    assert "a[1].jpg  京AF0236" in text
    assert "no plate" in text
    assert "[no] such file" in text
