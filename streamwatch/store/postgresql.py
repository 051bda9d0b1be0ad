"""The needs of PostgreSQL that SQLite does not have: settings of a session, and a lock that allows only one daemon.

The lock is an advisory lock of the session that writes, not of a second connection: a session that can write has the
lock, and a session that lost the lock cannot write. If the connection is lost (the server was restarted, the network
was away), the next connection takes the lock before it does anything else. If another program has the lock by then, the
daemon ends. If the server has not noticed the loss yet, the daemon ends its own old session by its pid, so that it does
not lock itself out.

A pooler that lends a session to one transaction at a time (PgBouncer's mode `transaction`) cannot be used, because the
lock would stay with the session of the pooler.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL

from streamwatch.core.errors import DatabaseUnusable
from streamwatch.store.failures import DatabaseName

PATIENCE = 3.0
"""Seconds to wait for the lock: the session of a program that was just ended may still be there."""
ASKING = 0.1
"""Seconds between two tries."""
_LOCK = 0x53_57_44_42
"""The number of our advisory lock ("SWDB")."""
_MIGRATION_LOCK = f"SELECT pg_advisory_xact_lock({_LOCK})"
_CONNECTION = {
    "client_encoding": "utf8",
    "connect_timeout": "10",  # s
    # A server that vanished is noticed within about 25 s, both while it is asked and while it answers.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",  # ms
}
"""https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""
_SESSION = {
    # The server, too, must notice that a box has vanished, to give its lock back.
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""https://www.postgresql.org/docs/current/runtime-config-connection.html"""
_PREPARE = f"""
SELECT {", ".join(f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items())},
    CASE WHEN current_setting('lock_timeout') = '0' THEN set_config('lock_timeout', '10s', false) END,
    CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', false) END
"""
_TABLES = "coalesce((SELECT oid::int FROM pg_namespace WHERE nspname = current_schema()), 0)"
"""The number of the session's schema, so that each schema of a database has its own lock."""
_TRY = f"SELECT pg_try_advisory_lock({_LOCK}, {_TABLES})"
_SELF = "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()"
_HOLDER = f"""
SELECT pid, backend_start::text, application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = {_LOCK} AND objid::int = {_TABLES} AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def connection_arguments(url: URL) -> dict[str, str]:
    """Return the options of libpq that the URL does not set."""
    wanted = _CONNECTION | {
        "fallback_application_name": f"streamwatch on {socket.gethostname()}, process {os.getpid()}"
    }
    return {name: value for name, value in wanted.items() if name not in url.query}


def lock_migration(execute: Callable[[str], Any]) -> None:
    """Wait until no other program changes the tables, and keep others from it until the transaction ends."""
    execute(_MIGRATION_LOCK)


@dataclass
class Session:
    """Prepares each new connection; an event listener of the engine.

    sole: True if the session takes the lock. `prepare` raises DatabaseUnusable if another program has the lock, or the
    database cannot hold Chinese text.
    """

    place: DatabaseName
    sole: bool
    _was: tuple[int, str] | None = None

    def prepare(self, connection: Any, _record: object) -> None:
        """Prepare a new connection of psycopg."""
        try:
            with connection.cursor() as cursor:
                self._require_utf8(cursor)
                cursor.execute(_PREPARE)
                if self.sole:
                    self._lock(cursor)
                    self._was = cursor.execute(_SELF).fetchone()
            connection.commit()
        except BaseException:
            connection.close()
            raise

    def _require_utf8(self, cursor: Any) -> None:
        (encoding,) = cursor.execute("SHOW server_encoding").fetchone()
        if encoding != "UTF8":
            raise DatabaseUnusable(
                f"{self.place.label} has the encoding {encoding}, which cannot hold every plate.",
                "Make one with UTF8: createdb --encoding UTF8 --template template0 NAME",
            )

    def _lock(self, cursor: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not cursor.execute(_TRY).fetchone()[0]:
            holder = cursor.execute(_HOLDER).fetchone()
            if holder is not None and holder[:2] == self._was:
                cursor.execute("SELECT pg_terminate_backend(%s)", (holder[0],))
            elif time.monotonic() > deadline:
                who = f" ({holder[2]})" if holder is not None and holder[2] else ""
                raise DatabaseUnusable(
                    f"Another streamwatch{who} is writing {self.place.name} already.",
                    "Stop it first, or name another database in `database`.",
                )
            time.sleep(ASKING)
