"""The receivers of events: how each is, a test of it, and sending again what it refused."""

from fastapi import APIRouter
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streamwatch.app.receivers import named_receivers
from streamwatch.app.representation import Representation, Time
from streamwatch.core.codes import ReceiverState
from streamwatch.web.api.access import Admin, Manager, TheConsole
from streamwatch.web.context import Console
from streamwatch.web.pages.outward import send_again, try_receiver

RECEIVERS = "Receivers"
router = APIRouter(prefix="/v1")


class ReceiverObject(Representation):
    """A receiver of events."""

    name: str = Field(description="its name in config.yaml")
    kind: str = Field(description="webhook, mqtt or notify")
    place: str = Field(description="where it is, without secrets")
    state: ReceiverState | None = Field(description="null: the daemon does not know it yet")
    failing_since: Time | None = Field(description="null: all is well")
    next_try: Time | None = Field(description="null: at once, or all is well")
    error: str = Field(description="the last failure in words; empty: all is well")
    taken_at: Time | None = Field(description="when it last took events")
    waiting: int = Field(description="events that are still to be looked at for it")
    dead: int = Field(description="events that it refused for good")
    lost: int = Field(description="events that were deleted before it had them: `outward.max_events`")


class TriedObject(Representation):
    """How a test of a receiver ended."""

    ok: bool = Field(description="true: it has taken the test event")
    said: str = Field(description="what it said, or what went wrong, in words")


class ResentObject(Representation):
    """What is sent again."""

    events: int = Field(description="how many events")


@router.get("/receivers", tags=[RECEIVERS], summary="Who is told what happens")
def receivers(console: TheConsole, principal: Manager) -> list[ReceiverObject]:
    """For managers. All receivers that `config.yaml` names."""
    standings = {one.row.name: one for one in console.reader.events.standings()}
    found = []
    for receiver in named_receivers(console.backend.settings.outward):
        standing = standings.get(receiver.name)
        row = None if standing is None else standing.row
        found.append(
            ReceiverObject(
                name=receiver.name,
                kind=receiver.kind,
                place=receiver.place,
                state=None if row is None else row.state,
                failing_since=None if row is None else row.failing_since,
                next_try=None if row is None else row.next_try,
                error="" if row is None else row.error,
                taken_at=None if row is None else row.taken_at,
                waiting=0 if standing is None else standing.waiting,
                dead=0 if standing is None else standing.dead,
                lost=0 if row is None else row.lost,
            )
        )
    return found


@router.post(
    "/receivers/{name}/test",
    tags=[RECEIVERS],
    summary="Send a test event",
    responses={409: {"description": "No daemon serves this address."}},
)
def test_receiver(name: str, request: Request, console: TheConsole, principal: Admin) -> TriedObject:
    """Send `streamwatch.test.v1` to this receiver alone, past its queue. For admins."""
    _require(console, name)
    tried = try_receiver(request, name)
    return TriedObject(ok=tried.ok, said=tried.said)


@router.post("/receivers/{name}/resend", tags=[RECEIVERS], summary="Send again what it refused")
def resend(name: str, request: Request, console: TheConsole, principal: Admin) -> ResentObject:
    """Have all events that the receiver refused for good sent to it once more. For admins."""
    _require(console, name)
    return ResentObject(events=send_again(request, name, None))


def _require(console: Console, name: str) -> None:
    if console.reader.events.receiver(name) is None:
        raise HTTPException(404)
