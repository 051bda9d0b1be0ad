"""What people and programs may do with permits, and its entries in the audit log; for pages and the API.

Whoever is limited to cameras sees and changes only permits of the lanes of these cameras.
"""

import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request

from streamwatch.app.permit_desk import desk_of
from streamwatch.app.permit_import import ImportPreview, ImportRules, begin, find
from streamwatch.core.codes import AuditAction, PermitKind, Role
from streamwatch.core.errors import PermitError, StorageFailed
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import PermitRow
from streamwatch.web.accounts.audit import change
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.lane_view import lanes_for

OTHER_LANES = N_("This permit is also for lanes that you do not see. Ask somebody who sees all lanes.")
ONLY_VISITORS = N_("You may add visitors only. Ask a manager for other permits.")
MASKED = N_("You see plates only in part, so you see no permits.")
OF_STORE = (
    N_("There is no such permit."),
    N_("Another permit has this number already. Change that one, or write another number."),
    N_("Somebody changed permits at the same time. Try again."),
)
"""What `store/permits.py` says, for the catalogues."""


def lanes_seen(request: HTTPConnection) -> frozenset[str] | None:
    """Return the lanes whose permits may be seen; None: all. Raise HTTPException for one who may read no plate."""
    principal = _principal(request)
    if principal.masks_plates:
        raise HTTPException(403, MASKED)
    return None if principal.cameras is None else frozenset(lanes_for(request))


def permit_seen(request: HTTPConnection, key: str) -> PermitRow:
    """Return a permit. Raise HTTPException if there is none of this key, or it is not for this person."""
    seen, row = lanes_seen(request), console_of(request).reader.permits.one(key)
    if row is None or (seen is not None and row.lanes is not None and not row.lanes & seen):
        raise HTTPException(404)
    return row


def may_change(request: HTTPConnection, row: PermitRow) -> bool:
    """Return True if this person may change or end the permit."""
    seen = lanes_seen(request)
    return _principal(request).role.at_least(Role.MANAGER) and _within(row, seen)


def add_permit(request: HTTPConnection, terms: PermitTerms) -> PermitRow:
    """Add a permit. Raise PermitError, HTTPException."""
    _require_own(request, terms)
    principal, now = _principal(request), datetime.now(UTC)
    if terms.kind is not PermitKind.VISITOR and not principal.role.at_least(Role.MANAGER):
        raise HTTPException(403, ONLY_VISITORS)
    return change(
        request,
        lambda store: store.permits.add(terms, principal.name, now),
        AuditAction.PERMIT_ADDED,
        _name(terms),
        kind=terms.kind,
        holder=terms.holder,
    )


def change_permit(request: HTTPConnection, row: PermitRow, terms: PermitTerms) -> PermitRow:
    """Give a permit other terms. Raise PermitError."""
    _require_own(request, row)
    _require_own(request, terms)
    now = datetime.now(UTC)
    changed = [name for name in PermitTerms.__dataclass_fields__ if getattr(row, name) != getattr(terms, name)]
    return change(
        request,
        lambda store: store.permits.change(row.key, terms, now),
        AuditAction.PERMIT_CHANGED,
        _name(terms),
        key=row.key,
        changed=changed,
        before=", ".join(row.plates),
    )


def end_permit(request: HTTPConnection, row: PermitRow) -> PermitRow:
    """End a permit now. Raise PermitError."""
    _require_own(request, row)
    now = datetime.now(UTC)
    return change(
        request,
        lambda store: store.permits.end(row.key, now),
        AuditAction.PERMIT_ENDED,
        _name(row),
        key=row.key,
        holder=row.holder,
    )


def preview_list(request: HTTPConnection, file: IO[bytes], source: str, end_missing: bool) -> ImportPreview:
    """Read a list, and return what it would change. Raise PermitError if it is none."""
    _require_all_lanes(request)
    console, now = console_of(request), datetime.now(UTC)
    settings, desk = console.backend.settings, desk_of(console.backend.settings)
    rules = ImportRules(desk.grammar, desk.lanes, source, end_missing)
    try:
        with begin(file, rules, console.reader.permits, settings.data_dir, now) as made:
            return made.preview()
    except OSError as error:
        raise StorageFailed(f"A list cannot be read in {settings.data_dir}: {error.strerror}.") from None


def confirm_list(request: HTTPConnection, name: str, leave_out_bad: bool) -> ImportPreview:
    """Write what a preview of this name showed, and return that. Raise PermitError if it is not the same any more."""
    _require_all_lanes(request)
    console, principal, now = console_of(request), _principal(request), datetime.now(UTC)
    with find(name, console.backend.settings.data_dir) as made:
        found = made.preview()
        changes = made.confirm(console.reader.permits, leave_out_bad, now)
        change(
            request,
            lambda store: store.permits.take_list(changes, principal.name, now),
            AuditAction.PERMITS_IMPORTED,
            made.source,
            added=found.added,
            changed=found.changed,
            ended=found.ended,
        )
        made.discard()
    return found


async def spooled(request: Request) -> IO[bytes]:
    """Return the body of a request as a file on the disk: /tmp may lie in memory."""
    folder: Path = console_of(request).backend.settings.data_dir
    pieces: AsyncIterator[bytes] = request.stream()
    file = tempfile.TemporaryFile(dir=folder if folder.is_dir() else None)  # noqa: SIM115
    try:
        async for piece in pieces:
            file.write(piece)
    except BaseException:
        file.close()
        raise
    return file


def _principal(request: HTTPConnection) -> Principal:
    principal = principal_of(request)
    assert principal is not None, "the route asks for a role"
    return principal


def _name(terms: PermitTerms) -> str:
    """Return what the audit log calls a permit: its first plate, or its holder if it has none."""
    return terms.plates[0] if terms.plates else terms.holder


def _within(terms: PermitTerms, seen: frozenset[str] | None) -> bool:
    return seen is None or (terms.lanes is not None and terms.lanes <= seen)


def _require_own(request: HTTPConnection, terms: PermitTerms) -> None:
    if not _within(terms, lanes_seen(request)):
        raise PermitError(OTHER_LANES)


def _require_all_lanes(request: HTTPConnection) -> None:
    if lanes_seen(request) is not None:
        raise HTTPException(403, OTHER_LANES)
