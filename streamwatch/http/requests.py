"""The HTTP/1.1 parser with checks of each request's head, made before any application sees the request."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

import h11

from streamwatch.http.limits import HttpLimits, RequestFault

_ABSOLUTE = re.compile(rb"https?://", re.IGNORECASE)

_FAULTS = {431: RequestFault.HEAD_TOO_LARGE, 501: RequestFault.NO_LENGTH}  # by h11's hint; 501: an unknown coding


class CheckedConnection(h11.Connection):
    """Parses the requests of one connection, and refuses a head that breaks a limit.

    A target in absolute form becomes a path, and its authority becomes the Host header (RFC 9112, 3.2.2).
    fault: why the last request was refused. method: of the last request.
    """

    def __init__(self, limits: HttpLimits) -> None:
        super().__init__(h11.SERVER, limits.head_bytes)
        self._limits = limits
        self.fault = RequestFault.MALFORMED
        self.method = b""

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """Return the next event. Raises h11.RemoteProtocolError for a refused request; `fault` says why."""
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.fault = _FAULTS.get(error.error_status_hint, RequestFault.MALFORMED)
            raise
        if not isinstance(event, h11.Request):
            return event
        self.method = event.method
        event = _in_origin_form(event) if _ABSOLUTE.match(event.target) else event
        fault = self._fault_of(event)
        if fault is not None:
            self.fault = fault
            raise h11.RemoteProtocolError(fault.sentence)
        return event

    def _fault_of(self, request: h11.Request) -> RequestFault | None:
        size = len(request.method) + len(request.target) + sum(len(n) + len(v) + 4 for n, v in request.headers)
        if size > self._limits.head_bytes:
            return RequestFault.HEAD_TOO_LARGE
        if not request.target.startswith(b"/") and request.target != b"*":
            return RequestFault.MALFORMED
        if any(name == b"transfer-encoding" for name, _ in request.headers):
            # Chunks of one byte each would cost a hundred times the work of a plain body.
            return RequestFault.NO_LENGTH
        allowed = self._limits.hosts
        if allowed is not None and not all(_may_be_asked_as(v, allowed) for n, v in request.headers if n == b"host"):
            return RequestFault.WRONG_HOST
        return None


def _in_origin_form(request: h11.Request) -> h11.Request:
    """Return the request with its path as the target; without an authority it stays as it is."""
    _, _, rest = request.target.partition(b"://")
    authority = re.split(rb"[/?]", rest, maxsplit=1)[0]
    if not authority or b"@" in authority:
        return request
    path = rest[len(authority) :]
    others = [(name, value) for name, value in request.headers.raw_items() if name.lower() != b"host"]
    return h11.Request(
        method=request.method,
        target=path if path.startswith(b"/") else b"/" + path,
        headers=[(b"Host", authority), *others],
        http_version=request.http_version,
    )


def _may_be_asked_as(authority: bytes, names: frozenset[str]) -> bool:
    """Return True for one of the names or any numeric address, with or without a port."""
    try:
        host = urlsplit(f"//{authority.decode('latin-1')}").hostname or ""
    except ValueError:
        return False
    return host in names or _is_numeric(host)


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
