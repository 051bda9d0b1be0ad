"""The tests of the HTTP server share this: a server on a loopback port, raw requests over real sockets, answers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from streamwatch.http.server import HttpServer


@contextmanager
def running(server: HttpServer) -> Iterator[HttpServer]:
    """Run the server on a thread; fails if the thread does not end."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


def connect(server: HttpServer, source: str = "127.0.0.1") -> socket.socket:
    """Return a connection. source: the client's own address."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=20, source_address=(source, 0))


def everything(connection: socket.socket) -> bytes:
    """Return all that comes until the server hangs up."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def hung_up(connection: socket.socket) -> bool:
    """Return True if the server closes the connection without a word."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def turned_away(place: tuple[str, int]) -> bool:
    """Return True if a new connection is refused, or ended without a word."""
    try:
        with socket.create_connection(place, timeout=20) as connection:
            return connection.recv(1) == b""
    except ConnectionError:
        return True


class Got:
    """An answer, taken apart. headers: by lower-case name."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        self.first, *lines = head.decode().split("\r\n")
        self.status = int(self.first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def ask(server: HttpServer, raw: bytes) -> Got:
    """Return the answer to a request, which is given as its bytes on the wire."""
    with connect(server) as connection:
        connection.sendall(raw)
        return Got(everything(connection))


def get(server: HttpServer, path: str, *headers: str, method: str = "GET") -> Got:
    """Return the answer to a request without a body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    return ask(server, "\r\n".join(lines).encode() + b"\r\n\r\n")
