"""Several writes as one transaction: all or nothing, whatever goes wrong in the middle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from records import (
    ONLY_SQLITE,
    Database,
    keyframe,
    new_key,
    output,
    passage,
    plain_sqlite,
    python,
    reading,
    rows,
    saved_view,
)
from servers import PostgresDatabase

from streamwatch.core.codes import StateReason
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.store import KeyframeState, Store, open_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    soon = "?timeout=0.1" if database.kind == "sqlite" else "%20-clock_timeout%3D100"
    store = open_store(f"{database.url}{soon}", tmp_path / "data")
    yield store
    store.close()


def test_nothing_is_seen_before_the_end_and_all_of_it_after(store: Store, database: Database) -> None:
    with store.together():
        views = [saved_view(store) for _ in range(3)]
        with store.together():
            store.keyframes.answered(views[0].key, [reading(views[0])])
        assert not rows(database, "SELECT * FROM passages")
        assert len(store.keyframes.waiting()) == 2
    assert [row["state"] for row in rows(database, "SELECT state FROM keyframes ORDER BY id")] == [
        "answered",
        "waiting",
        "waiting",
    ]
    assert len(rows(database, "SELECT * FROM readings")) == 1


def test_an_exception_undoes_all_and_the_pictures_are_reused(store: Store, database: Database, tmp_path: Path) -> None:
    stay = passage()
    view = keyframe(stay)

    def write(then: Callable[[], object]) -> None:
        with store.together():
            store.passages.save(stay)
            store.keyframes.save(view)
            then()

    with pytest.raises(ZeroDivisionError):
        write(lambda: 1 / 0)
    assert not rows(database, "SELECT * FROM passages")
    (left,) = (path for path in tmp_path.rglob("*.jpg"))
    write(lambda: None)
    assert store.keyframes.load_keyframe(view.key) == view
    assert list(tmp_path.rglob("*.jpg")) == [left]


@pytest.mark.parametrize("inner", [True, False])
def test_a_part_that_failed_and_was_caught_undoes_all_too(store: Store, database: Database, inner: bool) -> None:
    view = saved_view(store)

    def write() -> None:
        with store.together():
            store.keyframes.set_state(view.key, KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS)
            with suppress(StoreError), store.together() if inner else nullcontext():
                store.keyframes.answered(view.key, [], new_key())

    with pytest.raises(StoreError, match="The transaction was undone as a whole"):
        write()
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "waiting"
    store.keyframes.set_state(view.key, KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS)
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "dropped"


def test_a_write_after_a_part_that_failed_is_refused(store: Store, database: Database) -> None:
    view = saved_view(store)

    def write() -> None:
        with store.together():
            with suppress(StoreError):
                store.keyframes.save(replace(view, passage=new_key()))
            store.passages.save(passage())

    with pytest.raises(StoreError, match="closed transaction"):
        write()
    assert len(rows(database, "SELECT * FROM passages")) == 1


def test_a_row_that_the_database_refuses_is_said_by_its_own_write(store: Store) -> None:
    view = saved_view(store)
    done: list[str] = []

    def write() -> None:
        with store.together():
            store.keyframes.set_state(view.key, KeyframeState.FAILED)
            done.append("state")
            store.keyframes.save(view)
            done.append("keyframe")

    with pytest.raises(StoreError, match=r"UNIQUE constraint failed: keyframes\.key|violates .*uq_keyframes_key"):
        write()
    assert done == ["state"]


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Hold the write lock as another program would."""
    if isinstance(database, PostgresDatabase):
        with psycopg.connect(database.url) as connection:
            connection.execute("LOCK TABLE passages")
            yield
        return
    with plain_sqlite(database.file) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def test_a_lock_held_for_too_long_fails_and_the_same_writes_succeed_afterwards(
    store: Store, database: Database
) -> None:
    stay = passage()
    view = keyframe(stay)

    def write() -> None:
        with store.together():
            store.passages.save(stay)
            store.keyframes.save(view)
            store.keyframes.answered(view.key, [])

    with held(database), pytest.raises(StorageFailed, match="is locked by another program"):
        write()
    assert not rows(database, "SELECT * FROM passages")
    write()
    assert rows(database, "SELECT state FROM keyframes")[0]["state"] == "answered"


HOLD = """
import sqlite3, sys, time
from contextlib import closing
with closing(sqlite3.connect(sys.argv[1], isolation_level=None)) as other:
    other.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
    other.execute("ROLLBACK")
"""


@ONLY_SQLITE
def test_another_process_that_keeps_the_lock_for_longer_than_the_time_out(database: Database, tmp_path: Path) -> None:
    store = open_store(f"{database.url}?timeout=0.2", tmp_path / "data")
    stay = passage()
    child = python(HOLD, database.url.removeprefix("sqlite:///"), 1.5)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(StorageFailed, match="Close the other program that writes"):
        store.passages.save(stay)
    output(child)
    store.passages.save(stay)
    store.close()
    assert [row["key"] for row in rows(database, "SELECT key FROM passages")] == [stay.key]


FULL = """
import resource, sys
from pathlib import Path
from records import keyframe, passage, rows
from streamwatch.core.errors import StorageFailed
from streamwatch.store import open_store

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder}/streamwatch.db", folder / "data")
views = []
for _ in range(30):
    stay = passage()
    views.append((stay, keyframe(stay)))

def write():
    with store.together():
        for stay, view in views:
            store.passages.save(stay)
            store.keyframes.save(view)

def counts():
    file = folder / "streamwatch.db"
    return [rows(file, f"SELECT count(*) FROM {table}")[0][0] for table in ("passages", "keyframes")]

resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
for _ in range(2):
    try:
        write()
    except StorageFailed as error:
        print(error)
    print(counts())
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
write()
print(counts(), rows(folder / "streamwatch.db", "PRAGMA integrity_check")[0][0])
store.close()
"""


def test_a_disk_that_fills_up_in_the_middle_changes_nothing_and_all_can_be_repeated(tmp_path: Path) -> None:
    first, none, second, still_none, all_of_it = output(python(FULL, tmp_path)).splitlines()
    assert "cannot be read or written: the disk is full or failing. Free some space" in first
    assert first == second
    assert none == still_none == "[0, 0]"
    assert all_of_it == "[30, 30] ok"
    assert len(list((tmp_path / "data").rglob("*.jpg"))) == 30
