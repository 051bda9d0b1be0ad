"""Turns errors of SQLAlchemy, its drivers and the file system into StoreErrors, in this one place."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError, StatementError

from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.core.redact import hide_credentials, hide_secret

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
    "SQLITE_BUSY": (StorageFailed, "is locked by another program", "Close the other program that writes to it."),
    "SQLITE_LOCKED": (StorageFailed, "is locked by another program", "Close the other program that writes to it."),
    "SQLITE_FULL": (StorageFailed, "cannot grow: the disk is full", FREE_SPACE),
    "SQLITE_READONLY": (StorageFailed, "cannot be written: it or its folder is read-only", PERMISSIONS),
    "SQLITE_PERM": (StorageFailed, "cannot be written: no permission", PERMISSIONS),
    "SQLITE_CANTOPEN": (StorageFailed, "cannot be opened: it or its folder cannot be written", PERMISSIONS),
    "SQLITE_IOERR": (StorageFailed, "cannot be read or written: the disk is full or failing", FREE_SPACE),
    "SQLITE_TOOBIG": (StoreError, "was given a text that is too long", ""),
}

GRANT = "Make that user the owner of the database and of its tables (ALTER TABLE … OWNER TO …)."
# By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_POSTGRESQL: dict[str, tuple[type[StoreError], str, str]] = {
    "53100": (StorageFailed, "cannot grow: the disk of its server is full", FREE_SPACE),
    "55P03": (StorageFailed, "is locked by another program", "Close the other program that writes to it."),
    "40P01": (StorageFailed, "is locked by another program", "Close the other program that writes to it."),
    "40001": (
        StorageFailed,
        "is changed by another program at the same time",
        "Close the other program that writes to it.",
    ),
    "57P01": (StorageFailed, "cannot be reached: its server is being stopped", "Start its server."),
    "57P02": (StorageFailed, "cannot be reached: its server has crashed", "Look into its server's log."),
    "57P03": (StorageFailed, "cannot be reached: its server is being started or stopped", "Wait a moment."),
    "25006": (StorageFailed, "cannot be written: its server, or this user, is set to read-only", ""),
    "42501": (StorageFailed, "cannot be written: its user may not", GRANT),
    "3F000": (StorageFailed, "has no schema that its user may use", GRANT),
    "XX001": (DatabaseUnusable, "is damaged", "Restore it from a backup, or name another one in `database`."),
    "XX002": (DatabaseUnusable, "is damaged", "Let its server rebuild the index: REINDEX DATABASE."),
}
# A connection that is refused has no SQLSTATE, only words; these are what libpq and an English server say.
_REFUSED: dict[str, tuple[str, str]] = {
    "password": (
        "refuses the user or the password",
        "Check both; a password may also come from PGPASSWORD or from a file (`?passfile=` in `database`).",
    ),
    'role "': ("does not know the user", "Check the user in `database`, or make it: createuser."),
    'database "': ("does not exist", "Make it: createdb --encoding UTF8 --owner USER NAME"),
    "pg_hba.conf": ("refuses this user from this machine", "Add a line to its server's pg_hba.conf."),
    "too many": ("has no connection left", "Raise max_connections of its server, or close other programs."),
    "remaining connection slots": ("has no connection left", "Raise max_connections of its server."),
    "starting up": ("is being started", "Wait a moment."),
    "in recovery": ("is being started", "Wait a moment."),
    "shutting down": ("is being stopped", "Start its server."),
    "translate host name": ("cannot be reached: its host is unknown", "Check the host in `database`."),
    "resolve host": ("cannot be reached: its host is unknown", "Check the host in `database`."),
    "closed the connection": ("cannot be reached: the connection broke off", "Is its server on?"),
    "connection is": ("cannot be reached: the connection broke off", "Is its server on?"),
    "Connection refused": ("cannot be reached: the connection is refused", "Is its server on, and is the port right?"),
    "No such file": ("cannot be reached: its socket does not exist", "Is its server on, and is the folder right?"),
    "timeout": ("cannot be reached: nothing answers", "Is its server on, and are host, port and firewall right?"),
    "No route": ("cannot be reached: there is no way to its host", "Check host and network."),
    "unreachable": ("cannot be reached: there is no way to its host", "Check host and network."),
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
class DatabaseName:
    """The name of the database in messages: its file, or its address without password and query."""

    name: str
    password: str = field(default="", repr=False)

    @property
    def label(self) -> str:
        """Return the name as the beginning of a sentence."""
        return self.name[0].upper() + self.name[1:]

    @classmethod
    def of(cls, url: URL) -> "DatabaseName":
        """Return the name of the database at a parsed URL."""
        if url.get_backend_name() == "sqlite":
            return cls(f"the database {url.database}")
        password = url.password or url.query.get("password", "")
        return cls(f"the database {url.set(query={}).render_as_string(hide_password=True)}", str(password))

    def clean(self, text: str) -> str:
        """Return the first line of a driver's text, without the password."""
        line = next(iter(text.strip().splitlines()), "")
        return hide_credentials(hide_secret(line, self.password)).rstrip(".")


@contextmanager
def translated(place: DatabaseName) -> Iterator[None]:
    """Raise errors of SQLAlchemy as StoreErrors. An error in our own Python values passes unchanged.

    The driver's error is not chained, because its text may hold a secret.
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
    """Return the error for a file or folder that cannot be `done`, for example written, read or found."""
    reason, what_to_do = _OS.get(error.errno or 0, (error.strerror or type(error).__name__, ""))
    return StorageFailed(f"{what} cannot be {done}: {reason}.", what_to_do)


def _translate(error: SQLAlchemyError, place: DatabaseName) -> StoreError:
    original = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(original, sqlite3.Error):
        name = getattr(original, "sqlite_errorname", "")
        kind, sentence, what_to_do = _SQLITE.get("_".join(name.split("_")[:2]), (StoreError, "", ""))
        if sentence:
            return kind(f"{place.label} {sentence}.", what_to_do)
    state = getattr(original, "sqlstate", None)
    if state in _POSTGRESQL:
        kind, sentence, what_to_do = _POSTGRESQL[state]
        return kind(f"{place.label} {sentence}.", what_to_do)
    reason = place.clean(str(original or error))
    if isinstance(error, OperationalError | InterfaceError) and not isinstance(original, sqlite3.Error):
        for words, (sentence, what_to_do) in _REFUSED.items():
            if state is None and words in str(original):
                return StorageFailed(f"{place.label} {sentence}.", what_to_do)
        return StorageFailed(f"{place.label} does not answer or refuses: {reason}.", "Check `database` and its server.")
    return StoreError(f"{place.label} refused a statement: {reason}.")
