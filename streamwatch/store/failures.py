"""The one place where errors of SQLAlchemy, its drivers and the file system become StoreErrors."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, StatementError

from streamwatch.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.redact import hide_credentials, hide_secret

RESCUE = (
    "Stop streamwatch, keep a copy of the file with its -wal and -shm, and rescue it with sqlite3's `.recover`; "
    "or name a new file in `database`."
)
OTHER_FILE = "Name another file in `database`."
FREE_SPACE = "Free some space or move it to a bigger disk."
PERMISSIONS = "Give the user that runs streamwatch the right to write there, or name another place."

# By the first two words of SQLite's result codes (https://www.sqlite.org/rescode.html).
_SQLITE: dict[str, tuple[type[StoreError], str, str]] = {
    "SQLITE_NOTADB": (DatabaseUnusable, "is not an SQLite database", OTHER_FILE),
    "SQLITE_CORRUPT": (DatabaseUnusable, "is damaged", RESCUE),
    "SQLITE_BUSY": (StorageFailed, "is locked by another program", "Close whatever else writes to it."),
    "SQLITE_LOCKED": (StorageFailed, "is locked by another program", "Close whatever else writes to it."),
    "SQLITE_FULL": (StorageFailed, "can not grow: the disk is full", FREE_SPACE),
    "SQLITE_READONLY": (StorageFailed, "can not be written: it or its folder is read-only", PERMISSIONS),
    "SQLITE_PERM": (StorageFailed, "can not be written: no permission", PERMISSIONS),
    "SQLITE_CANTOPEN": (StorageFailed, "can not be opened: it or its folder can not be written", PERMISSIONS),
    "SQLITE_IOERR": (StorageFailed, "can not be read or written: the disk is full or failing", FREE_SPACE),
    "SQLITE_TOOBIG": (StoreError, "was given a text that is too long", ""),
}

_OS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", FREE_SPACE),
    errno.EDQUOT: ("the disk quota is used up", FREE_SPACE),
    errno.EFBIG: ("the file would be larger than allowed", FREE_SPACE),
    errno.EROFS: ("the disk is read-only", PERMISSIONS),
    errno.EACCES: ("no permission", PERMISSIONS),
    errno.EPERM: ("no permission", PERMISSIONS),
    errno.ENOTDIR: ("a part of its path is a file, not a folder", "Name another place."),
    errno.EEXIST: ("a part of its path is a file, not a folder", "Name another place."),
}


@dataclass(frozen=True)
class Place:
    """What messages call the database: its file, or its address without password and query."""

    label: str
    password: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: URL) -> "Place":
        """The place of a parsed URL."""
        if url.get_backend_name() == "sqlite":
            return cls(f"The database {url.database}")
        return cls(f"The database {url.set(query={}).render_as_string(hide_password=True)}", str(url.password or ""))

    def clean(self, text: str) -> str:
        """The first line of a driver's text, without the password."""
        line = next(iter(text.strip().splitlines()), "")
        return hide_credentials(hide_secret(line, self.password)).rstrip(".")


@contextmanager
def translated(place: Place) -> Iterator[None]:
    """Errors of SQLAlchemy leave the block as StoreErrors; a mistake in our own Python values stays what it is.

    The driver's error is not chained: its text is not ours to vouch for.
    """
    try:
        yield
    except StatementError as error:
        if not isinstance(error, DBAPIError) and error.orig is not None:
            raise error.orig from None
        raise _translate(error, place) from None
    except SQLAlchemyError as error:
        raise _translate(error, place) from None


def file_failed(what: str, error: OSError, done: str = "written") -> StorageFailed:
    """The sentence for a file or folder that can not be made, written or otherwise `done`."""
    reason, what_to_do = _OS.get(error.errno or 0, (error.strerror or type(error).__name__, ""))
    return StorageFailed(f"{what} can not be {done}: {reason}.", what_to_do)


def _translate(error: SQLAlchemyError, place: Place) -> StoreError:
    original = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(original, sqlite3.Error):
        name = getattr(original, "sqlite_errorname", "")
        kind, sentence, what_to_do = _SQLITE.get("_".join(name.split("_")[:2]), (StoreError, "", ""))
        if sentence:
            return kind(f"{place.label} {sentence}.", what_to_do)
    reason = place.clean(str(original or error))
    if isinstance(error, OperationalError | InterfaceError) and not isinstance(original, sqlite3.Error):
        return StorageFailed(f"{place.label} does not answer or refuses: {reason}.", "Check `database` and its server.")
    return StoreError(f"{place.label} refused a statement: {reason}.")
