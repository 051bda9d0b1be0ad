"""A wrong configuration or another program gives one sentence from the store, and damages nothing."""

import os
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from records import JPEG, NOON, Database, keyframe, passage, plain_sqlite, rows, sighting
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.store import Store, open_reader, open_store
from streamwatch.store import database as database_module
from streamwatch.store.failures import DatabaseName, translated


def test_a_password_of_one_letter_leaves_the_message_readable() -> None:
    place = DatabaseName.of(make_url("postgresql://me:p@db.example/x"))
    said = 'connection to postgresql://me:p@db.example/x failed: password "p" refused, pool empty'
    assert place.clean(said) == 'connection to postgresql://***@db.example/x failed: password "***" refused, pool empty'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "streamwatch.db"


def open_file(file: Path) -> Store:
    return open_store(f"sqlite:///{file}?timeout=0.1", file.parent / "data")


def fill(file: Path, passages: int = 1) -> None:
    store = open_file(file)
    for _ in range(passages):
        store.passages.save(passage())
    store.close()


# ---- what a URL may be ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "`database` is not a database URL"),
        ("streamwatch.db", "`database` is not a database URL"),
        ("postgresql://me:hunter2@host:port/db", "`database` is not a database URL"),
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///file:x.db?uri=true", "must name a file"),
        ("oracel://me:hunter2@host/db", "begins with oracel, and streamwatch works with SQLite and PostgreSQL only"),
        ("mysql://me:hunter2@host/db?password=hunter2", "begins with mysql, .* Write sqlite:///… or postgresql://…"),
        ("postgresql+psycopg2://me:hunter2@host/db", "begins with postgresql\\+psycopg2, and"),
        ("postgres://me:hunter2@host/db", "begins with postgres, and"),
        ("sqlite+pysqlcipher://me:hunter2@/x.db", "begins with sqlite\\+pysqlcipher, and"),
    ],
)
@pytest.mark.parametrize("opener", [open_store, open_reader])
def test_a_url_that_cannot_work_is_one_sentence_without_password(
    tmp_path: Path, opener: type, url: str, says: str
) -> None:
    with pytest.raises(DatabaseUnusable, match=says) as caught:
        opener(url, tmp_path)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_an_option_that_makes_no_sense_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable, match=r"a\.db: could not convert .*soon.*\. Check `database`\."):
        open_store(f"sqlite:///{tmp_path}/a.db?timeout=soon", tmp_path)


def test_a_server_that_says_something_unknown_is_quoted_without_the_password() -> None:
    place = DatabaseName.of(make_url("postgresql://me:hunter2@db.example/x"))
    said = psycopg.OperationalError("the moon is full of hunter2\nand more")
    with (
        pytest.raises(StorageFailed, match=r"does not answer or refuses: the moon is full of \*\*\*\. Check") as caught,
        translated(place),
    ):
        raise OperationalError("SELECT 1", None, said)
    assert "hunter2" not in str(caught.value)


def test_a_missing_driver_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        DatabaseUnusable, match=r"postgresql://me:\*\*\*@host/db needs .* pip install 'psycopg\[binary\]'"
    ):
        open_store("postgresql://me:hunter2@host/db", tmp_path)


# ---- what a file may be ---------------------------------------------------------------------------------------------


def test_a_reader_never_makes_a_database(tmp_path: Path, file: Path) -> None:
    with pytest.raises(StoreError, match=r"streamwatch\.db does not exist yet\. Start `streamwatch run`"):
        open_reader(f"sqlite:///{file}", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_reader_says_that_a_database_is_empty(tmp_path: Path, file: Path) -> None:
    file.touch()
    with pytest.raises(StoreError, match=r"is still empty\. Start `streamwatch run`"):
        open_reader(f"sqlite:///{file}", tmp_path)
    assert file.stat().st_size == 0


def test_an_empty_file_becomes_a_database(file: Path) -> None:
    file.touch()
    fill(file)
    assert len(rows(file, "SELECT * FROM passages")) == 1


@pytest.mark.parametrize("length", [2, 99, 100, 5000])
def test_a_text_file_is_left_alone(file: Path, length: int) -> None:
    file.write_text("x" * length)
    for opener in (open_store, open_reader):
        with pytest.raises(DatabaseUnusable, match=r"is not an SQLite database\. Name another file"):
            opener(f"sqlite:///{file}", file.parent)
    assert file.read_text() == "x" * length


def test_the_database_of_another_program_is_left_alone(file: Path) -> None:
    with plain_sqlite(file) as connection:
        connection.execute("CREATE TABLE recipes (name)")
    before = file.read_bytes()
    for opener in (open_store, open_reader):
        with pytest.raises(DatabaseUnusable, match="belongs to another program"):
            opener(f"sqlite:///{file}", file.parent)
    assert [row["name"] for row in rows(file, "SELECT name FROM sqlite_master")] == ["recipes"]
    assert file.read_bytes() == before


@pytest.mark.parametrize("opener", [open_store, open_reader])
def test_a_folder_is_no_database(tmp_path: Path, opener: type) -> None:
    with pytest.raises(DatabaseUnusable, match="is a folder, not a file"):
        opener(f"sqlite:///{tmp_path}", tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match="a part of its path is a file, not a folder"):
        open_store(f"sqlite:///{tmp_path}/file/sub/streamwatch.db", tmp_path)
    with pytest.raises(StorageFailed, match="cannot be written"):
        open_store("sqlite:////proc/nowhere/streamwatch.db", tmp_path)


@pytest.mark.parametrize("opener", [open_store, open_reader])
def test_a_path_that_the_system_refuses(tmp_path: Path, opener: type) -> None:
    with pytest.raises(StorageFailed, match="File name too long"):
        opener(f"sqlite:///{tmp_path}/{'x' * 300}", tmp_path)


def test_a_path_of_unusual_characters(tmp_path: Path) -> None:
    file = tmp_path / "北 门#1 100%" / "a&b=c.db"
    fill(file)
    assert file.exists()
    reader = open_reader(f"sqlite:///{file}", tmp_path)
    assert reader.sightings() == []
    reader.close()


def test_a_damaged_schema_is_said(file: Path) -> None:
    fill(file)
    with file.open("r+b") as damaged:
        damaged.seek(100)
        damaged.write(os.urandom(3000))
    for opener in (open_store, open_reader):
        with pytest.raises(DatabaseUnusable, match=r"is damaged\. Stop streamwatch, keep a copy"):
            opener(f"sqlite:///{file}", file.parent)


def test_damage_that_is_met_later_is_said(file: Path) -> None:
    store = open_file(file)
    stay = passage()
    store.passages.save(stay)
    view = keyframe(stay)
    store.keyframes.save(view)
    store.sightings.save(sighting(view), [], "")
    store.close()
    with plain_sqlite(file) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'sightings'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as damaged:
        damaged.seek((page - 1) * size)
        damaged.write(b"\xff" * size)
    reader = open_reader(f"sqlite:///{file}", file.parent)
    with pytest.raises(DatabaseUnusable, match="is damaged"):
        reader.sightings()
    reader.close()
    store = open_file(file)
    with pytest.raises(DatabaseUnusable, match="is damaged"):
        store.sightings.save(sighting(view), [], "")
    store.close()


# ---- locks ----------------------------------------------------------------------------------------------------------


def test_a_lock_that_is_not_given_back_fails_and_the_next_try_works(file: Path) -> None:
    store = open_file(file)
    stay = passage()
    with plain_sqlite(file) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="is locked by another program"):
            store.passages.save(stay)
        with pytest.raises(StorageFailed, match="is locked by another program"):
            open_file(file)
        other.rollback()
    store.passages.save(stay)
    store.close()
    assert [row["key"] for row in rows(file, "SELECT key FROM passages")] == [stay.key]


def test_a_new_file_that_another_program_holds(file: Path) -> None:
    with plain_sqlite(file) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageFailed, match="is locked by another program"):
            open_file(file)


@pytest.mark.parametrize("lock", ["BEGIN EXCLUSIVE", "BEGIN IMMEDIATE", "BEGIN; SELECT * FROM sqlite_master"])
def test_a_new_file_that_another_program_gives_back_in_time(file: Path, lock: str) -> None:
    with closing(sqlite3.connect(file, check_same_thread=False, isolation_level=None)) as other:
        for statement in ("PRAGMA user_version=1", *lock.split("; ")):
            other.execute(statement).fetchall()
        timer = threading.Timer(0.3, other.rollback)
        timer.start()
        open_store(f"sqlite:///{file}", file.parent).close()
        timer.join()
    assert rows(file, "PRAGMA journal_mode")[0][0] == "wal"


def test_a_new_file_that_another_program_reads_for_too_long(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in ("PRAGMA user_version=1", "BEGIN", "SELECT * FROM sqlite_master"):
            other.execute(statement).fetchall()
        with pytest.raises(StorageFailed, match="is locked by another program"):
            open_file(file)


# ---- a file that goes -----------------------------------------------------------------------------------------------


def test_a_file_that_is_removed_or_replaced_is_written_no_more(file: Path) -> None:
    store = open_file(file)
    store.require_server()
    store.passages.save(passage())
    away = file.rename(file.with_name("away.db"))
    with pytest.raises(DatabaseUnusable, match=r"was removed or replaced while it was written\. Put it back"):
        store.passages.save(passage())
    file.touch()
    with pytest.raises(DatabaseUnusable, match="was removed or replaced"):
        store.require_file()
    away.rename(file)
    store.passages.save(passage())
    store.close()
    assert len(rows(file, "SELECT * FROM passages")) == 2


def test_a_folder_that_becomes_a_file_takes_the_database_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.db").touch()
    opened = database_module.open_file(f"sqlite:///{folder}/a.db")
    assert opened is not None
    assert not opened.is_gone()
    folder.rename(tmp_path / "away")
    folder.touch()
    assert opened.is_gone()


def test_a_file_that_cannot_be_looked_at_is_not_taken_for_gone(tmp_path: Path) -> None:
    assert not database_module.OpenFile(tmp_path / ("x" * 300), 1, 1).is_gone()


def test_a_file_that_went_while_it_was_opened_is_one_sentence(file: Path) -> None:
    with pytest.raises(StorageFailed, match=r"The database .*streamwatch\.db cannot be found: No such file"):
        database_module.open_file(f"sqlite:///{file}")


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_a_second_row_with_the_same_key_is_refused(database: Database, tmp_path: Path) -> None:
    store = open_store(database.url, tmp_path)
    stay = passage()
    store.passages.save(stay)
    view = keyframe(stay)
    store.keyframes.save(view)
    with pytest.raises(
        StoreError, match=r"refused a statement: .*(UNIQUE .*keyframes\.key|unique .*uq_keyframes_key)"
    ) as e:
        store.keyframes.save(view)
    assert not isinstance(e.value, StorageFailed)
    store.close()
    assert len(rows(database, "SELECT * FROM keyframes")) == 1


def test_texts_of_a_row_are_in_no_error(database: Database, tmp_path: Path) -> None:
    store = open_store(database.url, tmp_path)
    database.execute("DROP TABLE corrections")
    database.execute("DROP TABLE readings")
    database.execute("DROP VIEW sighting_local")
    database.execute("DROP TABLE sightings")
    with pytest.raises(StoreError, match=r'no such table: sightings|relation "sightings" does not exist') as caught:
        store.sightings.recent("secret camera", NOON)
    store.close()
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert JPEG not in str(caught.value).encode()
