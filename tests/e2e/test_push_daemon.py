"""Real processes to which cameras post what they have seen."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from daemons import Running, free_port, paid, running, verb
from fakes import FakeOcrCars, plate
from push_cameras import SECRET_OF_PUSH, HikvisionCamera, ZhenshiCamera, post

ROWS = "SELECT s.plate, s.engine, s.camera FROM sightings s ORDER BY s.first_seen"


def listening(port: int) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": port}


def by_push(kind: str = "zhenshi", **more: Any) -> dict[str, Any]:
    return {"source": "push", "push": {"kind": kind, "secret": SECRET_OF_PUSH, **more}}


def until_it_listens(daemon: Running, port: int) -> None:
    daemon.until(lambda: post(port, "/", b"").status == 404)


def test_what_cameras_post_becomes_rows(tmp_path: Path) -> None:
    port = free_port()
    cameras = {"in": by_push(), "out": by_push("hikvision")}
    local = {"engine": "local"}
    with running(tmp_path / "d", cameras, push=listening(port), recognizer=local, shutdown={"drain": "60s"}) as daemon:
        until_it_listens(daemon, port)
        zhenshi = ZhenshiCamera(port, f"/push/in/{SECRET_OF_PUSH}")
        hikvision = HikvisionCamera(port, f"/push/out/{SECRET_OF_PUSH}")
        hour_ago = time.time() - 3600
        kept = [
            zhenshi.sees("苏EK3P82", at=hour_ago, offline=True),
            zhenshi.sees("川A0638警", at=hour_ago + 60, offline=True),
        ]
        zhenshi.sees("粤B12345")
        zhenshi.send_all()
        assert all(zhenshi.send(record).stops for record in kept), "offline records come a second time"
        assert hikvision.send("京AF0236").status == 200
        daemon.until(lambda: len(daemon.rows(ROWS)) == 4)
        assert daemon.stop() == 0
        assert {(row[0], row[2]) for row in daemon.rows(ROWS)} == {
            ("苏EK3P82", "in"),
            ("川A0638警", "in"),
            ("粤B12345", "in"),
            ("京AF0236", "out"),
        }
        first = "SELECT count(*) FROM sightings WHERE first_seen < datetime('now', '-50 minutes')"
        assert daemon.rows(first) == [(2,)]
        assert daemon.rows("SELECT count(*), min(engine), max(engine) FROM readings") == [(8, "camera", "local")]
        assert daemon.rows("SELECT count(*) FROM passages WHERE closed AND outcome = 'read'") == [(4,)]
        assert not daemon.errors()
        assert SECRET_OF_PUSH not in daemon.log() + daemon.said()


def test_agreement_of_camera_and_local_engine_saves_the_paid_call(tmp_path: Path) -> None:
    port = free_port()
    with (
        FakeOcrCars(plate("粤B99999", range=[]), appcode="invented0appcode0of0daemon0tests") as service,
        running(tmp_path / "d", {"gate": by_push()}, push=listening(port), recognizer=paid(service)) as daemon,
    ):
        until_it_listens(daemon, port)
        camera = ZhenshiCamera(port, f"/push/gate/{SECRET_OF_PUSH}")
        camera.send(camera.sees("粤B12345"))
        daemon.until(lambda: len(daemon.rows(ROWS)) == 1)
        assert not service.calls
        assert daemon.rows("SELECT state_reason FROM keyframes") == [("camera_agrees",)]
        camera.send(camera.sees("京AF0236", license="京AF0238"))
        daemon.until(lambda: len(service.calls) == 1)
        assert daemon.stop() == 0


def test_a_record_is_stored_once_although_the_daemon_is_killed_before_its_answer(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "d"
    camera = ZhenshiCamera(port, f"/push/gate/{SECRET_OF_PUSH}")
    plates = ["粤B12345", "京AF0236", "苏EK3P82", "川A0638警"]
    for text in plates:
        camera.sees(text)
    settings: dict[str, Any] = {"push": listening(port), "recognizer": {"engine": "local"}}
    for round_ in range(5):
        with running(folder, {"gate": by_push()}, **settings) as daemon:
            until_it_listens(daemon, port)
            if round_ == 4:
                camera.send_all()
                daemon.until(lambda: len(daemon.rows(ROWS)) == 4)
                assert daemon.stop() == 0
                break
            with ThreadPoolExecutor(1) as pool:
                sending = pool.submit(camera.send, camera.waiting[0])
                daemon.until(lambda seen=round_: len(daemon.rows("SELECT key FROM keyframes")) > seen)
                daemon.process.send_signal(signal.SIGKILL)
                reply = sending.result(60)
            daemon.process.wait(60)
            if not reply.stops:  # the camera knows nothing, and goes on with the next one here, as after a reset
                camera.waiting.append(camera.waiting.pop(0))
    with running(folder, {"gate": by_push()}, **settings) as daemon:
        assert sorted(row[0] for row in daemon.rows(ROWS)) == sorted(plates)
        assert daemon.rows("SELECT count(*), count(DISTINCT key) FROM passages") == [(4, 4)]
        assert daemon.rows("SELECT count(*) FROM readings WHERE engine = 'camera'") == [(4,)]


def test_check_says_what_is_entered_in_the_camera(tmp_path: Path) -> None:
    port = free_port()
    cameras = {"gate": {**by_push(), "push": {"secret": "${GATE_SECRET}", "addresses": ["192.0.2.17"]}}}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({"cameras": cameras, "push": listening(port), "web": {"enabled": False}}))
    done = verb(tmp_path, "check", "--config", file, GATE_SECRET=SECRET_OF_PUSH)
    assert f"port {port} of 127.0.0.1 is free for cameras that post" in " ".join(done.stdout.split())
    assert "/push/gate/SECRET" in done.stdout
    assert SECRET_OF_PUSH not in done.stdout + done.stderr


def test_a_camera_that_posts_may_come_by_a_reload(tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "d"
    local = {"engine": "local"}
    sample = {"sample": {"source": "sample"}}
    with running(folder, sample, push=listening(port), recognizer=local) as daemon:
        daemon.until(lambda: "is online" in daemon.log())
        assert post(port, "/", b"").status == 0, "nothing listens while no camera posts"
        config = json.loads((folder / "config.yaml").read_text())
        config["cameras"]["gate"] = by_push()
        (folder / "config.yaml").write_text(json.dumps(config))
        daemon.process.send_signal(signal.SIGHUP)
        until_it_listens(daemon, port)
        camera = ZhenshiCamera(port, f"/push/gate/{SECRET_OF_PUSH}")
        camera.sees("粤B12345")
        camera.send_all()
        assert daemon.stop() == 0
