"""One HTTP request to a device near by, within a deadline for all of it."""

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from streamwatch.core.errors import BarrierError
from streamwatch.core.redact import SecretText, host_of
from streamwatch.outward.barriers.barrier import DEADLINE
from streamwatch.system.connections import Deadline, Transport, pool_of, silence_logs

LARGEST_ANSWER = 65536
"""Bytes of an answer that are read."""
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError)
"""What happens before a request leaves."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it is sent. url, body, headers may hold secrets and never get into a message."""

    url: str = field(repr=False)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LogIn:
    """User and password. digest: True: they are sent by digest authentication."""

    user: str
    password: SecretText | None
    digest: bool = False

    def auth(self) -> httpx.Auth | None:
        """Return what httpx sends; None without a user."""
        if not self.user:
            return None
        password = "" if self.password is None else self.password.get_secret_value()
        return httpx.DigestAuth(self.user, password) if self.digest else httpx.BasicAuth(self.user, password)


class Exchange:
    """Sends requests to one device, each over a connection of its own, so that none meets one that has died.

    No redirect is followed, no proxy is used, certificates are checked, cookies are not kept. doubtful: True if a
    request that got no answer may have opened something.
    """

    def __init__(self, log_in: LogIn, doubtful: bool) -> None:
        silence_logs()
        self._auth, self._doubtful = log_in.auth(), doubtful
        self._client = httpx.Client(
            transport=Transport(pool_of(ssl.create_default_context(), None, 0.0)),
            follow_redirects=False,
            trust_env=False,
        )

    def send(self, request: Request, seconds: float = DEADLINE) -> str:
        """Return the beginning of the answer's text. Raise BarrierError unless its status is 2xx."""
        where = host_of(request.url)
        deadline = Deadline(time.monotonic() + seconds)
        try:
            # The deadline is one point in time for all steps; digest authentication may take two requests.
            extensions = {"timeout": deadline.timeouts()}
            built = self._client.build_request(
                request.method, request.url, headers=dict(request.headers), content=request.body, extensions=extensions
            )
            response = self._client.send(built, auth=self._auth, stream=True)
            try:
                self._client.cookies.clear()
                return self._taken(where, response)
            finally:
                response.close()
        except _NOT_SENT as error:
            reason = "it did not answer in time" if isinstance(error, httpx.ConnectTimeout) else _reason(error)
            raise BarrierError(f"{where} cannot be reached: {reason}.", "Check its power, cable and address.") from None
        except httpx.TimeoutException:
            raise self._lost(f"{where} did not answer within {seconds:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise self._lost(f"{where} broke off: {_reason(error)}.") from None

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _lost(self, sentence: str) -> BarrierError:
        return BarrierError(sentence, "It may have done it all the same." * self._doubtful, doubtful=self._doubtful)

    def _taken(self, where: str, response: httpx.Response) -> str:
        status = response.status_code
        if status in (401, 403):
            raise BarrierError(f"{where} refused with status {status}.", "Check user and password.")
        if response.is_redirect:
            raise BarrierError(f"{where} redirects (status {status}).", "Write the address that it leads to.")
        if not response.is_success:
            # A server that fails may have passed the order on before.
            doubtful = self._doubtful and status >= 500
            raise BarrierError(f"{where} answered with status {status}.", "Check the address.", doubtful=doubtful)
        text = b""
        for chunk in response.iter_raw():
            text += chunk
            if len(text) >= LARGEST_ANSWER:
                break
        return text[:LARGEST_ANSWER].decode("utf-8", "replace")


def _reason(error: Exception) -> str:
    """Return why, in the words of the system, without anything of the address."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLError):
            return "its certificate or its TLS is not accepted"
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
        found = found.__cause__ or found.__context__
    return type(error).__name__


def certificates(authority: Path | None) -> ssl.SSLContext:
    """Return what is trusted: the system's authorities, or the one in a PEM file. Raise BarrierError."""
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except OSError as error:
        raise BarrierError(f"The file {authority} cannot be used: {error.strerror or error}.") from None
