"""The receivers of events: how each is, what it has refused, and a test of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.app.outward import Tried
from streamwatch.app.receivers import named_receivers
from streamwatch.core.codes import AuditAction, EventType, ReceiverState, Role
from streamwatch.store import DeadLetter, ReceiverStanding
from streamwatch.web.accounts.audit import change, record
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import redirect, render, words_of
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.routing import form_of, page

LETTERS = 50
"""Dead letters on one page."""
STATES = {
    ReceiverState.OK: (N_("takes events"), "good"),
    ReceiverState.FAILING: (N_("fails, tried again soon"), "warn"),
    ReceiverState.PAUSED: (N_("paused, tried now and then"), "bad"),
}
KINDS = {"webhook": N_("Webhook"), "mqtt": N_("MQTT"), "notify": N_("Notifications")}
EVENTS = {
    EventType.SIGHTING: N_("Sighting"),
    EventType.SIGHTING_CORRECTED: N_("Corrected sighting"),
    EventType.DECISION: N_("Decision"),
    EventType.OPENING: N_("Opening"),
    EventType.CAMERA: N_("Camera"),
    EventType.HEALTH: N_("Health"),
    EventType.TEST: N_("Test"),
}


@dataclass(frozen=True, slots=True)
class ReceiverCard:
    """A receiver that the settings name. standing: None until the daemon knows it. tried: a test that just ended."""

    name: str
    kind: str
    place: str
    standing: ReceiverStanding | None
    tried: Tried | None


def outward(request: Request, tried: Mapping[str, Tried] | None = None) -> Response:
    """Show all receivers, and the dead letters. tried: tests that just ended, by receiver."""
    console = console_of(request)
    standings = {one.row.name: one for one in console.reader.events.standings()}
    cards = [
        ReceiverCard(one.name, KINDS[one.kind], one.place, standings.get(one.name), (tried or {}).get(one.name))
        for one in named_receivers(console.backend.settings.outward)
    ]
    before = request.query_params.get("before", "")
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else None
    letters: list[DeadLetter] = console.reader.events.dead_letters(LETTERS + 1, before=after)
    older = f"/outward?before={letters[LETTERS - 1].id}#letters" if len(letters) > LETTERS else ""
    return render(
        request,
        "outward.html",
        receivers=cards,
        letters=letters[:LETTERS],
        older=older,
        newest="/outward#letters" if after is not None else "",
        states=STATES,
        events=EVENTS,
        runs=console.backend.outward is not None,
    )


def change_outward(request: Request) -> Response:
    """Test a receiver, have it tried at once, or have dead letters sent again."""
    fields = form_of(request)
    does = {"test": _test, "hurry": _hurry, "again": _again}
    chosen, name = does.get(str(fields.get("do"))), str(fields.get("name", ""))
    if chosen is None:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    if console_of(request).reader.events.receiver(name) is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return chosen(request, name)


def _test(request: Request, name: str) -> Response:
    return outward(request, {name: try_receiver(request, name)})


def try_receiver(request: Request, name: str) -> Tried:
    """Send a receiver a test event, and return what it said. Raise HTTPException if no daemon serves this page."""
    sends, principal = console_of(request).backend.outward, principal_of(request)
    if sends is None:
        raise HTTPException(HTTPStatus.CONFLICT)
    record(request, AuditAction.RECEIVER_TESTED, name)
    try:
        return sends.test(name, principal.name if principal else "")
    except KeyError:  # removed from the settings meanwhile
        raise HTTPException(HTTPStatus.NOT_FOUND) from None


def _hurry(request: Request, name: str) -> Response:
    _ = words_of(request)
    change(request, lambda store: store.events.hurry(name), AuditAction.RECEIVER_TESTED, name, tried_again=True)
    _wake(request)
    return redirect("/outward", _("It is tried now."))


def _again(request: Request, name: str) -> Response:
    number = str(form_of(request).get("letter", ""))
    letters = [int(number)] if number.isascii() and number.isdigit() and len(number) < 18 else None
    _, sent = words_of(request), send_again(request, name, letters)
    return redirect("/outward", _("Events to be sent again: %(number)s.") % {"number": sent})


def send_again(request: Request, name: str, letters: list[int] | None) -> int:
    """Have dead letters (ids; None: all) of a receiver sent again, and return how many are to be."""
    sent = change(request, lambda store: store.events.send_again(name, letters), AuditAction.EVENTS_RESENT, name)
    _wake(request)
    return sent


def _wake(request: Request) -> None:
    sends = console_of(request).backend.outward
    if sends is not None:
        sends.wake()


ROUTES = [
    page("/outward", outward, role=Role.ADMIN),
    page("/outward", change_outward, role=Role.ADMIN, methods=["POST"]),
]
