"""How everything is now: cameras, health, and what changes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from streamwatch.app.representation import Representation, Time, as_json
from streamwatch.core.codes import CameraState
from streamwatch.core.text import json_text
from streamwatch.health import Snapshot, health
from streamwatch.http.server_sent_events import ServerSentEvent
from streamwatch.store import PassageRow
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.api.access import TheConsole, Viewer
from streamwatch.web.api.log_routes import there
from streamwatch.web.api.parameters import LONGEST_NAME
from streamwatch.web.api.shown import Shown
from streamwatch.web.context import Console

CAMERAS, HEALTH, EVENTS = "Cameras", "Health", "Events"
router = APIRouter(prefix="/v1")
NO_DAEMON = "No daemon watches the cameras of this database."
MOST_MISSED = 10_000
"""Changes that a client is told after a lost link; if it missed more, it is told that it must read all anew."""


class CameraObject(Representation):
    """A camera of the config. What the daemon counts, it counts since it was started."""

    name: str = Field(description="its name in config.yaml")
    state: CameraState | None = Field(description="its state; null: no daemon watches it")
    since: Time | None = Field(None, description="when this state began")
    fps: float | None = Field(None, description="pictures received per second")
    last_frame_age: float | None = Field(None, description="seconds since the last picture; null: there was none")
    last_error: str = Field("", description="why it is not online; empty: there was no error")
    unwatched: str = Field("", description="why its substream cannot be watched; empty: it is watched")
    passages: int | None = Field(None, description="vehicles that came")
    read: int | None = Field(None, description="closed passages whose plate was read")
    unread: int | None = Field(None, description="closed passages without a plate that could be read")
    unsure: int | None = Field(None, description="closed passages whose plate cannot be believed")
    failed: int | None = Field(None, description="closed passages that no engine answered")
    read_rate: float | None = Field(None, description="part of the closed passages that was read, 0 to 1")


class CameraList(BaseModel):
    """All cameras."""

    items: list[CameraObject]


class OutboxObject(Representation):
    """Pictures that wait to be read."""

    items: int = Field(description="their number")
    bytes: int = Field(description="their bytes")
    oldest_age: float = Field(description="seconds that the oldest has waited; 0: none waits")
    dropped: int = Field(description="given up unread since the daemon was started")


class HealthObject(BaseModel):
    """The state of the daemon."""

    running: bool = Field(description="true: a daemon watches the cameras")
    healthy: bool = Field(description="true: it runs, and nothing is wrong")
    reasons: list[str] = Field(description="what is wrong, as sentences")
    taken_at: Time | None = Field(None, description="when these figures were taken; null: no daemon runs")
    version: str | None = Field(None, description="of the daemon")
    uptime: float | None = Field(None, description="seconds since it was started")
    clock_trusted: bool | None = Field(None, description="true: the clock of the machine is known to be right")
    outbox: OutboxObject | None = Field(None, description="what waits to be read")
    stalled: list[str] = Field([], description="threads that make no progress")


@router.get("/cameras", tags=[CAMERAS], summary="List cameras")
def list_cameras(console: TheConsole, principal: Viewer) -> CameraList:
    """With their state."""
    return CameraList(items=list(_cameras(console, principal)))


@router.get("/cameras/{name}", tags=[CAMERAS], summary="Get a camera")
def get_camera(
    name: Annotated[str, Path(max_length=LONGEST_NAME)], console: TheConsole, principal: Viewer
) -> CameraObject:
    """With its state."""
    return there(next((camera for camera in _cameras(console, principal) if camera.name == name), None))


@router.get("/health", tags=[HEALTH], summary="Get the health")
def get_health(console: TheConsole, principal: Viewer) -> HealthObject:
    """What `streamwatch status` says, in short. The answer is 200 also if something is wrong."""
    snapshot = console.backend.snapshot()
    if snapshot is None:
        return HealthObject(running=False, healthy=False, reasons=[NO_DAEMON])
    seen = _seen(snapshot, principal)
    well, reasons = health(seen)
    return HealthObject(
        running=True,
        healthy=well,
        reasons=reasons,
        taken_at=seen.taken_at,
        version=seen.version,
        uptime=seen.uptime,
        clock_trusted=seen.clock_trusted,
        outbox=OutboxObject.model_validate(seen.outbox),
        stalled=list(seen.stalled),
    )


@router.get(
    "/events",
    tags=[EVENTS],
    summary="Follow passages",
    response_class=Response,
    responses={
        200: {
            "description": "A stream that does not end.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
def follow(
    console: TheConsole,
    principal: Viewer,
    last_event_id: Annotated[
        str | None, Header(max_length=20, pattern="^[0-9]*$", description="the `id` of the last event that was seen")
    ] = None,
) -> Response:
    """Server-sent events: `passage` each time a passage is new or has changed, with the passage as JSON.

    The id of an event is the passage's revision. Send the last one as `Last-Event-ID` to get what was missed. The event
    `lost` means that too much was missed, or that the database is another one: read the list anew.
    """
    shown = Shown(principal)

    def event(row: PassageRow) -> ServerSentEvent | None:
        if not principal.sees(row.camera):
            return None
        return ServerSentEvent(json_text(as_json(shown.passage(row))), "passage", str(row.revision))

    return console.feed.response(
        last_event_id or "", event, lost=ServerSentEvent("", "lost"), most=MOST_MISSED, listener=principal.name
    )


def _cameras(console: Console, principal: Principal) -> Iterator[CameraObject]:
    snapshot = console.backend.snapshot()
    watched = {} if snapshot is None else {camera.name: camera for camera in snapshot.cameras}
    for name in console.backend.settings.cameras:
        if principal.sees(name):
            camera = watched.get(name)
            yield CameraObject(name=name, state=None) if camera is None else CameraObject.model_validate(camera)


def _seen(snapshot: Snapshot, principal: Principal) -> Snapshot:
    """Return what may be seen of a snapshot by one who may not see all cameras."""
    return replace(
        snapshot,
        cameras=tuple(camera for camera in snapshot.cameras if principal.sees(camera.name)),
        budget=tuple(use for use in snapshot.budget if not use.camera or principal.sees(use.camera)),
        breakers=tuple(
            breaker for breaker in snapshot.breakers if not breaker.camera or principal.sees(breaker.camera)
        ),
        barriers=() if principal.cameras is not None else snapshot.barriers,
        stalled=tuple(name for name in snapshot.stalled if principal.cameras is None or "camera" not in name),
    )
