"""A camera that posts, an automatic lane, and the relay of that camera: real processes from the post to the answer."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from daemons import Running, free_port, running
from parking_programs import program, says
from push_cameras import SECRET_OF_PUSH, HikvisionCamera, ZhenshiCamera, post

from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import open_store

RESIDENT, BLOCKED, STRANGER = "粤B12345", "京AF0236", "苏EK3P82"
UNHURRIED = """
import streamwatch.app.push_camera
streamwatch.app.push_camera.ANSWER_WITHIN = 60.0
"""
"""Python for a daemon whose cameras wait for their answer however slow the machine is."""
OPENINGS = "SELECT cause, state, reason FROM openings ORDER BY id"
DECISIONS = "SELECT plate, verdict, reason FROM decisions ORDER BY id"


@contextmanager
def lane(
    folder: Path,
    mode: str = "automatic",
    patch: str = UNHURRIED,
    alone: float | None = 0.9,
    asks: str = "",
    **more: Any,
) -> Iterator[tuple[Running, ZhenshiCamera]]:
    """Run a lane whose barrier is the relay of its camera. alone: as min_confidence. asks: address of a program."""
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    store = open_store(f"sqlite:///{folder / 'data' / 'streamwatch.db'}", folder / "data")
    store.permits.add(PermitTerms(kind=PermitKind.RESIDENT, plates=(RESIDENT,)), "test", now - timedelta(days=1))
    store.permits.add(PermitTerms(kind=PermitKind.BLOCKED, plates=(BLOCKED,)), "test", now - timedelta(days=1))
    store.close()
    port = free_port()
    push = {"secret": SECRET_OF_PUSH, "opens": True, "min_confidence": alone, **more}
    settings: dict[str, Any] = {
        "push": {"host": "127.0.0.1", "port": port},
        "recognizer": {"engine": "local"},
        "barriers": {"front": {"driver": "camera", "camera": "gate"}},
        "lanes": {"entry": {"cameras": ["gate"], "mode": mode, "barrier": "front"}},
        "access": {"max_age": "30s"},
    }
    if asks:
        settings["lanes"]["entry"]["ask_program"] = {"url": asks, "deadline": "2s"}
    with running(folder, {"gate": {"source": "push", "push": push}}, patch=patch, **settings) as daemon:
        daemon.until(lambda: post(port, "/", b"").status == 404)
        yield daemon, ZhenshiCamera(port, f"/push/gate/{SECRET_OF_PUSH}")


def test_the_answer_lets_in_who_may_pass(tmp_path: Path) -> None:
    with lane(tmp_path / "d") as (daemon, camera):
        reply = camera.send(camera.sees(RESIDENT))
        assert reply.opens
        assert reply.stops
        daemon.until(lambda: ("automatic", "done", "") in daemon.rows(OPENINGS))
        assert daemon.rows(DECISIONS) == [(RESIDENT, "allow", "permitted")]
        asked = "SELECT count(*) FROM openings o JOIN decisions d ON d.id = o.decision_id"
        assert daemon.rows(asked) == [(1,)]
        assert camera.relay == [RESIDENT]


def test_agreement_of_two_engines_opens_too(tmp_path: Path) -> None:
    with lane(tmp_path / "d", alone=None) as (daemon, camera):
        assert camera.send(camera.sees(RESIDENT)).opens
        daemon.until(lambda: ("automatic", "done", "") in daemon.rows(OPENINGS))


def short(seconds: float) -> str:
    return UNHURRIED.replace("60.0", str(seconds))


@pytest.mark.parametrize("who", ["blocked", "stranger", "offline", "late", "again", "manual", "suggest", "killed"])
def test_for_nobody_else_it_opens(tmp_path: Path, who: str) -> None:
    mode = who if who in ("manual", "suggest") else "automatic"
    with lane(tmp_path / "d", mode, short(3.0)) as (daemon, camera):
        if who == "killed":
            (daemon.data / "KILL").touch()
        plate = {"blocked": BLOCKED, "stranger": STRANGER}.get(who, RESIDENT)
        more: dict[str, Any] = {"offline": {"offline": True}, "late": {"at": time.time() - 20}}.get(who, {})
        record = camera.sees(plate, **more)
        if who == "again":
            camera.relay.clear()
            assert camera.send(record).opens
            camera.relay.clear()
        reply = camera.send(record)
        assert reply.stops
        assert not reply.opens
        assert not camera.beat().opens
        daemon.until(lambda: len(daemon.rows(DECISIONS)) == 1)
        done = [row for row in daemon.rows(OPENINGS) if row[1] == "done"]
        assert len(done) == (who == "again")
        assert not camera.relay


def test_a_reading_that_the_local_engine_contradicts_asks_a_person(tmp_path: Path) -> None:
    """The picture shows the resident's plate, but the camera has read another one."""
    with lane(tmp_path / "d", "automatic", short(3.0), alone=None) as (daemon, camera):
        reply = camera.send(camera.sees(RESIDENT, license=STRANGER))
        assert not reply.opens
        daemon.until(lambda: len(daemon.rows(DECISIONS)) == 1)
        assert daemon.rows(DECISIONS) == [(RESIDENT, "ask", "unsure_reading")]
        assert [row for row in daemon.rows(OPENINGS) if row[1] == "done"] == []


def test_a_camera_that_may_not_open_never_does(tmp_path: Path) -> None:
    with lane(tmp_path / "d", "automatic", short(3.0), opens=False) as (daemon, camera):
        reply = camera.send(camera.sees(RESIDENT))
        assert reply.stops
        assert not reply.opens
        daemon.until(lambda: ("automatic", "withheld", "not_live") in daemon.rows(OPENINGS))


def test_a_decision_after_the_deadline_opens_nothing_and_says_so(tmp_path: Path) -> None:
    with lane(tmp_path / "d", "automatic", short(0.0)) as (daemon, camera):
        reply = camera.send(camera.sees(RESIDENT))
        assert not reply.opens
        daemon.until(lambda: any(row[1] == "failed" for row in daemon.rows(OPENINGS)))
        assert not camera.beat().opens
        assert not camera.relay


@pytest.mark.parametrize(("plate", "answer", "opens"), [(STRANGER, "ok", True), (RESIDENT, "no", False)])
def test_a_parking_program_is_asked_first(tmp_path: Path, plate: str, answer: str, opens: bool) -> None:
    patch = UNHURRIED if opens else short(5.0)
    with program(says(answer)) as asked, lane(tmp_path / "d", patch=patch, asks=asked.url) as (daemon, camera):
        assert camera.send(camera.sees(plate)).opens is opens
        reason = "program_allowed" if opens else "program_denied"
        daemon.until(lambda: daemon.rows(DECISIONS) == [(plate, "allow" if opens else "deny", reason)])
        (alarm,) = asked.asked
        assert alarm["result"]["PlateResult"]["license"] == plate
        assert len(alarm["result"]["PlateResult"]["imageFile"]) > 1000
        assert bool(camera.relay) is opens


def test_two_vehicles_at_once_open_for_their_own(tmp_path: Path) -> None:
    with lane(tmp_path / "d", "automatic", short(3.0)) as (daemon, camera), ThreadPoolExecutor(2) as pool:
        records = [camera.sees(STRANGER), camera.sees(RESIDENT)]
        replies = list(pool.map(camera.send, records))
        daemon.until(lambda: len(daemon.rows(DECISIONS)) == 2)
        assert not replies[0].opens
        assert set(camera.relay) <= {RESIDENT}


def test_hikvision_opens_another_barrier_only_if_it_may(tmp_path: Path) -> None:
    """Its own answer opens nothing; the lane has a command for a relay."""
    for opens, wanted in ((True, "done"), (False, "withheld")):
        folder = tmp_path / f"{opens}"
        folder.mkdir()
        now = datetime.now(UTC)
        store = open_store(f"sqlite:///{folder / 'data' / 'streamwatch.db'}", folder / "data")
        store.permits.add(PermitTerms(kind=PermitKind.RESIDENT, plates=(RESIDENT,)), "test", now - timedelta(days=1))
        store.close()
        port, pulses = free_port(), folder / "pulses"
        push = {"kind": "hikvision", "addresses": "127.0.0.1", "opens": opens, "min_confidence": 0.9}
        settings: dict[str, Any] = {
            "push": {"host": "127.0.0.1", "port": port},
            "recognizer": {"engine": "local"},
            "barriers": {
                "front": {"driver": "command", "command": ["/usr/bin/touch", str(pulses)], "timed_by": "relay"}
            },
            "lanes": {"entry": {"cameras": ["gate"], "mode": "automatic", "barrier": "front"}},
            "access": {"max_age": "30s"},
        }
        with running(folder, {"gate": {"source": "push", "push": push}}, **settings) as daemon:
            daemon.until(lambda p=port: post(p, "/", b"").status == 404)
            assert HikvisionCamera(port, "/push/gate").send(RESIDENT).status == 200
            daemon.until(lambda d=daemon, w=wanted: any(row[1] == w for row in d.rows(OPENINGS)))
            assert pulses.exists() is opens
