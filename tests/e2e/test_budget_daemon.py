"""Real processes whose calls are limited, find nothing, or may have been charged: where each picture is read."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from clips import Vehicle, render, render_visits
from daemons import PLATES, SECRET, paid, query_database, running, verb
from fakes import FakeOcrCars, keep_silent, no_plate, plate
from killing import NO_LOCAL

START = "2026-03-01T08:00:00+08:00"
ONE_CALL = {"max_calls": 1}  # no second view after the one without an answer
FOUR = ["京AF0236", "苏EK3P82", "浙AD60718", "川A0638警"]


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw four vehicles, one after the other, for replays."""
    path = tmp_path_factory.mktemp("clip") / "four.mp4"
    colours = ["blue", "yellow", "green", "white"]
    vehicles = [
        Vehicle(text, colour, enter=0.8 + 4.0 * n, approach=1.2, stop=1.2)
        for n, (text, colour) in enumerate(zip(FOUR, colours, strict=True))
    ]
    render(path, vehicles, 17, fps=10, size=(640, 360), preset="ultrafast", gop=1.0)
    return path


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw one vehicle."""
    path = tmp_path_factory.mktemp("clip") / "single.mp4"
    render_visits(path, FOUR[:1])
    return path


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw an empty gate."""
    path = tmp_path_factory.mktemp("clip") / "empty.mp4"
    render(path, [], 2, fps=10, size=(640, 360), preset="ultrafast")
    return path


def replay(folder: Path, clip: Path, service: FakeOcrCars, local: bool = True, **settings: Any) -> str:
    """Replay a recording; return the log."""
    folder.mkdir(exist_ok=True)
    config = {"cameras": {"gate": {"source": str(clip)}}, "recognizer": paid(service), **settings}
    (folder / "config.yaml").write_text(json.dumps(config))
    done = verb(folder, "replay", "--camera", "gate", "--start", START, clip, patch="" if local else NO_LOCAL)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    return done.stderr


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    return query_database(folder / "data" / "streamwatch.db", query)


def two_plates() -> FakeOcrCars:
    return FakeOcrCars(plate(FOUR[0], range=[]), plate(FOUR[1], range=[]), appcode=SECRET)


def test_beyond_the_budget_vehicles_are_read_here(four: Path, tmp_path: Path) -> None:
    with two_plates() as service:
        log = replay(tmp_path / "d", four, service, budget={"hour": 2})
        assert len(service.calls) == 2
    engines = rows(tmp_path / "d", "SELECT engine, plate FROM sightings ORDER BY first_seen")
    assert engines[:2] == [("ocrcars", FOUR[0]), ("ocrcars", FOUR[1])]
    assert engines[2:] == [("local", FOUR[2]), ("local", FOUR[3])]
    assert log.count("WARNING budget: 2 of 2 calls of this hour for the account are used") == 1
    assert rows(tmp_path / "d", "SELECT count(*), sum(charged) FROM calls") == [(2, 2)]


def test_a_cameras_own_budget_survives_a_restart(four: Path, tmp_path: Path) -> None:
    cameras = {"gate": {"source": str(four), "budget": {"day": 2}}}
    for _ in range(2):
        with two_plates() as service:
            replay(tmp_path / "d", four, service, cameras=cameras)
            calls = len(service.calls)
    assert calls == 0, "the day's calls were made before"
    assert rows(tmp_path / "d", "SELECT count(*) FROM calls") == [(2,)]


def test_beyond_the_budget_and_without_local_engine_the_reason_is_recorded(four: Path, tmp_path: Path) -> None:
    with two_plates() as service:
        replay(tmp_path / "d", four, service, local=False, budget={"hour": 2})
        assert len(service.calls) == 2
    states = rows(tmp_path / "d", "SELECT state, state_reason FROM keyframes ORDER BY captured_at")
    assert [state for state, _ in states[:2]] == ["answered"] * 2
    assert len(states) >= 4
    assert {state for state, _ in states[2:]} == {"dropped"}
    assert {why for _, why in states[2:]} == {"budget_hour"}
    outcomes = rows(tmp_path / "d", "SELECT outcome FROM passages ORDER BY opened_at")
    assert outcomes == [("read",), ("read",), ("failed",), ("failed",)]
    said = verb(tmp_path / "d", "calls", "--since", "2026-01-01", "--format", "json")
    (line,) = json.loads(said.stdout)["not_called"]
    assert line["state"] == "dropped"
    assert line["reason"] == "budget_hour"


def test_calls_that_find_no_plate_pause(four: Path, tmp_path: Path) -> None:
    with FakeOcrCars(no_plate(), appcode=SECRET) as service:
        log = replay(tmp_path / "d", four, service, local=False, calls={"runaway_after": 2})
        assert len(service.calls) == 2
    assert log.count(" ERROR ") == 1
    assert "camera gate: 2 calls in a row found no plate; its calls pause for 10 min. Check its zone." in log
    assert "waiting on disk" in log
    to_read = "SELECT state, count(*) FROM keyframes WHERE state <> 'kept' GROUP BY state ORDER BY state"
    states = rows(tmp_path / "d", to_read)
    assert states[0] == ("answered", 2)
    assert states[1][0] == "waiting"


def test_while_calls_pause_the_local_engine_goes_on(four: Path, tmp_path: Path) -> None:
    with FakeOcrCars(no_plate(), appcode=SECRET) as service:
        replay(tmp_path / "d", four, service, calls={"runaway_after": 2}, gate=ONE_CALL)
        assert len(service.calls) == 2
    found = rows(tmp_path / "d", "SELECT engine, plate FROM sightings ORDER BY first_seen")
    assert found == [("local", FOUR[2]), ("local", FOUR[3])]
    said = verb(tmp_path / "d", "calls", "--since", "2026-01-01", "--format", "json")
    (line,) = json.loads(said.stdout)["not_called"]
    assert (line["state"], line["keyframes"]) == ("answered", 2)
    assert line["reason"] == "local_sure"


def test_local_first_pays_for_nothing_that_is_easy_to_read(four: Path, tmp_path: Path) -> None:
    with FakeOcrCars(no_plate(), appcode=SECRET) as service:
        replay(tmp_path / "d", four, service, recognizer={**paid(service), "engine": "local-first"})
        assert service.calls == []
    found = rows(tmp_path / "d", "SELECT engine, plate FROM sightings ORDER BY first_seen")
    assert found == [("local", text) for text in FOUR]


def test_local_first_without_the_extra_says_what_to_do(single: Path, tmp_path: Path) -> None:
    with FakeOcrCars(appcode=SECRET) as service:
        config = {"cameras": {"gate": {"source": str(single)}}, "recognizer": paid(service) | {"engine": "local-first"}}
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        for words in (["replay", "--camera", "gate", single], ["check"]):
            done = verb(tmp_path, *words, patch=NO_LOCAL)
            assert done.returncode == 1
            said = " ".join((done.stdout + done.stderr).split())
            assert "recognizer.engine is local-first, and the local engine is not installed." in said
            assert "pip install '.[local]'" in said


# ---- a call that may have been charged ------------------------------------------------------------------------------


def doubt(folder: Path, single: Path) -> str:
    """Run a daemon whose one picture is sent and never answered; return the picture's digest."""
    recognizer: dict[str, Any]
    folder.mkdir()
    with FakeOcrCars(keep_silent, appcode=SECRET) as service:
        recognizer = paid(service)
        recognizer["ocrcars"]["read_timeout"] = "300ms"
        cameras = {"gate": {"source": str(single)}}
        with running(folder, cameras, patch=NO_LOCAL, recognizer=recognizer, gate=ONE_CALL) as daemon:
            assert daemon.process.wait(180) == 0
            assert daemon.rows("SELECT state FROM keyframes") == [("doubtful",)]
            assert daemon.rows("SELECT outcome, charged FROM calls") == [("doubtful", None)]
        return hashlib.sha256(service.calls[0].picture).hexdigest()


@pytest.mark.parametrize("resend", [True, False])
def test_a_doubtful_picture_after_a_restart(single: Path, empty: Path, tmp_path: Path, resend: bool) -> None:
    sent = doubt(tmp_path / "d", single)
    cameras = {"gate": {"source": str(empty)}}
    with (
        FakeOcrCars(plate(PLATES[0], range=[]), appcode=SECRET) as service,
        running(tmp_path / "d", cameras, recognizer=paid(service), calls={"resend_doubtful": resend}) as daemon,
    ):
        assert daemon.process.wait(180) == 0
        assert [hashlib.sha256(call.picture).hexdigest() for call in service.calls] == [sent] * resend
        assert daemon.rows("SELECT engine, plate FROM sightings") == [("ocrcars" if resend else "local", PLATES[0])]
        assert daemon.rows("SELECT state FROM keyframes") == [("answered",)]
        assert daemon.rows("SELECT outcome FROM passages") == [("read",)]
        assert daemon.rows("SELECT outcome FROM calls ORDER BY id")[0] == ("doubtful",), "the ledger forgets nothing"


def test_a_doubtful_picture_that_nobody_may_read_is_left_and_said(single: Path, empty: Path, tmp_path: Path) -> None:
    doubt(tmp_path / "d", single)
    with (
        FakeOcrCars(plate(PLATES[0]), appcode=SECRET) as service,
        running(
            tmp_path / "d",
            {"gate": {"source": str(empty)}},
            patch=NO_LOCAL,
            recognizer=paid(service),
        ) as daemon,
    ):
        assert daemon.process.wait(180) == 0
        assert service.calls == []
        assert daemon.rows("SELECT state FROM keyframes") == [("doubtful",)]
        assert "1 picture may have been paid for without an answer and will not be sent again;" in daemon.log()
