"""The daemon as a real process: live cameras over RTSP, the service over HTTP, signals."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clips import Vehicle, render, render_visits
from daemons import PASSWORD, PLATES, SECRET, UNHURRIED, paid, query_database, running, verb
from fakes import FakeOcrCars, keep_silent, plate, refusal
from rtsp_server import RtspServer

ALONE = {"fallback": "none"}  # the local engine reads nothing
SEEN = "SELECT engine, plate FROM sightings ORDER BY first_seen"
DEAD = f"rtsp://u:{PASSWORD}@127.0.0.1:9/x"  # nothing is seen there


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw two vehicles with an empty gate at both ends, so that the clip can loop."""
    path = tmp_path_factory.mktemp("clip") / "gate.mp4"
    render_visits(path, PLATES)
    return path


@pytest.fixture(scope="module")
def parked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw a vehicle that stands there all the time, for four seconds."""
    path = tmp_path_factory.mktemp("clip") / "parked.mp4"
    render(path, [Vehicle(PLATES[0], enter=-9, approach=1, stop=99)], 4, fps=10, size=(1280, 720), preset="ultrafast")
    return path


def test_a_live_camera_gives_the_clips_plates_also_after_the_server_was_gone(clip: Path, tmp_path: Path) -> None:
    with (
        RtspServer(clip, user="viewer", password=PASSWORD) as server,
        running(
            tmp_path / "d",
            {
                "gate": {"source": server.url},
                "dead": {"source": DEAD},
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
        daemon.until(lambda: "Camera dead cannot be reached yet" in daemon.log())
        assert daemon.stop() == 0
        assert daemon.log().count("Camera gate is lost") == 1
        assert daemon.log().count("Camera gate is back") == 1
        assert daemon.log().count("Camera dead cannot be reached yet") == 1
        assert "Camera dead is lost" not in daemon.log()
        assert all(plate in daemon.said() for plate in PLATES)
        assert daemon.rows("SELECT count(*) FROM sightings WHERE status <> 'final'") == [(0,)]


def test_every_call_of_a_live_camera_is_in_the_ledger(clip: Path, tmp_path: Path) -> None:
    with (
        FakeOcrCars(plate(PLATES[0], range=[]), plate(PLATES[1], range=[]), appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        assert daemon.process.wait(180) == 0, "a recording that is over ends the daemon"
        assert "Camera gate: the recording has ended." in daemon.log()
        assert "stopping: every recording has ended" in daemon.log()
        assert len(service.calls) == 2
        ledger = daemon.rows(
            "SELECT c.outcome, c.charged, k.state FROM calls c JOIN keyframes k ON k.id = c.keyframe_id"
        )
        assert ledger == [("read", 1, "answered")] * 2
        assert daemon.said().count("gate") == 2


def test_what_a_person_must_mend_stops_calls_at_once_and_pictures_wait(clip: Path, tmp_path: Path) -> None:
    answer = refusal(403, "B403MQ", "Api Market Subscription quota exhausted")
    with (
        FakeOcrCars(answer, appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service) | ALONE) as daemon,
    ):
        assert daemon.process.wait(180) == 0
        assert len(service.calls) == 1, "for the second vehicle no engine is asked"
        assert daemon.rows("SELECT outcome FROM calls") == [("quota",)]
        assert daemon.rows("SELECT state FROM keyframes WHERE state <> 'kept'") == [("waiting",)] * 2
        assert daemon.rows("SELECT outcome FROM passages") == [("pending",)] * 2
        (error,) = [line for line in daemon.log().splitlines() if " ERROR " in line]
        assert "Buy" in error
    with (
        FakeOcrCars(plate(PLATES[1]), plate(PLATES[0]), appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": DEAD}}, recognizer=paid(service) | ALONE) as daemon,
    ):
        daemon.until(lambda: daemon.rows("SELECT outcome FROM passages") == [("read",)] * 2)
        assert daemon.stop() == 0
        assert len(service.calls) == 2, "each picture that waited was sent, once"
        before = "SELECT first_seen < (SELECT min(started_at) FROM calls) FROM sightings ORDER BY first_seen LIMIT 1"
        assert daemon.rows(before) == [(1,)]


def test_while_calls_are_held_back_the_local_engine_reads_at_once(clip: Path, tmp_path: Path) -> None:
    answer = refusal(403, "B403MQ", "Api Market Subscription quota exhausted")
    with (
        FakeOcrCars(answer, appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        assert daemon.process.wait(180) == 0
        assert len(service.calls) == 1
        assert daemon.rows("SELECT state, state_reason FROM keyframes") == [("answered", "local_sure")] * 2
        assert daemon.rows("SELECT engine, plate FROM sightings ORDER BY first_seen") == [
            ("local", text) for text in PLATES
        ]


def test_a_reader_that_is_held_shows_in_status_and_the_local_engine_reads_on(clip: Path, tmp_path: Path) -> None:
    with FakeOcrCars(keep_silent, appcode=SECRET) as service:
        recognizer = paid(service)
        recognizer["ocrcars"] |= {"read_timeout": "60s", "parallel": 1}
        camera = {"source": str(clip), "loop": True}
        with running(tmp_path / "d", {"gate": camera}, recognizer=recognizer, shutdown={"drain": "1s"}) as daemon:
            daemon.until(lambda: ("local", PLATES[1]) in daemon.rows("SELECT engine, plate FROM sightings"))
            assert len(service.calls) == 1
            assert daemon.rows("SELECT count(*) FROM calls WHERE ended_at IS NULL") == [(1,)]
            overdue = "An answer is overdue: a call has been running for"
            daemon.until(lambda: overdue in verb(tmp_path / "d", "status").stdout)
            assert verb(tmp_path / "d", "status").returncode == 1
            assert daemon.log().count("ocrCars has not answered a call for") == 1
            assert daemon.stop() == 0


def test_a_call_that_may_have_been_charged_is_read_here_and_not_paid_again(clip: Path, tmp_path: Path) -> None:
    with (
        FakeOcrCars(keep_silent, appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        assert daemon.process.wait(180) == 0
        assert {row[0] for row in daemon.rows("SELECT outcome FROM calls")} == {"doubtful"}
        assert len({call.picture for call in service.calls}) == len(service.calls)
        assert {row[0] for row in daemon.rows("SELECT engine FROM sightings")} == {"local"}
        assert [plate for _, plate in daemon.rows(SEEN)] == PLATES


def test_a_signal_reads_what_was_seen_last(parked: Path, tmp_path: Path) -> None:
    camera = {"source": str(parked), "loop": True}
    with running(tmp_path / "d", {"gate": camera}, recognizer={"engine": "local"}) as daemon:
        daemon.until(lambda: daemon.rows("SELECT count(*) FROM passages") == [(1,)])
        assert daemon.stop(signal.SIGINT) == 0
        assert daemon.rows("SELECT plate, status FROM sightings") == [(PLATES[0], "final")]
        assert daemon.rows("SELECT outcome FROM passages") == [("read",)]
    told = json.loads(verb(tmp_path / "d", "status", "--format", "json").stdout)
    assert told["running"] is False
    assert [told["cameras"][0][name] for name in ("passages", "read")] == [1, 1], "the last passage counts"


def test_a_second_signal_ends_at_once(clip: Path, tmp_path: Path) -> None:
    with (
        FakeOcrCars(keep_silent, appcode=SECRET) as service,
        running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer=paid(service)) as daemon,
    ):
        daemon.until(lambda: len(service.calls) > 0)
        daemon.process.send_signal(signal.SIGTERM)
        daemon.until(lambda: "stopping" in daemon.log())
        assert daemon.stop() == 128 + signal.SIGTERM


def test_an_evidence_folder_that_fails_is_said_once_and_the_daemon_goes_on(clip: Path, tmp_path: Path) -> None:
    with running(tmp_path / "d", {"gate": {"source": str(clip)}}, recognizer={"engine": "local"}) as daemon:
        daemon.until(lambda: "is online" in daemon.log())
        evidence = tmp_path / "d" / "data" / "evidence"
        evidence.write_text("a file where the folder should be")
        daemon.until(lambda: bool(daemon.errors()))
        evidence.unlink()
        assert daemon.process.wait(180) == 0, daemon.log()
        (error,) = daemon.errors()
        assert "evidence" in error
        assert "can be written again" in daemon.log()
        assert {row[0] for row in daemon.rows("SELECT plate FROM sightings")} == set(PLATES)


def test_a_file_that_is_not_there_is_said_and_the_other_camera_goes_on(clip: Path, tmp_path: Path) -> None:
    cameras = {"gate": {"source": str(clip)}, "absent": {"source": "absent.mp4"}}
    with running(tmp_path / "d", cameras, recognizer={"engine": "local"}) as daemon:
        assert daemon.process.wait(180) == 0
        assert "absent.mp4" in daemon.log()
        assert {row[0] for row in daemon.rows("SELECT plate FROM sightings")} == set(PLATES)


def test_output_that_cannot_be_written_costs_no_sighting(clip: Path, tmp_path: Path) -> None:
    """Four daemons run at once, because each plays the clip: full, closed, ASCII and unread output."""
    reader, writer = os.pipe()
    os.close(reader)
    ways: dict[str, tuple[str, dict[str, str]]] = {
        "full": (">/dev/full", {}),
        "closed": (">&-", {}),
        "ascii": ("", {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}),
        "unread": ("", {}),
    }
    program = f"{UNHURRIED}\nfrom streamwatch.__main__ import main\nmain()"
    daemons = {}
    for name, (way, environment) in ways.items():
        (tmp_path / name).mkdir()
        config = {"cameras": {"gate": {"source": str(clip), "loop": True}}, "recognizer": {"engine": "local"}}
        (tmp_path / name / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
        daemons[name] = subprocess.Popen(
            f"exec {shlex.quote(sys.executable)} -c {shlex.quote(program)} run {way}",
            shell=True,
            cwd=tmp_path / name,
            env={**os.environ, **environment},
            stdout=writer if name == "unread" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    os.close(writer)
    limit = time.monotonic() + 300
    for name, daemon in daemons.items():
        database = tmp_path / name / "data" / "streamwatch.db"
        while not {plate for _, plate in query_database(database, SEEN)} >= set(PLATES):
            assert time.monotonic() < limit, name
            assert daemon.poll() is None, name
            time.sleep(0.2)
        daemon.terminate()
        _, said = daemon.communicate(timeout=180)
        assert daemon.returncode == 0, said
        assert "Traceback" not in said
        assert ("not printed any more" in said) == (name in ("full", "unread"))


def test_a_parked_car_costs_one_call_also_after_a_restart(parked: Path, tmp_path: Path) -> None:
    with FakeOcrCars(plate(PLATES[0], range=[]), appcode=SECRET) as service:
        for _ in range(2):
            with running(tmp_path / "d", {"gate": {"source": str(parked)}}, recognizer=paid(service)) as daemon:
                assert daemon.process.wait(180) == 0
                assert daemon.rows("SELECT plate, status FROM sightings") == [(PLATES[0], "final")]
                assert daemon.rows("SELECT outcome, closed FROM passages") == [("read", 1)]
        assert len(service.calls) == 1
        assert daemon.rows("SELECT julianday(last_seen) - julianday(first_seen) > 4 / 86400.0 FROM sightings") == [(1,)]
