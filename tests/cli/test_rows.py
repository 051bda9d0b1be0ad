"""`sightings` and `passages`: what they find, and the files that they write."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from consoles import Visit, add
from forking import run
from records import reading, saved_view, sighting

from streamwatch.core.model import SightingStatus
from streamwatch.store import PassageOutcome, Store, open_store

DAY = datetime(2026, 3, 3, 9, 0).astimezone()
Verb = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """Return a folder with a config and a database of three days."""
    (tmp_path / "config.yaml").write_text("cameras: {entry: {source: sample}, exit: {source: sample}}\n")
    store = open_store(f"sqlite:///{tmp_path}/data/streamwatch.db", tmp_path / "data")
    hours = [DAY + timedelta(hours=hours) for hours in (-48, -24, -1, 0, 1, 2)]
    for visit in (
        Visit("京A12345", "entry", hours[0], confidence=0.55),
        Visit("京A1234S", "exit", hours[1], paid=False),
        Visit("沪B8K219", "entry", hours[2]),
        Visit("浙C77Q10", "entry", hours[3], outcome=PassageOutcome.UNREAD),
        Visit("苏E0D8Q2", "exit", hours[4], outcome=PassageOutcome.UNSURE, confidence=0.41, read="苏E00802"),
        Visit("闽D5566K", "entry", hours[5], outcome=PassageOutcome.FAILED),
    ):
        add(store, visit)
    store.close()
    return tmp_path


@pytest.fixture
def verb(gate: Path, tmp_path_factory: pytest.TempPathFactory) -> Verb:
    def call(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = run(arguments, gate, dict(os.environ), tmp_path_factory.mktemp("scratch"))
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return call


def plates(verb: Verb, name: str, *arguments: object) -> list[str | None]:
    return [row["plate"] for row in json.loads(verb(name, "--format", "json", *arguments).stdout)]


def test_passages_are_every_visit_with_a_plate_or_without(verb: Verb) -> None:
    found = json.loads(verb("passages", "--format", "json").stdout)
    assert [row["plate"] for row in found] == [None, "苏E00802", None, "沪B8K219", "京A1234S", "京A12345"]
    assert [row["outcome"] for row in found] == ["failed", "unsure", "unread", "read", "read", "read"]
    assert [row["sighting"] is None for row in found] == [True, True, True, False, False, False]
    assert all(Path(row["image"]).read_bytes().startswith(b"\xff\xd8") for row in found)
    assert all(datetime.fromisoformat(row["opened_at"]).tzinfo for row in found)
    table = verb("passages").stdout
    assert "苏E00802 ?" in table
    assert table.count("\n") == 7


def test_filters_of_both_verbs(verb: Verb) -> None:
    assert plates(verb, "sightings", "--plate", "1234") == ["京A1234S", "京A12345"]
    assert plates(verb, "sightings", "--plate", "京A12345") == ["京A12345"]
    assert plates(verb, "sightings", "--plate", "京A12345", "--like") == ["京A12345", "京A1234S"]
    assert plates(verb, "sightings", "--engine", "local") == ["京A1234S"]
    assert plates(verb, "sightings", "--max-confidence", "0.6") == ["京A12345"]
    assert plates(verb, "sightings", "--min-confidence", "0.6") == ["沪B8K219", "京A1234S"]
    assert plates(verb, "passages", "--unread") == [None, "苏E00802", None]
    assert plates(verb, "passages", "--outcome", "failed") == [None]
    assert plates(verb, "passages", "--camera", "exit", "--plate", "苏") == ["苏E00802"]
    assert plates(verb, "passages", "--limit", "2") == [None, "苏E00802"]


def test_an_until_day_includes_that_day(verb: Verb) -> None:
    assert len(plates(verb, "passages", "--since", "2026/3/3", "--until", "3.3.2026")) == 4
    assert plates(verb, "sightings", "--since", "2026-03-01", "--until", "2026-03-02") == ["京A1234S", "京A12345"]
    assert plates(verb, "sightings", "--until", "2026-03-02T08:59") == ["京A12345"]
    assert plates(verb, "passages", "--since", "yesterday", "--until", "today") == []
    assert plates(verb, "passages", "--since", "2w") == []


def test_nobody_is_left_out_of_a_file(verb: Verb, gate: Path) -> None:
    """A table shows fifty rows and says how many more there are; files have all of them."""
    store = open_store(f"sqlite:///{gate}/data/streamwatch.db", gate / "data")
    for minute in range(60):
        view = saved_view(store, "entry", DAY + timedelta(days=1, minutes=minute), closed=True)
        store.sightings.save(sighting(view), [], "ordinary")
    store.close()
    assert verb("sightings").stdout.endswith(
        "13 more that are older; --limit 63 shows all, and --format csv writes them.\n"
    )
    assert verb("passages").stdout.endswith(
        "16 more that are older; --limit 66 shows all, and --format csv writes them.\n"
    )
    for name, count in (("sightings", 63), ("passages", 66)):
        assert len(plates(verb, name)) == count
        assert verb(name, "--format", "csv").stdout.count("\n") == count + 1
        verb(name, "--output", "all.xlsx")
        assert openpyxl.load_workbook(gate / "all.xlsx")[name].max_row == count + 1


def test_a_shuttle_within_the_window_of_deduplication_is_as_many_visits_as_it_came(verb: Verb, gate: Path) -> None:
    store = open_store(f"sqlite:///{gate}/data/streamwatch.db", gate / "data")
    shuttle(store, 13)
    store.close()
    assert plates(verb, "sightings", "--plate", "粤S") == ["粤S00001"]
    assert plates(verb, "passages", "--plate", "粤S") == ["粤S00001"] * 13
    (number,) = {row["sighting"] for row in json.loads(verb("passages", "--plate", "粤S", "--format", "json").stdout)}
    detail = json.loads(verb("sightings", "show", number, "--format", "json").stdout)
    assert len(detail["passages"]) == 13


def shuttle(store: Store, times: int) -> None:
    """Write one sighting of a vehicle that comes every four minutes."""
    views = [saved_view(store, "exit", DAY + timedelta(days=2, minutes=4 * n), closed=True) for n in range(times)]
    texts = [reading(view, "粤S00001") for view in views]
    for view, text in zip(views, texts, strict=True):
        store.keyframes.answered(view.key, [text], None)
    store.sightings.save(sighting(views[0], "粤S00001"), [text.key for text in texts], "ordinary")
    for view in views:
        store.passages.set_outcome(view.passage, PassageOutcome.READ)


def test_show_names_the_picture_and_all_else(verb: Verb, gate: Path) -> None:
    number = json.loads(verb("sightings", "--plate", "沪", "--format", "json").stdout)[0]["id"]
    text = verb("sightings", "show", number).stdout
    for part in ("沪B8K219", "entry", "0.97", "ocrcars", "large and sharp enough", "cost", f"{gate}/data/evidence/"):
        assert part in text
    detail = json.loads(verb("sightings", "show", number, "--format", "json").stdout)
    (visit,) = detail["passages"]
    assert Path(detail["image"]).is_file()
    assert [len(visit[name]) for name in ("keyframes", "readings", "calls")] == [1, 1, 1]
    assert visit["readings"][0]["call"] == visit["calls"][0]["id"]
    passage = verb("passages", "show", visit["id"]).stdout
    assert "沪B8K219" in passage
    assert json.loads(verb("passages", "show", visit["id"], "--format", "json").stdout) == visit


def test_show_says_what_nobody_could_read(verb: Verb) -> None:
    unread, unsure = (
        json.loads(verb("passages", "--outcome", outcome, "--format", "json").stdout)[0]["id"]
        for outcome in ("failed", "unsure")
    )
    assert "could not be reached" in verb("passages", "show", unread).stdout
    assert "which cannot be believed" in verb("passages", "show", unsure).stdout


@pytest.mark.parametrize("name", ["sightings", "passages"])
def test_show_knows_no_other_number(verb: Verb, name: str) -> None:
    done = verb(name, "show", 999, code=1)
    assert done.stderr == f"streamwatch: There is no {name[:-1]} 999. `streamwatch {name}` shows their ids.\n"


def test_the_options_of_the_verb_and_of_show_both_take_a_config(verb: Verb, gate: Path) -> None:
    (gate / "config.yaml").rename(gate / "other.yaml")
    assert "沪B8K219" in verb("sightings", "-c", "other.yaml").stdout
    assert "passage" in verb("passages", "-c", "other.yaml", "show", 1).stdout
    assert "passage" in verb("passages", "show", 1, "-c", "other.yaml").stdout


@pytest.mark.parametrize("name", ["sightings", "passages"])
@pytest.mark.parametrize("ending", ["csv", "xlsx", "json"])
def test_the_ending_of_the_file_names_the_format(verb: Verb, gate: Path, name: str, ending: str) -> None:
    written = verb(name, "--plate", "沪", "--output", f"out.{ending.upper()}")
    assert (written.stdout, written.stderr) == ("", "")
    data = (gate / f"out.{ending.upper()}").read_bytes()
    if ending == "json":
        assert json.loads(data)[0]["plate"] == "沪B8K219"
    elif ending == "csv":
        text = data.decode("utf-8-sig")
        assert data.startswith(b"\xef\xbb\xbf"), "Excel takes it for UTF-8"
        assert next(csv.DictReader(io.StringIO(text)))["plate"] == "沪B8K219"
        assert verb(name, "--plate", "沪", "--format", "csv").stdout.removeprefix("\ufeff") == text
    else:
        sheet = openpyxl.load_workbook(io.BytesIO(data))[name]
        assert "沪B8K219" in [cell.value for cell in sheet[2]]
        assert any(isinstance(cell.value, datetime) for cell in sheet[2])


def test_a_file_is_whole_or_as_before(verb: Verb, gate: Path) -> None:
    (gate / "out.csv").write_text("of yesterday")
    (gate / "data" / "streamwatch.db").rename(gate / "away.db")
    verb("sightings", "--output", "out.csv", code=1)
    assert (gate / "out.csv").read_text() == "of yesterday"
    (gate / "away.db").rename(gate / "data" / "streamwatch.db")
    done = verb("sightings", "--output", "absent/out.csv", code=1)
    assert done.stderr == "streamwatch: absent/out.csv cannot be written: No such file or directory.\n"
    assert "is a folder" in verb("sightings", "--output", "data", "--format", "csv", code=1).stderr
    assert sorted(os.listdir(gate)) == ["config.yaml", "data", "out.csv"]
    verb("sightings", "--output", "out.txt", "--format", "table")
    assert "沪B8K219" in (gate / "out.txt").read_text(encoding="utf-8")


def test_a_link_stays_a_link(verb: Verb, gate: Path) -> None:
    (gate / "today.csv").write_text("old")
    (gate / "link.csv").symlink_to("today.csv")
    verb("sightings", "--output", "link.csv")
    assert (gate / "link.csv").is_symlink()
    assert "沪B8K219" in (gate / "today.csv").read_text(encoding="utf-8")


def test_xlsx_goes_into_a_pipe_and_not_to_a_terminal(gate: Path) -> None:
    command = [sys.executable, "-m", "streamwatch", "sightings", "--format", "xlsx"]
    piped = subprocess.run(command, cwd=gate, capture_output=True, check=True).stdout
    assert openpyxl.load_workbook(io.BytesIO(piped)).sheetnames == ["sightings"]
    ours, theirs = os.openpty()
    done = subprocess.run(command, cwd=gate, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    os.close(ours)
    assert (done.returncode, done.stderr) == (
        1,
        "streamwatch: A terminal cannot show an XLSX file. Name a file with --output.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--like"], "--like needs a text to compare with."),
        (["--plate", "京*5", "--like"], "--like needs a text to compare with."),
        (["--plate", "[", "--like"], "occurs in no plate"),
        (["--camera", "other"], "names no camera 'other'"),
    ],
)
def test_bad_input_gets_one_sentence(verb: Verb, arguments: list[str], sentence: str) -> None:
    for name in ("sightings", "passages"):
        done = verb(name, *arguments, code=1)
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_provisional_sighting_is_called_so(verb: Verb, gate: Path) -> None:
    store = open_store(f"sqlite:///{gate}/data/streamwatch.db", gate / "data")
    view = saved_view(store, "entry", DAY + timedelta(days=3))
    store.sightings.save(sighting(view, "粤B00000"), [], "ordinary")
    store.close()
    row = json.loads(verb("sightings", "--plate", "粤B0", "--format", "json").stdout)[0]
    assert row["status"] == SightingStatus.PROVISIONAL.value
    assert "still there" in verb("passages", "show", row["passage"]).stdout
