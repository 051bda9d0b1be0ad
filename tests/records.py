"""Records for tests of the store, with plausible values for what a test leaves out, and ways to look from outside."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from servers import PostgresDatabase, Server

import streamwatch
from streamwatch.core.codes import CallOutcome, ViewReason
from streamwatch.core.model import (
    Box,
    CallResult,
    Engine,
    Keyframe,
    Passage,
    PlateText,
    Reading,
    Sighting,
    SightingStatus,
)
from streamwatch.store import Store

NOON = datetime(2026, 1, 5, 12, 0, 0, 123456, tzinfo=UTC)
JPEG = b"\xff\xd8 a picture \xff\xd9"
ANSWER = CallResult(
    outcome=CallOutcome.READ,
    charged=True,
    fee=1,
    latency=0.25,
    http_status=200,
    gateway_code="",
    platform_code=0,
    ret_code=0,
    request_id="R-1",
    answer_id="60f5",
    error="",
    plates=(
        PlateText("京a12345", 0.97, ((1.0, 2.0), (101.5, 2.0), (101.5, 40.0), (1.0, 40.0))),
        PlateText("沪B0", None, None),
    ),
)


def new_key() -> str:
    return uuid4().hex


def passage(camera: str = "gate", at: datetime = NOON, closed: bool = False) -> Passage:
    return Passage(key=new_key(), camera=camera, opened_at=at, last_seen=at + timedelta(seconds=2), closed=closed)


def keyframe(of: Passage, jpeg: bytes = JPEG) -> Keyframe:
    return Keyframe(
        key=new_key(),
        passage=of.key,
        camera=of.camera,
        captured_at=of.opened_at,
        jpeg=jpeg,
        width=1280,
        height=720,
        crop=Box(10, 20, 1920, 1080),
        scale=0.5,
        score=3.25,
        reason=ViewReason.BEST_VIEW,
    )


def saved_view(
    store: Store, camera: str = "gate", at: datetime = NOON, jpeg: bytes = JPEG, closed: bool = False
) -> Keyframe:
    """Save a passage with one keyframe, and return both."""
    stay = passage(camera, at, closed)
    store.passages.save(stay)
    view = keyframe(stay, jpeg)
    store.keyframes.save(view)
    return view


def saved_call(
    store: Store, view: Keyframe | None, result: CallResult | None = ANSWER, at: datetime = NOON, picture: bytes = JPEG
) -> str:
    """Save a call for a keyframe (None: by hand), ended unless its result is None; return its key."""
    key = new_key()
    store.calls.started(key, None if view is None else view.key, Engine.OCRCARS, 1, at, picture)
    if result is not None:
        store.calls.ended(key, result, at + timedelta(seconds=result.latency))
    return key


def reading(of: Keyframe, plate: str = "京A12345") -> Reading:
    return Reading(
        key=new_key(),
        keyframe=of.key,
        passage=of.passage,
        camera=of.camera,
        captured_at=of.captured_at,
        engine=Engine.OCRCARS,
        raw=plate.lower(),
        plate=plate,
        kind="ordinary",
        repaired=False,
        confidence=0.97,
        corners=((1.0, 2.0), (101.5, 2.0), (101.5, 40.0), (1.0, 40.0)),
    )


def sighting(
    of: Keyframe, plate: str = "京A12345", at: datetime | None = None, lasting: timedelta = timedelta(seconds=2)
) -> Sighting:
    first_seen = at or of.captured_at
    return Sighting(
        key=new_key(),
        camera=of.camera,
        plate=plate,
        confidence=0.97,
        first_seen=first_seen,
        last_seen=first_seen + lasting,
        reads=1,
        status=SightingStatus.PROVISIONAL,
        engine=Engine.OCRCARS,
        passage=of.passage,
        keyframe=of.key,
    )


@contextmanager
def plain_sqlite(file: Path) -> Iterator[sqlite3.Connection]:
    """Yield the database as any other program sees it, without SQLAlchemy and the product."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


class SqliteDatabase:
    """A database in a file; the same to tests as `servers.PostgresDatabase`."""

    kind = "sqlite"

    def __init__(self, file: Path) -> None:
        self.file = file
        self.url = f"sqlite:///{file}"

    def rows(self, query: str) -> list[sqlite3.Row]:
        with plain_sqlite(self.file) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        with plain_sqlite(self.file) as connection:
            connection.execute(statement)
            connection.commit()


Database: TypeAlias = SqliteDatabase | PostgresDatabase


def new_database(request: pytest.FixtureRequest, folder: Path) -> Database:
    """Yield an empty database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        return SqliteDatabase(folder / "place" / "streamwatch.db")
    started: Server = request.getfixturevalue("server")
    return started.database()


ONLY_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ONLY_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def rows(database: Database | Path, query: str) -> list[Any]:
    """Return the rows of a query, without SQLAlchemy and the product; a path is that of an SQLite file."""
    return (SqliteDatabase(database) if isinstance(database, Path) else database).rows(query)


def python(
    script: str, *arguments: object, prefix: tuple[str, ...] = (), stdin: bool = False, **environment: str
) -> subprocess.Popen[str]:
    """Start a child that runs a script, which may import streamwatch and the modules of the tests.

    stdin: ends with `output`.
    """
    path = os.pathsep.join([str(Path(streamwatch.__file__).parents[1]), str(Path(__file__).parent)])
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", script, *map(str, arguments)],
        env=dict(os.environ, PYTHONPATH=path, **environment),
        stdin=subprocess.PIPE if stdin else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(child: subprocess.Popen[str], timeout: float = 60) -> str:
    """Return what a child printed; fail with its error text if it did not end well."""
    out, err = child.communicate(timeout=timeout)
    assert child.returncode == 0, err
    return out
