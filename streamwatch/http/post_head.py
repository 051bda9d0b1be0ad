"""What is known of a post before its body has come, and plain answers to it. It needs no server to be imported."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatch.http.limits import HttpResponse


def plain(status: int, words: str = "") -> HttpResponse:
    """Return an answer in plain text."""
    headers = ("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")
    return HttpResponse(status, headers, f"{words}\n".encode() if words else b"")


BUSY = plain(503, "Send it again later.")


@dataclass(frozen=True, slots=True)
class PostHead:
    """What is known of a post before its body has come. address: of the sender. headers: names in lower case."""

    path: str
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
