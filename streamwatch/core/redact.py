"""Keeps credentials out of everything that people see and out of logs."""

import re
from typing import Protocol
from urllib.parse import urlsplit

# The password may itself hold '@' when somebody forgot to percent-encode it, so the match runs to the last '@' before
# the path. A quote or a blank ends a URL inside a longer message.
_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/\s'\"]*@")
# The password may hold '/', too. Then the host seems to be the user, and '@' stands in what seems to be the path.
_SLASHED = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)"
    r"(?:\*\*\*@[^\s?'\"]*@|[^/:\s@\['\"]+:(?:[^\s?'\"]*@|(?!\d{1,5}/)[^\s'\"]*@))"
)
# The password may hold a blank or a quote, too. What follows the host and can be a port is not its beginning.
_BLANK = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*://)[^/:\s@\['\"]+:(?!\d{1,5}(?:[/?#'\",;.)]|$))[^\n]*@")
# A mistyped address is hidden, too: rtsp:/user:password@host, or an address without any scheme.
_BARE = re.compile(
    r"(?<![^\s/'\"])(?<!://)(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*:/(?=[^\s/:'\"*]+:[^\s'\"]*@))?"
    r"[^\s/:'\"*]+:(?!//)[^\s'\"]*@(?=[^\s'\"])"
)
_NAME = re.compile(r"(?<![^/])[^/:*]+:(?!//).*@(?=.)", re.DOTALL)
_QUERY = re.compile(r"(?P<url>[a-zA-Z][a-zA-Z0-9+.-]*://[^\s?'\"]+)\?[^\s'\"]*")
# Some cameras take the credentials as a part of the path: rtsp://192.0.2.7/user=viewer_password=…_channel=1.sdp
_NAMED = re.compile(r"(?P<name>(?:password|passwd|pwd|token|secret)=)[^&/_\s'\"]+", re.IGNORECASE)

LONG = 8
"""Characters from which a secret is hidden inside words, too: it is not there by accident."""
_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443, "rtmp": 1935}


class SecretText(Protocol):
    """A text that shows itself only when asked, such as pydantic's `SecretStr`."""

    def get_secret_value(self) -> str:
        """Return the text itself."""


def hide_credentials(text: str) -> str:
    """Return the text with `***` for user, password and query of every URL, and for every value named a password.

    Addresses of cameras hold passwords in any place (`rtsp://user:pw@host/…`, `…?user=a&password=b`,
    `…/user=a_password=b_ch=1`).
    """
    text = _SLASHED.sub(r"\g<scheme>***@", _USERINFO.sub(r"\g<scheme>***@", text))
    text = _BLANK.sub(r"\g<scheme>***@", text)
    text = _BARE.sub(lambda match: f"{match['scheme'] or ''}***@", _QUERY.sub(r"\g<url>?***", text))
    return _NAMED.sub(r"\g<name>***", text)


def hide_in_name(name: str) -> str:
    """Return the same as `hide_credentials` for a text that is one name: a blank or a quote does not end it."""
    return _NAME.sub("***@", hide_credentials(name))


UNNAMED = "The host"
"""The word for a host in messages, if its name cannot be told from a password."""


def may_hold_a_login(url: str) -> bool:
    """Return True if "@" follows what seems to be the host: that may be a part of a user or password instead."""
    _, _, rest = url.partition("://")
    return "@" in rest[len(re.split("[/?#]", rest, maxsplit=1)[0]) :]


def place_of(url: str) -> str:
    """Return the host:port of a URL for messages, without credentials; the port of its scheme if it names none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return UNNAMED
    host = parts.hostname or ""
    if may_hold_a_login(url):
        return UNNAMED
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}" if port else host


def host_of(url: str) -> str:
    """Return the host of a URL without credentials, for messages; an empty text if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def hide_secret(text: str, secret: str) -> str:
    """Return the text without a secret: a long one wherever it stands, a short one where it stands as a whole word.

    A password of one letter would otherwise hide that letter in every word. In addresses `hide_credentials` finds it in
    any case.
    """
    if not secret:
        return text
    if len(secret) >= LONG:
        return text.replace(secret, "***")
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
