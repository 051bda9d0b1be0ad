"""/healthz and /metrics over HTTP, for this machine only.

One thread serves all connections, so that a slow client costs nobody anything: it waits for whichever is ready and
hangs up on any that is not done in time. Each connection is one request.
"""

import ipaddress
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus

from streamwatch.errors import ConfigError
from streamwatch.health.judgement import health
from streamwatch.health.metrics import CONTENT_TYPE, render_metrics
from streamwatch.health.snapshot import Snapshot

MOST_CONNECTIONS = 32
"""At the same time; of more, the oldest is cut off."""
IN_TIME = 5.0
"""Seconds that a connection may last."""
LONGEST_REQUEST = 8192
"""Bytes of request line and headers."""
PLAIN = "text/plain; charset=utf-8"
INDEX = "streamwatch\n\n/healthz  200 while all is well, else 503 with the reasons\n/metrics  for Prometheus\n"


def serve(address: str, port: int, snapshot: Callable[[], Snapshot]) -> "HealthServer":
    """Listens at once; call `run` on a thread to answer. port: 0 takes a free one. snapshot: called for each answer.

    Raises ConfigError for an address that others can reach, and for a port that can not be had.
    """
    host = _loopback(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or "there is no such port"
        raise ConfigError(
            f"Port {port} of {address} can not be used for health: {reason}.", "Choose another one."
        ) from None
    return HealthServer(listener, snapshot)


class _Visitor:
    """One connection: its request is read, its answer written, then what it still sends is read until it hangs up."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self.connection, self.until = connection, until
        self.request = b""
        self.answer: memoryview | None = None


class HealthServer:
    """Answers until it is closed. port: where it listens."""

    def __init__(self, listener: socket.socket, snapshot: Callable[[], Snapshot]) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener, self._snapshot = listener, snapshot
        self._waker, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._visitors: dict[socket.socket, _Visitor] = {}
        self._lock = threading.Lock()
        self._closed = self._running = False

    def run(self) -> None:
        """Blocks until `close`. What `snapshot` raises ends it."""
        with self._lock:
            if self._closed:
                return
            self._running = True
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        try:
            while not self._closed:
                for key, _ in self._selector.select(self._patience()):
                    self._attend(key.fileobj)
                self._cut_off(time.monotonic())
        finally:
            with self._lock:
                self._closed = True
                self._release()

    def close(self) -> None:
        """From any thread, also when `run` was never called: hangs up on everybody and ends `run`."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._running:
                self._waker.send(b"\0")
            else:
                self._release()

    def _release(self) -> None:
        for visitor in list(self._visitors.values()):
            self._drop(visitor)
        self._selector.close()
        for end in (self._listener, self._waker, self._wake):
            end.close()

    def _attend(self, ready: object) -> None:
        if ready is self._listener:
            self._accept()
            return
        visitor = self._visitors.get(ready) if isinstance(ready, socket.socket) else None
        if visitor is None:
            return
        try:
            self._go_on(visitor)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(visitor)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            # Gone again, or the process has no descriptor left; the pause keeps the latter from spinning.
            time.sleep(0.1)
            return
        connection.setblocking(False)
        if len(self._visitors) >= MOST_CONNECTIONS:
            self._drop(next(iter(self._visitors.values())))
        self._visitors[connection] = _Visitor(connection, time.monotonic() + IN_TIME)
        self._selector.register(connection, selectors.EVENT_READ)

    def _go_on(self, visitor: _Visitor) -> None:
        if visitor.answer:
            visitor.answer = visitor.answer[visitor.connection.send(visitor.answer) :]
            if not visitor.answer:
                visitor.connection.shutdown(socket.SHUT_WR)
                self._selector.modify(visitor.connection, selectors.EVENT_READ)
            return
        data = visitor.connection.recv(LONGEST_REQUEST)
        if not data:
            self._drop(visitor)
        elif visitor.answer is None:
            visitor.request += data
            self._answer_if_whole(visitor)

    def _answer_if_whole(self, visitor: _Visitor) -> None:
        head, end, _ = visitor.request.replace(b"\r\n", b"\n").partition(b"\n\n")
        if end:
            visitor.answer = memoryview(self._answer(head.split(b"\n", 1)[0].decode("latin-1")))
        elif len(visitor.request) >= LONGEST_REQUEST:
            visitor.answer = memoryview(_response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Too large.\n"))
        else:
            return
        self._selector.modify(visitor.connection, selectors.EVENT_WRITE)

    def _answer(self, line: str) -> bytes:
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, "This is no HTTP/1.1 request.\n")
        method, path = words[0], words[1].partition("?")[0]
        if path not in ("/", "/healthz", "/metrics"):
            return _response(HTTPStatus.NOT_FOUND, "Not found; there are /healthz and /metrics.\n", method=method)
        if method not in ("GET", "HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD.\n", more="Allow: GET, HEAD\r\n")
        if path == "/":
            return _response(HTTPStatus.OK, INDEX, method=method)
        snapshot = self._snapshot()
        if path == "/metrics":
            return _response(HTTPStatus.OK, render_metrics(snapshot), method=method, kind=CONTENT_TYPE)
        ok, reasons = health(snapshot)
        status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
        return _response(status, "ok\n" if ok else "\n".join(reasons) + "\n", method=method)

    def _patience(self) -> float | None:
        soonest = min((visitor.until for visitor in self._visitors.values()), default=None)
        return None if soonest is None else max(0.0, soonest - time.monotonic())

    def _cut_off(self, now: float) -> None:
        for visitor in [visitor for visitor in self._visitors.values() if visitor.until <= now]:
            self._drop(visitor)

    def _drop(self, visitor: _Visitor) -> None:
        del self._visitors[visitor.connection]
        self._selector.unregister(visitor.connection)
        with suppress(OSError):
            visitor.connection.shutdown(socket.SHUT_RDWR)
        visitor.connection.close()


def _response(status: HTTPStatus, text: str, *, method: str = "GET", kind: str = PLAIN, more: str = "") -> bytes:
    body = text.encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Date: {formatdate(usegmt=True)}\r\n"
        f"Content-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"Cache-Control: no-store\r\n"
        f"{more}Connection: close\r\n\r\n"
    )
    return head.encode() + (b"" if method == "HEAD" else body)


def _loopback(address: str) -> str:
    host = "127.0.0.1" if address == "localhost" else address
    try:
        if ipaddress.ip_address(host).is_loopback:
            return host
    except ValueError:
        pass
    raise ConfigError(
        f"Health is served on this machine only, and {address} is not 127.0.0.1, ::1 or localhost.",
        "Let a proxy that asks for a password, or an SSH tunnel, bring it to others.",
    )
