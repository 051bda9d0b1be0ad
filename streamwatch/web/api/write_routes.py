"""What programs may change: the plate of a passage, as a person read it."""

from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request

from streamwatch.app.representation import PassageDetailObject, Representation, Time
from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.plates import LONGEST_TEXT, grammar
from streamwatch.store import UNREAD
from streamwatch.store.corrections import typed_plate
from streamwatch.web.accounts.audit import change, record
from streamwatch.web.api.access import Admin, Guard, TheConsole
from streamwatch.web.api.log_routes import PASSAGES, there
from streamwatch.web.api.parameters import HIGHEST, Number
from streamwatch.web.api.shown import Shown

router = APIRouter(prefix="/v1")
CONFIG = "Configuration"


class ReloadObject(Representation):
    """How reading config.yaml again ended."""

    at: Time = Field(description="when")
    problems: list[str] = Field(description="what is wrong with the file, as sentences; nothing was changed then")
    restarted: list[str] = Field(description="cameras that were started anew")
    added: list[str] = Field(description="cameras that are new")
    removed: list[str] = Field(description="cameras that are not watched any more")
    in_effect: list[str] = Field(description="keys whose new values count now")
    needs_restart: list[str] = Field(description="keys whose new values count from the next start of the daemon on")


class TypedReading(BaseModel, extra="forbid", strict=True):
    """What a person reads in a keyframe."""

    plate: str = Field(
        max_length=LONGEST_TEXT,
        pattern="^[0-9A-Za-z\u4e00-\u9fff ·-]*$",
        description="letters, digits and Chinese characters, as they stand on the plate; empty: there is none",
    )
    keyframe: int | None = Field(
        None, ge=1, le=HIGHEST, description="number of the passage's keyframe that was looked at; null: the best one"
    )


@router.post(
    "/passages/{id:row}/readings",
    tags=[PASSAGES],
    summary="Type in a plate",
    status_code=201,
    responses={409: {"description": "The passage has no such keyframe."}},
)
def type_plate(
    id: Number, typed: TypedReading, request: Request, console: TheConsole, principal: Guard
) -> PassageDetailObject:
    """Store one more reading, of the engine `operator`, and make it the plate of the passage. Nothing is overwritten.

    For guards; where an engine has read the plate, for managers. The last reading of a person counts.
    """
    shown, passages = Shown(principal), console.reader.passages
    row = there(passages.detail(id, shown.scope))
    if row.row.outcome not in UNREAD and not principal.role.at_least(Role.MANAGER):
        raise HTTPException(403, "Only a manager may correct what an engine has read.")
    number = typed.keyframe if typed.keyframe is not None else row.row.keyframe
    view = next((view for view in row.keyframes if view.id == number), None)
    if view is None:
        raise HTTPException(409, "The passage has no such keyframe.")
    spoken = grammar(console.backend.settings.of(row.row.camera).plates.grammar)
    try:
        plate = typed_plate(typed.plate, spoken)
    except ValueError as error:
        raise RequestValidationError([{"loc": ("body", "plate"), "msg": str(error)}]) from None
    now = datetime.now(UTC)
    change(
        request,
        lambda store: store.corrections.read_by_operator(
            row.row.key, view.key, typed.plate, principal.name, now, spoken
        ),
        AuditAction.PLATE_TYPED if row.row.outcome in UNREAD else AuditAction.CORRECTED,
        plate.text,
        passage=id,
        camera=row.row.camera,
        before="" if row.row.plate is None else row.row.plate.text,
    )
    return shown.detail(there(passages.detail(id, shown.scope)))


@router.post("/reload", tags=[CONFIG], summary="Read config.yaml again")
def reload(request: Request, console: TheConsole, principal: Admin) -> ReloadObject:
    """As `streamwatch reload` does: only cameras that changed are started anew. For admins."""
    record(request, AuditAction.SETTINGS_RELOADED)
    return ReloadObject.model_validate(console.backend.reload())
