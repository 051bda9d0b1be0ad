"""A daemon that watches an endless clip while its disk or its database has trouble."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from daemons import Running, ask, free_port, paid, running
from fakes import FakeOcrCars
from killing import draw_clip

ROOT = os.geteuid() == 0
PASSAGES = "SELECT count(*) FROM passages"
OUTAGE = 10.0  # s; the clip shows a vehicle every 2.5 s


def endless_clip(factory: pytest.TempPathFactory) -> Path:
    """Draw a clip with four vehicles in ten seconds, to be played in a loop."""
    path = factory.mktemp("clip") / "gate.mp4"
    draw_clip(path)
    return path


class Watched:
    """A daemon that watches the clip in a loop, and its health port."""

    def __init__(self, daemon: Running, port: int) -> None:
        self.daemon, self._port = daemon, port

    def passages(self) -> int:
        ((count,),) = self.daemon.rows(PASSAGES) or [(0,)]
        return int(count)

    def trouble(self) -> list[str] | None:
        """Return the lines of /healthz that complain; None if it does not answer."""
        status, said = ask(self._port, "/healthz")
        reasons = [line for line in said.splitlines() if line != "ok"]
        assert not status or (status == 503) == bool(reasons)
        return reasons if status else None

    def opened(self) -> int:
        """Return the number of passages that its metrics count."""
        found = re.search(r'^streamwatch_passages_total{camera="gate"} (\d+)$', ask(self._port, "/metrics")[1], re.M)
        return int(found[1]) if found else 0

    def frames(self) -> int:
        found = re.search(r"^streamwatch_camera_frames_total{.*} (\d+)$", ask(self._port, "/metrics")[1], re.M)
        return int(found[1]) if found else 0

    def suffer(self, why: str, seconds: float = OUTAGE) -> None:
        """Check during the trouble that the daemon says it once, answers 503 with the reason, and goes on watching."""
        began = time.monotonic()
        self.daemon.until(lambda: len(self.daemon.errors()) == 1)
        assert why in self.daemon.errors()[0]
        assert "Watching goes on" in self.daemon.errors()[0]
        (reason,) = self.trouble() or [""]
        assert "The database has not been writable since" in reason
        assert why in reason
        before = self.frames()
        while time.monotonic() < began + seconds:
            assert self.daemon.process.poll() is None, self.daemon.log()
            time.sleep(0.2)
        assert self.frames() > before + 10
        assert len(self.daemon.errors()) == 1, self.daemon.log()

    def recover(self, before: int) -> None:
        """Check after the trouble that what was seen meanwhile is in the database, and that the daemon ends well."""
        self.daemon.until(lambda: "can be written again" in self.daemon.log())
        self.daemon.until(lambda: self.trouble() == [])
        self.daemon.until(lambda: self.passages() >= before + 2)
        assert self.daemon.stop() == 0, self.daemon.log()
        assert len(self.daemon.errors()) == 1, self.daemon.log()


@contextmanager
def watching(folder: Path, clip: Path, service: FakeOcrCars, **more: Any) -> Iterator[Watched]:
    port = free_port()
    settings = {
        "gate": {"patience": "200ms", "close_after": "400ms"},
        "dedup": {"window": "1h"},
        "health": {"port": port},
        "retention": {"min_free": 0},
        "recognizer": paid(service),
        **more,
    }
    with running(folder, {"gate": {"source": str(clip), "loop": True}}, **settings) as daemon:
        watched = Watched(daemon, port)
        daemon.until(lambda: watched.passages() >= 1 and watched.trouble() == [])
        yield watched


def check_nothing_is_missing(daemon: Running, opened: int, began: float = 0, ended: float = 0) -> None:
    """Check that every passage and its answer is there.

    opened: passages that the daemon counted. began, ended: UNIX times of the trouble, if vehicles came in it.
    """
    opened_at = [datetime.fromisoformat(at) for (at,) in daemon.rows("SELECT opened_at FROM passages")]
    times = [at.replace(tzinfo=UTC).timestamp() for at in opened_at]
    assert len(times) >= opened
    if ended > began:
        assert any(began < at < ended for at in times), "vehicles of the outage are there, with their own times"
    if daemon.database is None:
        assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
    assert daemon.rows("SELECT count(*) FROM passages WHERE outcome = 'pending'") == [(0,)]
    assert daemon.rows("SELECT count(*) FROM keyframes WHERE state NOT IN ('answered', 'kept')") == [(0,)]


class SmallDisk:
    """A tmpfs. Processes started through `enter` see it under its name; all others see it under `seen`."""

    def __init__(self, folder: Path, size: str) -> None:
        self.folder = folder
        own = ["unshare", "-m"] if ROOT else ["unshare", "-rm"]
        script = f"mount -t tmpfs -o size={size} tmpfs '{folder}' && echo mounted && exec sleep 600"
        self._holder = subprocess.Popen([*own, "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        self.mounted = self._holder.stdout.readline() == "mounted\n"
        user = [] if ROOT else ["-U", "--preserve-credentials"]
        self.enter = ["nsenter", "-t", str(self._holder.pid), "-m", *user]
        self.seen = Path(f"/proc/{self._holder.pid}/root{folder.resolve()}")

    def fill(self) -> None:
        """Fill it to the last byte."""
        with suppress(OSError), open(self.seen / "ballast", "wb", buffering=0) as ballast:
            while ballast.write(b"x" * 4096):
                pass

    def empty(self) -> None:
        (self.seen / "ballast").unlink()

    def close(self) -> None:
        self._holder.kill()
        self._holder.communicate()


@contextmanager
def small_disk(folder: Path, size: str, otherwise: str) -> Iterator[SmallDisk]:
    """Mount a disk of that size at an existing folder; skip the test where that is not possible.

    otherwise: name of the test that checks the same without it.
    """
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip(f"no unshare here; {otherwise} stands in for it")
    disk = SmallDisk(folder, size)
    try:
        if not disk.mounted:
            pytest.skip(f"this machine lets nobody mount a small tmpfs; {otherwise} stands in for it")
        yield disk
    finally:
        disk.close()
