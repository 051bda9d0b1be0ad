"""The console as one ASGI application."""

import importlib
import logging
import pkgutil
from collections.abc import Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from streamwatch.app.backend import Backend
from streamwatch.core.errors import StoreError, StreamwatchError
from streamwatch.http.server_sent_events import EventFeed
from streamwatch.store import DatabaseReader
from streamwatch.system.kill_switch import KillSwitch
from streamwatch.web import pages
from streamwatch.web.accounts.audit_middleware import Auditing
from streamwatch.web.accounts.authentication import Authentication
from streamwatch.web.accounts.entrance import Entrance, way_in
from streamwatch.web.answers import error_page
from streamwatch.web.api.application import PATH, make_api
from streamwatch.web.api.problems import refused
from streamwatch.web.catalogue import load_catalogues
from streamwatch.web.context import Console
from streamwatch.web.lane_watch import watch_lanes
from streamwatch.web.response_headers import ResponseHeaders
from streamwatch.web.routing import page
from streamwatch.web.static_files import StaticFiles
from streamwatch.web.templating import Templates

log = logging.getLogger(__name__)


def make_console(
    backend: Backend,
    reader: DatabaseReader,
    *,
    authentication: Sequence[Middleware] = (Middleware(Authentication),),
    others: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the console.

    authentication: sets `request.state.principal`, and refuses what comes from a page of another site. others: further
    routes.
    """
    languages, static = load_catalogues(), StaticFiles()
    feed = EventFeed(reader.passages.last_revision, reader.passages.changed_since, backend.stopping)
    kill_switch = KillSwitch(backend.settings.data_dir)
    watch = watch_lanes(backend, reader, kill_switch)
    lane_feed = EventFeed(watch.newest, watch.since, backend.stopping, listeners=feed.listeners)
    console = Console(
        backend, reader, languages, Templates(languages, static), static, feed, watch, lane_feed, kill_switch
    )
    api = Mount(PATH, make_api(console))
    routes: list[BaseRoute] = [*_pages(), page("/static/{name:path}", static.serve, role=None), *others, api]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(ResponseHeaders), *authentication, Middleware(Auditing)],
        exception_handlers={HTTPException: _in_words, StreamwatchError: _failed},  # type: ignore[dict-item]
    )
    app.state.console = console
    app.state.entrance = Entrance()
    return app


def _pages() -> list[BaseRoute]:
    """Return the routes of every module in `pages/`."""
    modules = (
        importlib.import_module(f"{pages.__name__}.{found.name}") for found in pkgutil.iter_modules(pages.__path__)
    )
    return [route for module in modules for route in getattr(module, "ROUTES", ())]


def _in_words(request: Request, error: HTTPException) -> Response:
    """Return an error page. A handler's own translated sentence is `HTTPException(404, sentence)`."""
    if request.url.path.startswith(f"{PATH}/v1/"):
        return refused(request, error)
    if error.status_code == HTTPStatus.UNAUTHORIZED and (response := way_in(request)) is not None:
        return response
    own = "" if error.detail == HTTPException(error.status_code).detail else error.detail
    response = error_page(request, error.status_code, own)
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response


def _failed(request: Request, error: StreamwatchError) -> Response:
    """Return an error page for an error of the database or the pictures; the log has its words."""
    log.warning("The page %s failed: %s", request.url.path, error)
    return error_page(request, 503 if isinstance(error, StoreError) else 500)
