"""The server of the console."""

import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from streamwatch.core.endpoint import is_loopback
from streamwatch.http.limits import LOOPBACK_NAMES, HttpLimits
from streamwatch.http.proxies import behind, with_plain_addresses, without_proxy
from streamwatch.http.server import HttpServer
from streamwatch.http.shelter import Shelter
from streamwatch.http.sockets import listen

App = ASGIApp
"""An ASGI application; rooms that know no Starlette name it so."""
LARGEST_LIST = 16_000_000
"""Bytes of a list of permits that is sent: a quarter of a million lines. They go to the disk as they come."""
LIMITS = HttpLimits(
    connections=256,  # each open page holds one for its events
    head_bytes=16_384,  # a search is an address, and browsers send long headers
    keep_alive=60,
    larger_bodies=dict.fromkeys(("/permits/import", "/api/v1/permit-imports"), LARGEST_LIST),
)


class LazyApp:
    """An ASGI application that is made when the first request comes, and costs no memory before.

    make: called once, in a thread of its own; while it raises, each request calls it again.
    """

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._app: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        app = self._app if self._app is not None else await run_in_threadpool(self._made)
        await app(scope, receive, send)

    def _made(self) -> ASGIApp:
        with self._lock:
            if self._app is None:
                self._app = self._make()
            return self._app


def serve_pages(
    make: Callable[[], ASGIApp],
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    proxies: Sequence[str] = (),
    limits: HttpLimits = LIMITS,
) -> HttpServer:
    """Return a server that listens already; its `run` answers. Raise ConfigError if the port cannot be used.

    make: makes the application when the first request comes. Its exceptions are logged and end nothing. host: a numeric
    address of this machine, or localhost. port: 0 takes a free one. proxies: networks of reverse proxies. With them,
    other clients are refused unless the server speaks https.
    """
    app: ASGIApp = Shelter(LazyApp(make))
    if proxies:
        app = behind(app, proxies, only=tls is None)
    elif is_loopback(host):
        app, limits = without_proxy(app), replace(limits, hosts=LOOPBACK_NAMES)
    return HttpServer(with_plain_addresses(app), listen(host, port, "the console", "web.port"), limits, tls=tls)
