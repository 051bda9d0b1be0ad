"""Connections end at their deadline, which may be moved, or when they are hung up. Real sockets."""

import socket
import threading
import time
from collections.abc import Iterator

import httpcore
import pytest

from streamwatch.system.connections import Connections, Deadline, camera_pool


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


def test_an_exchange_without_a_limit_is_a_mistake_of_the_program(listener: socket.socket) -> None:
    connection = connect(Connections(), listener, Deadline())
    with pytest.raises(ValueError, match="an exchange without a limit"):
        connection.read(10)
    connection.close()


def test_a_connection_is_readable_once_something_came_or_it_is_closed(listener: socket.socket) -> None:
    connection = connect(Connections(), listener, Deadline())
    peer, _ = listener.accept()
    with peer:
        assert connection.get_extra_info("socket").getpeername() == listener.getsockname()
        assert connection.get_extra_info("is_readable") is False
        peer.sendall(b"a")
        assert connection.read(1, Deadline(time.monotonic() + 60)) == b"a"  # type: ignore[arg-type]
        assert connection.get_extra_info("is_readable") is False
        assert connection.get_extra_info("server_addr") is None
    connection.close()
    assert connection.get_extra_info("is_readable") is True


def test_a_camera_is_asked_over_these_connections_and_one_deadline_holds_for_all_steps(
    listener: socket.socket,
) -> None:
    def answer() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

    connections, deadline = Connections(), Deadline(time.monotonic() + 60)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    with camera_pool(connections) as pool:
        thread = threading.Thread(target=answer)
        thread.start()
        assert pool.request("GET", url, extensions={"timeout": deadline.timeouts()}).content == b"hi"
        thread.join()
        deadline.at = time.monotonic() - 1
        with pytest.raises(httpcore.ConnectTimeout):
            pool.request("GET", url, extensions={"timeout": deadline.timeouts()})
