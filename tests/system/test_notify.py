"""The messages that a service manager gets, over real datagram sockets."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatch.system.notify import Notifier

OUR_PID = str(os.getpid())


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Yield a listening socket and its name as it is in $NOTIFY_SOCKET."""
    if request.param == "path":
        name = address = str(tmp_path / "notify")
    else:
        name = f"@streamwatch-test-{uuid.uuid4().hex}"
        address = "\0" + name[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(5)
        yield listening, name


def test_says_what_systemd_understands(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready()
    notifier.status("2 cameras,\n1 reconnecting: rtsp://viewer:secret@192.0.2.7/a")
    notifier.watchdog()
    notifier.stopping()
    heard = [listening.recv(4096).decode() for _ in range(4)]
    assert heard == [
        "READY=1",
        "STATUS=2 cameras, 1 reconnecting: rtsp://***@192.0.2.7/a",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_a_process_of_its_own_is_heard(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    program = "from streamwatch.system.notify import Notifier; n = Notifier(); n.ready(); print(n.interval)"
    environment = {**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "60000000"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30)
    assert done.stdout == "30.0\n", done.stderr
    assert listening.recv(4096) == b"READY=1"


def test_a_manager_that_comes_back_is_heard_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "notify"
    notifier = Notifier({"NOTIFY_SOCKET": str(path)})
    for _ in range(3):
        notifier.watchdog()
    assert [record.levelname for record in caplog.records] == ["WARNING"], "said once, not with each beat"
    for _ in range(2):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(str(path))
            listening.settimeout(5)
            notifier.watchdog()
            assert listening.recv(4096) == b"WATCHDOG=1"
        notifier.watchdog()  # no manager listens, but the file exists
        path.unlink()


def fill(sender: socket.socket, path: Path) -> None:
    """Send until the queue is full."""
    sender.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sender.sendto(b"x", str(path))


def test_a_manager_that_does_not_listen_holds_nobody_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "notify"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as me,
    ):
        deaf.bind(str(path))
        fill(me, path)
        notifier = Notifier({"NOTIFY_SOCKET": str(path)})
        beating = threading.Thread(target=notifier.watchdog)
        beating.start()
        beating.join(20)
        assert not beating.is_alive()
        assert "does not hear us" in caplog.text


@pytest.mark.parametrize("name", ["", "@", "relative", "vsock:2:1234"])
def test_without_a_manager_nothing_happens(name: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000"})
    notifier.ready()
    assert notifier.interval is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("variables", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": OUR_PID}, 30.0),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0", "WATCHDOG_PID": OUR_PID}, None),
        ({"WATCHDOG_USEC": "soon", "WATCHDOG_PID": OUR_PID}, None),
        ({}, None),
    ],
)
def test_interval_is_half_of_what_systemd_waits(variables: dict[str, str], interval: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/run/nobody", **variables}).interval == interval
