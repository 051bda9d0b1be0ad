"""The verb `what-if`: it decides again on what was seen, tells what would be different, and writes nothing."""

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lanes import START, Lane, lane_settings
from typer.testing import CliRunner

from streamwatch.cli.main import app
from streamwatch.core.codes import Answer, PermitKind
from streamwatch.store import Store, open_store

RESIDENT, LATER, VISITOR, STRANGER = "粤B3M5K7", "粤B11111", "粤B22222", "粤B99999"
YARD = {"cameras": {"yard": {"source": "0"}}}
SPAN = ["--since", "2026-03-04T00:00+00:00", "--until", "2026-03-05T00:00+00:00"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/data/streamwatch.db", tmp_path / "data")
    yield opened
    opened.close()


def write_config(tmp_path: Path, name: str = "config.yaml", **sections: Any) -> Path:
    entry = {"cameras": ["gate"], "mode": "automatic", "barrier": "front", **sections}
    config = {
        "data_dir": "data",
        "cameras": {"gate": {"source": "rtsp://camera.invalid/1"}},
        "barriers": {"front": {"driver": "command", "command": ["true"]}},
        "lanes": {"entry": entry},
    }
    file = tmp_path / name
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def a_morning(store: Store) -> str:
    """Let four vehicles come, and return the key of the resident's permit."""
    lane = Lane(store, lane_settings(lanes={"entry": {"cameras": ["gate"], "mode": "automatic", "barrier": "front"}}))
    key = lane.permit(RESIDENT, holder="Chen")
    lane.permit(VISITOR, kind=PermitKind.VISITOR)
    for plate in (RESIDENT, LATER, VISITOR, STRANGER):
        lane.sees(plate)
        lane.clock.passed += 60
    (asked,) = (made for made in lane.made if made.plate == STRANGER)
    store.decisions.answer(asked.key, Answer.OPENED, "guard", START)
    for made in lane.made:
        if made.plate == VISITOR:
            store.decisions.let_through(made.key, made.captured_at)
    return key


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["what-if", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def state_of(tmp_path: Path) -> str:
    """Return a digest of all that lies in the data folder."""
    files = sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file() and path.suffix != ".db-shm")
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def test_under_the_same_list_and_rules_nothing_is_different(store: Store, tmp_path: Path) -> None:
    a_morning(store)
    before = state_of(tmp_path)
    found = json.loads(run(*SPAN, "--config", str(write_config(tmp_path)), "--format", "json"))
    assert state_of(tmp_path) == before
    assert (found["sightings"], found["let_in_then"], found["let_in_now"], found["rows"]) == (4, 3, 2, [])


def test_another_list_says_who_would_be_let_in_and_who_not(store: Store, tmp_path: Path) -> None:
    key = a_morning(store)
    before = state_of(tmp_path)
    lines = [
        ["key", "plate", "kind", "until"],
        [key, RESIDENT, "resident", "2026-03-01"],
        ["", LATER, "resident", ""],
        ["", STRANGER, "resident", ""],
    ]
    file = tmp_path / "list.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(lines)
    words = [*SPAN, "--config", str(write_config(tmp_path)), "--list", str(file)]
    found = json.loads(run(*words, "--format", "json"))
    assert state_of(tmp_path) == before
    told = {row["plate"]: (row["difference"], row["then"], row["verdict"], row["reason"]) for row in found["rows"]}
    assert told == {
        RESIDENT: ("asked", "allow", "ask", "expired"),
        LATER: ("let_in", "ask", "allow", "permitted"),
        STRANGER: ("let_in_unasked", "opened", "allow", "permitted"),
    }
    table = run(*words)
    assert "were not let in, and would be now" in table
    assert LATER in table
    rows = list(csv.DictReader(run(*words, "--format", "csv").lstrip("\ufeff").splitlines()))
    assert [row["plate"] for row in rows] == [RESIDENT, LATER, STRANGER]


def test_other_rules_say_who_would_not_be_let_in(store: Store, tmp_path: Path) -> None:
    a_morning(store)
    stricter = write_config(tmp_path, "stricter.yaml", unknown="deny", bar=1.0)
    found = json.loads(run(*SPAN, "--config", str(stricter), "--format", "json"))
    told = {row["plate"]: (row["difference"], row["verdict"], row["reason"]) for row in found["rows"]}
    assert told == {
        RESIDENT: ("asked", "ask", "unsure_reading"),
        VISITOR: ("asked", "ask", "unsure_reading"),
        STRANGER: ("not_let_in", "deny", "unknown"),
    }


def test_sightings_of_a_time_without_lanes_are_decided_for_the_first_time(store: Store, tmp_path: Path) -> None:
    lane = Lane(store, lane_settings(lanes={"entry": {"cameras": ["way_out"]}, "exit": {"cameras": ["yard"]}}, **YARD))
    lane.permit(RESIDENT)
    lane.sees(RESIDENT)
    found = json.loads(run(*SPAN, "--config", str(write_config(tmp_path)), "--format", "json"))
    assert (found["undecided_then"], found["let_in_now"]) == (1, 1)
    assert [(row["then"], row["difference"]) for row in found["rows"]] == [("none", "let_in")]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--lane", "exit"], "names no lane 'exit'; it names: entry"),
        (["--list", "gone.csv"], "gone.csv cannot be read"),
        (["--since", "2026-03-04", "--until", "2026-03-01"], "is after --until"),
    ],
)
def test_a_mistake_is_one_sentence(store: Store, tmp_path: Path, words: list[str], told: str) -> None:
    result = CliRunner().invoke(app, ["what-if", "--config", str(write_config(tmp_path)), *words])
    assert told in str(result.exception)
