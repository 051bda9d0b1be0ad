"""POST requests to receivers: a deadline for the whole exchange, a bounded answer, no redirects, checked addresses.

No message holds more of an address than host and port: paths and queries of receivers hold tokens.
"""

import ssl
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import httpx

from streamwatch.core.errors import ConfigError, DeliveryError, EventsRefused, ReceiverAway, ReceiverUnusable
from streamwatch.core.redact import hide_credentials, hide_secret, place_of
from streamwatch.core.text import printable
from streamwatch.outward.addresses import is_public
from streamwatch.system.connections import (
    AddressForbidden,
    Connections,
    Deadline,
    Transport,
    as_httpx,
    receiver_pool,
    silence_logs,
)

MOST_ANSWER = 64 * 1024
"""Bytes of an answer that are read. What is longer is cut off, and the connection closed."""
SHOWN = 200
"""Characters of an answer that people see."""
SHORT_PATH = 12
"""Characters up to which a path holds no token."""
KEEP_ALIVE = 30.0
"""Seconds for which an idle connection is kept."""
_AGAIN = {408, 425, 429}
"""Refusals that are over soon; all of 500 to 599 are, too."""
_PERSON = {
    401: "Check its secret, token or headers.",
    402: "Check the account there.",
    403: "Check its secret, token or headers.",
    404: "Check the path of its address.",
    405: "Check its address: this one takes no POST.",
    407: "Check the proxy before it.",
    410: "It wants no more events: remove it from config.yaml, or correct its address.",
    421: "Check its address.",
    426: "Check its address.",
}
"""Refusals that a person must mend: no event is given up for them."""


class HttpPost:
    """Posts to one address over one connection. For one thread; `close` may be called by any.

    place: host and port, for messages.
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        allow_private: bool = False,
        ca_file: Path | None = None,
        secrets: Collection[str] = (),
    ) -> None:
        """timeout: seconds for a whole exchange. ca_file: certificates to trust in place of the usual ones.

        secrets: texts that are sent and must not come back in a message. Raise ConfigError for a file that holds no
        certificate, or an address that can never work.
        """
        silence_logs()
        self.place, self._timeout, self._secrets = place_of(url), timeout, tuple(secrets)
        try:
            self._url = httpx.URL(url)
            self._trusted = (
                httpx.create_ssl_context() if ca_file is None else ssl.create_default_context(cafile=ca_file)
            )
        except httpx.InvalidURL:
            raise ConfigError(f"The address of the receiver at {self.place} is no address.") from None
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "strerror", None) or "it holds no certificate in PEM form"
            raise ConfigError(f"The file {ca_file} cannot be used: {reason}.") from None
        self._connections = Connections(None if allow_private else is_public)
        self._transport = Transport(receiver_pool(self._connections, self._trusted, KEEP_ALIVE))
        path = self._url.raw_path.decode("ascii", "replace")
        if len(path) > SHORT_PATH:  # it may hold a token, and an answer may repeat it
            self._secrets = (path, *self._secrets)

    def reach(self) -> str:
        """Connect without sending anything, and return what was found, in words. Raise DeliveryError."""
        until = time.monotonic() + self._timeout
        port = self._url.port or (443 if self._url.scheme == "https" else 80)
        try:
            with as_httpx():
                stream = self._connections.connect_tcp(self._url.host, port, until)
                if self._url.scheme == "https":
                    stream = stream.start_tls(self._trusted, self._url.host, until)
                stream.close()
        except httpx.HTTPError as error:
            raise self._failure(error) from None
        return f"{self.place} can be reached; nothing was sent"

    def post(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Send a body, and return what the receiver said once it has taken it, in words.

        Raise ReceiverAway, ReceiverUnusable or EventsRefused.
        """
        return self._send(headers, content=body)

    def post_form(
        self, fields: Mapping[str, str], picture: tuple[str, str, bytes] | None, headers: Mapping[str, str]
    ) -> str:
        """Send a form; see `post`. picture: name of its field, file name and JPEG; with one the form is multipart."""
        files = None if picture is None else {picture[0]: (picture[1], picture[2], "image/jpeg")}
        return self._send(headers, data=dict(fields), files=files)

    def _send(self, headers: Mapping[str, str], **body: Any) -> str:
        until = Deadline(time.monotonic() + self._timeout)
        try:
            request = httpx.Request(
                "POST", self._url, headers=dict(headers), extensions={"timeout": until.timeouts()}, **body
            )
        except (UnicodeEncodeError, ValueError, TypeError):
            raise ReceiverUnusable(f"The headers for {self.place} cannot be sent.", "Check `headers`.") from None
        try:
            response = self._transport.handle_request(request)
            try:
                answer = _beginning(response)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self._failure(error) from None
        status, said = response.status_code, self._shown(answer)
        if 200 <= status < 300:
            return f"{self.place} has taken it ({status}){': ' + said if said else '.'}"
        raise self._refusal(response, said)

    def close(self) -> None:
        """End all waits, also later ones, and close the connection. Any thread may call it."""
        self._connections.hang_up()
        self._transport.close()

    def _failure(self, error: httpx.HTTPError) -> DeliveryError:
        cause = _system_error(error)
        if isinstance(cause, AddressForbidden):
            return ReceiverUnusable(
                f"{self.place} is not a host of the open internet.", "If it may be sent to, set allow_private: true."
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ReceiverUnusable(
                f"The certificate of {self.place} is not trusted: {cause.verify_message}.",
                "Mend it there, or name its issuer with ca_file.",
            )
        if isinstance(error, httpx.TimeoutException):
            return ReceiverAway(f"{self.place} has not answered within {self._timeout:g} s.")
        if isinstance(error, httpx.ConnectError):
            if isinstance(cause, ConnectionRefusedError):
                return ReceiverAway(f"{self.place} refuses the connection.")
            if isinstance(cause, ssl.SSLError):
                return ReceiverAway(f"{self.place} does not speak https as it must.")
            return ReceiverAway(f"{self.place} cannot be found or reached.")
        if isinstance(error, httpx.LocalProtocolError):
            return ReceiverUnusable(f"The headers for {self.place} cannot be sent.", "Check `headers`.")
        if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
            return ReceiverAway(f"{self.place} does not speak HTTP.")
        return ReceiverAway(f"{self.place} closed the connection before it had answered.")

    def _shown(self, answer: bytes) -> str:
        """Return an answer as people may see it: one line, without control characters and what was secret in it."""
        text = answer.decode(errors="replace")
        for secret in self._secrets:
            text = hide_secret(text, secret)
        return hide_credentials(printable(" ".join(text[: 4 * SHOWN].split())))[:SHOWN]

    def _refusal(self, response: httpx.Response, said: str) -> DeliveryError:
        status = response.status_code
        told = f"{self.place} answers {status}{': ' + said if said else '.'}"
        if status in _AGAIN or status >= 500:
            return ReceiverAway(told, after=_seconds(response.headers.get("retry-after", "")))
        if 300 <= status < 400:
            return ReceiverUnusable(
                f"{self.place} redirects to another address ({status}).", "Write the final address into config.yaml."
            )
        if status in _PERSON:
            return ReceiverUnusable(told, _PERSON[status])
        if status < 200:
            return ReceiverAway(told)
        return EventsRefused(told)


def _beginning(response: httpx.Response) -> bytes:
    """Return what is read of an answer."""
    answer = b""
    assert isinstance(response.stream, httpx.SyncByteStream)
    for part in response.stream:
        answer += part
        if len(answer) >= MOST_ANSWER:
            break
    return answer


def _seconds(text: str) -> float | None:
    return float(text) if text.strip().isascii() and text.strip().isdigit() and len(text) < 10 else None


def _system_error(error: BaseException | None) -> BaseException | None:
    """Return the error of the operating system that the libraries' error was made from."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
