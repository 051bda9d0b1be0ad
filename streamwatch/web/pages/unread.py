"""The queue of vehicles that no engine could read: a person looks at the picture and types the plate.

Each vehicle has an address of its own, so that the browser's way back leads to the one before. Without scripts the page
is a form with links; scripts only add keys.
"""

from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.model import Engine
from streamwatch.core.plates import LONGEST_TEXT, grammar
from streamwatch.store import UNREAD, PassageDetail, ReadingRow, Search, typed_plate
from streamwatch.web.accounts.audit import change
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import redirect, render, words_of
from streamwatch.web.context import console_of
from streamwatch.web.passage_view import passage_view
from streamwatch.web.routing import form_of, page
from streamwatch.web.sentences import ENGINES

MOST_COUNTED = 1000
NO_PLATE = "-"
"""What is typed for a vehicle without a plate, or for a picture without a vehicle."""
_MOST_HINTS = 4


def queue(request: Request) -> Response:
    """Lead to the first vehicle of the queue, or say that there is none."""
    principal, camera = _who(request), _camera(request)
    ended = "end" in request.query_params
    first = _next(request, principal, camera, None)
    if first is not None and not ended:
        return RedirectResponse(_address(first, camera), 303)
    return render(
        request,
        "unread.html",
        passage=None,
        corrects=False,
        left=_left(request, principal, camera),
        most=MOST_COUNTED,
        camera=camera,
        cameras=_cameras(request, principal),
        begin=f"/unread{_query(camera=camera)}",
    )


def vehicle(request: Request) -> Response:
    """Show one vehicle with a field for its plate."""
    principal = _who(request)
    return _page(request, principal, _detail(request, principal))


def save(request: Request) -> Response:
    """Store what was typed, and lead to the next vehicle."""
    _, principal = words_of(request), _who(request)
    detail = _detail(request, principal)
    if not _may_type(principal, detail):
        raise HTTPException(403, _("Only a manager may correct what an engine has read."))
    form = form_of(request)
    text, answer = str(form.get("text", "")).strip(), str(form.get("answer", "save"))
    none = answer == "none" or text == NO_PLATE
    view = next((view for view in detail.keyframes if str(view.id) == form.get("keyframe")), None)
    if view is None:
        raise HTTPException(400)
    if not text and not none:
        return _page(request, principal, detail, _("Type the plate, or choose that there is none."))
    spoken = grammar(console_of(request).backend.settings.of(detail.row.camera).plates.grammar)
    try:
        plate = typed_plate("" if none else text, spoken)
    except ValueError:
        said = _("A plate has at most %(most)d letters, digits and Chinese characters.") % {"most": LONGEST_TEXT}
        return _page(request, principal, detail, said, text[:100])
    before = "" if detail.row.plate is None else detail.row.plate.text
    change(
        request,
        lambda store: store.corrections.read_by_operator(
            detail.row.key, view.key, "" if none else text, principal.name, datetime.now(UTC), spoken
        ),
        AuditAction.PLATE_TYPED if detail.row.outcome in UNREAD else AuditAction.CORRECTED,
        plate.text,
        passage=detail.row.id,
        camera=detail.row.camera,
        before=before,
    )
    message = ""
    if plate.text and not plate.kind:
        message = _("%(plate)s was kept, though no plate here has this form.") % {"plate": plate.text}
    return redirect(_after(request, principal, detail), message)


def _page(request: Request, principal: Principal, detail: PassageDetail, error: str = "", text: str = "") -> Response:
    camera, row = _camera(request), detail.row
    back = request.query_params.get("back", "")
    views = [view for view in detail.keyframes if view.picture]
    wanted = request.query_params.get("view", "")
    shown = next((view for view in views if str(view.id) == wanted), None)
    shown = shown or next((view for view in views if view.id == row.keyframe), views[0] if views else None)
    here = {"camera": camera, "back": back}
    following = _next(request, principal, camera, row.place)
    return render(
        request,
        "unread.html",
        status=422 if error else 200,
        passage=passage_view(request, row),
        shown=shown,
        views=[(view, f"{row.id}{_query(**here, view=str(view.id))}") for view in views],
        crop=shown is not None and shown.id == row.keyframe and row.corners is not None,
        hints=_hints(request, detail.readings),
        typed=[reading for reading in detail.readings if reading.engine is Engine.OPERATOR][-1:],
        may_type=_may_type(principal, detail),
        corrects=_corrects(detail),
        error=error,
        text=text,
        most_characters=LONGEST_TEXT,
        action=f"/unread/{row.id}{_query(camera=camera)}",
        skip=_after(request, principal, detail),
        back=f"/unread/{back}{_query(camera=camera)}" if back.isdecimal() and back.isascii() else "",
        following=None if following is None else console_of(request).reader.passages.row(following, principal.cameras),
        left=_left(request, principal, camera),
        most=MOST_COUNTED,
        camera=camera,
        cameras=_cameras(request, principal),
    )


def _hints(request: Request, readings: tuple[ReadingRow, ...]) -> list[tuple[str, str, int | None]]:
    """Return the texts that engines read, the surest first, with the engine's name and per cent."""
    _ = words_of(request)
    best: dict[str, ReadingRow] = {}
    for reading in sorted(readings, key=lambda reading: -(reading.confidence or 0.0)):
        if reading.plate and reading.engine is not Engine.OPERATOR:
            best.setdefault(reading.plate, reading)
    return [
        (text, _(ENGINES[one.engine]), None if one.confidence is None else int(one.confidence * 100))
        for text, one in list(best.items())[:_MOST_HINTS]
    ]


def _who(request: Request) -> Principal:
    """Return who asks. Raise HTTPException for one who does not see pictures and plates as they are."""
    principal = principal_of(request)
    if principal is None or principal.masks_plates:
        raise HTTPException(403)
    return principal


def _may_type(principal: Principal, detail: PassageDetail) -> bool:
    """Return True for what engines left open or a person has typed; other plates only a manager corrects."""
    open_ = detail.row.outcome in UNREAD or detail.row.engine is Engine.OPERATOR
    return open_ or principal.role.at_least(Role.MANAGER)


def _detail(request: Request, principal: Principal) -> PassageDetail:
    found = console_of(request).reader.passages.detail(request.path_params["id"], principal.cameras)
    if found is None:
        raise HTTPException(404)
    return found


def _camera(request: Request) -> str:
    return request.query_params.get("camera", "")[:64]


def _cameras(request: Request, principal: Principal) -> list[str]:
    return [name for name in console_of(request).backend.settings.cameras if principal.sees(name)]


def _search(camera: str) -> Search:
    return Search(unread=True, cameras=frozenset({camera} if camera else ()))


def _left(request: Request, principal: Principal, camera: str) -> int:
    """Return the number of vehicles in the queue, at most one more than is counted."""
    return console_of(request).reader.passages.count(_search(camera), principal.cameras, MOST_COUNTED + 1)


def _next(request: Request, principal: Principal, camera: str, after: str | None) -> int | None:
    """Return the id of the next vehicle of the queue; None at its end."""
    found = console_of(request).reader.passages.find(_search(camera), principal.cameras, after, 1).rows
    return found[0].id if found else None


def _corrects(detail: PassageDetail) -> bool:
    """Return True for a vehicle that an engine has read, which is in no queue."""
    return detail.row.outcome not in UNREAD and detail.row.engine is not Engine.OPERATOR


def _after(request: Request, principal: Principal, detail: PassageDetail) -> str:
    """Return the address of what comes after a vehicle: for a correction, its passage, where it began."""
    if _corrects(detail):
        return f"/passages/{detail.row.id}"
    camera = _camera(request)
    following = _next(request, principal, camera, detail.row.place)
    if following is None:
        return f"/unread{_query(camera=camera, end='1')}"
    return _address(following, camera, back=str(detail.row.id))


def _address(passage: int, camera: str, back: str = "") -> str:
    return f"/unread/{passage}{_query(camera=camera, back=back)}"


def _query(**values: str) -> str:
    """Return a query with its question mark, without empty values."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"?{query}" if query else ""


ROUTES = [
    page("/unread", queue, role=Role.GUARD),
    page("/unread/{id:row}", vehicle, role=Role.GUARD),
    page("/unread/{id:row}", save, role=Role.GUARD, methods=("POST",)),
]
