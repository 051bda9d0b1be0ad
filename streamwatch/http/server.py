"""The one server for all that listens: an ASGI application behind limits and deadlines, on a thread of its own."""

import asyncio
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from streamwatch.http.application import Application
from streamwatch.http.connection import Connection
from streamwatch.http.connections import Connections
from streamwatch.http.limits import HttpLimits, Refuse, refuse_plainly

log = logging.getLogger(__name__)

NO_DESCRIPTOR = 0.1
"""Seconds to wait when the process has no file descriptor left for a new connection."""
GOODBYE = 5.0
"""Seconds that a client has to end TLS."""


class HttpServer:
    """Serves an ASGI application on a listening socket. port: where it listens.

    An exception of the application ends `run`, as it would end any other thread.

    listener: from `listen`; the server closes it. refuse: makes the answers to requests that break a limit.
    """

    def __init__(
        self,
        app: ASGIApp,
        listener: socket.socket,
        limits: HttpLimits,
        *,
        tls: ssl.SSLContext | None = None,
        refuse: Refuse = refuse_plainly,
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener, self._limits, self._tls, self._refuse = listener, limits, tls, refuse
        self._app = Application(app, limits, refuse, self._fail)
        self._connections = Connections(limits.connections)
        self._lock = threading.RLock()  # a signal handler may call `stop` on a thread that holds it
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped = False
        self._leaving = asyncio.Event()
        self._error: Exception | None = None

    def run(self) -> None:
        """Serve until `stop`; blocks. Raise what the application raises."""
        with self._lock:
            if self._stopped:
                return
            self._loop = loop = asyncio.new_event_loop()
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._serve())
        if self._error is not None:
            raise self._error

    def stop(self, within: float = 0.0) -> None:
        """End `run`, from any thread, also before it is called: take no new connection, and answer what has begun.

        within: seconds after which the server cuts off the clients whose requests are not answered. A later call may
        shorten the time.
        """
        with self._lock:
            self._stopped = True
            if self._loop is None:
                self._listener.close()
            else:
                with suppress(RuntimeError):  # it has ended
                    self._loop.call_soon_threadsafe(self._leave, within)

    def _leave(self, within: float) -> None:
        if not self._leaving.is_set():
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._leaving.set()
        self._app.leaving = True
        self._connections.leave()
        asyncio.get_running_loop().call_later(within, self._connections.cut_off)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._leave(0.0)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_tell)
        make = partial(Connection, _uvicorn(self._app, self._limits), ServerState(), self._limits, self._refuse)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._listen(partial(self._accept, make, tasks))
                await self._leaving.wait()
                await self._connections.until_empty()
        finally:
            self._listener.close()

    def _listen(self, accept: Callable[[], None]) -> None:
        if not self._leaving.is_set():
            asyncio.get_running_loop().add_reader(self._listener, accept)

    def _accept(self, make: Callable[..., Connection], tasks: asyncio.TaskGroup) -> None:
        """Take one connection; the event loop serves the others before it calls again."""
        try:
            peer, address = self._listener.accept()
        except BlockingIOError:  # the client is gone again
            return
        except OSError:  # no descriptor is left
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener)
            loop.call_later(NO_DESCRIPTOR, self._listen, partial(self._accept, make, tasks))
            return
        if not self._connections.make_room():
            peer.close()
            return
        peer.setblocking(False)
        connection = make(peer, str(address[0]), self._connections.remove)
        self._connections.add(connection)
        tasks.create_task(self._open(connection, peer))

    async def _open(self, connection: Connection, peer: socket.socket) -> None:
        timeouts = {"ssl_handshake_timeout": self._limits.head_seconds, "ssl_shutdown_timeout": GOODBYE}
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection, peer, ssl=self._tls, **(timeouts if self._tls else {})
            )
        except OSError:  # the client speaks no TLS, or is too slow, or is gone again
            peer.close()
            self._connections.remove(connection)


def _tell(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what went wrong in the event loop; a client may end its connection at any moment, which is no error."""
    error = context.get("exception")
    level = logging.DEBUG if isinstance(error, OSError) else logging.ERROR
    log.log(level, "%s", context["message"], exc_info=error)


def _uvicorn(app: ASGIApp, limits: HttpLimits) -> Config:
    """Return uvicorn's configuration: it logs nothing, adds no header, and reads none of its environment variables."""
    config = Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        workers=1,
        timeout_keep_alive=limits.keep_alive,
    )
    config.load()
    return config
