"""Keeps credentials out of everything that people or logs get to see."""

import re
from urllib.parse import urlsplit

# The password may itself hold '@' when somebody forgot to percent-encode it, so the match runs to the last '@' before
# the path. A quote or a blank ends a URL inside a longer message.
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s'\"]*@")
_QUERY = re.compile(r"(?P<url>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s?'\"]+)\?[^\s'\"]*")

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935}


def hide_credentials(text: str) -> str:
    """The text with user, password and query of every URL in it replaced by `***`.

    Cameras carry passwords in either place (`rtsp://user:pw@host/…`, `…?user=a&password=b`).
    """
    return _QUERY.sub(r"\g<url>?***", _USERINFO.sub(r"\g<scheme>***@", text))


def place_of(url: str) -> str:
    """host:port of a URL without credentials, for messages; the port of its scheme where it names none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return host_of(url)
    host = parts.hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if port else host


def host_of(url: str) -> str:
    """The host of a URL without credentials, for messages; the empty string where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
