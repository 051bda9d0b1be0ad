"""One exchange over HTTP: httpx is spoken here and nowhere else in recognition.

What a broken exchange means for the money is decided here, in one table. It asks one question: can the service have
read the whole request? Only where that is impossible may the same picture be sent again.
"""

import ipaddress
import os
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import parse_qsl
from urllib.request import getproxies, proxy_bypass

import httpx

from streamwatch.core import errors
from streamwatch.core.redact import hide_credentials
from streamwatch.recognition.replies import Reply
from streamwatch.recognition.retry import BY_CLASS, NEVER, Failure
from streamwatch.system.connections import Transport, pool_of, silence_logs

LARGEST_REPLY = 1_000_000
_KEEP_ALIVE = 10.0
"""Seconds. The gateway drops idle connections after 25; the vendor's SDK after 10. Far below the gateway's own limit,
so that a request does not meet a connection that is just being closed."""

_CHECK_NETWORK = "Check this machine's network, its DNS and recognizer.ocrcars.endpoint."
_CHECK_TLS = "Check this machine's clock and, where a proxy opens TLS, that its certificate is trusted here."
_CHECK_PROXY = "Check the proxy that the environment names (HTTPS_PROXY)."
_TOO_SLOW = "Raise recognizer.ocrcars.read_timeout, or lower jpeg.long_side or jpeg.quality."


class Sent(Enum):
    """How much of the request has left this machine."""

    UNKNOWN = "unknown"
    NOTHING = "nothing"
    CUT = "not all of it"


@dataclass(frozen=True, slots=True)
class Broken:
    """What a foreign exception means. sent: what it proves by itself, without a look at how far the request got."""

    gist: str
    sent: Sent = Sent.UNKNOWN
    advice: str = _CHECK_NETWORK


_CONNECTING = Broken("no connection", Sent.NOTHING)
_BROKE_OFF = Broken("the connection broke before the answer was whole")

MEANING: dict[type[httpx.RequestError], Broken] = {
    httpx.ConnectError: _CONNECTING,
    httpx.ConnectTimeout: Broken("no connection in time", Sent.NOTHING),
    httpx.PoolTimeout: Broken("all connections are in use", Sent.NOTHING, "Lower recognizer.ocrcars.parallel."),
    httpx.ProxyError: Broken("the proxy refused the connection", Sent.NOTHING, _CHECK_PROXY),
    httpx.UnsupportedProtocol: Broken("the address is neither http nor https", Sent.NOTHING),
    httpx.LocalProtocolError: Broken("the request is not valid HTTP", Sent.NOTHING),
    httpx.WriteError: Broken("the connection broke while sending"),
    httpx.WriteTimeout: Broken("sending took too long", advice=_TOO_SLOW),
    httpx.ReadError: _BROKE_OFF,
    httpx.ReadTimeout: Broken("no answer in time"),
    httpx.RemoteProtocolError: _BROKE_OFF,
    httpx.CloseError: _BROKE_OFF,
    httpx.DecodingError: Broken("the answer is damaged"),
    httpx.TooManyRedirects: Broken("the service redirects in circles"),
    httpx.TimeoutException: Broken("no answer in time"),
    httpx.NetworkError: _BROKE_OFF,
    httpx.ProtocolError: _BROKE_OFF,
    httpx.TransportError: _BROKE_OFF,
    httpx.RequestError: _BROKE_OFF,
}
"""Every exception that httpx raises for a request."""


class Progress:
    """How far one request got, told by httpcore's trace events while it runs in the caller's thread.

    deadlines: until when it may connect, write and read, in monotonic seconds; what belongs to connecting (name,
    connection, proxy, TLS) ends after connect_timeout, the answer read_timeout after the request has left, and all of
    it after both together.
    """

    def __init__(self, connect_timeout: float, read_timeout: float) -> None:
        self.sent = Sent.UNKNOWN
        self.head: Reply | None = None
        self._tunnelling = False
        self._read_timeout = read_timeout
        connected = time.monotonic() + connect_timeout
        self._end = connected + read_timeout
        self.deadlines = dict.fromkeys(("connect", "write", "read"), connected)

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            # Through a proxy a CONNECT goes first; until it is answered, the proxy has seen nothing else.
            self._tunnelling = info["request"].method == b"CONNECT"
            self.sent = Sent.NOTHING if self._tunnelling else Sent.UNKNOWN
            if not self._tunnelling:
                self.deadlines.update(write=self._end, read=self._end)
        elif event == "http11.send_request_body.complete" and not self._tunnelling:
            self.deadlines["read"] = min(self._end, time.monotonic() + self._read_timeout)
        elif event in ("http11.send_request_headers.failed", "http11.send_request_body.failed"):
            self.sent = Sent.NOTHING if self._tunnelling else Sent.CUT
        elif event == "http11.receive_response_headers.complete" and not self._tunnelling:
            _, status, _, headers = info["return_value"]
            self.head = Reply(status, _headers(headers))


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint as it goes over the wire. query: decoded, in order."""

    url: httpx.URL = field(repr=False)
    host: str
    path: str
    query: tuple[tuple[str, str], ...] = field(repr=False)
    loopback: bool


def address_of(endpoint: str) -> Address:
    """Raises ConfigError unless the endpoint is https (or http on this machine) without credentials in it."""
    problem = "recognizer.ocrcars.endpoint is not an address."
    try:
        url = httpx.URL(endpoint.strip())
        url.host.encode("idna")
    except (httpx.InvalidURL, UnicodeError):
        raise errors.ConfigError(problem, "Write it like https://host/ocrCars.") from None
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 443) < 65536:
        raise errors.ConfigError(problem, "Write it like https://host/ocrCars.")
    path, _, query = url.raw_path.decode("ascii").partition("?")
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    names = {name.lower() for name, _ in pairs}
    if url.userinfo or "appcode" in names:
        raise errors.ConfigError(
            "recognizer.ocrcars.endpoint carries credentials, which would get into logs.",
            "Give the AppCode by STREAMWATCH_APPCODE.",
        )
    if names & {"img_base64", "img_url"}:
        raise errors.ConfigError("recognizer.ocrcars.endpoint carries a picture in its query.", "Remove the query.")
    loopback = is_loopback(url.host)
    if url.scheme == "http" and not loopback:
        raise errors.ConfigError(
            "recognizer.ocrcars.endpoint is plain http, over which everybody on the way can read the AppCode.",
            "Write https://, or use http with a server on this machine (127.0.0.1) only.",
        )
    return Address(url, url.host, path, pairs, loopback)


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Wire:
    """A pool of HTTP/1.1 connections to one address. Safe for use by several threads at once."""

    def __init__(self, address: Address, connect_timeout: float, read_timeout: float) -> None:
        silence_logs()
        self._address = address
        self._timeouts = connect_timeout, read_timeout
        try:
            # Proxies of the environment; never for this machine itself, because plain http would carry the AppCode to
            # the proxy.
            pool = pool_of(_trusted(), None if address.loopback else _proxy_for(address), _KEEP_ALIVE)
        except (ValueError, ImportError, RuntimeError, OSError, httpx.InvalidURL) as error:
            reason = hide_credentials(str(error))
            raise errors.ConfigError(
                f"The proxy or the certificates that the environment names can not be used: {reason}",
                "See HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
            ) from None
        self._client = httpx.Client(
            transport=Transport(pool),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def exchange(self, headers: Mapping[str, str], body: bytes, signed: bool) -> Reply | Failure:
        """Sends one POST and returns its reply, or the failure that says what is known of its fate.

        Returned and not raised: a traceback through httpx would hold the headers, and with them the credentials.
        """
        progress = Progress(*self._timeouts)
        extensions = {"trace": progress, "timeout": progress.deadlines}
        request = self._client.build_request(
            "POST", self._address.url, headers=headers, content=body, extensions=extensions
        )
        try:
            response = self._client.send(request, stream=True)
            try:
                return _receive(response)
            finally:
                response.close()
        except httpx.RequestError as error:
            if progress.head and progress.head.status != 200:
                return progress.head
            return self._understand(error, progress, signed)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

    def _understand(self, error: httpx.RequestError, progress: Progress, signed: bool) -> Failure:
        sent = progress.sent
        broken = MEANING.get(type(error), _BROKE_OFF)
        where = f"ocrCars at {self._address.host}: {broken.gist}"
        if isinstance(error, httpx.LocalProtocolError):
            return _failure(errors.BadRequest(f"{where}.", "Please report this: it is a fault of streamwatch."))
        if progress.head is None and _header_too_large(error) and signed:
            return Failure(_probably_bad_signature(self._address.host), NEVER)
        if Sent.NOTHING in (broken.sent, sent):
            reason, advice = reason_of(error)
            return _failure(errors.NotSent(f"{where}{reason}.", advice or broken.advice))
        if sent is Sent.CUT:
            # The length was announced and not all of it left this machine, so the service can not have acted on it.
            unsent = errors.NotSent(f"{where}; the request did not leave whole.", broken.advice)
            # What took all the time there is would do so again at once.
            return Failure(unsent, NEVER) if isinstance(error, httpx.WriteTimeout) else _failure(unsent)
        return _failure(errors.Doubtful(f"{where}; it may have been read and charged.", broken.advice))


def _receive(response: httpx.Response) -> Reply:
    """The first megabyte of the reply, as it came over the wire: nothing is decoded that could grow."""
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) >= LARGEST_REPLY:
            break
    return Reply(response.status_code, _headers(response.headers.raw), body[:LARGEST_REPLY])


def _trusted() -> ssl.SSLContext:
    """The certificates that the environment names, also for this machine; else those that httpx comes with."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return httpx.create_ssl_context()


def _proxy_for(address: Address) -> str | None:
    """The proxy that the environment names for an address; None where it names none."""
    proxies = getproxies()
    proxy = proxies.get(address.url.scheme) or proxies.get("all")
    return None if not proxy or proxy_bypass(address.host) else proxy


def _failure(error: errors.RecognitionError) -> Failure:
    return Failure(error, BY_CLASS[type(error)])


def _probably_bad_signature(host: str) -> errors.CredentialsRefused:
    return errors.CredentialsRefused(
        f"ocrCars at {host}: a header of the answer is too large, as it is when the gateway repeats a whole request "
        "because its signature is wrong.",
        "Copy STREAMWATCH_APP_KEY and STREAMWATCH_APP_SECRET again, then try with a small picture.",
    )


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _header_too_large(error: BaseException) -> bool:
    """h11 gives up on a header block beyond about 100 kB and says which status a server would answer to that."""
    return any(getattr(cause, "error_status_hint", None) == 431 for cause in _causes(error))


def reason_of(error: BaseException) -> tuple[str, str]:
    """Why there is no connection, in the system's words, and what to do where that can be told."""
    system = next((cause for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    if system is None:
        return "", ""
    return f" ({hide_credentials(str(system.strerror))})", _CHECK_TLS if isinstance(system, ssl.SSLError) else ""


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The gateway writes UTF-8 into headers, which HTTP libraries hand out as ISO-8859-1."""
    return {name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in raw}
