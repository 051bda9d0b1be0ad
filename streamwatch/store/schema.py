"""Finds the schema version of a database, and brings it to the version that this program needs.

A new version is one more file in `migrations/versions`, written by hand. Tests report what the file still lacks.
"""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import SetColumnComment, SetTableComment

from streamwatch.core.errors import DatabaseUnusable
from streamwatch.store.failures import OTHER_FILE, RESCUE, DatabaseName
from streamwatch.store.tables import Base, local_view

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
VIEW = "sighting_local"
_REVISION = re.compile(r'^revision = "(\w+)"', re.MULTILINE)


def newest() -> str:
    """Return the version that this program's tables have."""
    return _known()[0]


def upgrade(connection: Connection, place: DatabaseName) -> None:
    """Bring the database to the newest version, inside the transaction that the caller has begun.

    SQLite's `foreign_keys` must be off, because SQLite changes a table by copying and dropping it. The view is dropped
    before the tables change, and created again afterwards. Raise DatabaseUnusable if the database is newer than this
    program, belongs to another program, or holds rows that refer to missing rows.
    """
    if version(connection, place) == newest() and _view_stands(connection):
        return
    config = _config()  # before the import of Alembic's commands, because it silences Alembic
    from alembic import command

    connection.execute(text(f"DROP VIEW IF EXISTS {VIEW}"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    _explain(connection)
    connection.execute(text(local_view(connection.dialect.name)))
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first():
        raise DatabaseUnusable(f"{place.label} holds rows that refer to rows which are gone.", RESCUE)


def version(connection: Connection, place: DatabaseName) -> str:
    """Return the version of a database, empty for one without tables.

    Raise DatabaseUnusable if the database is not ours, or is newer than this program.
    """
    tables = inspect(connection).get_table_names()
    if "alembic_version" not in tables:
        # A server's database may be shared; a file with somebody else's tables is a mistake in the configuration.
        if tables and connection.dialect.name == "sqlite":
            raise DatabaseUnusable(f"{place.label} belongs to another program.", OTHER_FILE)
        return ""
    found: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
    if found and found not in _known():
        raise DatabaseUnusable(
            f"{place.label} has schema version {found}, and this streamwatch knows no later one than {newest()}.",
            "Install the streamwatch that wrote it, or name another database in `database`.",
        )
    return found


def _view_stands(connection: Connection) -> bool:
    """Return True if the view is as this program makes it.

    Only SQLite keeps its text; on PostgreSQL a new view needs a new version.
    """
    if connection.dialect.name != "sqlite":
        return VIEW in inspect(connection).get_view_names()
    found = connection.execute(text("SELECT sql FROM sqlite_master WHERE name = :name"), {"name": VIEW}).scalar()
    return found == local_view("sqlite")


def _explain(connection: Connection) -> None:
    """Write the explanations of tables.py as comments in PostgreSQL. SQLite has them in its CREATE TABLE already."""
    if connection.dialect.name == "postgresql":
        for table in Base.metadata.sorted_tables:
            connection.execute(SetTableComment(table))
            for column in table.columns:
                connection.execute(SetColumnComment(column))


def _known() -> list[str]:
    """Return all versions, newest first, from the files: the import of Alembic costs a second of CPU."""
    files = (MIGRATIONS / "versions").glob("*.py")
    found = (_REVISION.search(file.read_text(encoding="utf-8")) for file in files)
    return sorted((match[1] for match in found if match), reverse=True)


def _config() -> "Config":
    # Alembic reports its plugins at INFO while it is imported, and each step later.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
