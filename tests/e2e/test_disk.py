"""The daemon on a real disk that is full or nearly full, and on a database that is locked, gone, damaged or shared."""

import os
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from daemons import PLATES, SECRET, Running, ask, free_port, paid, query_database, running, verb
from fakes import FakeOcrCars, plate, refusal
from watching import check_nothing_is_missing, endless_clip, small_disk, watching

FASTER = "import streamwatch.app.housekeeping as d; d.TELL_EVERY, d.TIDY_EVERY = 0.5, 1.0"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return endless_clip(tmp_path_factory)


@pytest.fixture
def service() -> Iterator[FakeOcrCars]:
    with FakeOcrCars(plate(PLATES[0], range=[]), appcode=SECRET) as stand_in:
        yield stand_in


# ---- a full disk ----------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_and_is_emptied(clip: Path, tmp_path: Path, service: FakeOcrCars) -> None:
    (tmp_path / "disk").mkdir()
    data = tmp_path / "disk" / "data"
    with (
        small_disk(tmp_path / "disk", "4m", "test_files_that_cannot_grow") as disk,
        watching(tmp_path / "d", clip, service, data_dir=str(data), before=disk.enter) as watched,
    ):
        began, before = time.time(), watched.passages()
        disk.fill()
        watched.suffer("full")
        opened = watched.opened()
        disk.empty()
        ended = time.time()
        watched.recover(before)
        check_nothing_is_missing(watched.daemon, opened, began, ended)


def limit(daemon: Running, size: int | None) -> None:
    """Let no file of the daemon grow beyond a number of bytes."""
    soft = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


# ---- a database and a folder that are not to be had -----------------------------------------------------------------


def test_a_database_that_another_program_locks_for_fifteen_seconds(
    clip: Path, tmp_path: Path, service: FakeOcrCars
) -> None:
    file = tmp_path / "d" / "data" / "streamwatch.db"
    with watching(tmp_path / "d", clip, service) as watched:
        with closing(sqlite3.connect(file, isolation_level=None, timeout=10)) as other:
            other.execute("BEGIN EXCLUSIVE")
            began, before = time.time(), watched.passages()
            watched.suffer("is locked by another program", 15.0)
            opened = watched.opened()
            other.execute("ROLLBACK")
        ended = time.time()
        watched.recover(before)
    check_nothing_is_missing(watched.daemon, opened, began, ended)


def test_an_evidence_folder_that_becomes_a_file_and_comes_back(
    clip: Path, tmp_path: Path, service: FakeOcrCars
) -> None:
    data = tmp_path / "d" / "data"
    with watching(tmp_path / "d", clip, service) as watched:
        watched.daemon.until(lambda: watched.daemon.rows("SELECT 1 FROM keyframes WHERE state = 'answered'") != [])
        began, before = time.time(), watched.passages()
        (data / "evidence").rename(data / "away")
        (data / "evidence").write_text("in the way")
        watched.suffer("evidence")
        opened = watched.opened()
        (data / "evidence").unlink()
        (data / "away").rename(data / "evidence")
        ended = time.time()
        watched.recover(before)
    check_nothing_is_missing(watched.daemon, opened, began, ended)
    paths = watched.daemon.rows("SELECT path FROM keyframes")
    assert all((data / path).is_file() for (path,) in paths)


def test_a_damaged_database_is_said_and_left_alone(clip: Path, tmp_path: Path, service: FakeOcrCars) -> None:
    with watching(tmp_path / "d", clip, service) as watched:
        assert watched.daemon.stop() == 0
    file = tmp_path / "d" / "data" / "streamwatch.db"
    with file.open("r+b") as damaged:
        damaged.seek(100)
        damaged.write(os.urandom(3000))
    before = file.read_bytes()
    done = verb(tmp_path / "d", "run")
    assert done.returncode == 1
    assert done.stdout == ""
    said = [line for line in done.stderr.splitlines() if " INFO " not in line]
    assert len(said) == 1, done.stderr
    assert "streamwatch.db is damaged. Stop streamwatch, keep a copy" in said[0]
    assert file.read_bytes() == before


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced"])
def test_a_database_that_goes_while_it_is_written_ends_the_daemon_before_it_pays_again(
    clip: Path, tmp_path: Path, service: FakeOcrCars, replaced: bool
) -> None:
    data = tmp_path / "d" / "data"
    with watching(tmp_path / "d", clip, service) as watched:
        watched.daemon.until(lambda: len(service.calls) >= 2)
        for file in data.glob("streamwatch.db*"):
            if file.suffix != ".lock":
                file.rename(data / file.name.replace("streamwatch", "away"))
        if replaced:
            (data / "streamwatch.db").touch()
        assert watched.daemon.process.wait(180) == 1
    (error,) = watched.daemon.errors()
    assert "streamwatch.db was removed or replaced while it was written. Put it back" in error
    assert query_database(data / "away.db", "SELECT count(*) FROM calls") == [(len(service.calls),)]
    if replaced:
        assert (data / "streamwatch.db").read_bytes() == b""


def test_that_the_database_is_gone_is_noticed_also_while_nothing_is_seen(tmp_path: Path, service: FakeOcrCars) -> None:
    cameras = {"gate": {"source": f"rtsp://127.0.0.1:{free_port()}/gate"}}
    with running(tmp_path / "d", cameras, patch=FASTER, recognizer=paid(service)) as daemon:
        daemon.until(lambda: "watching gate" in daemon.log())
        (tmp_path / "d" / "data" / "streamwatch.db").unlink()
        assert daemon.process.wait(180) == 1
    assert "was removed or replaced" in daemon.errors()[-1]


def test_a_second_daemon_on_the_same_database_is_refused(clip: Path, tmp_path: Path, service: FakeOcrCars) -> None:
    with watching(tmp_path / "d", clip, service) as watched:
        for words in (["run"], ["replay", "--camera", "gate", clip]):
            done = verb(tmp_path / "d", *words)
            assert done.returncode == 1
            assert f"Another streamwatch, process {watched.daemon.process.pid}, is writing" in done.stderr
        before = watched.passages()
        watched.daemon.until(lambda: watched.passages() > before)
        assert watched.daemon.stop() == 0


# ---- the low-disk floor ---------------------------------------------------------------------------------------------


def test_the_floor_takes_answered_pictures_and_none_that_wait(clip: Path, tmp_path: Path) -> None:
    spent = refusal(403, "B403MQ", "Api Market Subscription quota exhausted")
    answered = "SELECT count(*) FROM keyframes WHERE state = 'answered' AND path IS NOT NULL"
    waiting = "SELECT path FROM keyframes WHERE state = 'waiting'"
    with FakeOcrCars(plate(PLATES[0], range=[]), plate(PLATES[1], range=[]), spent, appcode=SECRET) as service:
        floor = {"retention": {"min_free": "900TB"}, "patch": FASTER}
        cameras = {"gate": {"source": str(clip), "loop": True}}
        timing = {"gate": {"patience": "200ms", "close_after": "400ms"}, "dedup": {"window": "1h"}}
        with running(tmp_path / "d", cameras, recognizer=paid(service) | {"fallback": "none"}, **timing) as daemon:
            daemon.until(lambda: daemon.rows(answered) == [(2,)] and len(daemon.rows(waiting)) >= 2)
            assert daemon.stop() == 0
        kept = daemon.rows(waiting)
        port = free_port()
        with running(
            tmp_path / "d",
            cameras,
            recognizer=paid(service) | {"fallback": "none"},
            health={"port": port},
            **timing,
            **floor,
        ) as daemon:
            daemon.until(lambda: daemon.rows(answered) == [(0,)])
            assert set(kept) <= set(daemon.rows("SELECT path FROM keyframes WHERE state <> 'answered'"))
            assert "retention.min_free; the oldest pictures give way" in daemon.log()
            status, said = ask(port, "/healthz")
            assert status == 503
            assert "The disk is nearly full" in said
            assert daemon.stop() == 0
    data = tmp_path / "d" / "data"
    left = {str(path.relative_to(data)) for path in data.rglob("*.jpg")}
    assert left == {path for (path,) in daemon.rows("SELECT path FROM keyframes WHERE path IS NOT NULL")}
    assert {path for (path,) in kept} <= left
