"""The port where cameras post what they have seen, and the thread that serves it."""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from streamwatch.app.push_address import PATH, PUSH_FILES
from streamwatch.app.push_camera import PushCamera
from streamwatch.app.reopened_server import ReopenedServer
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
        server = ReopenedServer(open, self._opened, self._failed)
        self.run, self.stop = server.run, server.stop
        self._why = ""

    def _opened(self, server: HttpServer) -> None:
        log.info("cameras may post at port %d", server.port)
        self._why = ""

    def _failed(self, error: Exception) -> None:
        """Say once why cameras cannot post. Raise what is unexpected."""
        if not isinstance(error, StreamwatchError):
            raise error
        if str(error) != self._why:
            log.error("%s Until then cameras cannot post; the others are watched.", error)
        self._why = str(error)


def without_tls(settings: PushSettings) -> bool:
    """Return True if pictures and secrets pass the network unencrypted."""
    return settings.tls_certificate is None and not is_loopback(settings.host)
