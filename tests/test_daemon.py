"""The daemon as a real process: live cameras over RTSP, the service over HTTP, signals."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from clips import Vehicle, render
from fakes import FakeOcrCars, keep_silent, plate, refusal
from rtsp_server import RtspServer

SECRET, PASSWORD = "invented0appcode0of0daemon0tests", "invented-camera-password"
PLATES = ["京AF0236", "苏EK3P82"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven seconds with two vehicles; empty at both ends, so that it can loop."""
    path = tmp_path_factory.mktemp("clip") / "gate.mp4"
    vehicles = [Vehicle(PLATES[0], enter=0.8, approach=1.5, stop=1.8), Vehicle(PLATES[1], "yellow", 6.0, 1.5, 1.8)]
    render(path, vehicles, 11, fps=10, size=(640, 360), preset="ultrafast", gop=1.0)
    return path


class Running:
    """A daemon process whose output goes to files."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        self._out, self._err = open(folder / "out", "w"), open(folder / "err", "w")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamwatch", "run"], cwd=folder, stdout=self._out, stderr=self._err
        )

    def until(self, what: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until something holds; fails with the log when it never does or the daemon ends before."""
        limit = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < limit, f"not within {seconds} s:\n{self.log()}"
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """The exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def log(self) -> str:
        return (self.folder / "err").read_text()

    def said(self) -> str:
        return (self.folder / "out").read_text()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        file = self.folder / "data" / "streamwatch.db"
        if not file.exists():
            return []
        database = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            database.close()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._out.close()
        self._err.close()


@contextmanager
def running(folder: Path, cameras: dict[str, Any], **settings: Any) -> Iterator[Running]:
    folder.mkdir(exist_ok=True)
    capture = {"deadline": "1s", "reopen_first": "100ms", "reopen_longest": "500ms"}
    daemon = Running(folder, {"cameras": cameras, "capture": capture, **settings})
    try:
        yield daemon
    finally:
        daemon.end()
    everything = daemon.log() + daemon.said()
    assert "Traceback" not in everything, everything
    assert SECRET not in everything
    assert PASSWORD not in everything


def paid(service: FakeOcrCars) -> dict[str, Any]:
    return {"engine": "ocrcars", "ocrcars": {"endpoint": service.endpoint, "appcode": SECRET, "read_timeout": "2s"}}


def test_a_live_camera_gives_the_clips_plates_also_after_the_server_was_gone(clip: Path, tmp_path: Path) -> None:
    with (
        RtspServer(clip, user="viewer", password=PASSWORD) as server,
        running(
            tmp_path / "d",
            {
                "gate": {"source": server.url},
                "dead": {"source": f"rtsp://u:{PASSWORD}@127.0.0.1:9/x"},
                "refusing": {"source": server.url.replace(PASSWORD, f"wrong-{PASSWORD}")},
            },
            recognizer={"engine": "local"},
            dedup={"window": "1s"},
        ) as daemon,
    ):
        plates = "SELECT DISTINCT plate FROM sightings ORDER BY plate"
        daemon.until(lambda: [row for (row,) in daemon.rows(plates)] == sorted(PLATES))
        server.stop()
        daemon.until(lambda: "Camera gate is lost" in daemon.log())
        time.sleep(1.0)
        (before,) = daemon.rows("SELECT max(id) FROM sightings")
        server.restart()
        later = f"SELECT DISTINCT plate FROM sightings WHERE id > {before[0]} ORDER BY plate"
        daemon.until(lambda: [row for (row,) in daemon.rows(later)] == sorted(PLATES))
        assert daemon.stop() == 0
        assert daemon.log().count("Camera gate is lost") == 1
        assert daemon.log().count("Camera gate is back") == 1
        assert daemon.log().count("Camera dead is lost") <= 1
        assert all(plate in daemon.said() for plate in PLATES)
        assert daemon.rows("SELECT count(*) FROM sightings WHERE status <> 'final'") == [(0,)]


def test_every_call_of_a_live_camera_is_in_the_ledger(clip: Path, tmp_path: Path) -> None:
    with (
        FakeOcrCars(plate(PLATES[0], range=[]), plate(PLATES[1], range=[]), appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        assert daemon.process.wait(60) == 0, "a recording that is over ends the daemon"
        assert len(service.calls) == 2
        ledger = daemon.rows(
            "SELECT c.outcome, c.charged, k.state FROM calls c JOIN keyframes k ON k.id = c.keyframe_id"
        )
        assert ledger == [("read", 1, "answered")] * 2
        assert daemon.said().count("gate") == 2


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (refusal(403, "B403MQ", "Api Market Subscription quota exhausted"), "quota", "Buy"),
        (refusal(401, "A401AC", "Invalid AppCode"), "credentials", "AppCode"),
        (keep_silent, "doubtful", "charged"),
    ],
)
def test_an_outage_is_never_an_empty_gate(clip: Path, tmp_path: Path, answer: Any, outcome: str, words: str) -> None:
    with (
        FakeOcrCars(answer, appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        assert daemon.process.wait(60) == 0
        assert set(daemon.rows("SELECT outcome FROM passages")) == {("failed",)}
        assert {row[0] for row in daemon.rows("SELECT outcome FROM calls")} == {outcome}
        assert daemon.rows("SELECT state FROM keyframes") == [("failed",)] * 2
        assert words in daemon.log()


def test_a_signal_reads_what_was_seen_last(clip: Path, tmp_path: Path) -> None:
    with running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer={"engine": "local"}) as daemon:
        daemon.until(lambda: daemon.rows("SELECT count(*) FROM passages") == [(1,)])
        assert daemon.stop(signal.SIGINT) == 0
        assert daemon.rows("SELECT plate, status FROM sightings") == [(PLATES[0], "final")]
        assert daemon.rows("SELECT outcome FROM passages") == [("read",)]


def test_a_second_signal_ends_at_once(clip: Path, tmp_path: Path) -> None:
    with (
        FakeOcrCars(keep_silent, appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        daemon.until(lambda: len(service.calls) > 0)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.until(lambda: "stopping" in daemon.log())
        assert daemon.stop() == 128 + signal.SIGTERM


def test_a_database_that_fails_ends_the_daemon_with_one_sentence(clip: Path, tmp_path: Path) -> None:
    with running(tmp_path / "d", {"gate": {"source": "sample"}}, recognizer={"engine": "local"}) as daemon:
        daemon.until(lambda: "is online" in daemon.log())
        evidence = tmp_path / "d" / "data" / "evidence"
        evidence.write_text("a file where the folder should be")
        assert daemon.process.wait(60) == 1
        errors = [line for line in daemon.log().splitlines() if " ERROR " in line]
        assert len(errors) == 1, daemon.log()
        assert "evidence" in errors[0]


def test_a_file_that_is_not_there_is_said_and_the_other_camera_goes_on(clip: Path, tmp_path: Path) -> None:
    cameras = {"gate": {"source": str(clip)}, "absent": {"source": "absent.mp4"}}
    with running(tmp_path / "d", cameras, recognizer={"engine": "local"}) as daemon:
        assert daemon.process.wait(60) == 0
        assert "absent.mp4" in daemon.log()
        assert {row[0] for row in daemon.rows("SELECT plate FROM sightings")} == set(PLATES)


def test_output_that_nobody_reads_does_not_stop_the_daemon(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        f"cameras: {{gate: {{source: '{clip}'}}}}\nrecognizer: {{engine: local}}\n", encoding="utf-8"
    )
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "streamwatch", "run"]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writer)
    assert done.returncode == 0, done.stderr
    database = sqlite3.connect(tmp_path / "data" / "streamwatch.db")
    assert {plate for (plate,) in database.execute("SELECT plate FROM sightings")} == set(PLATES)
    database.close()
