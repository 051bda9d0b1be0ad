"""Finds out what `open_store` would say of a database, without making or changing anything."""

import errno
import os
from pathlib import Path

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from streamwatch.store import database, retention, schema
from streamwatch.store.evidence import require_folder
from streamwatch.store.failures import DatabaseName, file_failed


def inspect_store(url: str, data_dir: Path) -> str:
    """Return the state of the database, as words after "database:". Make and change nothing.

    SQLite's write lock is taken and released. Raise the errors that `open_store` would raise, and StorageFailed if the
    folder of the pictures is missing or cannot be made.
    """
    require_makeable(f"The folder {data_dir / 'evidence'}", data_dir / "evidence" / ".new")
    with database.as_it_stands(url) as (place, connection):
        if connection is None:
            return f"{place.label} does not exist yet; it will be made at the first start"
        return _standing(connection, place, data_dir)


def require_makeable(what: str, path: Path) -> None:
    """Raise StorageFailed, as an attempt would, if the file can be neither opened nor made with its folders.

    what: the name of the file at the beginning of the error's sentence.
    """
    try:
        if path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        else:
            _require_room(path.parent)
    except OSError as error:
        raise file_failed(what, error) from None


def _require_room(folder: Path) -> None:
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _standing(connection: Connection, place: DatabaseName, data_dir: Path) -> str:
    found = schema.version(connection, place)
    if not found:
        return f"{place.label} is empty; its tables will be made at the first start"
    if found != schema.newest():
        return f"{place.label} has the older schema version {found}; the first start brings it up to date"
    if retention.evidence_bytes(Session(connection)):
        require_folder(data_dir)
    return "can be written, and its tables are up to date"
