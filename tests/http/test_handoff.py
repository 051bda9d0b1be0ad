"""What one thread makes reaches the client that waits for it, over a real socket."""

import logging
import threading
from collections.abc import Callable

import pytest
from listening import connect, get, running
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from streamwatch.http.handoff import Handoff
from streamwatch.http.limits import HttpLimits
from streamwatch.http.server import HttpServer
from streamwatch.http.sockets import listen


def answered(make: Callable[[Handoff[Response]], None]) -> bytes:
    """Return the answer that a client gets while another thread runs `make`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        handoff: Handoff[Response] = Handoff()
        threading.Thread(target=make, args=(handoff,)).start()
        response = await handoff.wait(receive)
        assert not handoff.abandoned
        await response(scope, receive, send)

    with running(HttpServer(app, listen("127.0.0.1", 0, "a test"), HttpLimits())) as server:
        return get(server, "/").body


def test_a_client_whose_body_nobody_has_read_is_not_taken_for_gone() -> None:
    assert answered(lambda handoff: handoff.give(PlainTextResponse("made"))) == b"made"


def test_the_first_of_two_values_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "streamwatch.http")

    def twice(handoff: Handoff[Response]) -> None:
        handoff.give(PlainTextResponse("first"))
        handoff.give(PlainTextResponse("second"))

    assert answered(twice) == b"first"
    assert caplog.records == []


def test_what_a_client_waits_for_is_abandoned_when_it_goes() -> None:
    begun, ended = threading.Event(), threading.Event()
    waiting: list[Handoff[Response]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        waiting.append(Handoff())
        begun.set()
        try:
            await waiting[0].wait(receive)
        except ClientDisconnect:
            ended.set()
            raise

    with running(HttpServer(app, listen("127.0.0.1", 0, "a test"), HttpLimits())) as server:
        with connect(server) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert begun.wait(10)
            assert not waiting[0].abandoned
        assert ended.wait(10)
    assert waiting[0].abandoned
    waiting[0].give(PlainTextResponse("too late, and after the end of the server"))
