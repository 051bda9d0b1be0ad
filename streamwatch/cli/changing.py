"""Changes that verbs make in the database, also beside a daemon, with their entries in the audit log."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from streamwatch.core.codes import AuditAction

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings
    from streamwatch.store import Store

T = TypeVar("T")


@contextmanager
def changing(settings: "Settings") -> Iterator["Store"]:
    """Open the database beside a daemon that may be running. Raise StoreError.

    Each change is one short transaction. Tables are not brought up to date under a daemon of an older version.
    """
    from streamwatch.store import open_reader, open_store
    from streamwatch.store.lock import is_held

    if is_held(settings.database, settings.data_dir):
        open_reader(settings.database, settings.data_dir).close()
    with closing(open_store(settings.database, settings.data_dir)) as store:
        yield store


def audited(
    store: "Store", action: AuditAction, object: str, act: Callable[[], T], detail: dict[str, Any] | None = None
) -> T:
    """Make a change and its entry in the audit log, in one transaction; return what the change returns."""
    from streamwatch.store import AuditEntry

    with store.together():
        done = act()
        store.audit.add(AuditEntry(datetime.now(UTC), who(), "", action, object, detail or {}))
    return done


def who() -> str:
    """Return who types here, for the audit log."""
    try:
        return f"command line ({getpass.getuser()})"
    except (KeyError, OSError):  # a container may have no name for its user
        return "command line"
