"""What a client may ask of the server, and how the server answers a request that breaks a limit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from http import HTTPStatus

LOOPBACK_NAMES = frozenset({"localhost"})
"""For `HttpLimits.hosts`: a page that has its own name resolve to loopback (DNS rebinding) is refused."""
CLOSE = (b"Connection", b"close")


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Limits of one server, one field a limit. All times are in seconds.

    connections: at the same time, in TLS handshakes too; see `Connections` for what gives way.
    head_bytes: of the request line and the headers.
    head_seconds: for the TLS handshake, and again for the head.
    body_bytes, body_seconds: for the body; its time begins at the end of the head.
    larger_bodies: the limit instead of body_bytes for single addresses, by their paths.
    answer_seconds: in which a client must take what waits to be sent; at most 64 KiB wait while an answer is streamed.
    keep_alive: that a connection may wait for its next request; 0 closes it after the first answer.
    hosts: the names that the Host header may have beside numeric addresses, lower case, without port; None allows all.
    """

    connections: int = 128
    head_bytes: int = 8192
    head_seconds: float = 10.0
    body_bytes: int = 1_000_000
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    keep_alive: int = 0
    hosts: frozenset[str] | None = None
    larger_bodies: Mapping[str, int] = field(default_factory=dict)


class RequestFault(Enum):
    """Why the server itself refuses a request: the HTTP status and a sentence."""

    MALFORMED = HTTPStatus.BAD_REQUEST, "This is not a valid HTTP/1.1 request."
    NO_LENGTH = HTTPStatus.LENGTH_REQUIRED, "Send the body with Content-Length; Transfer-Encoding is not accepted."
    BODY_TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large."
    WRONG_HOST = HTTPStatus.MISDIRECTED_REQUEST, "This server answers only as localhost or by its loopback address."
    HEAD_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request line and the headers are too large."

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self.value[0])

    @property
    def sentence(self) -> str:
        """What the client is told."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A whole answer. headers: beside Date, Content-Length and Connection."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers as they are sent, with Content-Length. Values are encoded as UTF-8."""
        named = [*self.headers, ("Content-Length", str(len(self.body)))]
        return [(name.encode("ascii"), value.encode()) for name, value in named]


Refuse = Callable[[RequestFault, str], HttpResponse]
"""Make the answer to a request that the server refuses. The text is the client's address."""


def refuse_plainly(fault: RequestFault, _: str) -> HttpResponse:
    """Return the refusal as plain text."""
    headers = ("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")
    return HttpResponse(fault.status, headers, f"{fault.sentence}\n".encode())


def date_header() -> tuple[bytes, bytes]:
    """Return the header Date of now."""
    return b"Date", formatdate(usegmt=True).encode()
