"""The console on its port: what is said if it cannot be served, and the thread that serves it."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from streamwatch.app import console_access
from streamwatch.app.backend import Backend
from streamwatch.app.reopened_server import GOODBYE, ReopenedServer
from streamwatch.config.settings import Settings
from streamwatch.core.errors import StreamwatchError
from streamwatch.health import ConsoleHealth
from streamwatch.http.pages import App, serve_pages
from streamwatch.http.server import HttpServer
from streamwatch.system import stderr
from streamwatch.system.threads import spawn

log = logging.getLogger(__name__)

MakeConsole = Callable[[Backend], App]
"""Make the pages over a backend; called when the first request comes."""
LISTEN_EVERY = 5.0
"""The interval, in seconds, at which the messages of libraries about damaged pictures are read."""


def open_console(settings: Settings, make: Callable[[], App]) -> HttpServer:
    """Return the server of the console, which listens already. make: called when the first request comes.

    Raise ConfigError if the port is taken, or if other machines could reach the console without users or https.
    """
    web, tls = settings.web, console_access.protection(settings)
    return serve_pages(make, web.host, web.port, tls=tls, proxies=web.behind_proxy)


class ConsoleServer:
    """Serves the console beside the cameras. If that cannot be done, it says so and tries again.

    health: how it stands; replaced as a whole.
    """

    def __init__(self, address: str, open: Callable[[], HttpServer]) -> None:
        server = ReopenedServer(open, self._opened, self._failed)
        self.run, self.stop = server.run, server.stop
        self._address = address
        self.health = ConsoleHealth()

    def _opened(self, _: HttpServer) -> None:
        log.info("the console is at %s", self._address)
        self.health = ConsoleHealth(self._address)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, StreamwatchError):
            if str(error) != self.health.why:
                log.warning("%s Until then there is no console; the cameras are watched.", error)
            self.health = ConsoleHealth(why=str(error))
        else:  # of the server itself; those of pages end nothing
            log.error("the console failed unexpectedly; it is started again", exc_info=error)
            self.health = ConsoleHealth(why=f"It failed unexpectedly ({type(error).__name__}).")


def serve_until_signal(server: HttpServer, stop: threading.Event) -> int:
    """Serve until SIGTERM or SIGINT and return the exit code. stop: set at the signal. A second signal ends at once."""
    failed: list[BaseException] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()
        server.stop(GOODBYE)

    def run() -> None:
        try:
            server.run()
        except BaseException as error:
            log.critical("the console failed unexpectedly", exc_info=error)
            failed.append(error)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    thread = spawn(run, "console")
    while thread.is_alive():
        thread.join(LISTEN_EVERY)
        stderr.tell()
    return 1 if failed else 0
