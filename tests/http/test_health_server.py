"""/healthz and /metrics over real sockets, for clients that keep to the protocol and for others."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from snapshots import ILL, WELL

from streamwatch.core.errors import ConfigError
from streamwatch.health import Snapshot, health, render_metrics
from streamwatch.http import health as server_module
from streamwatch.http.health import HealthServer, serve


class Told:
    """The snapshot with which the server answers next."""

    def __init__(self) -> None:
        self.snapshot = WELL

    def __call__(self) -> Snapshot:
        return self.snapshot


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def server(told: Told) -> Iterator[HealthServer]:
    one = serve("127.0.0.1", 0, told)
    thread = threading.Thread(target=one.run)
    thread.start()
    yield one
    one.close()
    thread.join(10)
    assert not thread.is_alive()


def connect(server: HealthServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def everything(connection: socket.socket) -> bytes:
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def ask(server: HealthServer, request: bytes) -> tuple[int, dict[str, str], str]:
    """Return status, headers by lower-case name, and body: all that comes until the server hangs up."""
    with connect(server) as connection:
        connection.sendall(request)
        head, _, body = everything(connection).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    assert re.fullmatch(r"HTTP/1\.1 \d{3} [A-Za-z ]+", first)
    return int(first.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body.decode()


def hung_up(connection: socket.socket) -> bool:
    """Return True if the server has closed the connection without an answer."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def get(server: HealthServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], str]:
    return ask(server, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


def test_healthz_is_200_while_all_is_well_and_503_with_the_reasons_else(server: HealthServer, told: Told) -> None:
    status, headers, body = get(server, "/healthz")
    assert (status, body) == (200, "ok\n")
    assert headers["content-type"] == "text/plain; charset=utf-8"
    told.snapshot = ILL
    status, _, body = get(server, "/healthz")
    assert status == 503
    assert body.splitlines() == health(ILL)[1]


def test_metrics_over_http(server: HealthServer, told: Told) -> None:
    status, headers, body = get(server, "/metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert body == render_metrics(told.snapshot)
    assert int(headers["content-length"]) == len(body.encode())


def test_the_first_page_names_the_others(server: HealthServer) -> None:
    status, _, body = get(server, "/")
    assert status == 200
    assert "/healthz" in body
    assert "/metrics" in body


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/nothing"])
def test_head_is_get_without_the_body(path: str, server: HealthServer) -> None:
    status, headers, body = get(server, path)
    assert len(body.encode()) == int(headers["content-length"])
    bare = get(server, path, "HEAD")
    assert (bare[0], bare[1]["content-length"], bare[2]) == (status, headers["content-length"], "")


def test_a_query_is_ignored(server: HealthServer) -> None:
    assert get(server, "/healthz?verbose=1")[0] == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/healthz/", "/../etc/passwd", "//metrics", "*", "/%2e%2e/", "/metrics\x00"]
)
def test_everything_else_is_404(path: str, server: HealthServer) -> None:
    assert get(server, path)[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_405(method: str, server: HealthServer) -> None:
    body = b"x" * 8_000_000
    request = f"{method} /metrics HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    status, headers, _ = ask(server, request)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "request_", [b"\r\n\r\n", b"GET /\r\n\r\n", b"GET / SPDY/3\r\n\r\n", b"\x16\x03\x01\xff\n\n", b"a b c d\n\n"]
)
def test_what_is_no_http_is_400(request_: bytes, server: HealthServer) -> None:
    assert ask(server, request_)[0] == 400


def test_a_request_that_does_not_end_is_431(server: HealthServer) -> None:
    assert ask(server, b"GET / HTTP/1.1\r\nCookie: " + b"x" * 9000)[0] == 431


def test_a_request_may_come_in_pieces(server: HealthServer) -> None:
    with connect(server) as connection:
        for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
            connection.sendall(bytes([byte]))
        assert everything(connection).startswith(b"HTTP/1.1 200 OK\r\n")


def test_keep_alive_is_declined_and_the_connection_closed(server: HealthServer) -> None:
    request = b"GET /healthz HTTP/1.1\r\nConnection: keep-alive\r\n\r\n"
    status, headers, body = ask(server, request + request)
    assert (status, headers["connection"], body) == (200, "close", "ok\n")


def test_slow_clients_cost_nobody_anything_and_are_cut_off(
    server: HealthServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "in_time", 1.0)
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(server_module.MOST_CONNECTIONS - 1)]
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        assert get(server, "/healthz")[0] == 200
        # A byte now and then buys no time.
        ends = time.monotonic() + 8
        while True:
            assert time.monotonic() < ends, "a slow client was not cut off"
            try:
                slow[-1].sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        assert all(hung_up(connection) for connection in slow)


def test_of_too_many_connections_the_oldest_is_cut_off(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "in_time", 60.0)
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(server_module.MOST_CONNECTIONS + 5)]
        assert get(server, "/healthz")[0] == 200
        assert all(hung_up(connection) for connection in idle[:5])


def test_a_client_that_never_reads_is_cut_off(server: HealthServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "in_time", 1.0)
    monkeypatch.setattr(server_module, "render_metrics", lambda _: "x" * 30_000_000)
    with connect(server) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert connection.recv(8) == b"HTTP/1.1"
        assert get(server, "/healthz")[0] == 200
        time.sleep(1.5)
        received = 0
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                received += len(part)
    assert received < 30_000_000


def test_clients_that_hang_up_at_once_do_no_harm(server: HealthServer) -> None:
    for _ in range(50):
        with connect(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
    assert get(server, "/healthz")[0] == 200


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_beyond_this_machine_it_is_said_what_that_means(
    address: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    one = serve(address, 0, told)
    thread = threading.Thread(target=one.run)
    thread.start()
    assert get(one, "/healthz")[0] == 200
    one.close()
    thread.join(10)
    assert f"everybody who can reach {address}" in caplog.text
    assert "without a password" in caplog.text


@pytest.mark.parametrize("address", ["192.0.2.7", "example.com", "127.0.0.1.example.com"])
def test_what_is_no_address_of_this_machine_is_one_sentence(address: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used for health"):
        serve(address, 0, lambda: WELL)


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1"])
def test_names_of_this_machine(address: str, caplog: pytest.LogCaptureFixture) -> None:
    serve(address, 0, lambda: WELL).close()
    assert caplog.text == ""


def test_a_port_that_is_taken_is_one_sentence(server: HealthServer) -> None:
    with pytest.raises(ConfigError, match=rf"Port {server.port} of 127\.0\.0\.1 cannot be used.*in use"):
        serve("127.0.0.1", server.port, lambda: WELL)
    with pytest.raises(ConfigError, match="cannot be used"):
        serve("127.0.0.1", 70_000, lambda: WELL)


def test_closing_hangs_up_on_everybody_and_frees_the_port(told: Told) -> None:
    server = serve("127.0.0.1", 0, told)
    thread = threading.Thread(target=server.run)
    thread.start()
    with connect(server) as connection:
        connection.sendall(b"GET ")
        get(server, "/healthz")
        server.close()
        server.close()
        thread.join(10)
        assert not thread.is_alive()
        assert everything(connection) == b""
    serve("127.0.0.1", server.port, told).close()


def test_run_after_close_returns_at_once(told: Told) -> None:
    server = serve("127.0.0.1", 0, told)
    server.close()
    server.run()


def test_a_bug_in_the_snapshot_ends_run_and_leaves_no_socket() -> None:
    def broken() -> Snapshot:
        raise ZeroDivisionError

    server, caught = serve("127.0.0.1", 0, broken), []

    def run() -> None:
        try:
            server.run()
        except ZeroDivisionError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    with connect(server) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert everything(connection) == b""
    thread.join(10)
    assert len(caught) == 1
