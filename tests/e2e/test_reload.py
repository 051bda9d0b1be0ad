"""config.yaml is read again while the daemon runs: what changed takes effect, and the rest goes on."""

import json
import os
import pty
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from clips import Vehicle, render
from daemons import PLATES, SECRET, Running, paid, running, verb
from fakes import FakeOcrCars, plate

ZONE = [[0.0, 0.1], [1.0, 0.1], [1.0, 1.0], [0.0, 1.0]]
LOCAL = {"engine": "local"}
AWAY = "rtsp://127.0.0.1:9/x"  # nothing is seen there


@pytest.fixture(scope="module")
def parked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return a camera before which a vehicle stands all the time."""
    path = tmp_path_factory.mktemp("clip") / "parked.mp4"
    render(path, [Vehicle(PLATES[0], enter=-9, approach=1, stop=99)], 4, fps=10, size=(1280, 720), preset="ultrafast")
    return {"source": str(path), "loop": True}


def change(daemon: Running, **sections: Any) -> None:
    """Set whole sections of the file; None removes one."""
    file = daemon.folder / "config.yaml"
    config = json.loads(file.read_text()) | sections
    file.write_text(json.dumps({name: section for name, section in config.items() if section is not None}))


def status(daemon: Running) -> dict[str, Any]:
    file = daemon.data / "status.json"
    told: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"cameras": [], "reload": None}
    return told


def camera(daemon: Running, name: str) -> dict[str, Any]:
    return next((one for one in status(daemon)["cameras"] if one["name"] == name), {})


def threads(daemon: Running) -> int:
    return len(os.listdir(f"/proc/{daemon.process.pid}/task"))


def test_one_camera_changes_and_the_passage_before_the_other_goes_on(parked: dict[str, Any], tmp_path: Path) -> None:
    cameras = {"stays": parked, "changes": {"source": "sample"}}
    with running(tmp_path / "d", cameras, recognizer=LOCAL) as daemon:
        there = "SELECT count(*) FROM sightings WHERE camera = '{}'"
        daemon.until(lambda: all(daemon.rows(there.format(name)) not in ([], [(0,)]) for name in cameras))
        daemon.until(lambda: camera(daemon, "changes").get("state") == "online")
        since = camera(daemon, "stays")["since"]
        change(daemon, cameras={**cameras, "changes": {"source": "sample", "zone": ZONE, "gate": {"max_calls": 2}}})
        done = verb(daemon.folder, "reload")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (
            "config.yaml was read again. Cameras: started anew: changes.\n"
            "In effect now: cameras.changes.gate.max_calls.\n"
        )
        (before,) = daemon.rows("SELECT max(id) FROM passages WHERE camera = 'changes'")
        later = f"SELECT count(*) FROM sightings WHERE camera = 'changes' AND id > {before[0]}"
        daemon.until(lambda: daemon.rows(later) not in ([], [(0,)]))
        assert camera(daemon, "stays")["since"] == since
        assert daemon.rows("SELECT closed FROM passages WHERE camera = 'stays'") == [(0,)]
        assert camera(daemon, "changes")["state"] == "online"
        assert "started anew: changes" in verb(daemon.folder, "status").stdout
        assert daemon.stop() == 0
        assert daemon.rows("SELECT count(*) FROM passages WHERE camera = 'stays'") == [(1,)]
        assert daemon.rows("SELECT count(*) FROM passages WHERE closed = 0") == [(0,)]
        assert not daemon.errors()


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"gate": {"threshold": 999}}, "must be at most 255"),
        ({"cameras": {}}, "names no camera"),
        ({"recognizer": {"engine": "ocrcars"}}, "needs credentials"),
        ({"cameras": {"gate": {"source": "rtsp://u:${NOWHERE}@127.0.0.1:9/x"}}}, "NOWHERE, which is not set"),
    ],
)
def test_a_wrong_file_changes_nothing_and_is_said(sections: dict[str, Any], told: str, tmp_path: Path) -> None:
    with running(tmp_path / "d", {"gate": {"source": AWAY}}, recognizer=LOCAL) as daemon:
        daemon.until(lambda: "watching gate" in daemon.log())
        daemon.until(lambda: bool(camera(daemon, "gate")))
        change(daemon, **sections)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.until(lambda: told in daemon.log())
        daemon.until(lambda: status(daemon)["reload"] is not None)
        (problem,) = status(daemon)["reload"]["problems"]
        assert told in problem
        assert [one["name"] for one in status(daemon)["cameras"]] == ["gate"]
        done = verb(daemon.folder, "reload")
        assert done.returncode == 1
        assert told in done.stderr
        assert daemon.stop() == 0
        assert daemon.log().count("was not taken in") in (1, 2), "the verb finds most mistakes by itself"


def test_cameras_come_and_go_with_their_threads(tmp_path: Path) -> None:
    one, two = {"source": "sample"}, {"source": AWAY}
    with running(tmp_path / "d", {"one": one}, recognizer=LOCAL, budget={"day": 5}) as daemon:
        daemon.until(lambda: camera(daemon, "one").get("state") == "online")
        change(daemon, cameras={"one": one, "two": two, "three": one}, budget={"day": 7, "hour": 3})
        assert verb(daemon.folder, "reload").stdout == (
            "config.yaml was read again. Cameras: started: two, three.\nIn effect now: budget.day, budget.hour.\n"
        )
        daemon.until(lambda: camera(daemon, "three").get("state") == "online")
        assert {(use["window"], use["limit"]) for use in status(daemon)["budget"]} == {("day", 7), ("hour", 3)}
        many = threads(daemon)
        change(daemon, cameras={"one": one}, budget=None)
        assert "no longer watched: two, three." in verb(daemon.folder, "reload").stdout
        assert [each["name"] for each in status(daemon)["cameras"]] == ["one"]
        assert status(daemon)["budget"] == []
        daemon.until(lambda: threads(daemon) <= many - 3)  # two for camera `three`, one for `two`, perhaps one more
        assert not status(daemon)["stalled"]
        assert verb(daemon.folder, "reload").stdout == "config.yaml was read again; it says what it said before.\n"
        assert daemon.stop() == 0
        assert not daemon.errors()


def test_what_needs_a_restart_is_said_each_time(tmp_path: Path) -> None:
    with running(tmp_path / "d", {"gate": {"source": AWAY}}, recognizer=LOCAL) as daemon:
        daemon.until(lambda: bool(camera(daemon, "gate")))
        change(daemon, outbox={"max_items": 9}, retention={"evidence": "5d"})
        restart = "In effect after a restart of streamwatch: outbox.max_items.\n"
        assert verb(daemon.folder, "reload").stdout == f"In effect now: retention.evidence.\n{restart}"
        assert verb(daemon.folder, "reload").stdout == restart
        change(daemon, data_dir=str(tmp_path / "elsewhere"))
        done = verb(daemon.folder, "reload")
        assert done.returncode == 1
        assert "if data_dir or database was changed, restart it instead" in done.stderr
        assert daemon.stop() == 0


def test_a_camera_that_could_never_work_is_tried_again(tmp_path: Path) -> None:
    clip = tmp_path / "missing.mp4"
    cameras = {"broken": {"source": str(clip), "loop": True}, "away": {"source": AWAY}}
    with running(tmp_path / "d", cameras, recognizer=LOCAL) as daemon:
        daemon.until(lambda: "camera broken: There is no file" in daemon.log())
        render(clip, [], 2, fps=10, size=(640, 360), preset="ultrafast")
        assert "started anew: broken." in verb(daemon.folder, "reload").stdout
        daemon.until(lambda: camera(daemon, "broken").get("state") == "online")
        assert daemon.stop() == 0


def test_credentials_from_a_file_and_another_engine_count_at_once(parked: dict[str, Any], tmp_path: Path) -> None:
    secret = tmp_path / "appcode"
    secret.write_text("invented0and0wrong0appcode")
    with FakeOcrCars(plate(PLATES[0], range=[]), appcode=SECRET) as service:
        ocrcars = {key: value for key, value in paid(service)["ocrcars"].items() if key != "appcode"}
        recognizer = {"engine": "ocrcars", "fallback": "none", "ocrcars": {**ocrcars, "appcode_file": str(secret)}}
        with running(tmp_path / "d", {"gate": parked}, recognizer=recognizer) as daemon:
            daemon.until(lambda: "calls are held back" in daemon.log())
            secret.write_text(SECRET)
            done = verb(daemon.folder, "reload")
            assert done.stdout == "In effect now: recognizer.ocrcars.appcode.\n"
            daemon.until(lambda: daemon.rows("SELECT engine, plate FROM sightings") == [("ocrcars", PLATES[0])])
            cameras = {"gate": parked, "free": {**parked, "recognizer": LOCAL}}
            change(daemon, cameras=cameras)
            assert "started: free" in verb(daemon.folder, "reload").stdout
            free = "SELECT engine FROM sightings WHERE camera = 'free'"
            daemon.until(lambda: daemon.rows(free) == [("local",)])
            assert daemon.stop() == 0
            assert daemon.rows("SELECT count(*) FROM calls WHERE camera = 'free'") == [(0,)]


def test_without_a_daemon_the_verb_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("cameras: {gate: {source: sample}}\n")
    done = verb(tmp_path, "reload")
    assert done.returncode == 1
    assert "No daemon runs here with this config. Start it with `streamwatch run`." in done.stderr


def test_a_daemon_stops_when_its_terminal_is_closed(tmp_path: Path) -> None:
    """As before there were reloads: SIGHUP has two meanings."""
    (tmp_path / "config.yaml").write_text(
        json.dumps({"cameras": {"gate": {"source": AWAY}}, "recognizer": LOCAL, "web": {"enabled": False}})
    )
    log = tmp_path / "log"
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        with open(log, "wb") as file:
            os.dup2(file.fileno(), 2)
            os.dup2(file.fileno(), 1)
        os.execv(sys.executable, [sys.executable, "-m", "streamwatch", "run"])
    try:
        while not (log.exists() and b"watching gate" in log.read_bytes()):
            assert os.waitpid(child, os.WNOHANG)[0] == 0, log.read_text()
    finally:
        os.close(terminal)
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == 0
    assert "stopping" in log.read_text()
