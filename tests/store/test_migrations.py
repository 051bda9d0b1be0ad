"""The schema has explanations, is the same after every upgrade, and changes as a whole or not at all."""

import logging
import shutil
import sqlite3
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from records import (
    NOON,
    ONLY_POSTGRESQL,
    Database,
    keyframe,
    output,
    passage,
    plain_sqlite,
    python,
    reading,
    rows,
    sighting,
)
from servers import PostgresDatabase, Server
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.pool import NullPool

from streamwatch.core.codes import CallOutcome, StateReason, ViewReason
from streamwatch.core.errors import DatabaseUnusable, StoreError
from streamwatch.core.model import Engine as Ocr
from streamwatch.store import KeyframeState, Search, open_reader, open_store, schema
from streamwatch.store.migrations.versions import r0008_codes
from streamwatch.store.tables import Base, local_view

TABLES = Base.metadata.sorted_tables
LATER = '''
"""A later version that rebuilds tables which others refer to, and which the view shows."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    recreate = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    for table in ("passages", "keyframes", "sightings"):
        with op.batch_alter_table(table, recreate=recreate) as batch:
            batch.add_column(sa.Column("noted", sa.Boolean(), server_default="1", nullable=False))
{last}
'''


def config_of(migrations: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations))
    return config


def versions() -> list[str]:
    """Return all versions, oldest first."""
    return [s.revision for s in ScriptDirectory.from_config(config_of(schema.MIGRATIONS)).walk_revisions()][::-1]


def upgrade_plainly(url: str, to: str) -> None:
    """Upgrade as a release did whose newest version was `to`."""
    config = config_of(schema.MIGRATIONS)
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()


def structure(file: Path) -> dict[str, Any]:
    """Return all that SQLite knows about tables, indexes, references and views, without the order of creation."""
    found: dict[str, Any] = {}
    for kind, name, sql in rows(file, "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"):
        if kind == "table":
            found[name] = [
                sorted(tuple(row)[1:] for row in rows(file, f"PRAGMA {pragma}({name})"))
                for pragma in ("table_xinfo", "foreign_key_list")
            ]
        elif kind == "index":
            found[name] = [tuple(row) for row in rows(file, f"PRAGMA index_xinfo({name})")]
        else:
            found[name] = sql
    return found


def fill(where: Path | str, folder: Path | None = None) -> None:
    """Add rows. where: a file, or the URL of another database with the folder for its pictures."""
    url, folder = (f"sqlite:///{where}", where.parent) if isinstance(where, Path) else (where, folder or Path())
    store = open_store(url, folder / "data")
    stay = passage()
    store.passages.save(stay)
    view = keyframe(stay)
    store.keyframes.save(view)
    found = reading(view)
    store.keyframes.answered(view.key, [found])
    store.sightings.save(sighting(view), [found.key], "ordinary")
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "streamwatch.db"


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that adds one more version, as the next release will; undone by `monkeypatch.undo()`."""

    def install(last: str = "") -> None:
        copy = tmp_path / "with 100% more"
        shutil.copytree(schema.MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / "versions" / "later.py").write_text(LATER.format(newest=versions()[-1], last=last))
        monkeypatch.setattr(schema, "MIGRATIONS", copy)

    return install


def test_the_newest_version_is_what_the_tables_say(file: Path) -> None:
    fill(file)
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


@pytest.mark.parametrize("version", ["base", *versions()])
def test_a_fresh_file_and_an_old_one_come_out_equal(tmp_path: Path, version: str) -> None:
    fresh, old = tmp_path / "fresh.db", tmp_path / "old.db"
    fill(fresh)
    if version != "base":
        upgrade_plainly(f"sqlite:///{old}", version)
    fill(old)
    assert structure(old) == structure(fresh)
    assert len(structure(fresh)) >= 25
    assert rows(old, "SELECT version_num FROM alembic_version")[0][0] == versions()[-1]


def test_a_view_that_was_lost_or_changed_is_made_anew(file: Path) -> None:
    fill(file)
    before = structure(file)
    for statements in ("DROP VIEW sighting_local", "DROP VIEW sighting_local; CREATE VIEW sighting_local AS SELECT 1"):
        with plain_sqlite(file) as connection:
            connection.executescript(statements)
        open_store(f"sqlite:///{file}", file.parent).close()
        assert structure(file) == before


def test_versions_are_one_line() -> None:
    script = ScriptDirectory.from_config(config_of(schema.MIGRATIONS))
    assert len(script.get_heads()) == len(script.get_bases()) == 1
    assert versions()[0] == "0001"


@pytest.mark.parametrize("column", [column for table in TABLES for column in table.columns], ids=str)
def test_every_column_is_explained_where_it_is_defined(column: Any) -> None:
    assert len(column.comment or "") > 8
    assert "*/" not in column.comment


def test_the_database_explains_itself(file: Path) -> None:
    fill(file)
    for table in TABLES:
        (row,) = rows(file, f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = '{table.name}'")
        assert table.comment
        for column in table.columns:
            assert f"/* {column.comment} */" in row["sql"]


def test_a_version_that_rebuilds_tables_keeps_rows_references_and_explanations(file: Path, later: Any) -> None:
    fill(file)
    before = {name: [tuple(r) for r in rows(file, f"SELECT * FROM {name}")] for name in ("keyframes", "readings")}
    later()
    store = open_store(f"sqlite:///{file}", file.parent / "data")
    assert len(store.sightings.recent("gate", NOON)) == 1
    store.close()
    assert [(*row, 1) for row in before["keyframes"]] == [tuple(r) for r in rows(file, "SELECT * FROM keyframes")]
    assert before["readings"] == [tuple(r) for r in rows(file, "SELECT * FROM readings")]
    assert before["readings"][0][4] is not None
    assert not rows(file, "PRAGMA foreign_key_check")
    assert [row["plate"] for row in rows(file, "SELECT * FROM sighting_local")] == ["京A12345"]
    assert (
        "/* the passage that it shows */" in rows(file, "SELECT sql FROM sqlite_master WHERE name = 'keyframes'")[0][0]
    )
    reader = open_reader(f"sqlite:///{file}", file.parent / "data")
    assert len(reader.sightings()) == 1
    reader.close()


def test_an_interrupted_version_leaves_the_old_one(file: Path, later: Any) -> None:
    fill(file)
    before = structure(file)
    later(last="    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        open_store(f"sqlite:///{file}", file.parent / "data")
    assert structure(file) == before
    assert len(rows(file, "SELECT * FROM sighting_local")) == 1


ANCIENT = """
INSERT INTO passages VALUES (7, 'p', 'gate', '2026-01-05 12:00:00.000000', '2026-01-05 12:00:02.000000', 1, 'pending');
INSERT INTO keyframes VALUES (8, 'k', 7, 'gate', '2026-01-05 12:00:00.000000', 'evidence/a.jpg', 'ab', 3, 4, 5, 0, 0, 4,
    5, 1.0, 2.5, 'its view stopped getting better', 'sent', '');
INSERT INTO calls VALUES (9, 'c', 8, 'gate', 'ocrcars', 1, '2026-01-05 12:00:03.000000', NULL, NULL, NULL, 0, NULL,
    NULL, '', NULL, NULL, '', '', '', 'evidence/a.jpg', '', 'ab', 3);
"""
"""Rows as the first release wrote them."""


@pytest.fixture
def ancient(file: Path) -> Path:
    upgrade_plainly(f"sqlite:///{file}", "0001")
    with plain_sqlite(file) as connection:
        connection.executescript(ANCIENT)
    return file


def test_rows_of_the_first_release_are_kept_and_can_be_recovered(ancient: Path) -> None:
    before = {name: [tuple(r) for r in rows(ancient, f"SELECT * FROM {name}")] for name in ("passages", "keyframes")}
    store = open_store(f"sqlite:///{ancient}", ancient.parent / "data")
    for name, old in before.items():
        new = [tuple(row)[: len(old[0]) + 1] for row in rows(ancient, f"SELECT * FROM {name}")]
        old = [tuple("best_view" if cell == "its view stopped getting better" else cell for cell in row) for row in old]
        assert new == [(*row, 1) for row in old]
    assert rows(ancient, "SELECT count(*) FROM passages WHERE recorded_at <> opened_at")[0][0] == 0
    assert tuple(rows(ancient, "SELECT answer, clock_trusted FROM calls")[0]) == (None, 1)
    assert store.keyframes.recover().doubtful == ["k"]
    store.close()
    (reference,) = rows(ancient, "PRAGMA foreign_key_list(calls)")
    assert (reference["table"], reference["on_delete"]) == ("keyframes", "SET NULL")


def test_an_earlier_file_learns_the_state_kept_and_keeps_its_rows(file: Path) -> None:
    upgrade_plainly(f"sqlite:///{file}", "0006")
    with plain_sqlite(file) as connection:
        connection.execute(OLD_PASSAGE)
        connection.execute(OLD_VIEW.format(key="a", reason="", state="answered", state_reason=""))
        connection.execute("PRAGMA writable_schema = ON")
        forgotten = "replace(sql, '; kept: for people to look at, never to be read or paid for', '')"
        connection.execute(f"UPDATE sqlite_master SET sql = {forgotten} WHERE name = 'keyframes'")
        connection.commit()
    assert "kept" not in rows(file, "SELECT sql FROM sqlite_master WHERE name = 'keyframes'")[0]["sql"]
    (file.parent / "data" / "evidence").mkdir(parents=True)
    store = open_store(f"sqlite:///{file}", file.parent / "data")
    stay = passage()
    store.passages.save(stay)
    store.keyframes.save(keyframe(stay), KeyframeState.KEPT)
    store.close()
    assert "; kept: for people" in rows(file, "SELECT sql FROM sqlite_master WHERE name = 'keyframes'")[0]["sql"]
    assert [row["state"] for row in rows(file, "SELECT state FROM keyframes ORDER BY id")] == ["answered", "kept"]
    assert not rows(file, "PRAGMA foreign_key_check")


OLD_PASSAGE = """
INSERT INTO passages (key, camera, opened_at, last_seen, closed, outcome, clock_trusted, recorded_at, direction)
VALUES ('p', 'gate', '2026-01-05 12:00:00', '2026-01-05 12:00:02', true, 'pending', true, '2026-01-05 12:00:00',
    'unknown')
"""
OLD_VIEW = """
INSERT INTO keyframes (key, passage_id, camera, captured_at, path, sha256, bytes, width, height, crop_x, crop_y,
    crop_width, crop_height, scale, score, reason, state, state_reason, clock_trusted)
SELECT '{key}', min(id), 'gate', '2026-01-05 12:00:00', 'evidence/a.jpg', 'ab', 3, 4, 5, 0, 0, 4, 5, 1.0, 2.5,
    '{reason}', '{state}', '{state_reason}', clock_trusted FROM passages GROUP BY clock_trusted
"""
OLD_CALL = """
INSERT INTO calls (key, keyframe_id, camera, engine, attempt, started_at, outcome, fee, gateway_code, request_id,
    answer_id, error, picture_url, sha256, clock_trusted)
SELECT '{key}', id, 'gate', 'ocrcars', 1, '2026-01-05 12:00:03', '{outcome}', 0, '', '', '', '{error}', '', 'ab',
    clock_trusted FROM keyframes WHERE key = '{keyframe}'
"""
"""Rows as version 0007 wrote them."""


def old_view(
    database: Database, key: str, state: str, reason: str, sentence: str, outcome: str = "", error: str = ""
) -> None:
    """Insert a keyframe with its last call, if it had one."""
    quoted = sentence.replace("'", "''")
    database.execute(OLD_VIEW.format(key=key, state=state, reason=reason, state_reason=quoted))
    if outcome:
        database.execute(OLD_CALL.format(key=key, keyframe=key, outcome=outcome, error=error))


def test_words_and_sentences_of_earlier_versions_become_codes(database: Database, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    upgrade_plainly(database.url, "0007")
    database.execute(OLD_PASSAGE)
    best = "its view stopped getting better"
    old_view(database, "a", "answered", best, "saved by local: the local engine was sure of it")
    old_view(database, "b", "dropped", "sharpest", "12 of 12 calls of this hour for camera north are used")
    old_view(database, "c", "dropped", best, "more than 5000 pictures were waiting")
    old_view(database, "d", "waiting", best, "Nobody answers at 10.0.0.1.", "not sent", "Nobody answers at 10.0.0.1.")
    old_view(database, "e", "failed", best, "The picture is broken. Send another.", "picture broken")
    old_view(database, "f", "answered", "it went; this was its best view", "", "no plate")
    old_view(database, "g", "failed", best, "The service's answer, which was paid for, can be no reading.", "read")
    old_view(database, "h", "failed", best, "The local engine has no model.")
    old_view(database, "i", "dropped", best, "The picture data/evidence/x.jpg is gone.", "of a fork")
    open_store(database.url, tmp_path / "data").close()
    found = rows(database, "SELECT key, reason, state_reason FROM keyframes ORDER BY key")
    assert [tuple(row) for row in found] == [
        ("a", "best_view", "local_sure"),
        ("b", "other", "camera_budget_hour"),
        ("c", "best_view", "outbox_items"),
        ("d", "best_view", "not_sent"),
        ("e", "best_view", "picture_broken"),
        ("f", "last_view", ""),
        ("g", "best_view", "answer_unusable"),
        ("h", "best_view", "failed"),
        ("i", "best_view", "picture_lost"),
    ]
    assert [tuple(row) for row in rows(database, "SELECT key, outcome, error FROM calls ORDER BY key")] == [
        ("d", "not_sent", "Nobody answers at 10.0.0.1."),
        ("e", "picture_broken", "The picture is broken. Send another."),
        ("f", "no_plate", ""),
        ("g", "read", ""),
        ("i", "failed", ""),
    ]
    reader = open_reader(database.url, tmp_path / "data")
    assert {row.reason for row in reader.not_called(NOON - timedelta(days=1), NOON + timedelta(days=1))} == {
        StateReason.LOCAL_SURE,
        StateReason.CAMERA_BUDGET_HOUR,
        StateReason.OUTBOX_ITEMS,
        StateReason.FAILED,
    }
    reader.close()


OLD_SIGHTING = """
INSERT INTO sightings (key, camera, plate, kind, confidence, first_seen, last_seen, reads, status, engine, passage_id,
    keyframe_id)
SELECT 's', 'gate', '京A12345', 'ordinary', 0.97, '2026-01-05 12:00:00', '2026-01-05 12:00:02', 1, 'final', 'ocrcars',
    passage_id, id FROM keyframes
"""
"""A row as version 0008 wrote it."""


def test_plates_of_earlier_versions_can_be_searched(database: Database, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    upgrade_plainly(database.url, "0008")
    database.execute(OLD_PASSAGE)
    old_view(database, "a", "answered", "best_view", "")
    database.execute(OLD_SIGHTING)
    open_store(database.url, tmp_path / "data").close()
    reader = open_reader(database.url, tmp_path / "data")
    for search in (
        Search(plate="*A1234*"),
        Search(plate="*A1Z34*", like=True),
        Search(engines=frozenset({Ocr.OCRCARS})),
    ):
        (found,) = reader.passages.find(search).rows
        assert found.plate is not None
        assert (found.plate.text, found.engine, found.plate.confidence) == ("京A12345", "ocrcars", 0.97)
    assert reader.passages.find(Search(plate="*A1235*")).rows == ()
    assert reader.passages.last_revision() == found.id
    reader.close()


@pytest.mark.parametrize(("codes", "name"), [(CallOutcome, "OUTCOMES"), (ViewReason, "VIEWS"), (StateReason, "STATES")])
def test_the_migration_writes_codes_that_are_known(codes: type[StrEnum], name: str) -> None:
    written = getattr(r0008_codes, name)
    assert {*(written.values() if isinstance(written, dict) else written.replace("'", "").split(", "))} <= {*codes}


STOPPED = """
import sys, time
from pathlib import Path
from sqlalchemy import Engine, event
from streamwatch.store import open_store

@event.listens_for(Engine, "after_cursor_execute")
def stop(connection, cursor, statement, *more):
    if sys.argv[2] in statement:
        print("in the middle", flush=True)
        time.sleep(60)

open_store(f"sqlite:///{sys.argv[1]}", Path(sys.argv[1]).parent / "data")
"""


@pytest.mark.parametrize(
    "statement", ["INSERT INTO _alembic_tmp_keyframes", "DROP TABLE calls", "UPDATE alembic_version"]
)
def test_a_kill_in_the_middle_of_a_version_leaves_the_old_one_and_the_next_start_finishes_it(
    ancient: Path, tmp_path: Path, statement: str
) -> None:
    before, filled = structure(ancient), rows(ancient, "SELECT count(*) FROM keyframes")[0][0]
    child = python(STOPPED, ancient, statement)
    assert child.stdout is not None
    assert child.stdout.readline() == "in the middle\n"
    child.kill()
    child.communicate(timeout=60)
    assert structure(ancient) == before
    assert rows(ancient, "SELECT version_num FROM alembic_version")[0][0] == "0001"
    fresh = tmp_path / "fresh.db"
    for file in (ancient, fresh):
        open_store(f"sqlite:///{file}", tmp_path / "data").close()
    assert structure(ancient) == structure(fresh)
    assert rows(ancient, "SELECT count(*) FROM keyframes")[0][0] == filled == 1
    assert rows(ancient, "PRAGMA integrity_check")[0][0] == "ok"


def test_a_version_that_loses_rows_which_are_referred_to_is_undone(file: Path, later: Any) -> None:
    fill(file)
    later(last="    op.execute('DELETE FROM keyframes')")
    with pytest.raises(DatabaseUnusable, match="refer to rows which are gone"):
        open_store(f"sqlite:///{file}", file.parent / "data")
    assert len(rows(file, "SELECT * FROM keyframes")) == 1


def test_a_database_of_a_newer_streamwatch_is_left_alone(
    file: Path, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    later()
    fill(file)
    before = structure(file)
    monkeypatch.undo()
    for opener in (open_store, open_reader):
        with pytest.raises(
            DatabaseUnusable, match=r"has schema version 9999, .* Install the streamwatch that wrote it"
        ):
            opener(f"sqlite:///{file}", file.parent)
    assert structure(file) == before


def test_a_reader_does_not_migrate(file: Path, later: Any) -> None:
    fill(file)
    before, newest = structure(file), versions()[-1]
    later()
    with pytest.raises(StoreError, match=rf"older schema version {newest}\. Start `streamwatch run` once"):
        open_reader(f"sqlite:///{file}", file.parent)
    assert structure(file) == before


OPEN = """
import sys, time
from pathlib import Path
from records import passage
from streamwatch.store import open_store

folder = Path(sys.argv[1])
print("ready", flush=True)
while not (folder / "go").exists():
    time.sleep(0.001)
store = open_store(sys.argv[2], folder / "data")
store.passages.save(passage())
store.close()
"""


def test_programs_that_start_together_do_not_meet(file: Path) -> None:
    children = [python(OPEN, file.parent, f"sqlite:///{file}") for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    (file.parent / "go").touch()
    for child in children:
        assert output(child) == ""
    assert len(rows(file, "SELECT * FROM passages")) == 3


def test_alembic_is_silent(file: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    handlers = list(logging.getLogger().handlers)
    with caplog.at_level(logging.DEBUG):
        fill(file)
    assert not [record for record in caplog.records if record.name.startswith("alembic")]
    assert logging.getLogger().handlers == handlers
    assert capfd.readouterr() == ("", "")


def test_importing_alembic_is_silent_too(tmp_path: Path) -> None:
    script = (
        "import logging, sys; logging.basicConfig(level=logging.INFO, stream=sys.stdout);"
        "from pathlib import Path; from streamwatch.store import open_store;"
        "open_store('sqlite:///' + sys.argv[1] + '/streamwatch.db', Path(sys.argv[1])).close()"
    )
    assert output(python(script, tmp_path)) == ""


def test_the_view_is_made_where_local_time_is_known() -> None:
    assert "localtime" in local_view("sqlite")
    assert "current_setting('TimeZone')" in local_view("postgresql")


# ---- PostgreSQL -----------------------------------------------------------------------------------------------------


COMMENTS = """
SELECT c.relname AS table, a.attname AS column, col_description(c.oid, a.attnum) AS says, obj_description(c.oid) AS why
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
"""


def structure_of(engine: Engine) -> dict[str, Any]:
    """Return all that SQLAlchemy finds in a database, without the order of creation."""
    schema, found = inspect(engine), {}
    for table in sorted(schema.get_table_names()):
        columns = {column.pop("name"): {**column, "type": str(column["type"])} for column in schema.get_columns(table)}
        indexes = sorted(str(index) for index in schema.get_indexes(table))
        found[table] = (
            columns,
            indexes,
            sorted(map(str, schema.get_foreign_keys(table))),
            schema.get_pk_constraint(table),
        )
    return found | {"views": [schema.get_view_definition(view) for view in schema.get_view_names()]}


@ONLY_POSTGRESQL
@pytest.mark.parametrize("version", ["base", *versions()])
def test_a_server_is_brought_to_the_newest_version_from_each(
    database: PostgresDatabase, server: Server, tmp_path: Path, version: str
) -> None:
    fresh = server.database()
    open_store(fresh.url, tmp_path / "data").close()
    if version != "base":
        upgrade_plainly(database.url, version)
    fill(database.url, tmp_path)
    engines = [create_engine(url, poolclass=NullPool) for url in (database.url, fresh.url)]
    old, new = map(structure_of, engines)
    assert str(old).replace(database.schema, fresh.schema) == str(new)
    with engines[0].connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []
    told = {(row["table"], row["column"]): row["says"] for row in database.rows(COMMENTS)}
    for table in TABLES:
        assert [told[table.name, column.name] for column in table.columns] == [c.comment for c in table.columns]
    assert {row["why"] for row in database.rows(COMMENTS)} >= {table.comment for table in TABLES}
    assert [row["plate"] for row in database.rows("SELECT * FROM sighting_local")] == ["京A12345"]
    reader = open_reader(database.url, tmp_path / "data")
    assert len(reader.sightings()) == 1
    reader.close()


@ONLY_POSTGRESQL
def test_a_server_has_the_old_version_after_an_interrupted_one(
    database: PostgresDatabase, later: Any, tmp_path: Path
) -> None:
    fill(database.url, tmp_path)
    engine = create_engine(database.url, poolclass=NullPool)
    before = structure_of(engine)
    later(last="    raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        open_store(database.url, tmp_path / "data")
    assert structure_of(engine) == before
    with pytest.raises(StoreError, match="has the older schema version"):
        open_reader(database.url, tmp_path / "data")
    assert structure_of(engine) == before


@ONLY_POSTGRESQL
def test_a_server_of_a_newer_streamwatch_is_left_alone(
    database: PostgresDatabase, later: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later()
    open_store(database.url, tmp_path / "data").close()
    monkeypatch.undo()
    for opener in (open_store, open_reader):
        with pytest.raises(DatabaseUnusable, match=r"has schema version 9999, .* Install the streamwatch that"):
            opener(database.url, tmp_path / "data")


@ONLY_POSTGRESQL
def test_programs_that_open_a_server_together_do_not_meet(database: PostgresDatabase, tmp_path: Path) -> None:
    children = [python(OPEN, tmp_path, database.url) for _ in range(3)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    (tmp_path / "go").touch()
    for child in children:
        assert output(child) == ""
    assert len(database.rows("SELECT * FROM passages")) == 3


def test_references_are_off_only_while_migrating(file: Path) -> None:
    fill(file)
    with plain_sqlite(file) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM passages")
