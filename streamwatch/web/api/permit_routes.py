"""Permits: which vehicles may pass, and lists of them from other programs."""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from streamwatch.access.permit_rules import LONGEST, MOST_SPACES, MOST_SPANS, MOST_VEHICLES, PermitFault, PermitProblem
from streamwatch.app.exports import CSV_TYPE
from streamwatch.app.permit_desk import Desk, PermitObject, desk_of, permit_object, remarks_on
from streamwatch.app.permit_file import list_name, list_pieces
from streamwatch.app.permit_import import ImportPreview
from streamwatch.app.permit_words import (
    PermitRefused,
    read_plates,
    read_text,
    remark_of,
    require_possible,
    sentence_of,
)
from streamwatch.core.codes import PermitKind, PermitState, WhenFull
from streamwatch.core.permit_terms import Hours, PermitTerms
from streamwatch.core.plates import LONGEST_TEXT, normalise
from streamwatch.store import PermitSearch
from streamwatch.web.api.access import Guard, Manager, TheConsole
from streamwatch.web.api.log_routes import NEXT
from streamwatch.web.api.parameters import LONGEST_PLATE, Moment, Name, Page, TimeOfDay
from streamwatch.web.permit_actions import (
    add_permit,
    change_permit,
    confirm_list,
    end_permit,
    lanes_seen,
    permit_seen,
    preview_list,
    spooled,
)

PERMITS = "Permits"
router = APIRouter(prefix="/v1")
Key = Annotated[str, Path(max_length=32, pattern="^[0-9a-f]*$")]
UNFIT: dict[int | str, dict[str, Any]] = {
    409: {"description": "The permit cannot be so: `errors` says why. Nothing was changed."}
}


class PermitPage(Page):
    """A page of permits."""

    text: str | None = Field(
        None, max_length=64, description="a part of a plate, holder, group, note, reference or visitor's code"
    )
    plate: str | None = Field(None, max_length=LONGEST_PLATE, description="only permits of this whole plate")
    kind: list[PermitKind] = Field([], max_length=10, description="only these kinds")
    state: PermitState | None = Field(None, description="only those that are valid, upcoming or ended now")
    group: str | None = Field(None, max_length=LONGEST["group"], description="only this group")
    expiring_days: int | None = Field(
        None, ge=1, le=3660, description="only those that are valid and end within so many days, the next to end first"
    )

    def wanted(self, lanes: frozenset[str] | None) -> PermitSearch:
        """Return the conditions. lanes: those whose permits may be seen."""
        return PermitSearch(
            text=self.text or "",
            plate="" if self.plate is None else normalise(self.plate) or "-",
            kinds=frozenset(self.kind),
            group=self.group or "",
            now=datetime.now(UTC),
            state=self.state,
            within=None if self.expiring_days is None else timedelta(days=self.expiring_days),
            lanes=lanes,
        )


class HoursFields(BaseModel, extra="forbid", strict=True):
    """A time of day on some days of the week."""

    days: list[Annotated[int, Field(ge=0, le=6)]] = Field(min_length=1, max_length=7, description="0 is Monday")
    begin: TimeOfDay = Field(description="local time")
    end: TimeOfDay = Field(
        description="local time, excluded; if it is not later than `begin`, it lies on the next day; from 00:00 to "
        "00:00 is a whole day"
    )


class PermitFields(BaseModel, extra="forbid", strict=True):
    """What a permit says; what is left out has its usual value in a new one, and stays in one that is changed."""

    kind: Annotated[PermitKind, Field(strict=False)] = Field(
        PermitKind.RESIDENT,
        description="visitor: for one visit, with a code; blocked: may not come in; held: may not leave",
    )
    plates: list[Annotated[str, Field(max_length=LONGEST_TEXT)]] = Field(
        [], max_length=MOST_VEHICLES, description="the plates of its vehicles, at least one"
    )
    holder: str = Field("", max_length=LONGEST["holder"], description="whose it is")
    group: str = Field("", max_length=LONGEST["group"], description="such as a company or a house")
    note: str = Field("", max_length=LONGEST["note"], description="what else people should know")
    valid_from: Moment | None = Field(None, description="its beginning; null: it has none")
    valid_until: Moment | None = Field(None, description="from this moment on it is not valid; null: no end")
    hours: list[HoursFields] = Field([], max_length=MOST_SPANS, description="when it is valid; empty: at any time")
    lanes: list[Name] | None = Field(None, max_length=50, description="names of lanes; null: all")
    spaces: int | None = Field(
        None, ge=1, le=MOST_SPACES, description="how many of its vehicles may be inside at once; null: all"
    )
    when_full: Annotated[WhenFull, Field(strict=False)] = Field(
        WhenFull.ASK, description="what follows if its spaces are taken; visitor: as without a permit"
    )
    source: str = Field("", max_length=LONGEST["source"], description="the list that its reference is a number of")
    reference: str | None = Field(
        None, max_length=LONGEST["reference"], description="its number in another program; null: none"
    )

    def terms(self, desk: Desk, before: PermitTerms | None = None) -> PermitTerms:
        """Return what the permit says. before: what it said until now. Raise PermitRefused."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for name in {"holder", "group", "note", "source", "reference"} & set(values):
            values[name] = None if values[name] is None else read_text(name, values[name])
        if "reference" in values:
            values["reference"] = values["reference"] or None
        if "plates" in values:
            values["plates"] = tuple(
                dict.fromkeys(one for text in self.plates for one in read_plates(text, desk.grammar))
            )
        if "hours" in values:
            values["hours"] = tuple(
                Hours(frozenset(one.days), time.fromisoformat(one.begin), time.fromisoformat(one.end))
                for one in self.hours
            )
        if self.lanes is not None:
            known = {*desk.lanes, *((before and before.lanes) or ())}
            for name in self.lanes:
                if name not in known:
                    raise PermitRefused([PermitProblem(PermitFault.NOT_A_LANE, "lanes", name)])
            values["lanes"] = frozenset(self.lanes)
        kept = {} if before is None else {name: getattr(before, name) for name in PermitTerms.__dataclass_fields__}
        usual = {"kind": PermitKind.RESIDENT, "plates": ()}
        return require_possible(PermitTerms(**usual | kept | values))


class PermitList(BaseModel):
    """A page of permits."""

    items: list[PermitObject]
    next: str | None = NEXT


class SavedObject(BaseModel):
    """A permit that was saved."""

    permit: PermitObject = Field(description="as it is now")
    remarks: list[str] = Field(description="what people should know of it, as sentences")


class ListOptions(BaseModel, extra="forbid"):
    """How a list is read."""

    source: str = Field(
        "", max_length=LONGEST["source"], description="name of the list that the column `reference` numbers"
    )
    end_missing: bool = Field(False, description="end the permits of this source that the list does not name")


class BadLineObject(BaseModel):
    """A line that is left out."""

    line: int = Field(description="its number in the file, 1 for the line with the names of the columns")
    column: str = Field(description="the column; empty: the line as a whole")
    fault: PermitFault = Field(description="what is wrong, as a code")
    told: str = Field(description="what is wrong and what to do, as a sentence")


class ImportObject(BaseModel):
    """What an import would do, or has done."""

    name: str = Field(description="what names it in the address that confirms it")
    encoding: str = Field(description="the encoding of the file")
    lines: int = Field(description="lines without the first one and empty ones")
    bad: int = Field(description="lines that are wrong and left out")
    bad_lines: list[BadLineObject] = Field(description="the first thousand things that are wrong with them")
    added: int = Field(description="permits to add")
    changed: int = Field(description="permits to change")
    ended: int = Field(description="permits to end")
    unchanged: int = Field(description="permits that are as the list says already")
    ignored: list[str] = Field(description="names of columns that are not read")
    hindrance: str = Field(description="why it cannot be confirmed; empty: it can")


class Confirmation(BaseModel, extra="forbid", strict=True):
    """What is confirmed."""

    leave_out_bad: bool = Field(False, description="true: write the other lines although some are wrong")


@router.get("/permits", tags=[PERMITS], summary="List permits")
def list_permits(
    page: Annotated[PermitPage, Query()], request: Request, console: TheConsole, principal: Guard
) -> PermitList:
    """Newest first. For guards."""
    found = console.reader.permits.find(page.wanted(lanes_seen(request)), page.after, page.limit)
    now = datetime.now(UTC)
    return PermitList(items=[permit_object(row, now) for row in found.rows], next=found.after)


@router.get(
    "/permits.csv",
    tags=[PERMITS],
    summary="Export permits as CSV",
    response_class=Response,
    responses={200: {"description": "The file.", "content": {CSV_TYPE: {"schema": {"type": "string"}}}}},
)
def permits_csv(request: Request, console: TheConsole, principal: Manager) -> Response:
    """All permits, as a list that an import reads again without a change. For managers."""
    rows = console.reader.permits.each(PermitSearch(lanes=lanes_seen(request)))
    headers = {
        "Content-Disposition": f'attachment; filename="{list_name(datetime.now(UTC))}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(list_pieces(rows), media_type=CSV_TYPE, headers=headers)


@router.get("/permits/{key}", tags=[PERMITS], summary="Get a permit")
def get_permit(key: Key, request: Request, principal: Guard) -> PermitObject:
    """With its vehicles. For guards."""
    return permit_object(permit_seen(request, key), datetime.now(UTC))


@router.post("/permits", tags=[PERMITS], summary="Add a permit", status_code=201, responses=UNFIT)
def post_permit(said: PermitFields, request: Request, console: TheConsole, principal: Guard) -> SavedObject:
    """Add a permit. A visitor's gets a code and is for one visit. Guards may add visitors; managers all kinds."""
    terms = said.terms(desk_of(console.backend.settings))
    return _saved(console, terms, permit_object(add_permit(request, terms), datetime.now(UTC)))


@router.patch("/permits/{key}", tags=[PERMITS], summary="Change a permit", responses=UNFIT)
def patch_permit(
    key: Key, said: PermitFields, request: Request, console: TheConsole, principal: Manager
) -> SavedObject:
    """Change the fields that are sent; the others stay. For managers."""
    row = permit_seen(request, key)
    terms = said.terms(desk_of(console.backend.settings), row.terms)
    return _saved(console, terms, permit_object(change_permit(request, row, terms), datetime.now(UTC)))


@router.delete("/permits/{key}", tags=[PERMITS], summary="End a permit", responses=UNFIT)
def delete_permit(key: Key, request: Request, principal: Manager) -> PermitObject:
    """End it now. It stays in the list, and so do the decisions that rest on it. For managers."""
    return permit_object(end_permit(request, permit_seen(request, key)), datetime.now(UTC))


@router.post(
    "/permit-imports",
    tags=[PERMITS],
    summary="Preview a list of permits",
    responses=UNFIT,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "the file",
            "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def preview_import(
    options: Annotated[ListOptions, Query()], request: Request, principal: Manager
) -> ImportObject:
    """Read a CSV file, at most 16 MB, and say what it would change. Nothing is written before it is confirmed."""
    with await spooled(request) as file:
        source = read_text("source", options.source)
        found = await run_in_threadpool(preview_list, request, file, source, options.end_missing)
    return import_object(found)


@router.post("/permit-imports/{name}", tags=[PERMITS], summary="Confirm a list of permits", responses=UNFIT)
def confirm_import(name: Key, said: Confirmation, request: Request, principal: Manager) -> ImportObject:
    """Write what the preview of this name said, in one transaction. A preview can be confirmed for an hour."""
    return import_object(confirm_list(request, name, said.leave_out_bad))


def import_object(found: ImportPreview) -> ImportObject:
    """Return a preview as JSON shows it."""
    bad = [
        BadLineObject(line=one.line, column=one.column, fault=one.problem.fault, told=sentence_of(one.problem))
        for one in found.bad_lines
    ]
    return ImportObject(
        name=found.name,
        encoding=found.encoding,
        lines=found.lines,
        bad=found.bad,
        bad_lines=bad,
        added=found.added,
        changed=found.changed,
        ended=found.ended,
        unchanged=found.unchanged,
        ignored=list(found.ignored),
        hindrance=found.hindrance,
    )


def _saved(console: TheConsole, terms: PermitTerms, shown: PermitObject) -> SavedObject:
    told = remarks_on(console.reader.permits, terms, datetime.now(UTC), shown.key)
    return SavedObject(permit=shown, remarks=[remark_of(remark, plate) for remark, plate in told])
