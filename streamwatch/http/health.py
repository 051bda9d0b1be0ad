"""The server of /healthz and /metrics."""

import logging
from collections.abc import Callable
from dataclasses import replace

from streamwatch.core.endpoint import is_loopback
from streamwatch.health.routes import health_app
from streamwatch.health.snapshot import Snapshot
from streamwatch.http.limits import LOOPBACK_NAMES, HttpLimits
from streamwatch.http.server import HttpServer
from streamwatch.http.sockets import listen

log = logging.getLogger(__name__)

LIMITS = HttpLimits(
    connections=32, head_seconds=5.0, body_bytes=0, body_seconds=5.0, answer_seconds=5.0, hosts=LOOPBACK_NAMES
)


def serve_health(host: str, port: int, snapshot: Callable[[], Snapshot], limits: HttpLimits = LIMITS) -> HttpServer:
    """Listen at once, and return the server, whose `run` answers.

    host: a numeric address of this machine, or localhost. port: 0 takes a free one. snapshot: called for each answer.
    Raise ConfigError if the port cannot be used.
    """
    if not is_loopback(host):
        log.warning(
            "health.host: everybody who can reach %s, port %d, can read the state of the gate without a password: "
            "names and errors of cameras, passages, calls, budget",
            host,
            port,
        )
        limits = replace(limits, hosts=None)
    return HttpServer(health_app(snapshot), listen(host, port, "health", "health.port"), limits)
