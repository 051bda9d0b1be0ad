"""The audit log, for handlers of pages: one call beside what they do."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

from streamwatch.core.codes import AuditAction
from streamwatch.core.errors import StorageFailed
from streamwatch.store import AuditEntry, Store
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.context import console_of

T = TypeVar("T")

MOST_DETAIL = 500
"""Characters of one text in the detail of an entry."""


def record(request: HTTPConnection, action: AuditAction, object: str = "", **detail: Any) -> None:
    """Write into the audit log what the one who asks has done or is about to do. Raise StoreError.

    object: what it was done to, such as a plate or a camera. detail: JSON values without secrets.
    """
    entry = entry_of(request, action, object, **detail)
    console_of(request).backend.write(lambda store: store.audit.add(entry))
    request.state.recorded = True


def write_down(request: HTTPConnection, action: AuditAction, object: str = "", **detail: Any) -> None:
    """Write into the audit log what was done. It was done also if that fails."""
    try:
        record(request, action, object, **detail)
    except StorageFailed:
        request.state.recorded = True


def change(
    request: HTTPConnection, call: Callable[[Store], T], action: AuditAction, object: str = "", **detail: Any
) -> T:
    """Change the database and write that into the audit log, in one transaction; return what the call returns.

    Raise what the call raises, and StoreError; nothing has changed then.
    """
    entry = entry_of(request, action, object, **detail)

    def both(store: Store) -> T:
        with store.together():
            result = call(store)
            store.audit.add(entry)
        return result

    return console_of(request).backend.write(both)


def entry_of(
    request: HTTPConnection, action: AuditAction, object: str = "", *, who: str | None = None, **detail: Any
) -> AuditEntry:
    """Return an entry. who: instead of the one who asks, where nobody is logged in yet."""
    principal = principal_of(request)
    return AuditEntry(
        at=datetime.now(UTC),
        who=(principal.name if principal else "") if who is None else who,
        address=address_of(request),
        action=action,
        object=object,
        detail={name: value[:MOST_DETAIL] if isinstance(value, str) else value for name, value in detail.items()},
    )


def address_of(request: HTTPConnection) -> str:
    """Return the network address of the one who asks."""
    return request.client.host if request.client else ""
