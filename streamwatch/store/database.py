"""Opening a database: folders, settings, schema, and an engine to work with.

SQLite files are written in WAL mode with `synchronous=FULL`, so that a committed row survives a power cut and readers
never wait for the writer. Every write transaction takes the write lock when it begins, so that it cannot fail halfway.
postgresql.py holds what PostgreSQL needs.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool

from streamwatch.core.errors import DatabaseUnusable, StoreError
from streamwatch.store import postgresql, schema
from streamwatch.store.failures import OTHER_FILE, DatabaseName, file_failed, translated
from streamwatch.system.files import make_folder

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another program's lock, unless the URL says otherwise (`?timeout=`)."""
_DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}
"""The databases that streamwatch is tested with, and the driver of each."""
FIRST_RUN = "Start `streamwatch run` or `streamwatch replay` first."


def open_writer(database: str, sole: bool = False) -> tuple[Engine, DatabaseName]:
    """Return an engine for the one writer. Make the folder and the file if necessary, and migrate to the newest schema.

    sole: True if no other program may be the sole one at the same time. It only matters for PostgreSQL; lock.py locks a
    file. Raise DatabaseUnusable (bad URL, missing driver, damaged, of a newer version, held by another program) or
    StorageFailed (locked, full, not writable, no answer).
    """
    url = _parse(database)
    place = DatabaseName.of(url)
    if not _is_sqlite(url):
        return _open_server(url, place, sole), place
    url = _sqlite_file(url, place)
    try:
        make_folder(Path(url.database or "").parent)
    except OSError as error:
        raise file_failed(f"The folder of the database {url.database}", error) from None
    if Path(url.database or "").exists():
        _refuse_foreign(url, place)
    migrating = _sqlite_engine(url, place, poolclass=NullPool)
    try:
        _migrate(migrating, place)
    finally:
        migrating.dispose()
    engine = _sqlite_engine(url, place, pool_size=1, max_overflow=0)
    event.listen(engine, "connect", _enforce_foreign_keys)
    return engine, place


def _open_server(url: URL, place: DatabaseName, sole: bool) -> Engine:
    """Return an engine with one session. The session takes the lock before it migrates, and keeps it until it ends."""
    engine = _plain_engine(url, place, pool_size=1, max_overflow=0)
    event.listen(engine, "connect", postgresql.Session(place, sole).prepare)
    try:
        _migrate(engine, place)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_read_only(database: str) -> tuple[Engine, DatabaseName]:
    """Return an engine that can only read. Nothing is made or migrated.

    Raise StoreError if there is no database yet or its schema is not the newest, and the errors of `open_writer`.
    """
    url = _parse(database)
    place = DatabaseName.of(url)
    if _is_sqlite(url):
        url = _sqlite_file(url, place)
        if not Path(url.database or "").exists():
            raise StoreError(f"{place.label} does not exist yet.", FIRST_RUN)
        url = url.set(database=f"file:{quote(str(url.database))}").update_query_dict({"mode": "ro", "uri": "true"})
        engine = _plain_engine(url, place)
        event.listen(engine, "connect", _refuse_writing)
    else:
        engine = _plain_engine(url, place, execution_options={"postgresql_readonly": True})
    try:
        with translated(place), engine.connect() as connection:
            _require_newest(connection, place)
    except StoreError:
        engine.dispose()
        raise
    return engine, place


@contextmanager
def as_it_stands(database: str) -> Iterator[tuple[DatabaseName, Connection | None]]:
    """Yield the database as the writer would find it, and change nothing.

    The connection is None if the file does not exist yet. It has SQLite's write lock until the block ends. Raise the
    errors of `open_writer`.
    """
    url = _parse(database)
    place = DatabaseName.of(url)
    if _is_sqlite(url):
        url = _sqlite_file(url, place)
        if not Path(url.database or "").exists():
            yield place, None
            return
    engine = _plain_engine(url, place, poolclass=NullPool)
    if _is_sqlite(url):
        event.listen(engine, "begin", _take_write_lock)
    try:
        with translated(place), engine.connect() as connection:
            yield place, connection
    finally:
        engine.dispose()


def _require_newest(connection: Connection, place: DatabaseName) -> None:
    found = schema.version(connection, place)
    if not found:
        raise StoreError(f"{place.label} is still empty.", FIRST_RUN)
    if found != schema.newest():
        raise StoreError(
            f"{place.label} has the older schema version {found}.",
            "Start `streamwatch run` once to update it.",
        )


def _migrate(engine: Engine, place: DatabaseName) -> None:
    """Migrate in one transaction under the write lock: two programs that start together wait for each other.

    A power cut undoes all of the migration.
    """
    with translated(place), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            postgresql.lock_migration(connection.exec_driver_sql)
        schema.upgrade(connection, place)


def _refuse_foreign(url: URL, place: DatabaseName) -> None:
    """Raise DatabaseUnusable for a file of another program, before the switch to WAL changes the file."""
    engine = _plain_engine(url, place, poolclass=NullPool)
    try:
        with translated(place), engine.connect() as connection:
            schema.version(connection, place)
    finally:
        engine.dispose()


def sqlite_file(database: str) -> Path | None:
    """Return the file of an SQLite database; None for another kind or without a file. Raise DatabaseUnusable."""
    url = _parse(database)
    name = url.database or ""
    return Path(name) if _is_sqlite(url) and _names_file(name) else None


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that was opened by its name. device, inode: of the file that had the name at that time."""

    path: Path
    device: int
    inode: int

    def is_gone(self) -> bool:
        """Return True if the name now belongs to no file, or to another file."""
        try:
            found = self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return (found.st_dev, found.st_ino) != (self.device, self.inode)


def open_file(database: str) -> OpenFile | None:
    """Return the file of an SQLite database that was just opened; None for another kind."""
    path = sqlite_file(database)
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError as error:
        raise file_failed(f"The database {path}", error, "found") from None
    return OpenFile(path, found.st_dev, found.st_ino)


def _names_file(name: str) -> bool:
    return name not in ("", ":memory:") and not name.startswith("file:")


def _parse(database: str) -> URL:
    try:
        url = make_url(database)
    except (ArgumentError, ValueError):
        raise DatabaseUnusable(
            "`database` is not a database URL.", "Write it like sqlite:////var/lib/streamwatch/streamwatch.db."
        ) from None
    kind, _, driver = url.drivername.partition("+")
    if kind not in _DRIVERS or driver not in ("", _DRIVERS[kind]):
        raise DatabaseUnusable(
            f"`database` begins with {url.drivername}, and streamwatch works with SQLite and PostgreSQL only.",
            "Write sqlite:///… or postgresql://…",
        )
    return url


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _sqlite_file(url: URL, place: DatabaseName) -> URL:
    name = url.database or ""
    if not _names_file(name):
        raise DatabaseUnusable("`database` must name a file for SQLite.", "Write sqlite:/// and the path of the file.")
    try:
        is_folder = Path(name).is_dir()
    except OSError as error:
        raise file_failed(place.label, error) from None
    if is_folder:
        raise DatabaseUnusable(f"{place.label} is a folder, not a file.", OTHER_FILE)
    return url if "timeout" in url.query else url.update_query_dict({"timeout": str(BUSY_TIMEOUT)})


def _sqlite_engine(url: URL, place: DatabaseName, **options: Any) -> Engine:
    """Return an engine of SQLite whose connections are durable and whose transactions take the write lock at once."""
    engine = _plain_engine(url, place, **options)
    event.listen(engine, "connect", _make_durable)
    event.listen(engine, "begin", _take_write_lock)
    return engine


def _plain_engine(url: URL, place: DatabaseName, **options: Any) -> Engine:
    if not _is_sqlite(url):
        url = url.set(drivername="postgresql+psycopg")
        options |= {"pool_pre_ping": True, "connect_args": postgresql.connection_arguments(url)}
    try:
        return create_engine(url, hide_parameters=True, **options)
    except ImportError:
        raise DatabaseUnusable(
            f"{place.label} needs the Python package psycopg, which is missing or incomplete.",
            "Install it into the same environment: pip install 'psycopg[binary]'",
        ) from None
    except (ArgumentError, TypeError, ValueError) as error:
        raise DatabaseUnusable(f"{place.label}: {place.clean(str(error))}.", "Check `database`.") from None


def _make_durable(connection: sqlite3.Connection, _record: object) -> None:
    _switch_to_wal(connection)
    connection.execute("PRAGMA synchronous=FULL")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL, and wait for the lock that this needs.

    SQLite itself does not wait if two programs open a new file at the same time.
    """
    milliseconds: int = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    deadline = time.monotonic() + milliseconds / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _enforce_foreign_keys(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


def _refuse_writing(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")


def _take_write_lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
