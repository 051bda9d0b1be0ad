"""A server beside the cameras that is opened again and again until its port can be used."""

import threading
from collections.abc import Callable

from streamwatch.http.server import HttpServer

AGAIN = 10.0
"""The pause, in seconds, before the daemon tries again to open a port that it could not open."""
GOODBYE = 1.0
"""The time, in seconds, in which answers that have begun may finish when the program ends."""


class ReopenedServer:
    """Serves until `stop`. If that cannot be done, it says so and tries again."""

    def __init__(
        self,
        open: Callable[[], HttpServer],
        opened: Callable[[HttpServer], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """open: returns the server, which listens already. opened: gets it before it serves. failed: gets each error;
        what it raises ends `run`.
        """
        self._open, self._opened, self._failed = open, opened, failed
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server: HttpServer | None = None

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopping.is_set():
            try:
                self._serve()
            except Exception as error:
                self._failed(error)
            self._stopping.wait(AGAIN)

    def stop(self) -> None:
        """End `run`: answers that have begun may take GOODBYE seconds more. Any thread may call it."""
        with self._lock:
            self._stopping.set()
            if self._server is not None:
                self._server.stop(GOODBYE)

    def _serve(self) -> None:
        server = self._open()
        with self._lock:
            self._server = server
            if self._stopping.is_set():
                server.stop()
        self._opened(server)
        server.run()
