"""What was seen: sightings, passages, their keyframes, readings and calls."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.app.representation import (
    CallObject,
    KeyframeObject,
    PassageDetailObject,
    PassageObject,
    ReadingObject,
    SightingDetailObject,
    SightingObject,
)
from streamwatch.web.api.access import Manager, TheConsole, Viewer
from streamwatch.web.api.parameters import CallPage, LogPageOf, Number, PassagePage, PictureForm, ReadingPage
from streamwatch.web.api.shown import Shown
from streamwatch.web.pages.pictures import keyframe as keyframe_picture

SIGHTINGS, PASSAGES, PICTURES, LEDGER = "Sightings", "Passages", "Pictures and readings", "Costs"
router = APIRouter(prefix="/v1")
T = TypeVar("T")
NEXT = Field(description="the cursor of the next page; null: there are no more")


class SightingList(BaseModel):
    """A page of sightings."""

    items: list[SightingObject]
    next: str | None = NEXT


class PassageList(BaseModel):
    """A page of passages."""

    items: list[PassageObject]
    next: str | None = NEXT


class KeyframeList(BaseModel):
    """A page of keyframes."""

    items: list[KeyframeObject]
    next: str | None = NEXT


class ReadingList(BaseModel):
    """A page of readings."""

    items: list[ReadingObject]
    next: str | None = NEXT


class CallList(BaseModel):
    """A page of the ledger."""

    items: list[CallObject]
    next: str | None = NEXT


@router.get("/sightings", tags=[SIGHTINGS], summary="List sightings")
def list_sightings(page: Annotated[PassagePage, Query()], console: TheConsole, principal: Viewer) -> SightingList:
    """Newest first; look-alikes after what is the same."""
    shown, search, after = Shown(principal), page.search(), page.after
    shown.may_search(search)
    if search is None:
        return SightingList(items=[], next=None)
    found = console.reader.log.sightings(search, shown.scope, after, page.limit)
    return SightingList(items=[shown.sighting(row) for row in found.rows], next=found.after)


@router.get("/sightings/{id:row}", tags=[SIGHTINGS], summary="Get a sighting")
def get_sighting(id: Number, console: TheConsole, principal: Viewer) -> SightingDetailObject:
    """With all passages that it is made of: the visits within the window of deduplication."""
    shown, reader = Shown(principal), console.reader
    found = there(reader.sighting(id, shown.scope))
    details = (reader.passages.detail(passage, shown.scope) for passage in reader.log.passages_of(id))
    return shown.sighting_detail(found, [detail for detail in details if detail is not None])


@router.get("/passages", tags=[PASSAGES], summary="List passages")
def list_passages(page: Annotated[PassagePage, Query()], console: TheConsole, principal: Viewer) -> PassageList:
    """Every visit of a vehicle, also those that nobody could read; newest first, look-alikes after what is the same."""
    shown, search, after = Shown(principal), page.search(), page.after
    shown.may_search(search)
    if search is None:
        return PassageList(items=[], next=None)
    found = console.reader.passages.find(search, shown.scope, after, page.limit)
    return PassageList(items=[shown.passage(row) for row in found.rows], next=found.after)


@router.get("/passages/{id:row}", tags=[PASSAGES], summary="Get a passage")
def get_passage(id: Number, console: TheConsole, principal: Viewer) -> PassageDetailObject:
    """With its keyframes, readings and (for managers) calls."""
    shown = Shown(principal)
    return shown.detail(there(console.reader.passages.detail(id, shown.scope)))


@router.get("/keyframes", tags=[PICTURES], summary="List keyframes")
def list_keyframes(page: Annotated[LogPageOf, Query()], console: TheConsole, principal: Viewer) -> KeyframeList:
    """Newest first."""
    shown = Shown(principal)
    found = console.reader.log.keyframes(page.wanted(), shown.scope, page.after, page.limit)
    return KeyframeList(items=[shown.keyframe(row) for row in found.rows], next=found.after)


@router.get("/keyframes/{id:row}", tags=[PICTURES], summary="Get a keyframe")
def get_keyframe(id: Number, console: TheConsole, principal: Viewer) -> KeyframeObject:
    """Where its picture is, and what became of it."""
    shown = Shown(principal)
    return shown.keyframe(there(console.reader.log.keyframe(id, shown.scope)))


@router.get(
    "/keyframes/{id:row}/picture",
    tags=[PICTURES],
    summary="Get a picture",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "It is the one that `If-None-Match` names."},
        410: {"description": "It was deleted, or is damaged."},
    },
)
def get_picture(id: Number, form: Annotated[PictureForm, Query()], request: Request, principal: Viewer) -> Response:
    """The JPEG as it was sent to be read, or a smaller one, or only its plate. It never changes."""
    return keyframe_picture(request)


@router.get("/readings", tags=[PICTURES], summary="List readings")
def list_readings(page: Annotated[ReadingPage, Query()], console: TheConsole, principal: Viewer) -> ReadingList:
    """What engines and people read, by the time of the pictures, newest first."""
    shown = Shown(principal)
    found = console.reader.log.readings(page.wanted(), shown.scope, page.after, page.limit)
    return ReadingList(items=[shown.reading(row) for row in found.rows], next=found.after)


@router.get("/calls", tags=[LEDGER], summary="List calls")
def list_calls(page: Annotated[CallPage, Query()], console: TheConsole, principal: Manager) -> CallList:
    """The ledger: every attempt at the paid service, newest first. For managers."""
    shown = Shown(principal)
    found = console.reader.log.calls(page.wanted(), shown.scope, page.after, page.limit)
    return CallList(items=[shown.call(row) for row in found.rows], next=found.after)


def there(found: T | None) -> T:
    """Return what was found. Raise HTTPException if it is nothing."""
    if found is None:
        raise HTTPException(404)
    return found
