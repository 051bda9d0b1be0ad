"""GET requests to cameras over http and https. No other module of capture uses httpx.

Only the host and port of an address reach a message: passwords stand in its user part, its path and its query.
"""

import ssl
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from urllib.parse import unquote, urlsplit

import httpx

from streamwatch.capture.address import ENCODE, check_address
from streamwatch.core.errors import SourceLost
from streamwatch.core.redact import place_of
from streamwatch.system.connections import Connections, Deadline, Transport, camera_pool, silence_logs

_REDIRECTS = 3
_ACCEPTED = "image/jpeg, multipart/x-mixed-replace, */*;q=0.1"


class NotHttp(Exception):
    """The answer is not HTTP as httpx understands it. FFmpeg may understand it."""


class HttpCameraClient:
    """Asks one address. place: host and port, for messages."""

    def __init__(self, url: str, timeout: float) -> None:
        """timeout: seconds for a connection and the head of an answer, and without a byte of the answer.

        Raise SourceUnreadable for an address that can never work.
        """
        check_address(url)
        silence_logs()
        self.place, self._timeout = place_of(url), timeout
        self._deadline, self._connections = Deadline(), Connections()
        parts = urlsplit(url)
        self._url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        login = None if parts.username is None else _Login(unquote(parts.username), unquote(parts.password or ""))
        self._knows_login = login is not None
        self._client = httpx.Client(
            auth=login,
            transport=Transport(camera_pool(self._connections)),
            follow_redirects=True,
            max_redirects=_REDIRECTS,
            headers={"Accept": _ACCEPTED, "Accept-Encoding": "identity"},
        )

    def get(self) -> "CameraResponse":
        """Ask once, and return the answer after its head has come. Raise SourceLost with the reason, or NotHttp."""
        self.extend()
        try:
            request = self._client.build_request("GET", self._url, extensions={"timeout": self._deadline.timeouts()})
            response = self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._failure(error) from None
        if response.status_code != 200:
            response.close()
            raise self._refusal(response.status_code)
        self.extend()
        return CameraResponse(self, response)

    def extend(self) -> None:
        """Start the time-out anew: the next data must come within it."""
        self._deadline.at = time.monotonic() + self._timeout

    def stop(self) -> None:
        """End an answer that is waited for. From any thread."""
        self._connections.hang_up()

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def broken(self, error: Exception) -> SourceLost:
        """Return the error that says why an answer broke off."""
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
            return SourceLost(f"{self.place} cannot be found or reached.", "Check the host's name and the network.")
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


class CameraResponse:
    """The body of an answer. kind: its media type in small letters, without parameters."""

    def __init__(self, camera: HttpCameraClient, response: httpx.Response) -> None:
        self._camera, self._response = camera, response
        self._coming, self._peeked = response.iter_raw(), b""
        self.kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        # One picture must be whole in time. A stream of pictures goes on, and each part of it must come in time.
        self._goes_on = not self.kind.startswith("image/")

    def peek(self, sought: bytes, size: int) -> bool:
        """Return True if the first `size` bytes hold what is sought. All must come in time. Raise SourceLost."""
        self._goes_on = False
        while sought not in self._peeked and len(self._peeked) < size and (more := self._more()):
            self._peeked += more
        self._goes_on = True
        return sought in self._peeked

    def parts(self) -> Iterator[bytes]:
        """Yield the bytes as they come, not decompressed. Raise SourceLost."""
        try:
            yield self._peeked
            while more := self._more():
                yield more
        finally:
            self.close()

    def close(self) -> None:
        """Hang up if not all of the answer was read."""
        self._response.close()

    def _more(self) -> bytes:
        if self._goes_on:
            self._camera.extend()
        try:
            return next(self._coming, b"")
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self._camera.broken(error) from None


class _Login(httpx.Auth):
    """Digest or Basic, as the camera asks.

    No login is sent before the camera asks, so that Basic is not sent needlessly.
    """

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


def _system_error(error: BaseException | None) -> BaseException | None:
    """Return the error of the operating system that the libraries' error was made from."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
