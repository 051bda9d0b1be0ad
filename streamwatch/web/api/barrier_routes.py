"""Barriers: how they stand, opening one by hand, trying one, and the kill switch."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streamwatch.app.barriers import Barriers
from streamwatch.app.representation import Representation, Time
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.codes import AuditAction, OpeningCause, OpeningState, Position, Role
from streamwatch.store.openings import MOST_NOTE
from streamwatch.web.accounts.audit import record, write_down
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.api.access import Admin, Guard, TheConsole, Viewer
from streamwatch.web.api.log_routes import there
from streamwatch.web.api.parameters import LONGEST_NAME
from streamwatch.web.context import Console
from streamwatch.web.lane_view import lanes_for, opening_words

BARRIERS = "Barriers"
router = APIRouter(prefix="/v1")
Name = Annotated[str, Path(max_length=LONGEST_NAME)]
_NO_DAEMON = "Nothing opens here: no daemon runs behind this console."
_NOT_DONE: dict[int | str, dict[str, Any]] = {
    409: {"description": "Nothing was sent: the kill switch, another opening, or no daemon."},
    502: {"description": "The barrier refused, or is not there."},
    504: {"description": "Nobody knows if it has opened. Look at it; nothing is tried again."},
}
_STATUS = {OpeningState.WITHHELD: 409, OpeningState.FAILED: 502}
"""The status of an opening that was not done; 504 for all others."""


class BarrierObject(Representation):
    """A barrier of the config."""

    name: str = Field(description="its name in config.yaml")
    lanes: list[str] = Field(description="the lanes that it is at, of those that may be seen")
    position: Position | None = Field(description="where it is, as its sensor says; null: not reported")
    sensed: bool = Field(description="true: it has a sensor")
    fault: str = Field(description="what is wrong, as a sentence; empty: nothing")
    fault_since: Time | None = Field(description="since when; null: nothing is wrong")
    killed: bool = Field(description="true: the kill switch is on, and nothing opens")
    held_until: Time | None = Field(description="until when the schedule holds it open; null: it does not")
    holds: bool = Field(description="true: it can be held open")
    busy: bool = Field(description="true: an opening is under way")
    unreleased: bool = Field(description="true: its relay could not be released, so it may stay open")


class BarrierList(BaseModel):
    """All barriers."""

    items: list[BarrierObject]


class OrderObject(BaseModel, extra="forbid", strict=True):
    """Why a barrier is to open."""

    reason: str = Field(min_length=1, max_length=MOST_NOTE, pattern=r"\S", description="why it is to open")


class OpenedObject(BaseModel):
    """What a barrier has done."""

    opening: str = Field(description="key of the opening, as in events")
    state: OpeningState = Field(description="done: the barrier has said that it opens")


class KillSwitchObject(BaseModel, extra="forbid", strict=True):
    """The kill switch of all barriers."""

    on: bool = Field(description="true: no barrier opens, also not by hand and not after a restart")


@router.get("/barriers", tags=[BARRIERS], summary="List barriers")
def list_barriers(request: Request, console: TheConsole, principal: Viewer) -> BarrierList:
    """With their state. The list is empty while no daemon runs behind this console."""
    barriers, lanes = console.backend.barriers, set(lanes_for(request))
    states = () if barriers is None else barriers.states()
    return BarrierList(
        items=[
            BarrierObject.model_validate(state).model_copy(update={"lanes": [n for n in state.lanes if n in lanes]})
            for state in states
            if _may_see(principal, state.lanes, lanes)
        ]
    )


@router.post("/barriers/{name}/open", tags=[BARRIERS], summary="Open a barrier by hand", responses=_NOT_DONE)
def open_barrier(
    name: Name, order: OrderObject, request: Request, console: TheConsole, principal: Guard
) -> OpenedObject:
    """Send one pulse, now or never. For guards. 200 means that the barrier has said yes; anything else means no."""
    barriers = _barriers(console)
    _require(name, barriers, request, principal)
    outcome = barriers.request_at(name, OpeningCause.BY_HAND, principal.name, order.reason)
    _note(request, name, outcome, order.reason)
    return _told(outcome)


@router.post("/barriers/{name}/test", tags=[BARRIERS], summary="Try a barrier", responses=_NOT_DONE)
def try_barrier(
    name: Name, order: OrderObject, request: Request, console: TheConsole, principal: Admin
) -> OpenedObject:
    """As opening by hand, for admins: it really opens, and its row says that it was a test."""
    barriers = _barriers(console)
    _require(name, barriers, request, principal)
    outcome = barriers.request_at(name, OpeningCause.TEST, principal.name, order.reason)
    _note(request, name, outcome, order.reason)
    return _told(outcome)


@router.get("/kill-switch", tags=[BARRIERS], summary="Get the kill switch")
def get_kill_switch(console: TheConsole, principal: Viewer) -> KillSwitchObject:
    """It is a file beside the database, which people, pages and programs make and remove."""
    return KillSwitchObject(on=console.kill_switch.is_on)


@router.put("/kill-switch", tags=[BARRIERS], summary="Turn the kill switch")
def set_kill_switch(
    wanted: KillSwitchObject, request: Request, console: TheConsole, principal: Guard
) -> KillSwitchObject:
    """Guards turn it on; only managers turn it off. While it is on, no barrier opens in any way."""
    barriers = console.backend.barriers
    if wanted.on:
        if barriers is None:
            console.kill_switch.turn_on(principal.name, datetime.now(UTC))
        else:
            barriers.kill(principal.name)
        write_down(request, AuditAction.OPENINGS_STOPPED)
    else:
        if not principal.role.at_least(Role.MANAGER):
            raise HTTPException(403, "Only a manager may turn the kill switch off.")
        record(request, AuditAction.OPENINGS_RESUMED)
        if barriers is None:
            console.kill_switch.turn_off()
        else:
            barriers.unkill(principal.name)
    return KillSwitchObject(on=console.kill_switch.is_on)


def _barriers(console: Console) -> Barriers:
    if console.backend.barriers is None:
        raise HTTPException(409, _NO_DAEMON)
    return console.backend.barriers


def _may_see(principal: Principal, of: tuple[str, ...], lanes: set[str]) -> bool:
    """Return True if somebody sees a barrier: who sees all cameras, or one of a lane of it."""
    return principal.cameras is None or bool(lanes.intersection(of))


def _require(name: str, barriers: Barriers, request: Request, principal: Principal) -> None:
    """Raise HTTPException unless there is a barrier of this name that the one who asks may see."""
    state = there(next((state for state in barriers.states() if state.name == name), None))
    if not _may_see(principal, state.lanes, set(lanes_for(request))):
        raise HTTPException(404)


def _note(request: Request, name: str, outcome: OpeningOutcome, reason: str) -> None:
    write_down(request, AuditAction.OPENED_BY_HAND, name, reason=reason, state=outcome.state.value)


def _told(outcome: OpeningOutcome) -> OpenedObject:
    if not outcome.opened:
        said = opening_words(outcome.state, outcome.reason, outcome.detail, str)
        raise HTTPException(_STATUS.get(outcome.state, 504), f"{said.rstrip('.')}.")
    return OpenedObject(opening=outcome.key, state=outcome.state)
