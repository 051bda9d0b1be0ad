"""The page that the booth leaves open: what passes, the newest first, and the cameras at this moment."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import Role
from streamwatch.health import CameraHealth
from streamwatch.http.server_sent_events import ServerSentEvent
from streamwatch.store import PassageRow, Search
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import render, render_part
from streamwatch.web.context import console_of
from streamwatch.web.passage_view import passage_view
from streamwatch.web.routing import page
from streamwatch.web.sentences import CAMERA_STATES

SHOWN = 24
"""Passages that the page begins with."""
MOST_MISSED = 300
"""Changes after which a page that comes back is loaded anew."""
_TILE_WIDTH = 320
_NO_PICTURE = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 9"/>'
"""What a camera shows before its first frame."""
Tile = tuple[str, str, str, CameraHealth | None]
"""A camera: its name, the source text of its state, the tone of that, and its figures."""


def gate(request: Request) -> Response:
    """Show the newest passages and the cameras."""
    principal, reader = principal_of(request), console_of(request).reader
    scope = None if principal is None else principal.cameras
    revision = reader.passages.last_revision()  # before the passages: what changes in between is told once more
    rows = reader.passages.find(Search(), scope, limit=SHOWN)
    return render(
        request,
        "gate.html",
        passages=[passage_view(request, row) for row in rows.rows],
        more=rows.after,
        revision=revision,
        tiles=_tiles(request),
        watching=console_of(request).backend.snapshot() is not None,
    )


def cameras(request: Request) -> Response:
    """Return the tiles of the cameras alone, for the page that is open."""
    return render_part(request, "parts/camera_tiles.html", tiles=_tiles(request))


def camera_picture(request: Request) -> Response:
    """Return the present picture of a camera."""
    principal, live, name = principal_of(request), console_of(request).backend.live, request.path_params["name"]
    known = name in console_of(request).backend.settings.cameras
    if principal is None or not principal.sees(name) or live is None or not known:
        raise HTTPException(404)
    if principal.masks_plates:
        raise HTTPException(403)
    found = live.picture(name, _TILE_WIDTH)
    kind, data = ("image/svg+xml", _NO_PICTURE) if found is None else ("image/jpeg", found.jpeg)
    return Response(data, media_type=kind, headers={"Cache-Control": "no-store"})


def events(request: Request) -> Response:
    """Return the stream of passages that are new or have changed, each as a row of the list."""
    console, principal = console_of(request), principal_of(request)

    def row(passage: PassageRow) -> ServerSentEvent | None:
        if principal is None or not principal.sees(passage.camera):
            return None
        html = render_part(request, "parts/passage_row.html", passage=passage_view(request, passage)).body
        return ServerSentEvent(bytes(html).decode(), "passage", str(passage.revision))

    return console.feed.response(
        request.headers.get("last-event-id") or request.query_params.get("after", ""),
        row,
        greeting=ServerSentEvent(console.static.version, "version"),
        lost=ServerSentEvent("", "lost"),
        most=MOST_MISSED,
        listener="" if principal is None else principal.name,
    )


def _tiles(request: Request) -> Sequence[Tile]:
    """Return the cameras that this person may see, with their state."""
    backend, principal = console_of(request).backend, principal_of(request)
    snapshot = backend.snapshot()
    states = {} if snapshot is None else {camera.name: camera for camera in snapshot.cameras}
    names = [name for name in backend.settings.cameras if principal is not None and principal.sees(name)]
    return [(name, *_state(states.get(name)), states.get(name)) for name in names]


def _state(camera: CameraHealth | None) -> tuple[str, str]:
    return ("", "") if camera is None else CAMERA_STATES.get(camera.state, (camera.state, ""))


ROUTES = [
    page("/", gate, role=Role.VIEWER),
    page("/gate/cameras", cameras, role=Role.VIEWER),
    page("/gate/events", events, role=Role.VIEWER),
    page("/gate/cameras/{name}/picture", camera_picture, role=Role.VIEWER),
]
