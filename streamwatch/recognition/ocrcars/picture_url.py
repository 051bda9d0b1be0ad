"""Checks if the service can fetch a picture from an address."""

import ipaddress
from urllib.parse import urlsplit

from streamwatch.core.errors import PictureUrlFailed

_LONGEST = 1024
_HOME_ONLY = (".local", ".lan", ".localdomain", ".internal", ".home.arpa", ".localhost", ".intranet")


def refuse_unless_fetchable(url: str) -> None:
    """Raise PictureUrlFailed, before anything is paid, for an address that the service cannot fetch.

    An address must be printable ASCII without blanks, at most 1024 bytes, http or https, without login, on a public
    host. These are the limits that the documents of ocrCars and of similar services name.
    """
    problem = _problem(url)
    if problem:
        raise PictureUrlFailed(
            f"The address of the picture {problem}, so the service cannot fetch it.",
            "Give an address that is open to the internet, or send the picture itself.",
        )


def _problem(url: str) -> str:
    if len(url.encode("utf-8", "replace")) > _LONGEST:
        return f"is longer than {_LONGEST} bytes"
    if any(not "!" <= character <= "~" for character in url):
        return "holds a blank or a character beyond ASCII; percent-encode it"
    try:
        parts = urlsplit(url)
        host, login, _ = parts.hostname or "", "@" in parts.netloc, parts.port
    except ValueError:
        return "is not an address"
    if parts.scheme.lower() not in ("http", "https") or not host:
        return "does not begin with http:// or https:// and a host"
    if login:
        return "contains a login"
    if parts.fragment:
        return "has a part after #, which is never sent to a server"
    return "" if _is_public(host.rstrip(".")) else "lies in a private network"


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        # The last part of a short or numeric form of an IP address has no letter.
        last = host.rpartition(".")[2]
        return "." in host and not host.endswith(_HOME_ONLY) and any(c.isalpha() for c in last)
