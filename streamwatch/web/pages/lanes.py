"""The pages of the lanes, which a guard leaves open: what was decided, what waits for an answer, and what opens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamwatch.core.codes import Answer, LaneMode, PermitState, Role, Verdict
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.http.server_sent_events import ServerSentEvent
from streamwatch.imaging.previews import preview
from streamwatch.store import DecisionFilter
from streamwatch.store.permit_rows import PermitRow
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import redirect, render, render_part, texts_of, words_of
from streamwatch.web.context import console_of
from streamwatch.web.lane_actions import (
    NotDone,
    answer_decision,
    open_by_hand,
    open_for_code,
    resume_openings,
    stop_openings,
)
from streamwatch.web.lane_view import (
    DecisionView,
    Told,
    barrier_view,
    decision_view,
    lanes_for,
    may_wait,
    near_views,
    opening_view,
)
from streamwatch.web.lane_watch import CALLS, KILL_SWITCH, LaneChange
from streamwatch.web.lane_words import HAND_DASH, HAND_REASONS, MODES, PERMIT_STATES, WAYS
from streamwatch.web.pages.pictures import WIDTHS
from streamwatch.web.routing import form_of, page
from streamwatch.web.templating import Wording

ALONE, AMONG = 10, 4
"""Earlier decisions that a lane shows on its own page, and on the page of all lanes."""
_MOST_WAITING = 3
"""Questions that a lane shows beside its newest decision."""
_LONGEST = 150
"""Characters of a reason that is typed."""
_CODE = 24
"""Characters of a visitor's code, however it is written."""


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """Something that happened at a lane: a decision, or an opening without one."""

    at: datetime
    decision: DecisionView | None = None
    opening: Told | None = None


@dataclass(frozen=True, slots=True)
class LaneView:
    """A lane as its part of a page shows it.

    number: of the lane on the page. barrier, fault: what its barrier says of itself. waits: id of the first question
    that calls; empty: none. suggestion: what the lane would do if it opened by itself. acts: this person may answer and
    open here. opens: the lane has a barrier. large: it has the page for itself.
    """

    name: str
    number: int
    link: str
    way: str
    mode: str
    barrier: Sequence[Told]
    fault: str
    present: DecisionView | None
    waiting: Sequence[DecisionView]
    history: Sequence[HistoryLine]
    waits: str
    suggestion: str
    acts: bool
    opens: bool
    large: bool


@dataclass(frozen=True, slots=True)
class KillSwitchView:
    """The kill switch. since: when it was pressed and by whom, as a sentence."""

    on: bool
    since: str
    may_stop: bool
    may_resume: bool


@dataclass(frozen=True, slots=True)
class VisitorView:
    """What a visitor's code belongs to. row: None: to nothing. told: why it does not count, or that it does."""

    code: str
    row: PermitRow | None
    told: Told
    opens: bool


def lanes(request: Request) -> Response:
    """Show all lanes beside each other."""
    return _page(request, list(lanes_for(request)))


def lane(request: Request) -> Response:
    """Show one lane, large."""
    name = _own(request)
    return _page(request, [name], name)


def switch(request: Request) -> Response:
    """Stop all openings, or allow them again."""
    _, principal, do = words_of(request), principal_of(request), form_of(request).get("do")
    if do == "stop":  # also for one who sees plates only in part: whoever can stop must be able to
        return _told(request, stop_openings(request), "/lanes")
    if do == "resume":
        if principal is None or not principal.role.at_least(Role.MANAGER):
            raise HTTPException(403, _("Only a manager can allow openings again."))
        return _told(request, resume_openings(request), "/lanes")
    raise HTTPException(400)


def act(request: Request) -> Response:
    """Answer a decision, open by hand, or look up a visitor's code."""
    name, form = _own(request), form_of(request)
    _who(request)
    do, back = form.get("do"), f"/lanes/{quote(name)}"
    if do == "code":
        return redirect(f"{back}?code={quote(str(form.get('code', ''))[:_CODE])}")
    acts = {"answer": _answered, "open": _opened, "visitor": _let_in}
    if do not in acts:
        raise HTTPException(400)
    try:
        told = acts[str(do)](request, name)
    except NotDone as refused:
        told = refused.told
    except StorageFailed:
        _ = words_of(request)
        told = Told(_("Nothing was opened: the database cannot be written now. Open by hand if it must be."), "bad")
    return _told(request, told, back)


def events(request: Request) -> Response:
    """Return the stream of lanes that have changed, each as its part of the page; and of the kill switch."""
    console, principal = console_of(request), principal_of(request)
    wanted = request.query_params.get("lane", "")

    def part(change: LaneChange) -> ServerSentEvent | None:
        if change.lane == KILL_SWITCH:
            html, kind = render_part(request, "parts/kill_switch.html", stop=_stop(request)).body, "stop"
        else:
            seen = list(lanes_for(request))
            if change.lane not in seen or (wanted and wanted != change.lane):
                return None
            number = 0 if wanted else seen.index(change.lane)
            view = _view(request, change.lane, number, large=bool(wanted))
            html, kind = render_part(request, "parts/lane.html", lane=view).body, "lane"
        return ServerSentEvent(bytes(html).decode(), kind, str(change.revision))

    return console.lane_feed.response(
        request.headers.get("last-event-id") or request.query_params.get("after", ""),
        part,
        greeting=ServerSentEvent(console.static.version, "version"),
        lost=ServerSentEvent("", "lost"),
        listener="" if principal is None else principal.name,
    )


def plate_picture(request: Request) -> Response:
    """Return the plate that a decision is about, in the picture that it rests on."""
    principal = principal_of(request)
    if principal is None or principal.masks_plates:
        raise HTTPException(403)
    width = next((width for width in WIDTHS if request.query_params.get("width") == str(width)), None)
    try:
        found = console_of(request).reader.lanes.picture(request.path_params["id"], principal.cameras)
    except StorageFailed:
        raise
    except StoreError:
        raise HTTPException(410) from None
    if found is None or found.plate is None:
        raise HTTPException(404)
    jpeg = preview(found.jpeg, width, found.plate)
    if jpeg is None:
        raise HTTPException(410)
    # A decision can be revised, and then rests on another picture.
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, no-cache", "Vary": "Cookie"})


def _page(request: Request, names: Sequence[str], only: str = "") -> Response:
    console = console_of(request)
    revision = console.watch.newest()  # before the lanes: what changes in between is told once more
    return render(
        request,
        "lanes.html",
        only=only,
        lanes=[_view(request, name, number, large=bool(only)) for number, name in enumerate(names)],
        stop=_stop(request),
        running=console.backend.barriers is not None,
        revision=revision,
        hand_reasons=HAND_REASONS,
        found=_found(request, only),
    )


def _view(request: Request, name: str, number: int, *, large: bool) -> LaneView:
    _, console, principal = words_of(request), console_of(request), principal_of(request)
    assert principal is not None
    settings, barriers = console.backend.settings.lanes[name], console.backend.barriers
    shown, now = ALONE if large else AMONG, datetime.now(UTC)
    reader = console.reader.lanes
    rows = reader.find(DecisionFilter(lanes=frozenset({name})), principal.cameras, limit=shown + 1).rows
    by_hand = reader.openings_by_hand(name, shown)
    views = [decision_view(request, row, may_wait(row, now)) for row in rows]
    present, others = (views[0], views[1:]) if views else (None, [])
    waiting = [one for one in views[: _MOST_WAITING + 1] if one.waits and one.row.verdict is Verdict.ASK]
    asked = [one for one in waiting if one is not present]
    calling = [one for one in waiting if one is present or (now - one.row.captured_at).total_seconds() < CALLS]
    history = [HistoryLine(one.row.decided_at, decision=one) for one in others if one not in asked]
    history += [HistoryLine(opening.requested_at, opening=opening_view(opening, principal, _)) for opening in by_hand]
    state, fault = barrier_view(barriers, settings.barrier, _)
    suggestion = ""
    if settings.mode is LaneMode.SUGGEST and present is not None:
        opens = present.row.verdict is Verdict.ALLOW
        suggestion = _("An automatic lane would open now.") if opens else _("An automatic lane would not open.")
    return LaneView(
        name=name,
        number=number,
        link=f"/lanes/{quote(name)}",
        way=_(WAYS[settings.way]),
        mode=_(MODES[settings.mode]),
        barrier=state,
        fault=fault,
        present=present,
        waiting=asked,
        history=sorted(history, key=lambda line: line.at, reverse=True)[:shown],
        waits=str(calling[-1].row.id) if calling else "",
        suggestion=suggestion,
        acts=barriers is not None and principal.role.at_least(Role.GUARD) and not principal.masks_plates,
        opens=settings.barrier is not None,
        large=large,
    )


def _answered(request: Request, name: str) -> Told:
    """Take the answer of a form."""
    _, principal, form, reader = words_of(request), _who(request), form_of(request), console_of(request).reader
    number, revised, picked = (str(form.get(field, "")) for field in ("decision", "revised", "as"))
    answer = Answer.OPENED if picked else next((one for one in Answer if one == form.get("answer")), None)
    if answer is None or not _is_number(number) or not _is_number(revised):
        raise HTTPException(400)
    row = reader.lanes.one(int(number), principal.cameras)
    if row is None or row.lane != name:
        raise HTTPException(404)
    permit = None
    if picked:
        offered = {one.plate: one.permit for one in near_views(request, row)}
        if picked not in offered:
            return Told(_("This plate is not offered any more. Look again."), "warn")
        permit = offered[picked]
    return answer_decision(request, row, answer, int(revised), picked, permit)


def _opened(request: Request, name: str) -> Told:
    """Open by hand, as a form says."""
    form = form_of(request)
    reason = str(form.get("reason", "")) if form.get("reason") in HAND_REASONS else ""
    more = " ".join(str(form.get("more", "")).split())[:_LONGEST]
    return open_by_hand(request, name, HAND_DASH.join(filter(None, (reason, more))))


def _let_in(request: Request, name: str) -> Told:
    """Open for the visitor whose code a form holds."""
    return open_for_code(request, name, str(form_of(request).get("code", ""))[:_CODE])


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _stop(request: Request) -> KillSwitchView:
    _, principal, stop = words_of(request), principal_of(request), console_of(request).kill_switch
    role = Role.VIEWER if principal is None else principal.role
    who, at = stop.pressed() if stop.is_on else ("", None)
    since = ""
    if at is not None:
        moment = Wording(texts_of(request)).moment(at)
        since = _("%(who)s stopped them: %(moment)s.") % {"who": who, "moment": moment}
    return KillSwitchView(stop.is_on, since, role.at_least(Role.GUARD), role.at_least(Role.MANAGER))


def _found(request: Request, lane: str) -> VisitorView | None:
    """Return what the visitor's code of the address belongs to; None if it has none."""
    _, code, principal = words_of(request), request.query_params.get("code"), principal_of(request)
    if code is None or not lane or principal is None or not principal.role.at_least(Role.GUARD):
        return None
    if principal.masks_plates:
        return None
    row, now = console_of(request).reader.permits.by_code(code[:_CODE]), datetime.now(UTC)
    if row is None:
        return VisitorView(code[:_CODE], None, Told(_("No visitor has this code."), "bad"), False)
    state = row.state(now)
    here = row.lanes is None or lane in row.lanes
    told = Told(_(PERMIT_STATES[state]), "good" if state is PermitState.VALID else "bad")
    if not here:
        told = Told(_("The permit is not for this lane."), "bad")
    return VisitorView(code[:_CODE], row, told, here and state is PermitState.VALID)


def _told(request: Request, told: Told, back: str) -> Response:
    """Return a sentence: to a script as it is, to a browser on the page that it leads to."""
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"text": told.text, "tone": told.tone}, headers={"Cache-Control": "no-store"})
    return redirect(back, told.text)


def _own(request: Request) -> str:
    """Return the lane of the address. Raise HTTPException if this person sees none of that name."""
    name: str = request.path_params["name"]
    if name not in lanes_for(request):
        raise HTTPException(404)
    return name


def _who(request: Request) -> Principal:
    """Return who acts. Raise HTTPException for one who does not see plates as they are."""
    principal = principal_of(request)
    if principal is None or principal.masks_plates:
        raise HTTPException(403)
    return principal


ROUTES = [
    page("/lanes", lanes, role=Role.VIEWER),
    page("/lanes", switch, role=Role.GUARD, methods=("POST",)),
    page("/lanes/{name}", lane, role=Role.VIEWER),
    page("/lanes/{name}", act, role=Role.GUARD, methods=("POST",)),
    page("/lane/events", events, role=Role.VIEWER),
    page("/pictures/decisions/{id:row}", plate_picture, role=Role.VIEWER),
]
