"""/healthz and /metrics over HTTP. Everybody who reaches the port may ask without a password. The server only reads."""

import logging
import socket
from collections.abc import Callable
from http import HTTPStatus

from streamwatch.core.endpoint import is_loopback
from streamwatch.health.judgement import health
from streamwatch.health.metrics import CONTENT_TYPE, render_metrics
from streamwatch.health.snapshot import Snapshot
from streamwatch.http.visitors import Visitor, Visitors, listen, response

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 32
"""Upper limit of the connections at the same time; if there are more, the oldest is closed."""
IN_TIME = 5.0
"""Seconds that a request may take, and the same for its answer."""
LONGEST_REQUEST = 8192
"""Upper limit of the bytes of request line and headers."""
PLAIN = "text/plain; charset=utf-8"
INDEX = "streamwatch\n\n/healthz  200 while all is well, else 503 with the reasons\n/metrics  for Prometheus\n"


def serve(address: str, port: int, snapshot: Callable[[], Snapshot]) -> "HealthServer":
    """Return a server that listens already; call its `run` on a thread.

    address: a numeric address of this machine, or localhost. port: 0 takes a free one. snapshot: called for each
    answer. Raise ConfigError if the port cannot be used.
    """
    if not is_loopback(address):
        log.warning(
            "health.host: everybody who can reach %s, port %d, can read the state of the gate without a password: "
            "names and errors of cameras, passages, calls, budget",
            address,
            port,
        )
    return HealthServer(listen("127.0.0.1" if address == "localhost" else address, port, "health"), snapshot)


class HealthServer(Visitors):
    """Answers until it is closed. An exception of `snapshot` ends `run`."""

    def __init__(self, listener: socket.socket, snapshot: Callable[[], Snapshot]) -> None:
        super().__init__(listener, self._hear_out, most=MOST_CONNECTIONS, in_time=IN_TIME)
        self._snapshot = snapshot

    def _hear_out(self, visitor: Visitor) -> bytes | None:
        head, end, _ = visitor.request.replace(b"\r\n", b"\n").partition(b"\n\n")
        if end:
            return self._answer(head.split(b"\n", 1)[0].decode("latin-1"))
        if len(visitor.request) >= LONGEST_REQUEST:
            return _response(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "Too large.\n")
        return None

    def _answer(self, line: str) -> bytes:
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, "This is not an HTTP/1.1 request.\n")
        method, path = words[0], words[1].partition("?")[0]
        if path not in ("/", "/healthz", "/metrics"):
            return _response(HTTPStatus.NOT_FOUND, "Not found; there are /healthz and /metrics.\n", method=method)
        if method not in ("GET", "HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD.\n", allow="GET, HEAD")
        if path == "/":
            return _response(HTTPStatus.OK, INDEX, method=method)
        snapshot = self._snapshot()
        if path == "/metrics":
            return _response(HTTPStatus.OK, render_metrics(snapshot), method=method, kind=CONTENT_TYPE)
        ok, reasons = health(snapshot)
        status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
        return _response(status, "ok\n" if ok else "\n".join(reasons) + "\n", method=method)


def _response(status: HTTPStatus, text: str, *, method: str = "GET", kind: str = PLAIN, allow: str = "") -> bytes:
    headers = {"Content-Type": kind, "Cache-Control": "no-store"} | ({"Allow": allow} if allow else {})
    whole = response(status.value, text.encode(), headers)
    return whole.removesuffix(text.encode()) if method == "HEAD" else whole
