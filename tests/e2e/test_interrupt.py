"""Ctrl+C at any moment leaves no traceback and a database in order."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from daemons import SECRET, paid
from fakes import FakeOcrCars, keep_silent

from streamwatch.capture.source import SAMPLE

CONFIG = "cameras: {gate: {source: sample}}\nrecognizer: {engine: local}\nweb: {enabled: false}\n"


def started(folder: Path, *words: str, python: Sequence[str] = (), config: str = CONFIG) -> "subprocess.Popen[str]":
    (folder / "config.yaml").write_text(config)
    return subprocess.Popen(
        [sys.executable, *python, "-m", "streamwatch", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupted(process: "subprocess.Popen[str]", line: str, again: str = "") -> tuple[int, str]:
    """Interrupt a process as soon as it logs a line, and again after another one; return its exit code and its log."""
    log = ""
    assert process.stderr is not None
    with process, process.stderr as pipe:
        for awaited in (line, again) if again else (line,):
            while awaited not in (said := pipe.readline()):
                assert said, log
                log += said
            process.send_signal(signal.SIGINT)
        return process.wait(180), log + pipe.read()


@pytest.mark.parametrize(
    "module", ["streamwatch.core.errors", "numpy._core.multiarray", "sqlalchemy.sql", "streamwatch.app.daemon"]
)
def test_while_the_program_is_loading(module: str, tmp_path: Path) -> None:
    process = started(tmp_path, "run", python=["-X", "importtime"])
    code, log = interrupted(process, f" {module}\n")
    assert code == -signal.SIGINT
    assert "Traceback" not in log
    assert "Error" not in log


@pytest.mark.parametrize("again", ["", "stopping"])
def test_while_the_daemon_runs(again: str, tmp_path: Path) -> None:
    code, log = interrupted(started(tmp_path, "run"), "gate is online", again)
    assert code in ((0, 130) if again else (0,)), "the first may have ended it before the second came"
    assert "Traceback" not in log


def test_while_a_recording_is_replayed(tmp_path: Path) -> None:
    with FakeOcrCars(keep_silent, appcode=SECRET) as service:  # the replay waits for its answer
        recognizer = paid(service)
        recognizer["ocrcars"] |= {"read_timeout": "60s"}
        config = json.dumps({"cameras": {"gate": {"source": "sample"}}, "recognizer": recognizer})
        process = started(tmp_path, "replay", "--camera", "gate", str(SAMPLE), config=config)
        code, log = interrupted(process, "its first picture is of")
    assert code in (1, 130)
    assert "Traceback" not in log
    with closing(sqlite3.connect(tmp_path / "data" / "streamwatch.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_while_bench_connects_to_a_camera_that_does_not_answer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as camera:
        camera.settimeout(60)
        process = started(tmp_path, "bench", f"rtsp://127.0.0.1:{camera.getsockname()[1]}/live")
        connection, _ = camera.accept()
        with connection:
            process.send_signal(signal.SIGINT)
            _, log = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert log == ""
