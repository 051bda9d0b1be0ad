"""Checks addresses of cameras as people write them, and says what to do about a wrong one. No message repeats one."""

import re
from urllib.parse import urlsplit

from streamwatch.core.errors import CaptureError, SourceUnreadable
from streamwatch.core.redact import may_hold_a_login

ENCODE = (
    "Characters such as / # ? @ % : and blanks in a user or password must be percent-encoded (%2F %23 %3F %40 %25 %3A "
    "%20); or write ${NAME} there in config.yaml and set the environment variable NAME, which is encoded for you."
)
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*")
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+|localhost|\[[0-9a-fA-F:.]+\]")


def scheme_of(source: str) -> str:
    """Return the scheme of an address in small letters; the empty string if the source is no address.

    Raise SourceUnreadable if the source can be neither an address nor the name of a file.
    """
    scheme, separator, _ = source.partition("://")
    if separator and not _SCHEME.fullmatch(scheme):
        raise _not_understood()
    return scheme.lower() if separator else ""


def check_address(url: str) -> None:
    """Raise SourceUnreadable for an address that can never work, mostly because a password is not encoded."""
    try:
        parts = urlsplit(url)
        understood = bool(parts.hostname) and parts.port != 0
    except ValueError:
        understood = False
    if not understood or (may_hold_a_login(url) and _is_rather_one(url)):
        raise _not_understood()


def advised(error: CaptureError, url: str) -> CaptureError:
    """Return the error, with advice about the address itself if that may hold a login."""
    return type(error)(error.message, ENCODE) if may_hold_a_login(url) else error


def _is_rather_one(url: str) -> bool:
    """Return True if the text before the path looks less like a host than the text after the last "@"."""
    authority = urlsplit(url).netloc.rpartition("@")[2]
    host, colon, port = authority.rpartition(":") if not authority.endswith("]") else (authority, "", "")
    if colon and not port:
        return True
    last = url.rpartition("@")[2]
    return not _HOST.fullmatch(host or authority) and bool(re.match(rf"({_HOST.pattern}|[\w-]+:\d)", last))


def _not_understood() -> SourceUnreadable:
    return SourceUnreadable(
        "The camera's address cannot be understood.",
        f"Write it like rtsp://user:password@host:554/path. {ENCODE}",
    )
