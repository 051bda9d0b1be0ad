"""Readers find what is stored, and cannot write."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from records import JPEG, NOON, ONLY_SQLITE, Database, keyframe, new_database, output, passage, python, rows, sighting
from servers import PostgresDatabase
from sqlalchemy import text

from streamwatch.core.model import Keyframe
from streamwatch.store import DatabaseReader, Store, open_reader, open_store, queries

PLATES = ("京A12345", "京AD12300", "沪B9_123", "粤[C]!", "%", "港X")
"""They are seen ten seconds after each other, for two seconds each; the last one at another camera."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("queries")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, folder: Path) -> Database:
    return new_database(request, folder)


@pytest.fixture(scope="module")
def views(folder: Path, database: Database) -> list[Keyframe]:
    """Fill and close a database, and return the keyframe of each plate."""
    store = open_store(database.url, folder / "data")
    views = []
    for number, plate in enumerate(PLATES):
        stay = passage("北门" if plate == "港X" else "gate", NOON + timedelta(seconds=10 * number))
        views.append(keyframe(stay))
        store.passages.save(stay)
        store.keyframes.save(views[-1])
        store.sightings.save(sighting(views[-1], plate), [], "ordinary")
    store.close()
    return views


@pytest.fixture(scope="module")
def reader(views: list[Keyframe], folder: Path, database: Database) -> Iterator[DatabaseReader]:
    reader = open_reader(database.url, folder / "data")
    yield reader
    reader.close()


@pytest.fixture
def store(views: list[Keyframe], folder: Path, database: Database) -> Iterator[Store]:
    store = open_store(database.url, folder / "data")
    yield store
    store.close()


def test_sightings_come_newest_first_and_complete(reader: DatabaseReader, views: list[Keyframe]) -> None:
    found = reader.sightings()
    assert [row.plate for row in found] == list(reversed(PLATES))
    row, view = found[0], views[-1]
    assert (row.id, row.camera, row.plate, row.kind) == (6, "北门", "港X", "ordinary")
    assert (row.confidence, row.reads, row.status, row.engine) == (0.97, 1, "provisional", "ocrcars")
    assert (row.first_seen, row.last_seen) == (view.captured_at, view.captured_at + timedelta(seconds=2))
    assert row.first_seen.utcoffset() == timedelta(0)
    assert row.image is not None
    assert row.image.parts[-3] == "北门"
    assert row.image.read_bytes() == JPEG


@pytest.mark.parametrize(
    ("glob", "found"),
    [
        ("*", PLATES),
        ("京A*", ("京A12345", "京AD12300")),
        ("京a*", ("京A12345", "京AD12300")),
        ("*123*", ("京A12345", "京AD12300", "沪B9_123")),
        ("京A1234?", ("京A12345",)),
        ("京A123??", ("京A12345",)),
        ("???", ()),
        ("??", ("港X",)),
        ("京A12345", ("京A12345",)),
        ("京A1234", ()),
        ("%", ("%",)),
        ("_", ()),
        ("*_*", ("沪B9_123",)),
        ("*[*", ("粤[C]!",)),
        ("粤[ABC]!", ()),
        ("*!*", ("粤[C]!",)),
        ("*!", ("粤[C]!",)),
        ("*\\*", ()),
        ("'; DROP TABLE sightings; --", ()),
        ("", ()),
        ("*" * 100_000, PLATES),
        ("*1" * 100_000, ()),
        ("?" * 100_000, ()),
        ("*?" * 255, ()),
        ("京" * 100_000, ()),
    ],
    ids=lambda value: str(value)[:12],
)
def test_plates_by_glob(reader: DatabaseReader, glob: str, found: tuple[str, ...]) -> None:
    assert sorted(row.plate for row in reader.sightings(plate_glob=glob)) == sorted(found)


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (None, None, PLATES),
        (42.0, None, PLATES[4:]),
        (42.001, None, PLATES[5:]),
        (10.0, 10.0, PLATES[1:2]),
        (3.0, 9.0, ()),
        (None, 9.999, PLATES[:1]),
        (None, 10.0, PLATES[:2]),
        (52.001, None, ()),
        (11.0, 20.0, PLATES[1:3]),
    ],
)
def test_sightings_that_overlap_a_time(
    reader: DatabaseReader, since: float | None, until: float | None, found: tuple[str, ...]
) -> None:
    bounds = [None if x is None else NOON + timedelta(seconds=x) for x in (since, until)]
    assert [row.plate for row in reader.sightings(since=bounds[0], until=bounds[1])] == list(reversed(found))


def test_sightings_by_camera_and_limit(reader: DatabaseReader) -> None:
    assert [row.plate for row in reader.sightings(camera="北门")] == ["港X"]
    assert [row.plate for row in reader.sightings(limit=2)] == ["港X", "%"]
    assert [row.plate for row in reader.sightings(camera="gate", limit=1)] == ["%"]
    assert reader.sightings(camera="nowhere") == []
    assert reader.sightings(limit=0) == []


def test_more_sightings_than_a_page_holds(reader: DatabaseReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    assert [row.plate for row in reader.each_sighting()] == list(reversed(PLATES))
    assert [row.plate for row in reader.each_sighting(limit=5)] == list(reversed(PLATES))[:5]
    assert [row.plate for row in reader.each_sighting(camera="gate", limit=4)] == list(reversed(PLATES))[1:5]


def test_what_is_seen_while_a_page_is_read_does_not_come(
    reader: DatabaseReader, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sightings of one moment are returned once each, even if a page ends between them."""
    monkeypatch.setattr(queries, "PAGE", 1)
    with store.transaction() as session:
        before = session.execute(text("SELECT id, first_seen FROM sightings")).all()
        session.execute(text("UPDATE sightings SET first_seen = (SELECT max(first_seen) FROM sightings)"))
    try:
        assert [row.id for row in reader.each_sighting()] == [6, 5, 4, 3, 2, 1]
    finally:
        with store.transaction() as session:
            for number, first_seen in before:
                session.execute(
                    text("UPDATE sightings SET first_seen = :t WHERE id = :n"), {"t": first_seen, "n": number}
                )


def test_sightings_are_counted_as_they_are_found(reader: DatabaseReader) -> None:
    assert reader.count_sightings() == 6
    assert reader.count_sightings("京A*") == reader.count_sightings("京A*", "gate") == 2
    assert reader.count_sightings("?" * 100_000) == reader.count_sightings(camera="nowhere") == 0
    assert reader.knows_camera("北门")
    assert not reader.knows_camera("nowhere")


def test_naive_bounds_are_refused(reader: DatabaseReader) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        reader.sightings(since=NOON.replace(tzinfo=None))


def test_a_deleted_picture_is_no_image(store: Store, reader: DatabaseReader, views: list[Keyframe]) -> None:
    with store.transaction() as session:
        path = session.execute(text("SELECT path FROM keyframes WHERE id = 6")).scalar()
        session.execute(text("UPDATE keyframes SET path = NULL WHERE id = 6"))
    assert reader.sightings()[0].image is None
    with store.transaction() as session:
        session.execute(text("UPDATE keyframes SET path = :path WHERE id = 6"), {"path": path})
    assert reader.sightings()[0].image is not None


def test_a_relative_data_dir_gives_absolute_images(
    views: list[Keyframe], folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    url = "sqlite:///place/streamwatch.db" if database.kind == "sqlite" else database.url
    reader = open_reader(url, Path("data"))
    image = reader.sightings()[0].image
    reader.close()
    assert image == (folder / "data" / str(image).split("/data/")[1])


def test_a_reader_reads_while_the_writer_writes(store: Store, reader: DatabaseReader) -> None:
    with store.transaction() as session:
        session.execute(text("UPDATE sightings SET reads = 2"))
        assert {row.reads for row in reader.sightings()} == {1}
    assert {row.reads for row in reader.sightings()} == {2}
    with store.transaction() as session:
        session.execute(text("UPDATE sightings SET reads = 1"))


@ONLY_SQLITE
def test_a_reader_cannot_write(reader: DatabaseReader, database: Database) -> None:
    with reader._engine.connect() as connection:
        assert connection.execute(text("PRAGMA query_only")).scalar() == 1
        for statement in ("DELETE FROM passages", "DROP TABLE readings", "CREATE TABLE x (y)"):
            with pytest.raises(Exception, match="readonly database"):
                connection.execute(text(statement))
        connection.execute(text("PRAGMA query_only=OFF"))
        with pytest.raises(Exception, match="readonly database"):
            connection.execute(text("DELETE FROM sightings"))
    assert len(rows(database, "SELECT * FROM sightings")) == len(PLATES)


LOCAL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(*connection.execute("SELECT * FROM sighting_local WHERE id = 2").fetchone())
connection.close()
"""


LOCAL_ON_A_SERVER = """
import sys, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    print(*connection.execute("SELECT * FROM sighting_local WHERE id = 2").fetchone())
"""


@pytest.mark.parametrize(("zone", "hour"), [("Asia/Shanghai", "20"), ("UTC", "12")])
def test_the_view_shows_local_time(views: list[Keyframe], database: Database, zone: str, hour: str) -> None:
    image = f"evidence/gate/2026-01-05/120010.123-{views[1].key[:8]}.jpg"
    times = f"2026-01-05 {hour}:00:10 2026-01-05 {hour}:00:12"
    if isinstance(database, PostgresDatabase):
        said = output(python(LOCAL_ON_A_SERVER, database.url, PGTZ=zone))
    else:
        said = output(python(LOCAL, database.file, TZ=zone))
    assert said == f"2 gate 京AD12300 ordinary {times} 0.97 1 provisional {image}\n"


QUERYING = (Path(__file__).parents[2] / "docs" / "querying.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?);\n```", QUERYING, re.S)
ON_A_SERVER = re.findall(r"^\| `(.+)` \| `(.+)` \|$", QUERYING, re.MULTILINE)
"""Pairs of expressions in docs/querying.md, for SQLite and for PostgreSQL."""


def test_the_page_of_queries_has_queries_and_says_what_differs_on_a_server() -> None:
    assert len(QUERIES) == QUERYING.count("```sql") == 9
    assert ON_A_SERVER
    assert all(any(here in query for query in QUERIES) for here, _ in ON_A_SERVER)


@pytest.mark.parametrize("query", QUERIES)
def test_the_queries_of_the_documents_work(views: list[Keyframe], database: Database, query: str) -> None:
    for here, there in ON_A_SERVER if database.kind == "postgresql" else []:
        query = query.replace(here, there)
    rows(database, query)
