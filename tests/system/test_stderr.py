"""Nothing reaches a terminal or the journal without passing through the log."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from daemons import verb

LIBRARY = """
import logging, os, sys
from streamwatch.cli import console
from streamwatch.system import stderr
stderr.divert()
console.set_up_logging()
logging.getLogger("streamwatch").setLevel(logging.DEBUG)
"""


def diverted(body: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIBRARY + body], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_what_is_written_to_the_descriptor_becomes_records_that_no_terminal_obeys() -> None:
    done = diverted(
        r"""os.write(2, b"Corrupt JPEG data: \x1b[2Jpremature end\n\xff rtsp://u:hunter2@h/\n"); stderr.tell()"""
    )
    first, second = done.stderr.splitlines()
    assert "DEBUG   Corrupt JPEG data: \N{REPLACEMENT CHARACTER}[2Jpremature end" in first
    assert "hunter2" not in second


def test_a_flood_keeps_nobody_waiting_and_stderr_is_where_it_was() -> None:
    done = diverted(
        """
for _ in range(10_000):
    try: os.write(2, b"x" * 99 + b"\\n")
    except BlockingIOError: pass
stderr.tell(); stderr.tell()
print("heard", file=sys.stderr)
import faulthandler; faulthandler.enable(); faulthandler.dump_traceback()
"""
    )
    assert 100 < done.stderr.count("x" * 99) < 1000
    assert "heard" in done.stderr
    assert "most recent call first" in done.stderr


def test_a_process_whose_stderr_was_closed_works() -> None:
    program = "import os; from streamwatch.system import stderr; stderr.divert(); stderr.tell(); os.write(1, b'done')"
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", program],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"done")


def test_a_picture_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (200, 300, 3), dtype=np.uint8)
    jpeg, png = (cv2.imencode(kind, picture)[1].tobytes() for kind in (".jpg", ".png"))
    (tmp_path / "a.jpg").write_bytes(jpeg[:9000] + b"\xff\x11" * 5 + jpeg[9010:])
    (tmp_path / "b.png").write_bytes(png[:100] + b"x" + png[101:])
    (tmp_path / "config.yaml").write_text("recognizer: {engine: local}\n")
    done = verb(tmp_path, "read", "a.jpg", "b.png")
    assert done.stderr == ""
