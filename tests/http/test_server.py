"""The limits, deadlines and the end of the server, over real sockets; the applications are a few lines each."""

import asyncio
import errno
import logging
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from listening import Got, ask, connect, everything, get, hung_up, running, turned_away
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from streamwatch.http.limits import LOOPBACK_NAMES, HttpLimits
from streamwatch.http.server import NO_DESCRIPTOR, HttpServer
from streamwatch.http.sockets import listen

HELLO = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")


async def answer(send: Send, body: bytes, status: int = 200) -> None:
    headers = [(b"Content-Length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with method, path, query, Host and body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    host = dict(scope["headers"]).get(b"host", b"-")
    place = f"{scope['method']} {scope['path']} {scope['query_string'].decode()} {host.decode()} ".encode()
    await answer(send, place + body)


class Patient:
    """An application that answers when it is told to. begun: set once a request has come."""

    def __init__(self) -> None:
        self.begun, self.may_answer = threading.Event(), False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/quick":
            await answer(send, b"quick")
            return
        self.begun.set()
        while not self.may_answer:
            await asyncio.sleep(0.01)
        await answer(send, b"at last")


@contextmanager
def serving(app: Any = echo, tls: ssl.SSLContext | None = None, **limits: Any) -> Iterator[HttpServer]:
    with running(HttpServer(app, listen("127.0.0.1", 0, "a test"), HttpLimits(**limits), tls=tls)) as server:
        yield server


def post(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: localhost", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body


def one_answer(connection: socket.socket) -> Got:
    """Return the next answer on a connection that stays open."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += connection.recv(1)
    left = int(Got(raw).headers["content-length"])
    while left:
        part = connection.recv(left)
        assert part
        raw, left = raw + part, left - len(part)
    return Got(raw)


def seconds_until_hung_up(connection: socket.socket) -> float:
    began = time.monotonic()
    assert hung_up(connection)
    return time.monotonic() - began


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / SPDY/3\r\n\r\n",
        b"\x16\x03\x01\xff\n\n",
        b"a b c d\n\n",
        b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A : blank before the colon\r\n\r\n",
        b"GET somewhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http:///nobody HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://user@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_400(raw: bytes) -> None:
    with serving() as server:
        got = ask(server, raw)
    assert (got.first, got.body) == ("HTTP/1.1 400 Bad Request", b"This is not a valid HTTP/1.1 request.\n")
    assert got.headers["connection"] == "close"


def test_a_refusal_of_head_has_no_body() -> None:
    with serving() as server:
        got = ask(server, b"HEAD nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (got.status, got.body) == (400, b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 9000,
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 9000 + b"\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 2000 + b"\r\n",
    ],
    ids=["does not end", "one long line", "long target", "many lines"],
)
def test_a_head_that_is_too_large_is_431_however_it_comes(raw: bytes) -> None:
    with serving() as server:
        assert ask(server, raw).status == 431
        with connect(server) as connection, suppress(OSError):
            for start in range(0, len(raw), 500):
                connection.sendall(raw[start : start + 500])
            assert Got(everything(connection)).status == 431


def test_a_head_may_come_in_pieces() -> None:
    with serving() as server, connect(server) as connection:
        for byte in HELLO:
            connection.sendall(bytes([byte]))
        assert Got(everything(connection)).status == 200


def test_a_byte_now_and_then_buys_no_time() -> None:
    with serving(head_seconds=1.0) as server, connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(200):
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the client was not cut off")


def test_who_says_nothing_is_cut_off() -> None:
    with serving(head_seconds=0.5) as server, connect(server) as connection:
        assert seconds_until_hung_up(connection) >= 0.3


def test_http_1_0_needs_no_host() -> None:
    with serving() as server:
        got = ask(server, b"GET /a HTTP/1.0\r\n\r\n")
    assert (got.status, got.body) == (200, b"GET /a  - ")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.1:8470/a/b?c=d", b"GET /a/b c=d 127.0.0.1:8470 "),
        ("HTTPS://localhost", b"GET /  localhost "),
        ("http://localhost?x", b"GET / x localhost "),
    ],
)
def test_a_target_in_absolute_form_is_a_path_and_a_host(target: str, said: bytes) -> None:
    with serving(hosts=LOOPBACK_NAMES) as server:
        assert ask(server, f"GET {target} HTTP/1.1\r\nHost: other.example\r\n\r\n".encode()).body == said
        refused = ask(server, b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert refused.status == 421


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:9464", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1:9464", 200),
        ("[::1]:9464", 200),
        ("192.0.2.1", 200),
        ("evil.example.com", 421),
        ("localhost.evil.example.com", 421),
        ("127.0.0.1.evil.example.com:80", 421),
        ("localhost@evil.example.com", 421),
        ("[::1", 421),
        ("", 421),
    ],
)
def test_on_loopback_only_addresses_and_localhost_are_answered(host: str, status: int) -> None:
    """A page from elsewhere can have its own name resolve to 127.0.0.1, but a browser still sends that name."""
    with serving(hosts=LOOPBACK_NAMES) as server:
        assert ask(server, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == status


def test_an_upgrade_is_not_offered() -> None:
    with serving() as server:
        assert get(server, "/", "Connection: Upgrade", "Upgrade: websocket").status == 200


def test_a_large_head_behind_another_request_is_431() -> None:
    """It is there as a whole before it is parsed."""
    with serving(keep_alive=30) as server, connect(server) as connection:
        connection.sendall(HELLO + HELLO[:-2] + b"Cookie: " + b"x" * 9000 + b"\r\n\r\n")
        assert one_answer(connection).status == 200
        assert Got(everything(connection)).status == 431


def test_a_body_comes_whole() -> None:
    body = bytes(range(256)) * 3000
    with serving() as server:
        assert ask(server, post(body)).body == b"POST /  localhost " + body


def test_a_body_may_have_the_limit_and_not_a_byte_more() -> None:
    with serving(body_bytes=1000) as server:
        assert ask(server, post(b"x" * 1000)).status == 200
        got = ask(server, post(b"x" * 1001))
    assert (got.first, got.body) == ("HTTP/1.1 413 Request Entity Too Large", b"The body is too large.\n")


def test_a_starlette_application_answers_a_body_that_is_too_large_itself() -> None:
    async def page(request: Request) -> Response:
        return Response(await request.body())

    app = Starlette(routes=[Route("/", page, methods=["POST"])])
    with serving(app, body_bytes=1000) as server:
        assert ask(server, post(b"x" * 1000)).body == b"x" * 1000
        got = ask(server, post(b"x" * 1001))
        assert (got.status, got.body) == (413, b"The body is too large.")


def test_an_answer_that_has_begun_is_cut_off_by_a_body_that_is_too_large() -> None:
    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Length", b"9")]})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await echo(scope, receive, send)

    with serving(hasty, body_bytes=1000) as server:
        for _ in range(2):
            got = ask(server, post(b"x" * 1001))
            assert (got.status, got.body) == (200, b"half"), "and the server goes on"


def test_an_answer_reaches_a_client_that_still_sends() -> None:
    with serving(body_bytes=1000) as server:
        assert ask(server, post(b"x" * 8_000_000)).status == 413


@pytest.mark.parametrize("coding", ["chunked", "gzip, chunked"])
def test_chunks_are_refused(coding: str) -> None:
    """One byte in each chunk would cost a hundred times the work of a plain body."""
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {coding}\r\n\r\n".encode()
    with serving() as server:
        assert ask(server, head + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n").status == 411


def test_no_request_hides_behind_two_lengths() -> None:
    raw = post(b"0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n", "Transfer-Encoding: chunked")
    with serving(keep_alive=5) as server, connect(server) as connection:
        connection.sendall(raw)
        said = everything(connection)
    assert Got(said).status == 411
    assert said.count(b"HTTP/1.1") == 1


def test_a_body_that_does_not_come_in_time_ends_the_connection() -> None:
    with serving(body_seconds=1.0) as server, connect(server) as connection:
        connection.sendall(post(b"", length=1000))
        for _ in range(200):
            try:
                connection.sendall(b"x")
            except OSError:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the client was not cut off")


def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    with serving() as server, connect(server) as connection:
        connection.sendall(post(b"", "Expect: 100-continue", length=3))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert Got(everything(connection)).body.endswith(b"abc")


def test_without_it_the_first_answer_is_the_last() -> None:
    with serving() as server:
        got = ask(server, HELLO + HELLO)
    assert got.headers["connection"] == "close"
    assert got.body == b"GET /  localhost "


def test_a_connection_serves_several_requests() -> None:
    with serving(keep_alive=30) as server, connect(server) as connection:
        for n in range(3):
            body = b"x" * n
            connection.sendall(post(body))
            got = one_answer(connection)
            assert "connection" not in got.headers
            assert got.body.endswith(b" " + body)


def test_requests_sent_ahead_are_answered_in_order() -> None:
    asked = [f"GET /{n} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for n in range(20)]
    with serving(keep_alive=30) as server, connect(server) as connection:
        connection.sendall(b"".join(asked))
        assert [one_answer(connection).body for _ in asked] == [f"GET /{n}  localhost ".encode() for n in range(20)]


def test_an_idle_connection_ends() -> None:
    with serving(keep_alive=1) as server, connect(server) as connection:
        connection.sendall(HELLO)
        one_answer(connection)
        assert seconds_until_hung_up(connection) >= 0.5


def test_a_client_may_ask_for_the_end() -> None:
    with serving(keep_alive=30) as server:
        assert get(server, "/", "Connection: close").headers["connection"] == "close"


def test_what_follows_the_last_request_disturbs_nothing() -> None:
    app = Patient()
    with serving(app, keep_alive=30) as server, connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert app.begun.wait(10)
        connection.sendall(b"\x00 rubbish\r\n\r\n" * 100)
        time.sleep(0.2)
        app.may_answer = True
        assert Got(everything(connection)).body == b"at last"
        assert get(server, "/quick", "Connection: close").status == 200


def test_a_refused_body_that_still_comes_does_not_become_a_request() -> None:
    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"no", 403)

    with serving(refuse, keep_alive=30) as server, connect(server) as connection:
        connection.sendall(post(b"", length=len(HELLO)))
        assert one_answer(connection).status == 403
        connection.sendall(HELLO + post(b""))
        assert one_answer(connection).status == 403
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_the_client_with_the_most_connections_gives_way() -> None:
    with serving(connections=10, head_seconds=60.0) as server, ExitStack() as stack:
        other = stack.enter_context(connect(server, "127.0.0.2"))
        other.sendall(b"GET /other HTTP/1.1\r\n")
        time.sleep(0.2)
        greedy = [stack.enter_context(connect(server)) for _ in range(30)]
        other.sendall(b"Host: localhost\r\n\r\n")
        assert Got(everything(other)).body == b"GET /other  localhost "
        assert all(hung_up(connection) for connection in greedy[:20])


def test_a_connection_at_work_stays() -> None:
    app = Patient()
    with serving(app, connections=3, head_seconds=60.0) as server, ExitStack() as stack:
        busy = stack.enter_context(connect(server))
        busy.sendall(HELLO)
        assert app.begun.wait(10)
        idle = [stack.enter_context(connect(server)) for _ in range(6)]
        assert all(hung_up(connection) for connection in idle[:4])
        assert get(server, "/quick").body == b"quick"
        app.may_answer = True
        assert Got(everything(busy)).body == b"at last"


def test_while_all_connections_are_at_work_a_new_one_is_closed() -> None:
    app = Patient()
    with serving(app, connections=2) as server, ExitStack() as stack:
        busy = [stack.enter_context(connect(server)) for _ in range(2)]
        for connection in busy:
            app.begun.clear()
            connection.sendall(HELLO)
            assert app.begun.wait(10)
        with connect(server) as late:
            assert hung_up(late)
        app.may_answer = True
        assert [Got(everything(connection)).body for connection in busy] == [b"at last"] * 2
        assert get(server, "/quick").status == 200


class Refusing(socket.socket):
    """A listening socket that fails with `error` while there are refusals. refused: set once it has."""

    error, refusals = errno.EMFILE, 0

    def __init__(self) -> None:
        super().__init__(fileno=listen("127.0.0.1", 0, "a test").detach())
        self.setblocking(False)
        self.refused = threading.Event()

    def accept(self) -> tuple[socket.socket, Any]:
        if self.refusals:
            self.refusals -= 1
            self.refused.set()
            raise OSError(self.error, os.strerror(self.error))
        return super().accept()


@pytest.mark.parametrize("error", [errno.EMFILE, errno.EAGAIN], ids=["no descriptor", "the client is gone"])
def test_a_connection_that_cannot_be_taken_does_not_end_the_server(error: int) -> None:
    listener = Refusing()
    listener.error, listener.refusals = error, 3
    with running(HttpServer(echo, listener, HttpLimits())) as server:
        assert get(server, "/").status == 200
    assert listener.refusals == 0


def test_a_server_that_stops_while_it_waits_for_a_descriptor_does_not_listen_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app, listener = Patient(), Refusing()
    with running(HttpServer(app, listener, HttpLimits())) as server, connect(server) as busy:
        busy.sendall(HELLO)
        assert app.begun.wait(10)
        listener.refusals = 1000
        with connect(server) as late:
            assert listener.refused.wait(10)
            server.stop(within=20.0)
            assert hung_up(late)
        time.sleep(2 * NO_DESCRIPTOR)
        app.may_answer = True
        assert Got(everything(busy)).body == b"at last"
    assert caplog.records == []


@pytest.mark.errors_expected
@pytest.mark.parametrize(
    ("error", "level"), [(ZeroDivisionError, logging.ERROR), (ConnectionResetError, logging.DEBUG)]
)
def test_what_goes_wrong_beside_the_requests_is_logged(
    error: type[Exception], level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A client may go at any moment, which no operator need know."""
    caplog.set_level(logging.DEBUG, "streamwatch.http")

    def fail() -> None:
        raise error

    async def careless(scope: Scope, receive: Receive, send: Send) -> None:
        asyncio.get_running_loop().call_soon(fail)
        await echo(scope, receive, send)

    with serving(careless) as server:
        assert [get(server, "/").status for _ in range(2)] == [200, 200]
    told = [record for record in caplog.records if record.exc_info and record.exc_info[0] is error]
    assert [record.levelno for record in told] == [level, level]


def test_a_large_answer_that_nobody_takes_ends_the_connection() -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"x" * 30_000_000)

    with serving(large, answer_seconds=1.0) as server, connect(server) as connection:
        connection.sendall(HELLO)
        assert connection.recv(8) == b"HTTP/1.1"
        time.sleep(2.0)
        received = 0
        with suppress(ConnectionError):
            while part := connection.recv(65536):
                received += len(part)
    assert received < 30_000_000


def test_a_client_that_takes_its_answer_late_is_served_further() -> None:
    async def large(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"x" * 30_000_000)

    with serving(large, answer_seconds=2.0, keep_alive=30) as server, connect(server) as connection:
        connection.sendall(HELLO)
        assert len(one_answer(connection).body) == 30_000_000
        time.sleep(2.5)
        connection.sendall(HELLO)
        assert len(one_answer(connection).body) == 30_000_000


def test_a_stream_that_nobody_takes_ends_and_holds_little_memory() -> None:
    sent, ended = 0, threading.Event()

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})

        async def gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        watching = asyncio.create_task(gone())
        while not watching.done():
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
            sent += 10_000
            await asyncio.sleep(0)
        ended.set()

    with serving(stream, answer_seconds=1.0) as server, connect(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(HELLO)
        assert ended.wait(20)
    assert sent < 20_000_000


def test_a_slow_stream_of_events_stays() -> None:
    async def events(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for n in range(6):
            await asyncio.sleep(0.3)
            await send({"type": "http.response.body", "body": f"data: {n}\n\n".encode(), "more_body": n < 5})

    with serving(events, head_seconds=0.5, body_seconds=0.5, answer_seconds=0.5, keep_alive=1) as server:
        got = get(server, "/", "Connection: close")
    assert got.body.count(b"data: ") == 6


def test_an_application_learns_that_its_client_has_gone() -> None:
    gone = threading.Event()

    async def wait(scope: Scope, receive: Receive, send: Send) -> None:
        message: Message = {"type": ""}
        while message["type"] != "http.disconnect":
            message = await receive()
        gone.set()

    with serving(wait) as server:
        with connect(server) as connection:
            connection.sendall(HELLO)
            time.sleep(0.2)
        assert gone.wait(10)


def test_a_client_that_goes_within_its_body_is_no_error() -> None:
    async def page(request: Request) -> Response:
        return Response(await request.body())

    with serving(Starlette(routes=[Route("/", page, methods=["POST"])])) as server:
        for _ in range(5):
            with connect(server) as connection:
                connection.sendall(post(b"x", length=100))
                time.sleep(0.05)
        assert ask(server, post(b"x")).body == b"x"


def test_many_slow_clients_lock_nobody_out() -> None:
    with serving(head_seconds=60.0) as server, ExitStack() as stack:
        for n in range(300):
            slow = stack.enter_context(connect(server, f"127.0.1.{n % 250 + 1}"))
            slow.sendall(HELLO[: n % len(HELLO)])
        assert get(server, "/").status == 200


def test_a_server_may_be_stopped_before_it_runs() -> None:
    server = HttpServer(echo, listen("127.0.0.1", 0, "a test"), HttpLimits())
    server.stop()
    server.run()
    listen("127.0.0.1", server.port, "a test").close()


def test_stopping_hangs_up_on_everybody_and_frees_the_port() -> None:
    app = Patient()
    with serving(app, keep_alive=30) as server, ExitStack() as stack:
        silent, begun, busy, idle = (stack.enter_context(connect(server)) for _ in range(4))
        begun.sendall(b"GET ")
        busy.sendall(HELLO)
        idle.sendall(b"GET /quick HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert app.begun.wait(10)
        assert one_answer(idle).status == 200
        server.stop()
        server.stop()
        assert all(hung_up(connection) for connection in (silent, begun, busy, idle))
    listen("127.0.0.1", server.port, "a test").close()


def test_stopping_answers_what_was_begun_and_takes_nothing_new() -> None:
    app = Patient()
    with serving(app, keep_alive=30) as server, connect(server) as busy, connect(server) as silent:
        busy.sendall(HELLO)
        assert app.begun.wait(10)
        server.stop(within=20.0)
        assert hung_up(silent)
        assert turned_away(("127.0.0.1", server.port))
        app.may_answer = True
        got = Got(everything(busy))
        assert (got.body, got.headers["connection"]) == (b"at last", "close")


def test_stopping_does_not_wait_longer_than_it_was_told() -> None:
    with serving(Patient()) as server, connect(server) as busy:
        busy.sendall(HELLO)
        time.sleep(0.2)
        server.stop(within=0.3)
        assert hung_up(busy)


def test_a_second_stop_shortens_the_first() -> None:
    app = Patient()
    with serving(app) as server, connect(server) as busy:
        busy.sendall(HELLO)
        assert app.begun.wait(10)
        server.stop(within=600.0)
        server.stop(within=0.1)
        assert hung_up(busy)


@pytest.mark.errors_expected
def test_nothing_is_logged_by_the_libraries(caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)

    async def moody(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/nothing":
            return
        await asyncio.sleep(60)

    with serving(moody, head_seconds=1.0) as server, connect(server) as busy, connect(server) as half:
        ask(server, b"rubbish\r\n\r\n")
        get(server, "/nothing", "Connection: Upgrade", "Upgrade: websocket")
        busy.sendall(HELLO)
        half.sendall(post(b"x", length=100))
        time.sleep(0.2)
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert capfd.readouterr() == ("", "")


def test_a_bug_of_the_application_ends_run() -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise ZeroDivisionError

    server = HttpServer(broken, listen("127.0.0.1", 0, "a test"), HttpLimits())
    # A browser of other tests may run an event loop on this thread.
    with ThreadPoolExecutor(1) as threads:
        ended = threads.submit(server.run)
        get(server, "/")
        with pytest.raises(ZeroDivisionError):
            ended.result()


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    folder: Path = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "a.pem", folder / "a.key"
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    command = ["openssl", *new, "-subj", "/CN=a", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return context


def secure(server: HttpServer) -> ssl.SSLSocket:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return trusting.wrap_socket(connect(server))


@needs_openssl
def test_over_tls_an_answer_ends_with_a_goodbye(tls: ssl.SSLContext) -> None:
    with serving(tls=tls) as server, secure(server) as connection:
        connection.sendall(HELLO)
        assert Got(everything(connection)).body == b"GET /  localhost "


@needs_openssl
def test_over_tls_an_answer_reaches_a_client_that_still_sends(tls: ssl.SSLContext) -> None:
    with serving(tls=tls, body_bytes=1000, answer_seconds=2.0, keep_alive=30) as server, secure(server) as connection:
        connection.sendall(HELLO)
        assert one_answer(connection).status == 200
        connection.sendall(post(b"x" * 8_000_000))
        assert one_answer(connection).status == 413


@needs_openssl
def test_handshakes_that_do_not_end_are_cut_off_and_count(tls: ssl.SSLContext) -> None:
    with serving(tls=tls, connections=5, head_seconds=1.0) as server, ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(20)]
        with secure(server) as connection:
            connection.sendall(HELLO)
            assert Got(everything(connection)).status == 200
        assert all(hung_up(connection) for connection in silent)


@needs_openssl
def test_plain_http_is_hung_up_on(tls: ssl.SSLContext) -> None:
    with serving(tls=tls) as server, connect(server) as connection:
        connection.sendall(HELLO)
        with suppress(ConnectionError):
            assert b"HTTP" not in everything(connection)


@needs_openssl
def test_stopping_ends_open_handshakes_and_connections(tls: ssl.SSLContext) -> None:
    with serving(tls=tls) as server, connect(server), secure(server):
        time.sleep(0.1)
