"""Start daemons and verbs as processes of their own, and look at them from outside."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from fakes import FakeOcrCars
from forking import Forked, run
from killing import NO_LOCAL

SECRET, PASSWORD = "invented0appcode0of0daemon0tests", "invented-camera-password"
DATABASE_PASSWORD = "invented-database-password"
PLATES = ["京AF0236", "苏EK3P82"]
UNHURRIED = """
import streamwatch.capture.source_reader
streamwatch.capture.source_reader.LATEST = 3600.0
"""
"""Python for a daemon that leaves no frame out however slow the machine is, so that it always decides the same."""


class Running:
    """A daemon process whose output goes to files.

    environment: variables added to those of this process. before: words of a command that starts it. patch: Python
    that it runs first. database: a database with a `url` and `rows`; None for the file in data_dir.
    """

    def __init__(
        self,
        folder: Path,
        config: dict[str, Any],
        *,
        environment: dict[str, str] | None = None,
        before: Sequence[str] = (),
        patch: str = "",
        database: Any = None,
    ) -> None:
        self.database = database
        self.folder, self.data, self._before = folder, Path(config.get("data_dir", folder / "data")), before
        file = folder / "config.yaml"
        if database is not None:
            config = {**config, "database": database.url}
        file.write_text(json.dumps(config), encoding="utf-8")
        everything, patch = {**os.environ, **(environment or {})}, UNHURRIED + patch
        words = ["run", "--config", str(file)]
        self.process: Forked | subprocess.Popen[bytes]
        if before or _needs_a_start_of_its_own(environment or {}):
            command = [*before, sys.executable, *_start(patch), *words]
            with open(folder / "out", "a") as out, open(folder / "err", "a") as err:
                self.process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env=everything)
        else:
            (folder / "err").touch()
            self.process = Forked(words, folder, everything, folder / "out", folder / "err", patch)

    def until(self, what: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until `what` is true. Fail with the log if it stays false or the daemon ends first."""
        limit = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < limit, f"not within {seconds} s:\n{self.log()}"
            assert self.process.poll() is None, self.log()
            time.sleep(0.1)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(180)

    def log(self) -> str:
        return (self.folder / "err").read_text()

    def errors(self) -> list[str]:
        return [line for line in self.log().splitlines() if " ERROR " in line or " CRITICAL " in line]

    def said(self) -> str:
        return (self.folder / "out").read_text()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; none while the database is absent or refuses the query."""
        if self.database is not None:
            try:
                return list(self.database.rows(query))
            except psycopg.Error:
                return []
        if not self._before:
            return query_database(self.data / "streamwatch.db", query)
        asking = [*self._before, sys.executable, __file__, str(self.data / "streamwatch.db"), query]
        done = subprocess.run(asking, capture_output=True, text=True, timeout=60, check=True)
        return [tuple(row) for row in json.loads(done.stdout)]

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def _needs_a_start_of_its_own(environment: Mapping[str, str]) -> bool:
    """True if an environment changes what Python does before it runs the program."""
    return any(name.startswith("PYTHON") for name in environment)


def _start(patch: str) -> list[str]:
    return ["-c", f"{patch}\nfrom streamwatch.cli.main import main\nmain()"] if patch else ["-m", "streamwatch"]


@contextmanager
def running(
    folder: Path,
    cameras: dict[str, Any],
    *,
    environment: dict[str, str] | None = None,
    before: Sequence[str] = (),
    patch: str = "",
    database: Any = None,
    **settings: Any,
) -> Iterator[Running]:
    """Run a daemon with these cameras and settings. Check after the block that it showed no traceback and no secret."""
    folder.mkdir(exist_ok=True)
    capture = {"deadline": "1s", "reopen_first": "100ms", "reopen_longest": "500ms"}
    web = {"enabled": False}  # tests run side by side, and the port is one
    config = {"cameras": cameras, "capture": capture, "web": web, **settings}
    daemon = Running(folder, config, environment=environment, before=before, patch=patch, database=database)
    try:
        yield daemon
    finally:
        daemon.end()
    everything = daemon.log() + daemon.said()
    assert "Traceback" not in everything, everything
    assert SECRET not in everything
    assert PASSWORD not in everything
    assert DATABASE_PASSWORD not in everything


def query_database(file: Path, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query to an SQLite file, opened read-only; none if the query fails."""
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


def paid(service: FakeOcrCars) -> dict[str, Any]:
    """Return the settings of the recognizer for a stand-in service."""
    return {"engine": "ocrcars", "ocrcars": {"endpoint": service.endpoint, "appcode": SECRET, "read_timeout": "2s"}}


def verb(folder: Path, *words: object, patch: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run another verb with the config of a folder to its end. patch: as for Running."""
    everything = {**os.environ, **environment}
    if not _needs_a_start_of_its_own(environment):
        with tempfile.TemporaryDirectory() as scratch:
            return run(words, folder, everything, Path(scratch), patch)
    return subprocess.run(
        [sys.executable, *_start(patch), *map(str, words)],
        cwd=folder,
        env=everything,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def without_local(folder: Path) -> dict[str, str]:
    """Return the environment of a process in which the extra `local` is not installed."""
    hidden = folder / "hidden"
    hidden.mkdir(exist_ok=True)
    (hidden / "sitecustomize.py").write_text(NO_LOCAL)
    return {"PYTHONPATH": str(hidden)}


def free_port() -> int:
    """Return a loopback port that nothing uses at the moment."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


def ask(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a path of a daemon's health port; (0, "") if nothing answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


if __name__ == "__main__":  # run in the mount namespace of a daemon with a disk of its own
    print(json.dumps(query_database(Path(sys.argv[1]), sys.argv[2])))
