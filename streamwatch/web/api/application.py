"""The API as one ASGI application, which the console mounts at `/api`."""

from functools import cache
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamwatch.core.errors import PermitError, StreamwatchError
from streamwatch.web.api import (
    barrier_routes,
    export_routes,
    lane_routes,
    log_routes,
    permit_routes,
    receiver_routes,
    state_routes,
    write_routes,
)
from streamwatch.web.api.access import BEARER, Viewer
from streamwatch.web.api.barrier_routes import BARRIERS
from streamwatch.web.api.lane_routes import LANES
from streamwatch.web.api.log_routes import LEDGER, PASSAGES, PICTURES, SIGHTINGS
from streamwatch.web.api.permit_routes import PERMITS
from streamwatch.web.api.problems import Unexpected, failed, invalid, refused, unfit
from streamwatch.web.api.receiver_routes import RECEIVERS
from streamwatch.web.api.specification import specification
from streamwatch.web.api.state_routes import CAMERAS, EVENTS, HEALTH
from streamwatch.web.api.write_routes import CONFIG
from streamwatch.web.context import Console

PATH = "/api"
"""Where the console mounts the API."""
_TAGS = [
    {"name": SIGHTINGS, "description": "A plate at a camera, from when it was first seen until it was last seen."},
    {"name": PASSAGES, "description": "One vehicle's visit to a camera, with or without a plate that could be read."},
    {"name": PICTURES, "description": "The views of passages that were kept, and what was read in them."},
    {"name": LEDGER, "description": "What was paid."},
    {"name": LANES, "description": "Who may pass: decisions, and what became of them."},
    {"name": BARRIERS, "description": "What opens: its state, opening by hand, and the kill switch."},
    {"name": RECEIVERS, "description": "Who is told what happens."},
    {"name": CAMERAS, "description": "The cameras of the config."},
    {"name": PERMITS, "description": "Which vehicles may pass, and which may not."},
    {"name": HEALTH, "description": "The state of the program."},
    {"name": CONFIG, "description": "What `config.yaml` holds."},
    {"name": EVENTS, "description": "What changes, told at once."},
]


def make_api(console: Console) -> FastAPI:
    """Return the API over the parts of a console."""
    api = _plain()
    api.state.console = console
    return api


@cache
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return specification(_plain())


def _plain() -> FastAPI:
    api = FastAPI(
        openapi_url=None,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(BEARER)],
        generate_unique_id_function=lambda route: route.name,
        middleware=[Middleware(Unexpected)],
    )
    handlers = (
        (HTTPException, refused),
        (RequestValidationError, invalid),
        (PermitError, unfit),
        (StreamwatchError, failed),
    )
    for error, handler in handlers:
        api.add_exception_handler(error, handler)  # type: ignore[arg-type]
    modules = (
        log_routes,
        export_routes,
        write_routes,
        lane_routes,
        permit_routes,
        barrier_routes,
        receiver_routes,
        state_routes,
    )
    for routes in modules:
        api.include_router(routes.router)
    own = (route for routes in modules for route in routes.router.routes)
    api.state.operations = [route for route in own if isinstance(route, Route)]
    api.add_api_route("/openapi.json", _document, methods=["GET"], include_in_schema=False)
    return api


def _document(_: Request, principal: Viewer) -> Response:
    """Return the OpenAPI document."""
    return JSONResponse(document())
