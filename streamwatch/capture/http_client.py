"""GET requests to cameras over http and https. httpx is spoken here and nowhere else in capture.

Nothing of an address but host and port reaches a message: passwords stand in its user part, its path and its query.
"""

import logging
import math
import socket
import ssl
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import httpcore
import httpx

from streamwatch.capture.address import ENCODE, check_address
from streamwatch.core.errors import SourceLost
from streamwatch.core.redact import place_of

_REDIRECTS = 3
_ACCEPTED = "image/jpeg, multipart/x-mixed-replace, */*;q=0.1"


class NotHttp(Exception):
    """The answer is not what httpx takes for HTTP; FFmpeg may."""


class HttpCamera:
    """One address. timeout: seconds for a connection, for the head of an answer, and without a byte of it."""

    def __init__(self, url: str, timeout: float) -> None:
        """Raises SourceUnreadable for an address that can never work."""
        check_address(url)
        for name in ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy"):
            logging.getLogger(name).addFilter(_drop)
        self.place, self._timeout, self._watched = place_of(url), timeout, _Watched()
        parts = urlsplit(url)
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        login = None if parts.username is None else _Login(unquote(parts.username), unquote(parts.password or ""))
        self._knows_login = login is not None
        self._client = httpx.Client(
            auth=login,
            transport=_Transport(self._watched),
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            timeout=timeout,
            headers={"Accept": _ACCEPTED, "Accept-Encoding": "identity"},
        )

    def get(self) -> "Answer":
        """Ask once. Raises SourceLost with the reason, and NotHttp."""
        self._watched.deadline = time.monotonic() + self._timeout
        try:
            response = self._client.send(self._client.build_request("GET", self._url), stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error) from None
        if response.status_code != 200:
            response.close()
            raise self._refusal(response.status_code)
        answer = Answer(self, response)
        # One picture must be there in time; a stream of them goes on.
        self.bound(answer.kind.startswith("image/"))
        return answer

    def bound(self, soon: bool) -> None:
        """What comes from now on must come within the time-out. soon: False: it may take as long as it likes."""
        self._watched.deadline = time.monotonic() + self._timeout if soon else math.inf

    def stop(self) -> None:
        """From any thread: an answer that is waited for ends."""
        self._watched.hang_up()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def broken(self, error: Exception) -> SourceLost:
        """Return what it means that an answer broke off."""
        failure = self._failure(error)
        return failure if isinstance(failure, SourceLost) else SourceLost(f"{self.place} broke off its answer.")

    def _failure(self, error: Exception) -> SourceLost | NotHttp:
        if isinstance(error, httpx.TimeoutException):
            return SourceLost(f"{self.place} has not answered for {self._timeout:g} s.")
        if isinstance(error, httpx.ConnectError):
            cause = _system_error(error)
            if isinstance(cause, ConnectionRefusedError):
                return SourceLost(
                    f"{self.place} refuses the connection.", "Is the camera's service switched on, and the port right?"
                )
            if isinstance(cause, ssl.SSLError):
                return SourceLost(f"{self.place} does not speak https as it must.", "Try http:// or another port.")
            return SourceLost(f"{self.place} can not be found or reached.", "Check the host's name and the network.")
        if isinstance(error, httpx.TooManyRedirects):
            return SourceLost(f"{self.place} redirects in circles.")
        if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
            return NotHttp(f"{self.place} does not speak HTTP.")
        return SourceLost(f"{self.place} closed the connection.")

    def _refusal(self, status: int) -> SourceLost:
        if status == 401 and not self._knows_login:
            advice = "Write them into the camera's address: http://user:password@host/path. " + ENCODE
            return SourceLost(f"{self.place} wants a user and a password (401).", advice)
        if status == 401:
            return SourceLost(
                f"{self.place} refuses the user or the password (401).", f"Check them in the camera's address. {ENCODE}"
            )
        if status == 403:
            return SourceLost(f"{self.place} forbids this user to watch (403).", "Give the user the right to view.")
        if status == 404:
            return SourceLost(
                f"{self.place} has nothing at this path (404).", "Look up the path in the camera's settings."
            )
        return SourceLost(f"{self.place} answers with the HTTP status {status}.")


class Answer:
    """What comes after the head of an answer. kind: its media type in small letters, without parameters."""

    def __init__(self, camera: HttpCamera, response: httpx.Response) -> None:
        self._camera, self._response = camera, response
        self._coming, self._peeked = response.iter_raw(), b""
        self.kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()

    def peek(self, sought: bytes, size: int) -> bool:
        """True if so many bytes at the beginning hold something. Raises SourceLost."""
        self._camera.bound(True)
        while sought not in self._peeked and len(self._peeked) < size and (more := self._more()):
            self._peeked += more
        self._camera.bound(False)
        return sought in self._peeked

    def parts(self) -> Iterator[bytes]:
        """The bytes as they come, not decompressed. Raises SourceLost."""
        try:
            yield self._peeked
            while more := self._more():
                yield more
        finally:
            self.close()

    def close(self) -> None:
        """Hang up, if not all of it was read."""
        self._response.close()

    def _more(self) -> bytes:
        try:
            return next(self._coming, b"")
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self._camera.broken(error) from None


class _Login(httpx.Auth):
    """Digest or Basic, as the camera asks; nothing before it has asked, so that Basic is not sent needlessly."""

    def __init__(self, user: str, password: str) -> None:
        self._digest = httpx.DigestAuth(user, password)
        self._basic = httpx.BasicAuth(user, password)
        self._known: httpx.DigestAuth | httpx.BasicAuth | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._known is not None:
            yield from self._known.auth_flow(request)
            return
        response = yield request
        if response.status_code != 401:
            return
        asked = [text.split(" ", 1)[0].lower() for text in response.headers.get_list("www-authenticate")]
        if "digest" in asked:
            self._known = self._digest
            # Its first step is the request that was just refused.
            flow = self._digest.auth_flow(request)
            next(flow)
            with suppress(StopIteration, httpx.ProtocolError):
                yield flow.send(response)
        elif "basic" in asked:
            self._known = self._basic
            yield next(self._basic.auth_flow(request))


class _Watched(httpcore.NetworkBackend):
    """Connections that end at a deadline however they trickle, and when somebody wants them to."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()
        self._stream: _Stream | None = None
        self._ended = False
        self.deadline = math.inf

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """See httpcore."""
        stream = self._backend.connect_tcp(host, port, self.left(timeout), local_address, socket_options)
        self._stream = _Stream(stream, self)
        return self._stream

    def left(self, timeout: float | None) -> float:
        """Return how long the next step may take."""
        left = self.deadline - time.monotonic()
        if left <= 0 or self._ended:
            raise httpcore.ReadTimeout
        return min(left, math.inf if timeout is None else timeout)

    def hang_up(self) -> None:
        """From any thread."""
        self._ended = True
        if self._stream is not None:
            with suppress(OSError):
                self._stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


class _Stream(httpcore.NetworkStream):
    """One connection."""

    def __init__(self, stream: httpcore.NetworkStream, watched: _Watched) -> None:
        self._stream, self._watched = stream, watched

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._watched.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._watched.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._watched.left(timeout))
        self._watched._stream = _Stream(stream, self._watched)
        return self._watched._stream

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Transport(httpx.HTTPTransport):
    """Without proxies: cameras are near. Without a look at certificates: cameras sign theirs themselves."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=backend)


def _system_error(error: BaseException | None) -> BaseException | None:
    """What the operating system said, behind what the libraries made of it."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _drop(record: logging.LogRecord) -> bool:
    return False
