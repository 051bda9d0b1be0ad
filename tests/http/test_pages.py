"""The server of the console over real sockets: what an application may do to it, and who is let in."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import listening
import pytest
from listening import Got, connect, everything, running
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from streamwatch.core.errors import StorageFailed
from streamwatch.http.limits import HttpLimits
from streamwatch.http.pages import serve_pages
from streamwatch.http.server import HttpServer


def pages(**handlers: Callable[[Request], Response]) -> ASGIApp:
    """Return an application with a page for each name, and one at / that says who asks and how."""

    def caller(request: Request) -> Response:
        assert request.client is not None
        return JSONResponse([request.client.host, request.url.scheme])

    return Starlette(routes=[Route("/", caller), *(Route(f"/{name}", one) for name, one in handlers.items())])


def get(server: HttpServer, path: str, *headers: str) -> Got:
    """Return the answer to the only request of a connection."""
    return listening.get(server, path, "Connection: close", *headers)


@contextmanager
def serving(app: ASGIApp, host: str = "127.0.0.1", **options: Any) -> Iterator[HttpServer]:
    with running(serve_pages(lambda: app, host, 0, **options)) as server:
        yield server


@pytest.mark.errors_expected
def test_a_page_that_fails_ends_nothing_and_is_logged_with_its_traceback_once(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: Request) -> Response:
        raise ZeroDivisionError("by a page")

    with serving(pages(broken=broken)) as server:
        for _ in range(3):
            assert get(server, "/broken").status == 500
        assert get(server, "/").status == 200
    first, *others = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert first.exc_info is not None
    assert "GET /broken failed" in first.getMessage()
    assert [record.exc_info for record in others] == [None, None]


@pytest.mark.errors_expected
def test_an_error_that_has_a_sentence_is_answered_with_it(caplog: pytest.LogCaptureFixture) -> None:
    def away(_: Request) -> Response:
        raise StorageFailed("The disk is full.", "Delete something.")

    with serving(pages(away=away)) as server:
        got = get(server, "/away")
    # Starlette answers an unexpected error itself, before the server can; both say that it is the server's.
    assert got.status in (500, 503)
    assert "The disk is full." in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.errors_expected
def test_an_answer_that_fails_on_its_way_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    def half(_: Request) -> Response:
        def body() -> Iterator[str]:
            yield "one,"
            raise ZeroDivisionError

        return StreamingResponse(body())

    with serving(pages(half=half)) as server:
        got = get(server, "/half")
        assert b"one," in got.body
        assert not got.body.endswith(b"0\r\n\r\n"), "as if it were whole"
        assert get(server, "/").status == 200
    assert "GET /half failed" in caplog.text


@pytest.mark.errors_expected
def test_a_path_in_the_log_has_no_characters_that_a_terminal_obeys(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    with serving(broken) as server:
        assert get(server, "/%1b%5b2J").status == 500
    assert "\x1b" not in caplog.text
    assert "failed" in caplog.text


def test_the_pages_are_made_once_and_when_the_first_request_comes() -> None:
    made: list[int] = []

    def make() -> ASGIApp:
        made.append(1)
        time.sleep(0.2)
        return pages()

    with running(serve_pages(make, "127.0.0.1", 0)) as server:
        assert made == []
        threads = [threading.Thread(target=get, args=(server, "/")) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert made == [1]


@pytest.mark.errors_expected
def test_pages_that_cannot_be_made_are_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    failing = [StorageFailed("The database is locked."), ZeroDivisionError()]

    def make() -> ASGIApp:
        if failing:
            raise failing.pop(0)
        return pages()

    with running(serve_pages(make, "127.0.0.1", 0)) as server:
        got = get(server, "/")
        assert (got.status, got.body) == (503, b"The database is locked.\n")
        assert get(server, "/").status == 500
        assert get(server, "/").status == 200


def test_on_this_machine_nothing_is_answered_that_a_proxy_passed_on() -> None:
    """A proxy on this machine that the config does not name would let in the world without a password."""
    with serving(pages()) as server:
        for header in ("X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "Via: 1.1 gate"):
            got = get(server, "/", header)
            assert got.status == 403
            assert b"web.behind_proxy" in got.body
        assert get(server, "/").body == b'["127.0.0.1","http"]'


def test_on_this_machine_a_page_that_has_its_name_resolve_to_loopback_is_refused() -> None:
    with serving(pages()) as server, connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n")
        assert Got(everything(connection)).status == 421


def test_a_proxy_that_is_named_is_believed() -> None:
    with serving(pages(), proxies=["127.0.0.1/32"]) as server:
        names = "Host: gate.example.com", "X-Forwarded-For: 198.51.100.1, 203.0.113.9", "X-Forwarded-Proto: https"
        with connect(server) as connection:
            connection.sendall("\r\n".join(["GET / HTTP/1.1", "Connection: close", *names, "", ""]).encode())
            assert Got(everything(connection)).body == b'["203.0.113.9","https"]'


def test_a_client_has_the_same_address_on_a_socket_for_both_kinds() -> None:
    with serving(pages(), host="::", proxies=["127.0.0.1/32"]) as server:
        assert get(server, "/").body == b'["127.0.0.1","http"]'
        assert get(server, "/", "X-Forwarded-For: 203.0.113.9").body == b'["203.0.113.9","http"]'


def test_without_https_only_the_proxy_is_answered() -> None:
    with serving(pages(), proxies=["127.0.0.2/32"]) as server:
        assert get(server, "/").status == 403
        with connect(server, source="127.0.0.2") as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n")
            assert Got(everything(connection)).status == 200


def test_a_body_that_is_too_large_is_refused_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()

    length = HttpLimits().body_bytes + 1
    with serving(reader) as server:
        head = f"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
        got = listening.ask(server, head.encode() + b"x" * length)
    assert (got.status, got.body) == (413, b"The body is too large.\n")
    assert caplog.records == []


def test_a_client_that_goes_within_its_body_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    gone = threading.Event()

    async def reader(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await Request(scope, receive).body()
        except ClientDisconnect:
            gone.set()
            raise
        await Response("whole")(scope, receive, send)

    with serving(reader) as server:
        with connect(server) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")
        assert gone.wait(10)
        assert get(server, "/").body == b"whole"
    assert caplog.records == []


def test_a_connection_serves_several_requests() -> None:
    with serving(pages()) as server, connect(server) as connection:
        request = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
        connection.sendall((request + b"\r\n") * 2 + request + b"Connection: close\r\n\r\n")
        assert everything(connection).count(b"HTTP/1.1 200") == 3


def test_open_streams_of_events_do_not_hold_up_a_stop(caplog: pytest.LogCaptureFixture) -> None:
    """One looks at the stop as it should, one never does, and one belongs to a client that takes nothing."""
    stop, never = threading.Event(), threading.Event()

    def events(over: threading.Event, piece: str) -> Response:
        def body() -> Iterator[str]:
            while not over.wait(0.02):
                yield piece

        return StreamingResponse(body(), media_type="text/event-stream")

    app = pages(
        good=lambda _: events(stop, ": still here\n\n"),
        deaf=lambda _: events(never, ": still here\n\n"),
        large=lambda _: events(never, "x" * 100_000),
    )
    try:
        with running(serve_pages(lambda: app, "127.0.0.1", 0)) as server:
            clients = [connect(server) for _ in range(3)]
            for client, path in zip(clients, ("good", "deaf", "large"), strict=True):
                client.sendall(f"GET /{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert client.recv(15) == b"HTTP/1.1 200 OK"
            stop.set()
            server.stop(0.5)
            for client in clients:
                drained(client)
                client.close()
            never.set()
    finally:
        never.set()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def drained(client: socket.socket) -> None:
    """Read until the server has closed or cut off the connection."""
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
