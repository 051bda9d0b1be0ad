"""Checks addresses of services: if a host is this machine, and if an endpoint of ocrCars is safe to use."""

import ipaddress
from urllib.parse import parse_qsl, urlsplit

_NO_ADDRESS = "is not an address; write it like https://host/ocrCars"


def is_loopback(host: str) -> bool:
    """Return True if a host can only be reached from this machine. host: a numeric address, or a name."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_endpoint(endpoint: str) -> None:
    """Raise ValueError unless an endpoint is https, or http on this machine, without credentials or a picture in it.

    The message follows the name of the setting and repeats nothing of the endpoint.
    """
    try:
        url = urlsplit(endpoint.strip())
        host, port = url.hostname or "", url.port
        host.encode("idna")
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if url.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError(_NO_ADDRESS)
    names = {name.lower() for name, _ in parse_qsl(url.query, keep_blank_values=True)}
    if url.username or url.password or "appcode" in names:
        raise ValueError(
            "must not carry credentials, which would get into logs; give the AppCode by STREAMWATCH_APPCODE"
        )
    if names & {"img_base64", "img_url"}:
        raise ValueError("must not carry a picture in its query; remove the query")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError(
            "must begin with https://, because everybody on the network can read the AppCode over plain http; "
            "http is for a server on this machine (127.0.0.1) only"
        )
