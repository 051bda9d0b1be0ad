"""One exchange over HTTP. Only this module of recognition makes requests with httpx.

One table says what a broken exchange means for the money. It answers one question: can the service have read the whole
request? The same picture may be sent again only if that is impossible.
"""

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
from streamwatch.core.endpoint import check_endpoint, is_loopback
from streamwatch.core.redact import hide_credentials
from streamwatch.recognition.ocrcars.replies import Reply
from streamwatch.recognition.ocrcars.retry import BY_CLASS, NEVER, Failure
from streamwatch.system.connections import Transport, pool_of, silence_logs

LARGEST_REPLY = 1_000_000
_KEEP_ALIVE = 10.0
"""Seconds. The gateway drops idle connections after 25, the vendor's SDK after 10. The value is far below the gateway's
limit, so that no request meets a connection that is just being closed."""

_CHECK_NETWORK = "Check this machine's network, its DNS and recognizer.ocrcars.endpoint."
_CHECK_TLS = "Check this machine's clock. If a proxy opens TLS, its certificate must be trusted on this machine."
_CHECK_PROXY = "Check the proxy that the environment names (HTTPS_PROXY)."
_TOO_SLOW = "Raise recognizer.ocrcars.read_timeout, or lower jpeg.long_side or jpeg.quality."


class RequestSent(Enum):
    """The part of the request that has left this machine."""

    UNKNOWN = "unknown"
    NOTHING = "nothing"
    CUT = "not all of it"


@dataclass(frozen=True, slots=True)
class Broken:
    """The meaning of an exception of httpx. sent: what the exception alone proves of how far the request got."""

    gist: str
    sent: RequestSent = RequestSent.UNKNOWN
    advice: str = _CHECK_NETWORK


_CONNECTING = Broken("no connection", RequestSent.NOTHING)
_BROKE_OFF = Broken("the connection broke before the answer was whole")

MEANING: dict[type[httpx.RequestError], Broken] = {
    httpx.ConnectError: _CONNECTING,
    httpx.ConnectTimeout: Broken("no connection in time", RequestSent.NOTHING),
    httpx.PoolTimeout: Broken("all connections are in use", RequestSent.NOTHING, "Lower recognizer.ocrcars.parallel."),
    httpx.ProxyError: Broken("the proxy refused the connection", RequestSent.NOTHING, _CHECK_PROXY),
    httpx.UnsupportedProtocol: Broken("the address is neither http nor https", RequestSent.NOTHING),
    httpx.LocalProtocolError: Broken("the request is not valid HTTP", RequestSent.NOTHING),
    httpx.WriteError: Broken("the connection broke while sending"),
    httpx.WriteTimeout: Broken("sending took too long", advice=_TOO_SLOW),
    httpx.ReadError: _BROKE_OFF,
    httpx.ReadTimeout: Broken("no answer in time"),
    httpx.RemoteProtocolError: _BROKE_OFF,
    httpx.CloseError: _BROKE_OFF,
    httpx.DecodingError: Broken("the answer is damaged"),
    httpx.TooManyRedirects: Broken("the service redirects too often"),
    httpx.TimeoutException: Broken("no answer in time"),
    httpx.NetworkError: _BROKE_OFF,
    httpx.ProtocolError: _BROKE_OFF,
    httpx.TransportError: _BROKE_OFF,
    httpx.RequestError: _BROKE_OFF,
}
"""The meaning of every exception that httpx raises for a request."""


class Progress:
    """Follows one request by httpcore's trace events, which come in the caller's thread.

    deadlines: monotonic seconds until which it may connect, write and read. Connecting (name, connection, proxy, TLS)
    ends after connect_timeout. The answer ends read_timeout after the request has left. The whole request ends after
    both together.
    """

    def __init__(self, connect_timeout: float, read_timeout: float) -> None:
        self.sent = RequestSent.UNKNOWN
        self.head: Reply | None = None
        self._tunnelling = False
        self._read_timeout = read_timeout
        connected = time.monotonic() + connect_timeout
        self._end = connected + read_timeout
        self.deadlines = dict.fromkeys(("connect", "write", "read"), connected)

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event == "http11.send_request_headers.started":
            # A proxy gets a CONNECT first. Until that is answered, the proxy has seen nothing else.
            self._tunnelling = info["request"].method == b"CONNECT"
            self.sent = RequestSent.NOTHING if self._tunnelling else RequestSent.UNKNOWN
            if not self._tunnelling:
                self.deadlines.update(write=self._end, read=self._end)
        elif event == "http11.send_request_body.complete" and not self._tunnelling:
            self.deadlines["read"] = min(self._end, time.monotonic() + self._read_timeout)
        elif event in ("http11.send_request_headers.failed", "http11.send_request_body.failed"):
            self.sent = RequestSent.NOTHING if self._tunnelling else RequestSent.CUT
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
    """Return an endpoint as it goes over the wire. Raise ConfigError if `check_endpoint` finds it wrong."""
    try:
        check_endpoint(endpoint)
        url = httpx.URL(endpoint.strip())
    except httpx.InvalidURL:
        raise errors.ConfigError("recognizer.ocrcars.endpoint is not an address.") from None
    except ValueError as problem:
        raise errors.ConfigError(f"recognizer.ocrcars.endpoint {problem}.") from None
    path, _, query = url.raw_path.decode("ascii").partition("?")
    pairs = tuple(parse_qsl(query, keep_blank_values=True))
    return Address(url, url.host, path, pairs, is_loopback(url.host))


class Wire:
    """A pool of HTTP/1.1 connections to one address. Several threads may use it at once."""

    def __init__(self, address: Address, connect_timeout: float, read_timeout: float) -> None:
        silence_logs()
        self._address = address
        self._timeouts = connect_timeout, read_timeout
        try:
            # A service on this machine is never asked through a proxy: plain http would show the AppCode to the proxy.
            pool = pool_of(_trusted(), None if address.loopback else _proxy_for(address), _KEEP_ALIVE)
        except (ValueError, ImportError, RuntimeError, OSError, httpx.InvalidURL) as error:
            reason = hide_credentials(str(error))
            raise errors.ConfigError(
                f"The proxy or the certificates named in the environment cannot be used: {reason}",
                "See HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR.",
            ) from None
        self._client = httpx.Client(
            transport=Transport(pool),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    def exchange(self, headers: Mapping[str, str], body: bytes, signed: bool) -> Reply | Failure:
        """Send one POST and return its reply, or the failure with what is known of the request.

        The failure is returned and not raised: a traceback through httpx would hold the headers with the credentials.
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
        """Close all connections."""
        self._client.close()

    def _understand(self, error: httpx.RequestError, progress: Progress, signed: bool) -> Failure:
        sent = progress.sent
        broken = MEANING.get(type(error), _BROKE_OFF)
        where = f"ocrCars at {self._address.host}: {broken.gist}"
        if isinstance(error, httpx.LocalProtocolError):
            return _failure(errors.BadRequest(f"{where}.", "This is a fault of streamwatch; please report it."))
        if progress.head is None and _header_too_large(error) and signed:
            return Failure(_probably_bad_signature(self._address.host), NEVER)
        if RequestSent.NOTHING in (broken.sent, sent):
            reason, advice = reason_of(error)
            return _failure(errors.NotSent(f"{where}{reason}.", advice or broken.advice))
        if sent is RequestSent.CUT:
            # The request announced its length and did not leave whole, so the service cannot have acted on it.
            unsent = errors.NotSent(f"{where}; the request was not sent completely.", broken.advice)
            # A request that took all the time would do so again.
            return Failure(unsent, NEVER) if isinstance(error, httpx.WriteTimeout) else _failure(unsent)
        return _failure(errors.Doubtful(f"{where}; the picture may have been read and charged.", broken.advice))


def _receive(response: httpx.Response) -> Reply:
    """Return the first megabyte of the reply, not decompressed, because that could make it grow."""
    body = b""
    for chunk in response.iter_raw():
        body += chunk
        if len(body) >= LARGEST_REPLY:
            break
    return Reply(response.status_code, _headers(response.headers.raw), body[:LARGEST_REPLY])


def _trusted() -> ssl.SSLContext:
    """Return the certificates that the environment names, or those that httpx brings."""
    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    if file or folder:
        return ssl.create_default_context(cafile=file or None, capath=folder or None)
    return httpx.create_ssl_context()


def _proxy_for(address: Address) -> str | None:
    """Return the proxy that the environment names for an address; None if it names none."""
    proxies = getproxies()
    proxy = proxies.get(address.url.scheme) or proxies.get("all")
    return None if not proxy or proxy_bypass(address.host) else proxy


def _failure(error: errors.RecognitionError) -> Failure:
    return Failure(error, BY_CLASS[type(error)])


def _probably_bad_signature(host: str) -> errors.CredentialsRefused:
    return errors.CredentialsRefused(
        f"ocrCars at {host}: a header of the answer is too large. The gateway repeats a whole request there if its "
        "signature is wrong.",
        "Copy STREAMWATCH_APP_KEY and STREAMWATCH_APP_SECRET again, then try with a small picture.",
    )


def _causes(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _header_too_large(error: BaseException) -> bool:
    """True if h11 gave up on a header block of more than about 100 kB; it names the status 431 then."""
    return any(getattr(cause, "error_status_hint", None) == 431 for cause in _causes(error))


def reason_of(error: BaseException) -> tuple[str, str]:
    """Return why there is no connection, in the system's words, and what to do; empty if that is not known."""
    system = next((cause for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror), None)
    if system is None:
        return "", ""
    return f" ({hide_credentials(str(system.strerror))})", _CHECK_TLS if isinstance(system, ssl.SSLError) else ""


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by lower-case name. The gateway writes UTF-8, which HTTP libraries decode as ISO-8859-1."""
    return {name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in raw}
