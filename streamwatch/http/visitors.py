"""The connections of a small HTTP/1.1 server: one thread serves them all, so that a slow client delays no other.

The thread waits until a connection is ready, and closes those that are not done in time. Each connection is one
request. The user of this module decides what a request means and what the answer is.
"""

import selectors
import socket
import ssl
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus

from streamwatch.core.errors import ConfigError

PIECE = 65536
"""Bytes that are read at once."""


def listen(host: str, port: int, purpose: str) -> socket.socket:
    """Return a listening socket. port: 0 takes a free one. Raise ConfigError if the port cannot be used."""
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
            f"Port {port} of {host} cannot be used for {purpose}: {reason}.", "Choose another one."
        ) from None
    return listener


def response(status: int, body: bytes, headers: dict[str, str]) -> bytes:
    """Return an answer after which the connection ends. headers: besides Date, Content-Length and Connection."""
    phrases = {known.value: known.phrase for known in HTTPStatus}
    lines = [
        f"HTTP/1.1 {status} {phrases.get(status, 'Error')}",
        f"Date: {formatdate(usegmt=True)}",
        *(f"{name}: {value}" for name, value in headers.items()),
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Visitor:
    """One connection: its request is read, its answer is written, and then the rest is read until the client hangs up.

    address: the client's. request: what has come so far. until: monotonic seconds; the connection is closed then. gone:
    it is closed. waits: the request is whole and its answer is being made; meanwhile nothing is read and no time limit
    runs.
    """

    def __init__(self, connection: socket.socket, address: str, until: float) -> None:
        self.connection, self.address, self.until = connection, address, until
        self.request = bytearray()
        self.answer: memoryview | None = None
        self.waits = self.gone = False
        self.shaking_hands = isinstance(connection, ssl.SSLSocket)

    def say(self, words: bytes) -> None:
        """Send an interim answer of a few bytes. It is lost if the client does not take it at once."""
        with suppress(OSError):
            self.connection.send(words)


Hear = Callable[[Visitor], bytes | None]
"""Called after each part of a request. Return the answer; None if the request is not whole, or the visitor waits."""


class Visitors:
    """All connections of one listening socket. port: where it listens.

    hear: called on the thread of `run`. left: called there when a visitor has gone. most: connections at the same time;
    if there are more, one that does not wait for its answer is closed: the oldest of the client that has the most of
    them. in_time: seconds for the request, and again for the answer. tls: for https.
    """

    def __init__(
        self,
        listener: socket.socket,
        hear: Hear,
        *,
        most: int,
        in_time: float,
        tls: ssl.SSLContext | None = None,
        left: Callable[[Visitor], None] = lambda _: None,
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self.most, self.in_time = most, in_time
        self._listener, self._hear, self._left, self._tls = listener, hear, left, tls
        self._waker, self._wake = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._visitors: dict[socket.socket, Visitor] = {}
        self._answers: deque[tuple[Visitor, bytes]] = deque()
        self._lock = threading.Lock()
        self._closed = self._running = False
        self._leave_by: float | None = None

    def run(self) -> None:
        """Serve until `close` is called, or `hear` raises."""
        with self._lock:
            if self._closed:
                return
            self._running = True
        self._listener.setblocking(False)
        self._wake.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        try:
            while not self._closed and not self._may_leave():
                for key, _ in self._selector.select(self._patience()):
                    self._attend(key.fileobj)
                self._cut_off(time.monotonic())
        finally:
            with self._lock:
                self._closed = True
                self._release()

    def answer(self, visitor: Visitor, answer: bytes) -> None:
        """Answer a visitor who waits. Any thread may call it."""
        self._answers.append((visitor, answer))
        self._rouse()

    def dismiss(self, visitor: Visitor, answer: bytes) -> None:
        """Answer a visitor whose request is not whole.

        Call it in `hear`, for another visitor than the one that `hear` got.
        """
        self._selector.modify(visitor.connection, selectors.EVENT_WRITE)
        self._begin_answer(visitor, answer)

    def leave(self, within: float) -> None:
        """Take no new connections, and end `run` when the last one has gone, or after `within` seconds.

        Any thread may call it. Connections that have not begun a request by now are closed.
        """
        self._leave_by = time.monotonic() + within
        self._rouse()

    def close(self) -> None:
        """Close all connections and end `run`. Any thread may call it, also if `run` was never called."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if not self._running:
                self._release()
                return
        self._rouse()

    def _may_leave(self) -> bool:
        return self._leave_by is not None and (not self._visitors or time.monotonic() >= self._leave_by)

    def _rouse(self) -> None:
        with suppress(OSError):
            self._waker.send(b"\0")

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
        if ready is self._wake:
            self._heed()
            return
        visitor = self._visitors.get(ready) if isinstance(ready, socket.socket) else None
        if visitor is None:
            return
        try:
            self._go_on(visitor)
        except ssl.SSLWantWriteError:
            self._selector.modify(visitor.connection, selectors.EVENT_WRITE)
        except ssl.SSLWantReadError:
            self._selector.modify(visitor.connection, selectors.EVENT_READ)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(visitor)

    def _heed(self) -> None:
        """Begin the answers that have come, and stop listening after a call of `leave`."""
        with suppress(BlockingIOError):
            self._wake.recv(PIECE)
        while self._answers:
            visitor, answer = self._answers.popleft()
            if not visitor.gone:
                self._selector.register(visitor.connection, selectors.EVENT_WRITE)
                self._begin_answer(visitor, answer)
        if self._leave_by is not None and self._listener.fileno() >= 0:
            self._selector.unregister(self._listener)
            self._listener.close()
            for visitor in [v for v in self._visitors.values() if not v.request and not v.waits and v.answer is None]:
                self._drop(visitor)

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except OSError:
            # The client has gone again, or the process has no descriptor left; then the pause keeps this from spinning.
            time.sleep(0.1)
            return
        connection.setblocking(False)
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            except OSError:  # the client has gone again
                connection.close()
                return
        if len(self._visitors) >= self.most:
            held = [visitor for visitor in self._visitors.values() if not visitor.waits]
            if not held:
                connection.close()
                return
            (busiest, _), *_ = Counter(visitor.address for visitor in held).most_common(1)
            self._drop(next(visitor for visitor in held if visitor.address == busiest))
        self._visitors[connection] = Visitor(connection, str(address[0]), time.monotonic() + self.in_time)
        self._selector.register(connection, selectors.EVENT_READ)

    def _go_on(self, visitor: Visitor) -> None:
        if visitor.shaking_hands:
            assert isinstance(visitor.connection, ssl.SSLSocket)
            visitor.connection.do_handshake()
            visitor.shaking_hands = False
            self._selector.modify(visitor.connection, selectors.EVENT_READ)
        elif visitor.answer:
            visitor.answer = visitor.answer[visitor.connection.send(visitor.answer) :]
            if not visitor.answer:
                self._end_answer(visitor)
        else:
            self._read(visitor)

    def _read(self, visitor: Visitor) -> None:
        data = visitor.connection.recv(PIECE)
        if not data:
            self._drop(visitor)
        elif visitor.answer is None:
            visitor.request += data
            answer = self._hear(visitor)
            if answer is not None:
                self._selector.modify(visitor.connection, selectors.EVENT_WRITE)
                self._begin_answer(visitor, answer)
            elif visitor.waits:
                self._selector.unregister(visitor.connection)

    def _begin_answer(self, visitor: Visitor, answer: bytes) -> None:
        visitor.waits, visitor.answer = False, memoryview(answer)
        visitor.request = bytearray()
        visitor.until = time.monotonic() + self.in_time

    def _end_answer(self, visitor: Visitor) -> None:
        """Tell the client that nothing more comes.

        A close while the client still sends could destroy what it has not read yet.
        """
        if isinstance(visitor.connection, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                visitor.connection.unwrap()
        visitor.connection.shutdown(socket.SHUT_WR)
        self._selector.modify(visitor.connection, selectors.EVENT_READ)

    def _patience(self) -> float | None:
        ends = [visitor.until for visitor in self._visitors.values() if not visitor.waits]
        ends += [] if self._leave_by is None else [self._leave_by]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _cut_off(self, now: float) -> None:
        for visitor in [v for v in self._visitors.values() if v.until <= now and not v.waits]:
            self._drop(visitor)

    def _drop(self, visitor: Visitor) -> None:
        del self._visitors[visitor.connection]
        with suppress(KeyError):  # one that waits is not registered
            self._selector.unregister(visitor.connection)
        with suppress(OSError):
            visitor.connection.shutdown(socket.SHUT_RDWR)
        visitor.connection.close()
        visitor.gone, visitor.request = True, bytearray()
        self._left(visitor)
