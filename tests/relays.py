"""Relays for tests, by HTTP and by Modbus TCP. Each keeps what it was told, and may misbehave."""

import hashlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from streamwatch.system.threads import spawn

USER, PASSWORD = "admin", "invented-relay-password"
HANGS = 30.0  # s for which a relay that hangs does so at most; the end of the test ends it


@dataclass
class Relay:
    """What a stand-in was told, and how it behaves. orders: method and path with query, in order, when they came.

    at: monotonic seconds of each order. behaviour: called with the handler of an order, in place of answering 200.
    """

    port: int = 0
    orders: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    behaviour: Callable[[BaseHTTPRequestHandler], None] | None = None
    digest: bool = False
    answer: str = '{"was_on": false}'
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def until(self, count: int, seconds: float = 60.0) -> None:
        """Wait until so many orders have come."""
        wait_until(lambda: len(self.orders) >= count, seconds)


def wait_until(what: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until `what` is true."""
    limit = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < limit, "not in time"
        time.sleep(0.01)


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return a behaviour: an answer without a body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Location", "/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def hangs(handler: Any) -> None:
    """Say nothing."""
    handler.server.relay.ended.wait(HANGS)


def drips(handler: Any) -> None:
    """Send a byte now and then, which never ends an answer."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    with suppress(OSError):
        while not handler.server.relay.ended.wait(0.1):
            handler.wfile.write(b".")
            handler.wfile.flush()


def closes(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.close_connection = True


def floods(handler: BaseHTTPRequestHandler) -> None:
    """Answer with far more than anybody should read."""
    handler.send_response(200)
    handler.end_headers()
    handler.close_connection = True
    with suppress(OSError):
        for _ in range(2000):
            handler.wfile.write(b"x" * 65536)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _take(self) -> None:
        relay: Relay = self.server.relay  # type: ignore[attr-defined]
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if relay.digest and not _proves(self.headers.get("Authorization") or "", self.command, self.path):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Digest realm="relay", nonce="abc", qop="auth", algorithm=SHA-256')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        relay.headers.append(dict(self.headers))
        relay.bodies.append(body)
        relay.orders.append(f"{self.command} {self.path}")
        if relay.behaviour is not None:
            relay.behaviour(self)
            return
        data = relay.answer.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = _take

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that were killed."""


def _proves(header: str, method: str, path: str) -> bool:
    told = dict(re.findall(r'(\w+)="?([^",]+)"?', header))

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    if not told.get("response"):
        return False
    who, what = digest(f"{USER}:relay:{PASSWORD}"), digest(f"{method}:{path}")
    wanted = digest(f"{who}:abc:{told['nc']}:{told['cnonce']}:auth:{what}")
    return told["response"] == wanted


@contextmanager
def http_relay(**more: Any) -> Iterator[Relay]:
    """Run a relay that is spoken to by HTTP."""
    relay = Relay(**more)
    server = _Server(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.relay = relay  # type: ignore[attr-defined]
    relay.port = server.server_address[1]
    thread = spawn(lambda: server.serve_forever(0.02), "relay")
    try:
        yield relay
    finally:
        relay.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


@dataclass
class ModbusRelay:
    """A Modbus device. told: (unit, function, register, value) of each request. inputs: what 02 reads.

    fault: the exception code with which it answers; 0: none. silent: it answers nothing.
    """

    port: int = 0
    told: list[tuple[int, int, int, int]] = field(default_factory=list)
    inputs: dict[int, bool] = field(default_factory=dict)
    fault: int = 0
    silent: bool = False
    in_parts: bool = False

    def answer(self, frame: bytes) -> bytes:
        number, _, _, unit, function, register, value = struct.unpack(">HHHBBHH", frame)
        self.told.append((unit, function, register, value))
        if self.fault:
            return struct.pack(">HHHBBB", number, 0, 3, unit, function | 0x80, self.fault)
        if function == 2:
            return struct.pack(">HHHBBBB", number, 0, 4, unit, function, 1, self.inputs.get(register, False))
        return frame


@contextmanager
def modbus_relay() -> Iterator[ModbusRelay]:
    """Run a Modbus device."""
    relay = ModbusRelay()
    listener = socket.create_server(("127.0.0.1", 0))
    relay.port = listener.getsockname()[1]

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection, suppress(OSError):
                    connection.settimeout(10)
                    while len(frame := connection.recv(12)) == 12:
                        told = relay.answer(frame)
                        if relay.silent:
                            continue
                        for part in [told[n : n + 1] for n in range(len(told))] if relay.in_parts else [told]:
                            connection.sendall(part)

    thread = spawn(serve, "modbus")
    try:
        yield relay
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(12)
