"""The small SQLite file in which an import of permits lies until it is confirmed."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from streamwatch.access.permit_rules import PermitProblem

_SCHEMA = """
CREATE TABLE lines (permit TEXT, line INTEGER, data TEXT, PRIMARY KEY (permit, line)) WITHOUT ROWID;
CREATE TABLE plates (plate TEXT, kind TEXT, PRIMARY KEY (plate, kind)) WITHOUT ROWID;
CREATE TABLE spoilt (permit TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE faults (line INTEGER, step INTEGER, fault TEXT, field TEXT, words TEXT);
CREATE TABLE plan (does TEXT, key TEXT, line INTEGER, terms TEXT);
CREATE TABLE claimed (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT);
"""
_FIRST_STEP = 1


class PlanFile:
    """Lines of a list, what is wrong with them, and the plan; one thread at a time may use it.

    Tables: `lines` and `plates` as they were read, `spoilt` permits with a wrong line, `faults` by step, `plan` and
    what it has `claimed`, and `about` the list. They last as long as the file, and nothing needs them after a crash.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA cache_size = -8000;")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it stays, to be found again."""
        self._db.close()

    def discard(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    @property
    def source(self) -> str:
        """The list that its references belong to."""
        return self._about("source")

    def _create(self) -> None:
        """Make the tables."""
        self._db.executescript(_SCHEMA)

    def _name(self) -> str:
        """Return a name made of all that the plan would write."""
        written = hashlib.sha256()
        about = ("source", "end_missing", "lines")
        written.update(json.dumps([self._about(name) for name in about]).encode())
        for row in self._db.execute("SELECT does, key, line, terms FROM plan ORDER BY rowid"):
            written.update(json.dumps(row).encode())
        for row in self._db.execute("SELECT line, fault FROM faults ORDER BY line, rowid"):
            written.update(json.dumps(row).encode())
        return written.hexdigest()[:32]

    def _planned(self, what: str, does: str) -> Iterator[tuple[Any, ...]]:
        query = f"SELECT {what} FROM plan WHERE does = ? ORDER BY line, rowid"
        return closing_rows(self._db, query, (does,))

    def _is_claimed(self, key: str) -> bool:
        return self._db.execute("SELECT 1 FROM claimed WHERE key = ?", (f"key:{key}",)).fetchone() is not None

    def _fault(self, line: int, *found: PermitProblem, step: int = _FIRST_STEP) -> None:
        rows = [(line, step, one.fault.value, one.field, one.text) for one in found]
        self._db.executemany("INSERT INTO faults VALUES (?, ?, ?, ?, ?)", rows)

    def _note(self, **values: str) -> None:
        self._db.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", values.items())

    def _about(self, name: str) -> str:
        found = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return "" if found is None else str(found[0])


def closing_rows(db: sqlite3.Connection, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a query from a cursor of its own."""
    with closing(db.execute(query, values)) as rows:
        yield from rows
