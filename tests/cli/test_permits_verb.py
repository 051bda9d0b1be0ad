"""The verb `permits` as people and scripts call it, also on a terminal and beside a daemon."""

import csv
import io
import json
import os
import pty
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from forking import run
from records import Database
from test_cli import write_config

from streamwatch.core.codes import AuditAction, PermitState
from streamwatch.store import PermitRow, open_reader, open_store
from streamwatch.store.lock import sole_writer

LIST = "reference,plate,holder\n1,京A12345,王\n2,粤B3M5K7,=1+1\n"


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Path:
    """Return a folder with a config of one lane."""
    folder = tmp_path / "here"
    folder.mkdir()
    lanes = "cameras: {entry: {source: sample}}\nlanes: {front: {cameras: entry}}"
    write_config(folder, f"{lanes}\ndatabase: '{database.url}'\ndata_dir: {folder}/data\n")
    return folder


def permits(place: Path, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of `streamwatch permits`."""
    patch = f"import io, sys; sys.stdin = io.StringIO({stdin!r})"
    with tempfile.TemporaryDirectory() as scratch:
        done = run(("permits", *words), place, dict(os.environ), Path(scratch), patch)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def stored(place: Path, database: Database) -> list[PermitRow]:
    with closing(open_reader(database.url, place / "data")) as reader:
        return reader.permits.load_all()


def test_permits_are_added_listed_and_ended(place: Path, database: Database) -> None:
    words = ("--holder", "王", "--spaces", "1", "--until", "14d", "--lane", "front", "--hours", "mon-fri 7:00-19:00")
    code, out, err = permits(place, "add", "京A12345", "京AO2345", *words)
    assert (code, err) == (0, "")
    (row,) = stored(place, database)
    assert row.key in out
    assert (row.plates, row.lanes, row.spaces) == (("京A12345", "京A02345"), {"front"}, 1)
    code, out, err = permits(place, "add", "京A12345", "--kind", "blocked")
    assert "This entry is stronger" in err
    code, out, _ = permits(place, "add", "沪B8K219", "--kind", "visitor", "--until", "today")
    visitor = stored(place, database)[-1]
    assert f"code is {visitor.code}" in out
    found = json.loads(permits(place, "list", "--format", "json")[1])
    assert [item["kind"] for item in found] == ["visitor", "blocked", "resident"]
    assert "京A02345" in permits(place, "list", "--search", "02345")[1]
    assert permits(place, "list", "--kind", "held")[1] == "No permits.\n"
    assert [item["kind"] for item in json.loads(permits(place, "list", "--expiring", "1d", "--format", "json")[1])] == [
        "visitor"
    ]
    code, _, err = permits(place, "end", "京A12345")
    assert (code, "Several permits name" in err) == (1, True)
    assert permits(place, "end", "沪b·8k219")[0] == 0
    assert permits(place, "end", row.key)[0] == 0
    code, _, err = permits(place, "end", row.key)
    assert (code, "No permit that has not ended" in err) == (1, True)
    with closing(open_reader(database.url, place / "data")) as reader:
        done = [entry.action for entry in reader.audit.entries(9)]
    assert done.count(AuditAction.PERMIT_ADDED) == 3
    assert done.count(AuditAction.PERMIT_ENDED) == 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add",), "There is no plate"),
        (("add", "hello"), "cannot be a plate"),
        (("add", "京A12345", "--from", "2026-03-01", "--until", "2026-02-01"), "ends before it begins"),
        (("add", "京A12345", "--lane", "back", "--hours", "always"), "is no lane"),
        (("list", "--expiring", "soon"), "is not a time ahead"),
        (("import", "missing.csv"), "missing.csv cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence(place: Path, database: Database, words: tuple[str, ...], told: str) -> None:
    permits(place, "add", "沪B8K219")
    code, _, err = permits(place, *words)
    assert code == 1
    assert told in err
    assert len(stored(place, database)) == 1


def test_a_list_is_written_only_if_somebody_says_yes(place: Path, database: Database) -> None:
    with closing(open_store(database.url, place / "data")):
        pass
    file = place / "list.csv"
    file.write_text(LIST + "3,nonsense,\n", encoding="gbk")
    code, out, err = permits(place, "import", str(file))
    assert code == 1
    assert "line 4, plate: “nonsense” cannot be a plate" in err
    assert "2 permits to add" in out
    assert stored(place, database) == []
    code, _, err = permits(place, "import", str(file), "--leave-out-bad")
    assert (code, "nobody can be asked here" in err) == (1, True)
    assert stored(place, database) == []
    assert permits(place, "import", str(file), "--leave-out-bad", "--yes", "--source", "house")[0] == 0
    before = stored(place, database)
    assert [row.holder for row in before] == ["王", "=1+1"]
    file.write_text(LIST, encoding="utf-8-sig")
    code, out, err = permits(place, "import", str(file), "--source", "house")
    assert (code, err) == (0, "")
    assert "as the list says already" in out
    assert stored(place, database) == before
    file.write_text("reference,plate\n1,京A12345\n", encoding="utf-8")
    assert permits(place, "import", str(file), "--source", "house", "--end-missing", "--yes")[0] == 0
    states = [row.valid_until is None for row in stored(place, database)]
    assert states == [True, False]
    assert list((place / "data" / "imports").iterdir()) == []


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_export_is_imported_without_a_change_beside_a_daemon(place: Path, database: Database) -> None:
    (place / "list.csv").write_text(LIST, encoding="utf-8")
    with closing(open_store(database.url, place / "data")), sole_writer(database.url, place / "data"):
        assert permits(place, "import", "list.csv", "--yes")[0] == 0
        assert permits(place, "export", "--output", "out.csv")[0] == 0
        text = (place / "out.csv").read_text(encoding="utf-8-sig")
        assert [line["holder"] for line in csv.DictReader(io.StringIO(text))] == ["'=1+1", "王"]
        code, out, _ = permits(place, "import", "out.csv", "--yes")
        assert (code, "0 permits to add, 0 to change" in out) == (0, True)
    assert [row.state(row.created_at) for row in stored(place, database)] == [PermitState.VALID] * 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("typed", "written"), [("y", 2), ("n", 0)])
def test_on_a_terminal_it_is_asked(place: Path, database: Database, typed: str, written: int) -> None:
    with closing(open_store(database.url, place / "data")):
        pass
    (place / "list.csv").write_text(LIST, encoding="utf-8")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(place)
        os.execv(sys.executable, [sys.executable, "-m", "streamwatch", "permits", "import", "list.csv"])
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, typed.encode() + b"\n")
    try:
        while piece := os.read(terminal, 1000):
            shown += piece
    except OSError:
        pass  # the other side is closed
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == (0 if written else 1)
    assert len(stored(place, database)) == written


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_visitor_needs_no_plate_and_the_last_day_is_shown(place: Path, database: Database) -> None:
    code, out, err = permits(place, "add", "--kind", "visitor", "--holder", "Bob", "--until", "2099-01-31")
    assert (code, err) == (0, "")
    assert f"code is {stored(place, database)[0].code}" in out
    assert "2099-01-31 " in permits(place, "list")[1]
