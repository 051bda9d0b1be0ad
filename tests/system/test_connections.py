"""Connections end at their deadline, which may be moved, or when they are hung up. Real sockets."""

import socket
import threading
import time
from collections.abc import Iterator

import httpcore
import pytest

from streamwatch.system.connections import Connections, Deadline


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Yield a listening socket. Only the kernel accepts its connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def connect(connections: Connections, listener: socket.socket, deadline: Deadline) -> httpcore.NetworkStream:
    return connections.connect_tcp("127.0.0.1", listener.getsockname()[1], deadline)  # type: ignore[arg-type]


def test_a_read_ends_at_its_deadline_though_bytes_drip(listener: socket.socket) -> None:
    deadline = Deadline(time.monotonic() + 60)
    connection = connect(Connections(), listener, deadline)
    peer, _ = listener.accept()
    with peer:
        peer.sendall(b"a")
        assert connection.read(10, deadline) == b"a"  # type: ignore[arg-type]
        peer.sendall(b"b")
        deadline.at = time.monotonic() - 1
        with pytest.raises(httpcore.ReadTimeout):
            connection.read(10, deadline)  # type: ignore[arg-type]
        deadline.at = time.monotonic() + 60
        assert connection.read(10, deadline) == b"b"  # type: ignore[arg-type]
    connection.close()


def test_hanging_up_ends_what_is_waited_for_and_what_comes_later(listener: socket.socket) -> None:
    connections, deadline = Connections(), Deadline()
    connection = connect(connections, listener, deadline)
    threading.Timer(0.1, connections.hang_up).start()
    assert connection.read(10, deadline) == b""  # type: ignore[arg-type]
    later = connect(connections, listener, deadline)
    assert later.read(10, deadline) == b""  # type: ignore[arg-type]
    for one in (connection, later):
        one.close()


def test_a_deadline_that_has_passed_opens_nothing(listener: socket.socket) -> None:
    with pytest.raises(httpcore.ConnectTimeout):
        connect(Connections(), listener, Deadline(time.monotonic() - 1))
