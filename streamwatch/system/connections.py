"""Outgoing HTTP connections with deadlines: every operation ends at a point in time, whatever the peer does.

A time-out of each read lets a peer that sends a byte now and then hold its caller for ever. So httpcore's time-outs,
the values in a request's `extensions["timeout"]`, are points in time here: each operation waits only for what is left
until then.
"""

import logging
import math
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from weakref import WeakSet

import httpcore
import httpx

from streamwatch.system.threads import spawn

_CHUNK = 65536
"""Bytes that are handed over at once."""

_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class Deadline:
    """A point in time that may be moved while an answer is awaited. at: monotonic seconds."""

    def __init__(self, at: float = math.inf) -> None:
        self.at = at

    def timeouts(self) -> "dict[str, Deadline]":
        """Return what `extensions["timeout"]` must be, so that this deadline holds for all steps of a request."""
        return dict.fromkeys(("connect", "write", "read"), self)


Until = Deadline | float
"""A deadline, or monotonic seconds. httpcore hands it on in the place of a time-out without looking at it."""


def _left(until: Any) -> float:
    """Return the seconds left. Raise TimeoutError if none are left."""
    if until is None:
        raise ValueError("an exchange without a limit")
    left = float((until.at if isinstance(until, Deadline) else until) - time.monotonic())
    if left <= 0:
        raise TimeoutError("timed out")
    return min(left, threading.TIMEOUT_MAX)


@contextmanager
def _translated(timeout: type[Exception], failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:
        raise failure(str(error)) from error


class Connection(httpcore.NetworkStream):
    """A connection, with or without TLS."""

    def __init__(self, connected: socket.socket, opened_by: "Connections") -> None:
        self._socket, self._opened_by = connected, opened_by
        opened_by.register(self)

    def read(self, max_bytes: int, timeout: Any = None) -> bytes:
        """Return the bytes that have come: at least one, or an empty text of bytes at the end."""
        with _translated(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(_left(timeout))
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: Any = None) -> None:
        """Hand all of the buffer over to the system."""
        with _translated(httpcore.WriteTimeout, httpcore.WriteError), memoryview(buffer) as rest:
            at = 0
            while at < len(rest):
                self._socket.settimeout(_left(timeout))
                at += self._socket.send(rest[at : at + _CHUNK])

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: Any = None
    ) -> httpcore.NetworkStream:
        """Return the same connection with TLS. Python bounds a handshake as a whole, not each read of it."""
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                self._socket.settimeout(_left(timeout))
                return Connection(
                    ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._opened_by
                )
            except BaseException:
                self.close()
                raise

    def shut_down(self) -> None:
        """End all waits on the connection; the caller still closes it. Any thread may call it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def get_extra_info(self, info: str) -> Any:
        """Return `socket`, or `is_readable`: True if data or the end came between two requests."""
        if info == "socket":
            return self._socket
        if info == "is_readable":
            try:
                poll = select.poll()
                poll.register(self._socket, select.POLLIN)
                return bool(poll.poll(0))
            except (OSError, ValueError):  # closed
                return True
        return None


class AddressForbidden(OSError):
    """A host has only addresses that may not be connected to."""


class Connections(httpcore.NetworkBackend):
    """Opens connections. Safe for use by several threads at once."""

    def __init__(self, allowed: Callable[[str], bool] | None = None) -> None:
        """allowed: returns True for a numeric address that may be connected to; None: any may.

        The address that was asked about is the one that is connected to, so a name that changes its address between
        the question and the connection leads nowhere else.
        """
        self._allowed = allowed
        self._lock = threading.Lock()
        self._looking: dict[tuple[str, int], Future[Sequence[_Address]]] = {}
        self._open: WeakSet[Connection] = WeakSet()
        self._ended = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of the host that answers, of those that are allowed."""
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            failure: OSError = OSError("the host has no address")
            for family, kind, protocol, _, address in self._addresses(host, port, timeout):
                if self._allowed is not None and not self._allowed(address[0]):
                    failure = AddressForbidden("the host has no address that may be connected to")
                    continue
                try:
                    return Connection(_connect(family, kind, protocol, address, _left(timeout)), self)
                except OSError as error:
                    failure = error
            raise failure

    def register(self, connection: Connection) -> None:
        """Note an open connection."""
        with self._lock:
            self._open.add(connection)
            if self._ended:
                connection.shut_down()

    def hang_up(self) -> None:
        """End all waits on all connections, also on those opened later. Any thread may call it."""
        with self._lock:
            self._ended = True
            for connection in self._open:
                connection.shut_down()

    def _addresses(self, host: str, port: int, until: Until | None) -> Sequence[_Address]:
        """Look a name up in a thread, because that can hang and cannot be stopped; all who wait for a name share it."""
        with self._lock:
            found = self._looking.get((host, port))
            if found is None:
                found = self._looking[host, port] = Future()
                spawn(partial(self._look_up, host, port, found), "look-up")
        return found.result(_left(until))

    def _look_up(self, host: str, port: int, found: Future[Sequence[_Address]]) -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            found.set_exception(error)
        finally:
            with self._lock:
                del self._looking[host, port]


def _connect(family: int, kind: int, protocol: int, address: Any, within: float) -> socket.socket:
    connected = socket.socket(family, kind, protocol)
    try:
        connected.settimeout(within)
        connected.connect(address)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connected.close()
        raise
    return connected


_SAME_NAME = (
    *("TimeoutException", "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"),
    *("NetworkError", "ConnectError", "ReadError", "WriteError", "ProxyError"),
    *("UnsupportedProtocol", "ProtocolError", "LocalProtocolError", "RemoteProtocolError"),
)


@contextmanager
def as_httpx() -> Iterator[None]:
    """Raise httpx's exception of the same name for one of httpcore."""
    try:
        yield
    except tuple(getattr(httpcore, name) for name in _SAME_NAME) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with as_httpx():
            yield from self._stream

    def close(self) -> None:
        close: Callable[[], None] = getattr(self._stream, "close", lambda: None)
        close()


class Transport(httpx.BaseTransport):
    """Carries httpx's requests over a pool of httpcore whose connections are those of this module."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the head of the response; its body is still to come. Raise httpx.RequestError."""
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with as_httpx():
            response = self._pool.handle_request(asked)
        assert isinstance(response.stream, Iterable)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def camera_pool(connections: Connections) -> httpcore.ConnectionPool:
    """Return a pool for one camera.

    It uses no proxy, because cameras are near. It looks at no certificates, because cameras sign theirs themselves.
    """
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=connections)


def receiver_pool(connections: Connections, trusted: ssl.SSLContext, keep_alive: float) -> httpcore.ConnectionPool:
    """Return a pool of one connection to one host. It uses no proxy: that would connect to any address."""
    return httpcore.ConnectionPool(
        ssl_context=trusted, max_connections=1, keepalive_expiry=keep_alive, network_backend=connections
    )


def pool_of(trusted: ssl.SSLContext, proxy: str | None, keep_alive: float) -> httpcore.ConnectionPool:
    """Return a pool for one host. proxy: an address as the environment names it. keep_alive: seconds.

    Raise ValueError or ImportError if the proxy cannot be used.
    """
    common: dict[str, Any] = {
        "ssl_context": trusted,
        "max_connections": None,
        "max_keepalive_connections": 32,
        "keepalive_expiry": keep_alive,
        "network_backend": Connections(),
    }
    if proxy is None:
        return httpcore.ConnectionPool(**common)
    named = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    if named.url.scheme == "https":
        raise ValueError("a proxy that itself is spoken to over TLS (https://) is not supported; write http://")
    kind = httpcore.HTTPProxy if named.url.scheme == "http" else httpcore.SOCKSProxy
    address = httpcore.URL(scheme=named.url.raw_scheme, host=named.url.raw_host, port=named.url.port, target=b"/")
    return kind(address, proxy_auth=named.raw_auth, **common)


def silence_logs() -> None:
    """Drop what httpx and httpcore log: whole addresses and headers, which can hold passwords and credentials."""
    for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy", "httpcore.socks"):
        logging.getLogger(name).addFilter(_drop)


def _drop(record: logging.LogRecord) -> bool:
    return False
