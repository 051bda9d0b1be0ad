"""Permits: which vehicles may pass and which may not, visitors, and lists from other programs."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamwatch.app.permit_desk import desk_of, qr_picture, read_terms, remarks_on
from streamwatch.app.permit_import import ImportPreview
from streamwatch.app.permit_words import PermitRefused, read_text, remark_of, sentence_of, told, written_until
from streamwatch.core.codes import PermitKind, PermitState, Role
from streamwatch.core.errors import PermitError
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import DecisionFilter, PermitRow, PermitSearch
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import redirect, render, words_of
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.lane_view import decision_view
from streamwatch.web.lane_words import PERMIT_KINDS
from streamwatch.web.permit_actions import (
    add_permit,
    change_permit,
    confirm_list,
    end_permit,
    lanes_seen,
    may_change,
    permit_seen,
    preview_list,
)
from streamwatch.web.permit_view import (
    KIND_HINTS,
    SOON,
    STATES,
    WHEN_FULL,
    fields_of,
    permit_view,
)
from streamwatch.web.routing import form_of, page

ROWS = 50
DECISIONS = 10
_LONGEST = 100
"""Characters of one field of a search."""
_SHOWN_BAD = 200
"""Bad lines on the page of an import; the API names up to 1,000."""
_ASKED = ("text", "kind", "state", "group", "soon")
_FIELDS = (
    "kind",
    "plates",
    "holder",
    "group",
    "note",
    "valid_from",
    "valid_until",
    "hours",
    "spaces",
    "when_full",
    "source",
    "reference",
)
_NEW = {"kind": PermitKind.RESIDENT.value, "when_full": "ask", "lanes": ""}
NOT_SURE = N_("Tick that you are sure, so that nothing is ended by mistake.")
NO_FILE = N_("Choose a file.")


def permits(request: Request) -> Response:
    """Show the permits that the fields of the address ask for."""
    reader, now, seen = console_of(request).reader.permits, datetime.now(UTC), lanes_seen(request)
    asked = {name: request.query_params.get(name, "").strip()[:_LONGEST] for name in _ASKED}
    search = PermitSearch(
        text=asked["text"],
        kinds=frozenset({PermitKind(asked["kind"])}) if asked["kind"] in set(PermitKind) else frozenset(),
        group=asked["group"],
        now=now,
        state=PermitState(asked["state"]) if asked["state"] in set(PermitState) else None,
        within=SOON if asked["soon"] else None,
        lanes=seen,
    )
    after = request.query_params.get("after", "")[:_LONGEST]
    try:
        found = reader.find(search, after or None, ROWS)
    except ValueError:
        raise HTTPException(404) from None
    given = {name: value for name, value in asked.items() if value}
    return render(
        request,
        "permits.html",
        rows=[permit_view(request, row, now) for row in found.rows],
        asked=asked,
        filtered=bool(given),
        count=reader.count(search),
        soon=reader.count(PermitSearch(now=now, within=SOON, lanes=seen)),
        groups=reader.groups(),
        kinds=PERMIT_KINDS,
        states=STATES,
        older=f"/permits?{urlencode(given | {'after': found.after})}" if found.after else "",
        newest=f"/permits?{urlencode(given)}" if after else "",
        manages=_manages(request),
    )


def new_permit(request: Request) -> Response:
    """Show an empty form; for a plate of the address, if it names one."""
    lanes_seen(request)
    plate = request.query_params.get("plate", "")[:_LONGEST]
    kind = request.query_params.get("kind", "")
    fields = _NEW | {"plates": plate} | ({"kind": kind} if kind in set(PermitKind) else {})
    return _form(request, None, fields)


def save_new(request: Request) -> Response:
    """Add the permit of a form."""
    return _save(request, None)


def permit(request: Request) -> Response:
    """Show a permit, with a form to change it for those who may."""
    row = _row(request)
    return _form(request, row, fields_of(row.terms))


def change(request: Request) -> Response:
    """Change or end a permit."""
    row, _ = _row(request), words_of(request)
    if form_of(request).get("do") != "end":
        return _save(request, row)
    try:
        if form_of(request).get("sure") != "yes":
            raise PermitError(NOT_SURE)
        end_permit(request, row)
    except PermitError as error:
        return _form(request, row, fields_of(row.terms), {"end": told(error, _)})
    return redirect(f"/permits/{row.key}", _("The permit has ended."))


def visitor(
    request: Request, fields: Mapping[str, str] | None = None, errors: Mapping[str, str] | None = None
) -> Response:
    """Show the short form for a visitor."""
    lanes_seen(request)
    end = datetime.combine(datetime.now().date() + timedelta(days=1), time.min).astimezone()
    usual = {"plates": "", "holder": "", "note": "", "valid_until": written_until(end)}
    return render(
        request,
        "visitor.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        fields=fields or usual,
        errors=errors or {},
    )


def save_visitor(request: Request) -> Response:
    """Add a visitor; the page of the permit shows the code."""
    form = form_of(request)
    fields = {name: str(form.get(name, "")) for name in ("plates", "holder", "note", "valid_until")}
    seen = lanes_seen(request)
    said = fields | {"kind": PermitKind.VISITOR.value} | ({} if seen is None else {"lanes": ";".join(seen)})
    try:
        row = add_permit(request, read_terms(said, desk_of(console_of(request).backend.settings)))
    except PermitError as error:
        return visitor(request, fields, _errors(request, error))
    return redirect(f"/permits/{row.key}", words_of(request)(N_("The visitor is expected.")))


def import_page(request: Request, error: str = "", preview: ImportPreview | None = None) -> Response:
    """Show the form for a list, or what a list would change."""
    if lanes_seen(request) is not None:
        raise HTTPException(403)
    _ = words_of(request)
    bad = () if preview is None else preview.bad_lines[:_SHOWN_BAD]
    return render(
        request,
        "permit_import.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        error=error,
        preview=preview,
        bad=[(one.line, one.column, sentence_of(one.problem, _)) for one in bad],
        hindrance=_(preview.hindrance) if preview is not None and preview.hindrance else "",
        source=str(form_of(request).get("source", "")),
        end_missing=form_of(request).get("end_missing") == "yes",
    )


def import_list(request: Request) -> Response:
    """Preview the list that was sent, or write the one that was previewed."""
    form, _ = form_of(request), words_of(request)
    try:
        if form.get("do") == "confirm":
            done = confirm_list(request, str(form.get("name", ""))[:_LONGEST], form.get("leave_out_bad") == "yes")
            counts = {"added": done.added, "changed": done.changed, "ended": done.ended}
            if done.changes_nothing:
                return redirect("/permits", _("The permits were as the list says already."))
            text = _("The list is taken over: %(added)d added, %(changed)d changed, %(ended)d ended.")
            return redirect("/permits", text % counts)
        file = form.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise PermitError(NO_FILE)
        source = read_text("source", str(form.get("source", "")))
        return import_page(request, preview=preview_list(request, file.file, source, form.get("end_missing") == "yes"))
    except PermitError as error:
        return import_page(request, told(error, _))


def _form(
    request: Request, row: PermitRow | None, fields: Mapping[str, str], errors: Mapping[str, str] | None = None
) -> Response:
    """Show a permit or an empty form. fields: what the form holds; errors: what is wrong, by field."""
    console, now, _ = console_of(request), datetime.now(UTC), words_of(request)
    seen, principal = lanes_seen(request), principal_of(request)
    assert principal is not None
    named = {*console.backend.settings.lanes, *((row and row.lanes) or ())}
    running = row is not None and row.state(now) is not PermitState.ENDED
    remarks = remarks_on(console.reader.permits, row.terms, now, row.key) if row is not None and running else []
    decisions = (
        console.reader.lanes.find(DecisionFilter(permit=row.id), principal.cameras, limit=DECISIONS).rows if row else ()
    )
    return render(
        request,
        "permit.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        view=None if row is None else permit_view(request, row, now),
        fields=fields,
        chosen=[name for name in fields.get("lanes", "").split(";") if name],
        errors=errors or {},
        lanes=sorted(named if seen is None else named & seen),
        kinds=KIND_HINTS,
        when_full=WHEN_FULL,
        changes=_manages(request) if row is None else may_change(request, row),
        remarks=[remark_of(remark, plate, _) for remark, plate in remarks],
        qr=qr_picture(row.code) if row is not None and row.code and running else None,
        decisions=[decision_view(request, one) for one in decisions],
    )


def _save(request: Request, row: PermitRow | None) -> Response:
    """Save the permit of a form. row: the one that is changed; None for a new one."""
    form, _ = form_of(request), words_of(request)
    fields = {name: str(form.get(name, "")) for name in _FIELDS}
    fields["lanes"] = ";".join(map(str, form.getlist("lanes")))
    before = None if row is None else row.terms
    try:
        terms = read_terms(_kept(fields, before), desk_of(console_of(request).backend.settings), before)
        saved = add_permit(request, terms) if row is None else change_permit(request, row, terms)
    except PermitError as error:
        return _form(request, row, fields, _errors(request, error))
    return redirect(f"/permits/{saved.key}", _("The permit is saved."))


def _kept(fields: Mapping[str, str], before: PermitTerms | None) -> dict[str, str]:
    """Return the fields that were changed: what is written out shorter than it is kept stays as it is."""
    was = {} if before is None else fields_of(before)
    return {name: text for name, text in fields.items() if was.get(name, None) != text.replace("\r\n", "\n").strip()}


def _errors(request: Request, error: PermitError) -> dict[str, str]:
    """Return what is wrong, by field; what belongs to none under ""."""
    _ = words_of(request)
    if isinstance(error, PermitRefused):
        return {one.field: sentence_of(one, _) for one in reversed(error.found)}
    return {"": told(error, _)}


def _row(request: Request) -> PermitRow:
    return permit_seen(request, request.path_params["key"])


def _manages(request: Request) -> bool:
    principal = principal_of(request)
    return principal is not None and principal.role.at_least(Role.MANAGER)


def _new_or_visitor(request: Request) -> Response:
    """Show the form for a new permit; to a guard, who may add visitors only, the one for these."""
    return new_permit(request) if _manages(request) else RedirectResponse("/permits/visitor", 303)


ROUTES = [
    page("/permits", permits, role=Role.GUARD),
    page("/permits/new", _new_or_visitor, role=Role.GUARD),
    page("/permits/new", save_new, role=Role.MANAGER, methods=("POST",)),
    page("/permits/visitor", visitor, role=Role.GUARD),
    page("/permits/visitor", save_visitor, role=Role.GUARD, methods=("POST",)),
    page("/permits/import", import_page, role=Role.MANAGER),
    page("/permits/import", import_list, role=Role.MANAGER, methods=("POST",), files=1),
    page("/permits/{key}", permit, role=Role.GUARD),
    page("/permits/{key}", change, role=Role.MANAGER, methods=("POST",)),
]
