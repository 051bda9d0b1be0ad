"""The page of one passage: what was seen, what was read, what it cost and why, and when the vehicle came before."""

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import Role
from streamwatch.core.model import Engine
from streamwatch.core.sentences import sentence
from streamwatch.store import CallRow, KeyframeRow, KeyframeState, PassageDetail, ReadingRow
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import render, texts_of
from streamwatch.web.context import console_of
from streamwatch.web.lane_view import decision_view
from streamwatch.web.pages.search import asked
from streamwatch.web.passage_view import passage_view, plate_for
from streamwatch.web.routing import page
from streamwatch.web.sentences import CALL_OUTCOMES, ENGINES, KEYFRAME_STATES, PLATE_KINDS


@dataclass(frozen=True, slots=True)
class ViewShown:
    """A keyframe with its readings and calls. chosen, state: sentences."""

    row: KeyframeRow
    chosen: str
    state: str
    readings: tuple[ReadingRow, ...]
    calls: tuple[CallRow, ...]


@dataclass(frozen=True, slots=True)
class PlateBox:
    """Where the plate is in its picture, as the points of an SVG polygon in pixels of the JPEG."""

    points: str
    width: int
    height: int


def passage(request: Request) -> Response:
    """Show one passage. With the query of a search, next and previous stay within what it found."""
    principal, reader = principal_of(request), console_of(request).reader
    scope = None if principal is None else principal.cameras
    number = request.path_params["id"]
    detail = reader.passages.detail(number, scope)
    if detail is None:
        raise HTTPException(404)
    wanted = asked(request)
    query = "" if wanted.errors else wanted.query()
    newer, older = reader.passages.beside(number, wanted.search, scope) if query else (detail.newer, detail.older)
    view = passage_view(request, detail.row)
    return render(
        request,
        "passage.html",
        passage=view,
        detail=detail,
        box=None if not view.crop else _box(detail),
        views=[_view(request, detail, keyframe) for keyframe in detail.keyframes],
        earlier=[passage_view(request, row) for row in detail.earlier],
        paid=_why_paid(request, detail),
        sees_calls=principal is not None and principal.role.at_least(Role.MANAGER),
        charged=sum(call.fee for call in detail.calls if call.charged),
        price=console_of(request).backend.settings.calls.price,
        newer=_link(newer, query),
        older=_link(older, query),
        query=query,
        engines=ENGINES,
        outcomes=CALL_OUTCOMES,
        kinds=PLATE_KINDS,
        shown=lambda plate: plate_for(principal, plate),
        search_link=f"/search?{query}" if query else "",
        decisions=[decision_view(request, row) for row in reader.lanes.of_passages([number], scope).get(number, ())],
    )


def _link(passage: int | None, query: str) -> str:
    return "" if passage is None else f"/passages/{passage}{query and '?' + query}"


def _box(detail: PassageDetail) -> PlateBox | None:
    """Return the place of the plate in the picture that is shown beside it."""
    shown = next((keyframe for keyframe in detail.keyframes if keyframe.id == detail.row.keyframe), None)
    if shown is None or detail.row.corners is None:
        return None
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in detail.row.corners)
    return PlateBox(points, shown.width, shown.height)


def _view(request: Request, detail: PassageDetail, keyframe: KeyframeRow) -> ViewShown:
    _ = texts_of(request).gettext
    state, reason = _(KEYFRAME_STATES[keyframe.state]), sentence(keyframe.state_reason)
    return ViewShown(
        row=keyframe,
        chosen=_(sentence(keyframe.reason)),
        state=f"{state}: {_(reason)}" if reason else state,
        readings=tuple(reading for reading in detail.readings if reading.keyframe == keyframe.id),
        calls=tuple(call for call in detail.calls if call.keyframe == keyframe.id),
    )


def _why_paid(request: Request, detail: PassageDetail) -> str:
    """Return in a sentence whether this passage was paid for, and why."""
    texts = texts_of(request)
    _ = texts.gettext
    charged = [call for call in detail.calls if call.charged]
    doubtful = [call for call in detail.calls if call.charged is None]
    if charged:
        return texts.ngettext("Paid for %(count)d call.", "Paid for %(count)d calls.", len(charged)) % {
            "count": len(charged)
        }
    if doubtful:
        return _("It is not known whether this was charged: a call was sent and brought no answer.")
    if any(reading.engine is Engine.LOCAL and reading.sighting is not None for reading in detail.readings):
        return _("Nothing was paid: the local engine read it.")
    if any(keyframe.state is KeyframeState.WAITING for keyframe in detail.keyframes):
        return _("Nothing has been paid yet: it waits to be read.")
    return _("Nothing was paid.")


ROUTES = [page("/passages/{id:row}", passage, role=Role.VIEWER)]
