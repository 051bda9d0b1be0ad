"""The port where cameras post what they have seen, and the thread that serves it."""

import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial

from streamwatch.app.push_address import PATH, PUSH_FILES
from streamwatch.app.push_camera import PushCamera
from streamwatch.app.substream_camera import Camera
from streamwatch.config.push_settings import PushSettings
from streamwatch.core.endpoint import is_loopback
from streamwatch.core.errors import StreamwatchError
from streamwatch.http.limits import HttpResponse
from streamwatch.http.post_head import PostHead, plain
from streamwatch.http.posts import Exchange, serve_posts
from streamwatch.http.server import HttpServer
from streamwatch.http.tls import tls_context

log = logging.getLogger(__name__)

AGAIN = 10.0
"""The pause, in seconds, before the daemon tries again to open a port that it could not open."""
GOODBYE = 1.0
"""The time, in seconds, in which answers that have begun may finish when the program ends."""


def open_push(settings: PushSettings, cameras: Mapping[str, Camera]) -> HttpServer:
    """Return the server, which listens already. Raise ConfigError if the port or the certificate cannot be used."""
    tls = partial(tls_context, settings.tls_certificate, settings.tls_key, PUSH_FILES)
    return serve_posts(
        PushDesk(cameras), settings.host, settings.port, purpose="cameras that post", key="push.port", tls=tls
    )


class PushDesk:
    """Hands each post to its camera, by the path `/push/NAME` or `/push/NAME/SECRET`. cameras: those that there are."""

    def __init__(self, cameras: Mapping[str, Camera]) -> None:
        self._cameras = cameras

    def admit(self, head: PostHead) -> HttpResponse | None:
        """Return why a post is refused; see `Desk`."""
        camera, secret = self._camera(head.path)
        if camera is None:
            return plain(404, "There is no such camera.")
        return camera.refusal(secret, head)

    def take(self, exchange: Exchange) -> None:
        """Hand a post to its camera; see `Desk`."""
        camera, _ = self._camera(exchange.head.path)
        if camera is None:
            exchange.answer(plain(404, "There is no such camera."))
        else:
            camera.take(exchange)

    def _camera(self, path: str) -> tuple[PushCamera | None, str]:
        name, _, secret = path.removeprefix(PATH).partition("/")
        camera = self._cameras.get(name) if path.startswith(PATH) else None
        return (camera, secret) if isinstance(camera, PushCamera) else (None, "")


class PushServer:
    """Serves the cameras that post. If that cannot be done, it says so and tries again.

    open: returns the server, which listens already.
    """

    def __init__(self, open: Callable[[], HttpServer]) -> None:
        self._open = open
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server: HttpServer | None = None
        self._why = ""

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopping.is_set():
            try:
                self._serve()
            except StreamwatchError as error:
                if str(error) != self._why:
                    log.error("%s Until then cameras cannot post; the others are watched.", error)
                self._why = str(error)
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
        log.info("cameras may post at port %d", server.port)
        self._why = ""
        server.run()


def without_tls(settings: PushSettings) -> bool:
    """Return True if pictures and secrets pass the network unencrypted."""
    return settings.tls_certificate is None and not is_loopback(settings.host)
