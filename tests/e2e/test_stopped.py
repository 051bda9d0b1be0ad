"""A daemon that is stopped for a while, as by Ctrl+Z, and goes on takes no camera for lost or hung."""

import os
import signal
import time
from pathlib import Path

import pytest
from daemons import Running, free_port, running
from numbered import clip
from rtsp_server import RtspServer

STOPPED = 8.0
"""Seconds; far longer than the deadline and than the longest silence of a substream."""

IMPATIENT = """
from streamwatch.system.heartbeat import Heartbeats
Heartbeats.register.__wrapped__.__defaults__ = (5.0,)
"""
"""Python for a daemon whose threads must beat every five seconds."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "small.mp4", 200, size=(256, 128), rate=5, gop=10)


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "main.mp4", 1000, gop=25)


def stop_and_go_on(daemon: Running) -> str:
    """Stop and continue the daemon; return what it logs afterwards."""
    before = len(daemon.log())
    os.kill(daemon.process.pid, signal.SIGSTOP)
    time.sleep(STOPPED)
    gone_on = time.time()
    os.kill(daemon.process.pid, signal.SIGCONT)
    daemon.until(lambda: (daemon.data / "status.json").stat().st_mtime > gone_on + 6)
    return daemon.log()[before:]


def test_no_camera_is_lost_and_nothing_hangs(main: Path, small: Path, tmp_path: Path) -> None:
    with (
        RtspServer(main) as big,
        RtspServer(small) as little,
        running(
            tmp_path / "d",
            {
                "gate": {"source": big.url},
                "yard": {"source": big.url, "watch": little.url},
                "sample": {"source": "sample"},
            },
            recognizer={"engine": "local"},
            capture={"deadline": "4s"},
            health={"port": free_port()},
            patch=IMPATIENT,
        ) as daemon,
    ):
        daemon.until(lambda: daemon.log().count("is online") >= 3)
        daemon.until(lambda: (daemon.data / "status.json").exists())
        time.sleep(3)  # until the substream is relied upon
        said = stop_and_go_on(daemon)
        for alarm in ("is lost", "comes and goes", "no progress", "cannot be watched", "cannot follow", " ERROR "):
            assert alarm not in said, said
        assert daemon.stop() == 0
