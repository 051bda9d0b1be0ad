"""Listening sockets: a module of its own, so that trying a port costs no import of the server."""

import socket

from streamwatch.core.errors import ConfigError

BACKLOG = 512
"""Connections that the kernel holds until they are accepted."""


def listen(host: str, port: int, purpose: str, key: str = "") -> socket.socket:
    """Return a listening socket. host: a numeric address, or localhost.

    port: 0 takes a free one. key: of the config, where another port can be written. Raise ConfigError if the port
    cannot be used.
    """
    host = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = (error.strerror if isinstance(error, OSError) else None) or "there is no such port"
        raise ConfigError(
            f"Port {port} of {host} cannot be used for {purpose}: {reason}.",
            f"Write another one in {key}." if key else "Choose another one.",
        ) from None
    listener.setblocking(False)
    return listener
