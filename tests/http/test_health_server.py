"""/healthz and /metrics over real sockets, to clients that behave and to others."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from listening import Got, ask, connect, everything, get, hung_up, running
from snapshots import ILL, WELL

from streamwatch.core.errors import ConfigError
from streamwatch.health import Snapshot, health, render_metrics
from streamwatch.http.health import LIMITS, serve_health
from streamwatch.http.server import HttpServer


class Told:
    """Holds the snapshot that the server tells next."""

    def __init__(self) -> None:
        self.snapshot = WELL

    def __call__(self) -> Snapshot:
        return self.snapshot


@contextmanager
def serving(told: Callable[[], Snapshot], host: str = "127.0.0.1", **limits: Any) -> Iterator[HttpServer]:
    with running(serve_health(host, 0, told, replace(LIMITS, **limits))) as server:
        yield server


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def server(told: Told) -> Iterator[HttpServer]:
    with serving(told) as one:
        yield one


def test_healthz_is_200_while_all_is_well_and_503_with_the_reasons_else(server: HttpServer, told: Told) -> None:
    got = get(server, "/healthz")
    assert (got.first, got.body) == ("HTTP/1.1 200 OK", b"ok\n")
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.headers["cache-control"] == "no-store"
    told.snapshot = ILL
    got = get(server, "/healthz")
    assert got.first == "HTTP/1.1 503 Service Unavailable"
    assert got.body.decode().splitlines() == health(ILL)[1]


def test_metrics_over_http(server: HttpServer, told: Told) -> None:
    got = get(server, "/metrics")
    assert got.status == 200
    assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert got.body.decode() == render_metrics(told.snapshot)
    assert int(got.headers["content-length"]) == len(got.body)


def test_the_first_page_names_the_others(server: HttpServer) -> None:
    got = get(server, "/")
    assert got.status == 200
    assert b"/healthz" in got.body
    assert b"/metrics" in got.body


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/nothing"])
def test_head_is_get_without_the_body(path: str, server: HttpServer) -> None:
    got, bare = get(server, path), get(server, path, method="HEAD")
    assert len(got.body) == int(got.headers["content-length"])
    assert (bare.status, bare.headers["content-length"], bare.body) == (got.status, str(len(got.body)), b"")


def test_an_answer_says_when_it_was_made_and_not_by_what(server: HttpServer) -> None:
    got = get(server, "/healthz")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", got.headers["date"])
    assert got.headers["connection"] == "close"
    assert "server" not in got.headers


def test_a_query_is_ignored(server: HttpServer) -> None:
    assert get(server, "/healthz?verbose=1").status == 200


@pytest.mark.parametrize(
    "path", ["/nothing", "/healthz/", "/../etc/passwd", "//metrics", "*", "/%2e%2e/", "/metrics%00"]
)
def test_everything_else_is_404(path: str, server: HttpServer) -> None:
    got = get(server, path)
    assert (got.status, got.body) == (404, b"Not found; there are /healthz and /metrics.\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get"])
def test_other_methods_are_405(method: str, server: HttpServer) -> None:
    body = b"x" * 8_000_000
    request = f"{method} /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    got = ask(server, request)
    assert (got.status, got.headers["allow"], got.body) == (405, "GET, HEAD", b"Only GET and HEAD.\n")


def test_a_page_that_has_its_name_resolve_to_loopback_is_told_nothing(server: HttpServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: evil.example.com\r\n\r\n")
        assert Got(everything(connection)).status == 421


def test_slow_clients_cost_nobody_anything_and_are_cut_off(told: Told) -> None:
    with serving(told, head_seconds=1.0) as server, ExitStack() as stack:
        slow = [stack.enter_context(connect(server)) for _ in range(LIMITS.connections - 1)]
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        assert get(server, "/healthz").status == 200
        assert all(hung_up(connection) for connection in slow)


def test_of_too_many_connections_the_oldest_is_cut_off(told: Told) -> None:
    with serving(told, head_seconds=60.0) as server, ExitStack() as stack:
        idle = [stack.enter_context(connect(server)) for _ in range(LIMITS.connections + 5)]
        assert get(server, "/healthz").status == 200
        assert all(hung_up(connection) for connection in idle[:5])


def test_clients_that_hang_up_at_once_do_no_harm(server: HttpServer) -> None:
    for _ in range(50):
        with connect(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert get(server, "/healthz").status == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_this_machine_it_is_said_what_that_means(
    host: str, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(told, host) as server, connect(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: gate.example.com\r\n\r\n")
        assert Got(everything(connection)).status == 200
    assert f"everybody who can reach {host}" in caplog.text
    assert "without a password" in caplog.text


@pytest.mark.parametrize("host", ["192.0.2.7", "example.com", "127.0.0.1.example.com"])
def test_what_is_no_address_of_this_machine_is_one_sentence(host: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used for health"):
        serve_health(host, 0, lambda: WELL)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_names_of_this_machine(host: str, caplog: pytest.LogCaptureFixture) -> None:
    serve_health(host, 0, lambda: WELL).stop()
    assert caplog.text == ""


def test_a_port_that_is_taken_is_one_sentence(server: HttpServer) -> None:
    with pytest.raises(ConfigError, match=rf"Port {server.port} of 127\.0\.0\.1 cannot be used.*in use"):
        serve_health("127.0.0.1", server.port, lambda: WELL)
    with pytest.raises(ConfigError, match="cannot be used"):
        serve_health("127.0.0.1", 70_000, lambda: WELL)


def test_a_bug_in_the_snapshot_ends_run_and_leaves_no_socket() -> None:
    def broken() -> Snapshot:
        raise ZeroDivisionError

    server, caught = serve_health("127.0.0.1", 0, broken), []

    def run() -> None:
        try:
            server.run()
        except ZeroDivisionError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert get(server, "/metrics").status == 500
    thread.join(10)
    assert len(caught) == 1
    serve_health("127.0.0.1", server.port, lambda: WELL).stop()
