"""Sockets that end when they have to: what httpcore calls a time-out is a point in time here.

A time-out of each read lets a peer that sends a byte now and then hold its caller for ever. So the values that go with
a request (`extensions["timeout"]`) are monotonic seconds, and each operation waits only for what is left until then.
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

_PIECE = 65536
"""Bytes that are handed over at once."""

_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


def _left(until: float | None) -> float:
    """Seconds. Raises TimeoutError where none are left."""
    if until is None:
        raise ValueError("an exchange without a limit")
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


@contextmanager
def _translated(timeout: type[Exception], failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:
        raise failure(str(error)) from error


class Stream(httpcore.NetworkStream):
    """A connection, with or without TLS."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at least one byte; none at the end."""
        with _translated(httpcore.ReadTimeout, httpcore.ReadError):
            self._connection.settimeout(_left(timeout))
            return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Hands all of it over to the system."""
        with _translated(httpcore.WriteTimeout, httpcore.WriteError), memoryview(buffer) as rest:
            at = 0
            while at < len(rest):
                self._connection.settimeout(_left(timeout))
                at += self._connection.send(rest[at : at + _PIECE])

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection with TLS. Python bounds a handshake as a whole, not each piece of it."""
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            try:
                self._connection.settimeout(_left(timeout))
                return Stream(ssl_context.wrap_socket(self._connection, server_hostname=server_hostname))
            except BaseException:
                self.close()
                raise

    def get_extra_info(self, info: str) -> Any:
        """`socket`, and `is_readable`: True if something came, or the end, between two requests."""
        if info == "socket":
            return self._connection
        if info == "is_readable":
            try:
                poll = select.poll()
                poll.register(self._connection, select.POLLIN)
                return bool(poll.poll(0))
            except (OSError, ValueError):  # closed
                return True
        return None


class Sockets(httpcore.NetworkBackend):
    """Opens connections. Safe for use by several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looking: dict[tuple[str, int], Future[Sequence[_Address]]] = {}

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """To the first address of the host that answers."""
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            failure: OSError = OSError("the host has no address")
            for family, kind, protocol, _, address in self._addresses(host, port, timeout):
                try:
                    return Stream(_connect(family, kind, protocol, address, _left(timeout)))
                except OSError as error:
                    failure = error
            raise failure

    def _addresses(self, host: str, port: int, until: float | None) -> Sequence[_Address]:
        """A look-up can hang and can not be broken off, so it has a thread; one for all who wait for the same name."""
        with self._lock:
            found = self._looking.get((host, port))
            if found is None:
                found = self._looking[host, port] = Future()
                threading.Thread(target=self._look_up, args=(host, port, found), name="look-up", daemon=True).start()
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
    connection = socket.socket(family, kind, protocol)
    try:
        connection.settimeout(within)
        connection.connect(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        connection.close()
        raise
    return connection


_SAME_NAME = (
    *("TimeoutException", "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"),
    *("NetworkError", "ConnectError", "ReadError", "WriteError", "ProxyError"),
    *("UnsupportedProtocol", "ProtocolError", "LocalProtocolError", "RemoteProtocolError"),
)


@contextmanager
def _as_httpx() -> Iterator[None]:
    """httpx has an exception of the same name for each of httpcore."""
    try:
        yield
    except tuple(getattr(httpcore, name) for name in _SAME_NAME) as error:
        raise getattr(httpx, type(error).__name__)(str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._stream

    def close(self) -> None:
        close: Callable[[], None] = getattr(self._stream, "close", lambda: None)
        close()


class Transport(httpx.BaseTransport):
    """httpx over a pool of httpcore whose sockets are those of this module."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The head of the response; its body is still to come. Raises httpx.RequestError."""
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _as_httpx():
            response = self._pool.handle_request(asked)
        assert isinstance(response.stream, Iterable)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response.stream),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Closes all connections."""
        self._pool.close()


def pool_of(trusted: ssl.SSLContext, proxy: str | None, keep_alive: float) -> httpcore.ConnectionPool:
    """Connections to one host. proxy: an address as the environment names it. keep_alive: seconds.

    Raises ValueError and ImportError where the proxy can not be used.
    """
    common: dict[str, Any] = {
        "ssl_context": trusted,
        "max_connections": None,
        "max_keepalive_connections": 32,
        "keepalive_expiry": keep_alive,
        "network_backend": Sockets(),
    }
    if proxy is None:
        return httpcore.ConnectionPool(**common)
    named = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    if named.url.scheme == "https":
        raise ValueError("a proxy that itself is spoken to over TLS (https://) is not supported; write http://")
    kind = httpcore.HTTPProxy if named.url.scheme == "http" else httpcore.SOCKSProxy
    address = httpcore.URL(scheme=named.url.raw_scheme, host=named.url.raw_host, port=named.url.port, target=b"/")
    return kind(address, proxy_auth=named.raw_auth, **common)
