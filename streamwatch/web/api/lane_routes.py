"""Lanes and decisions: what may pass, what became of it, and what a person says to it."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streamwatch.app.representation import Image, Representation, Time
from streamwatch.core.codes import (
    Answer,
    DecisionReason,
    LaneMode,
    OpeningCause,
    OpeningState,
    PermitKind,
    Position,
    Role,
    Verdict,
    Way,
    WithheldReason,
)
from streamwatch.core.model import Engine
from streamwatch.store import DecisionFilter, LaneDecision
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.api.access import Guard, TheConsole, Viewer
from streamwatch.web.api.log_routes import NEXT, there
from streamwatch.web.api.parameters import HIGHEST, LONGEST_NAME, LONGEST_PLATE, DecisionPage, Number
from streamwatch.web.context import Console
from streamwatch.web.lane_actions import NotDone, answer_decision
from streamwatch.web.lane_view import lanes_for, near_views, sees_names
from streamwatch.web.passage_view import plate_for

LANES = "Lanes"
router = APIRouter(prefix="/v1")


class OpeningObject(Representation):
    """An opening of a barrier."""

    id: int = Field(description="the opening's number")
    barrier: str = Field(description="name of the barrier in config.yaml")
    cause: OpeningCause = Field(description="why it was to open")
    who: str = Field(description="who opened it; empty: no one")
    note: str = Field(description="the reason that the person gave; empty for other roles")
    requested_at: Time = Field(description="just before sending")
    state: OpeningState = Field(description="what became of it")
    reason: WithheldReason = Field(description="why nothing was sent; empty: it was")
    ended_at: Time | None = Field(description="when the barrier answered; null: not yet, or nothing was sent")
    detail: str = Field(description="what went wrong, in words")


class NearObject(BaseModel):
    """A plate that may have been meant."""

    plate: str = Field(description="the plate of a permit, or of a vehicle that is inside")
    permit: str | None = Field(description="key of its permit; null: none")
    inside_since: Time | None = Field(None, description="when it came in; null: it is not offered for that")


class DecisionObject(Representation):
    """May this vehicle pass? One for each sighting at a lane."""

    id: int = Field(description="the decision's number")
    lane: str = Field(description="name of the lane in config.yaml")
    way: Way = Field(description="the way of the lane at that time")
    camera: str = Field(description="name of the camera")
    plate: str = Field(description="the plate that was read, normalised")
    confidence: float | None = Field(description="of the reading, 0 to 1; null: none was given")
    engine: Engine = Field(description="what read it")
    price: float | None = Field(description="what the calls for it cost; null: not for this role")
    verdict: Verdict = Field(description="only `allow` lets in; take everything else for no")
    reason: DecisionReason = Field(description="the rule that decided")
    warnings: list[DecisionReason] = Field(description="rules that only warned")
    permit: str | None = Field(description="key of the permit that it rests on; null: none, or not for this role")
    permit_kind: PermitKind | None = Field(description="kind of that permit; null: there is none")
    permit_plate: str = Field(description="the plate of that permit; it differs from `plate` if the match is inexact")
    holder: str | None = Field(description="holder of that permit; null: none, or not for this role")
    near: list[NearObject] = Field(description="what a person may pick in an answer; empty for other roles")
    captured_at: Time = Field(description="when the picture was taken")
    decided_at: Time = Field(description="when it was decided")
    revised: int = Field(description="how often a better reading has changed it")
    answer: Answer | None = Field(description="what a person said to it; null: nothing")
    answered_by: str = Field(description="who said so")
    answered_at: Time | None = Field(description="when that was; null: nobody has answered")
    answer_plate: str = Field(description="the plate that the person picked; empty: none")
    passed_at: Time | None = Field(description="when the vehicle was let through; null: it was not")
    passage: int | None = Field(description="number of the passage; null: it was deleted")
    keyframe: int | None = Field(description="number of the keyframe that it rests on; null: it was deleted")
    image: Image
    openings: list[OpeningObject] = Field(description="what followed, the oldest first")


class DecisionList(BaseModel):
    """A page of decisions."""

    items: list[DecisionObject]
    next: str | None = NEXT


class LaneObject(BaseModel):
    """A lane of the config."""

    name: str = Field(description="its name in config.yaml")
    way: Way = Field(description="the way of its vehicles")
    mode: LaneMode = Field(description="what it does with a decision")
    cameras: list[str] = Field(description="its cameras, of those that may be seen")
    barrier: str | None = Field(description="name of its barrier; null: it has none")
    position: Position | None = Field(description="where the barrier is; null: not reported")
    fault: str = Field(description="what is wrong with the barrier; empty: nothing")
    killed: bool = Field(description="true: the kill switch is on, and nothing opens")
    held_until: Time | None = Field(description="until when the schedule holds it open; null: it does not")
    decision: DecisionObject | None = Field(description="the last decision; null: there is none")


class LaneList(BaseModel):
    """All lanes."""

    items: list[LaneObject]


class AnswerObject(BaseModel, extra="forbid", strict=True):
    """What a person says to a decision."""

    answer: Annotated[Answer, Field(strict=False)] = Field(description="opened or refused")
    plate: str | None = Field(
        None, max_length=LONGEST_PLATE, description="one of `near` if it is the vehicle; null: it is what was read"
    )
    revised: int | None = Field(
        None,
        ge=0,
        le=HIGHEST,
        description="`revised` as it was seen; another reading is refused then; null: as it is now",
    )


class AnsweredObject(BaseModel):
    """What came of an answer."""

    told: str = Field(description="what came of it, as a sentence")
    decision: DecisionObject = Field(description="the decision after it")


@router.get("/lanes", tags=[LANES], summary="List lanes")
def list_lanes(request: Request, console: TheConsole, principal: Viewer) -> LaneList:
    """With the state of their barriers and the last decision."""
    return LaneList(items=list(_lanes(request, console, principal)))


@router.get("/lanes/{name}", tags=[LANES], summary="Get a lane")
def get_lane(
    name: Annotated[str, Path(max_length=LONGEST_NAME)], request: Request, console: TheConsole, principal: Viewer
) -> LaneObject:
    """With the state of its barrier and the last decision."""
    return there(next((lane for lane in _lanes(request, console, principal) if lane.name == name), None))


@router.get("/decisions", tags=[LANES], summary="List decisions")
def list_decisions(
    page: Annotated[DecisionPage, Query()], request: Request, console: TheConsole, principal: Viewer
) -> DecisionList:
    """Newest first."""
    if page.plate is not None and principal.masks_plates:
        raise HTTPException(403, "You see plates only in part, so you cannot search for one.")
    found = console.reader.lanes.find(page.wanted(), principal.cameras, page.after, page.limit)
    return DecisionList(items=[_decision(request, row, principal) for row in found.rows], next=found.after)


@router.get("/decisions/{id:row}", tags=[LANES], summary="Get a decision")
def get_decision(id: Number, request: Request, console: TheConsole, principal: Viewer) -> DecisionObject:
    """With what followed."""
    return _decision(request, there(console.reader.lanes.one(id, principal.cameras)), principal)


@router.post(
    "/decisions/{id:row}/answer",
    tags=[LANES],
    summary="Answer a decision",
    responses={409: {"description": "Nothing was done: somebody was first, it was too late, or nothing may open."}},
)
def answer(id: Number, said: AnswerObject, request: Request, console: TheConsole, principal: Guard) -> AnsweredObject:
    """Let the vehicle pass, which opens the barrier of the lane, or refuse it. For guards.

    The first answer counts. 200 means that it was taken; `decision.openings` says what the barrier did.
    """
    if principal.masks_plates:
        raise HTTPException(403, "You see plates only in part, so you cannot answer.")
    row = there(console.reader.lanes.one(id, principal.cameras))
    if row.lane not in console.backend.settings.lanes:
        raise HTTPException(409, "There is no such lane in config.yaml any more.")
    permit, picked = None, said.plate or ""
    if picked:
        offered = {one.plate: one.permit for one in near_views(request, row)}
        if picked not in offered:
            raise HTTPException(409, "This plate is not one of `near`.")
        permit = offered[picked]
    try:
        told = answer_decision(request, row, said.answer, said.revised, picked, permit)
    except NotDone as refused:
        raise HTTPException(409, refused.told.text) from None
    return AnsweredObject(
        told=told.text, decision=_decision(request, there(console.reader.lanes.one(id, principal.cameras)), principal)
    )


def _lanes(request: Request, console: Console, principal: Principal) -> Iterator[LaneObject]:
    barriers = console.backend.barriers
    states = {} if barriers is None else {state.name: state for state in barriers.states()}
    killed = console.kill_switch.is_on
    for name in lanes_for(request):
        lane = console.backend.settings.lanes[name]
        state = states.get(lane.barrier or "")
        last = console.reader.lanes.find(DecisionFilter(lanes=frozenset({name})), principal.cameras, limit=1).rows
        yield LaneObject(
            name=name,
            way=lane.way,
            mode=lane.mode,
            cameras=[camera for camera in lane.cameras if principal.sees(camera)],
            barrier=lane.barrier,
            position=None if state is None else state.position,
            fault="" if state is None else state.fault,
            killed=killed,
            held_until=None if state is None else state.held_until,
            decision=_decision(request, last[0], principal) if last else None,
        )


def _decision(request: Request, row: LaneDecision, principal: Principal) -> DecisionObject:
    """Return a decision as one who asks may see it."""
    names = sees_names(principal)
    openings = [OpeningObject.model_validate(opening) for opening in row.openings]
    near = near_views(request, row) if names and row.answer is None else ()
    picture = f"/api/v1/keyframes/{row.keyframe}/picture" if row.picture else None
    return DecisionObject(
        id=row.id,
        lane=row.lane,
        way=row.way,
        camera=row.camera,
        plate=plate_for(principal, row.plate),
        confidence=row.confidence,
        engine=row.engine,
        price=row.price if principal.role.at_least(Role.MANAGER) else None,
        verdict=row.verdict,
        reason=row.reason,
        warnings=list(row.warnings),
        permit=row.permit.key if names and row.permit is not None else None,
        permit_kind=None if row.permit is None else row.permit.kind,
        permit_plate=plate_for(principal, row.permit_plate),
        holder=row.permit.holder if names and row.permit is not None else None,
        near=[NearObject(plate=one.plate, permit=one.permit, inside_since=one.inside_since) for one in near],
        captured_at=row.captured_at,
        decided_at=row.decided_at,
        revised=row.revised,
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        answer_plate=plate_for(principal, row.answer_plate),
        passed_at=row.passed_at,
        passage=row.passage,
        keyframe=row.keyframe,
        image=picture,
        openings=openings if names else [one.model_copy(update={"note": ""}) for one in openings],
    )
