"""Each change of a passage or of anything that belongs to it gives the passage a higher number than any before."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from records import (
    ANSWER,
    JPEG,
    NOON,
    ONLY_POSTGRESQL,
    Database,
    new_key,
    output,
    passage,
    python,
    reading,
    rows,
    saved_call,
    saved_view,
    sighting,
)
from servers import PostgresDatabase

from streamwatch.core.errors import StoreError
from streamwatch.core.model import Engine, Keyframe
from streamwatch.store import DatabaseReader, Keep, KeyframeState, PassageOutcome, Store, open_reader, open_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database.url, tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    opened = open_reader(database.url, tmp_path / "data")
    yield opened
    opened.close()


def remove_sighting(store: Store, view: Keyframe) -> None:
    seen, said = sighting(view), reading(view)
    with store.together():
        store.keyframes.answered(view.key, [said])
        store.sightings.save(seen, [said.key], "")
        store.sightings.remove(seen.key)


def change_plate(store: Store, view: Keyframe) -> None:
    seen, said = sighting(view), reading(view)
    store.keyframes.answered(view.key, [said])
    store.sightings.save(seen, [said.key], "")
    store.sightings.release_readings([said.key])


CHANGES: dict[str, Callable[[Store, Keyframe], object]] = {
    "outcome": lambda store, view: store.passages.set_outcome(view.passage, PassageOutcome.UNREAD),
    "seen until": lambda store, view: store.passages.seen_until(view.passage, NOON + timedelta(hours=1)),
    "keyframe's state": lambda store, view: store.keyframes.set_state(view.key, KeyframeState.FAILED),
    "answer": lambda store, view: store.keyframes.answered(view.key, [reading(view)]),
    "answer without a plate": lambda store, view: store.keyframes.answered(view.key, []),
    "call": lambda store, view: store.calls.started(new_key(), view.key, Engine.OCRCARS, 1, NOON, JPEG),
    "sighting": lambda store, view: store.sightings.save(sighting(view), [], ""),
    "sighting taken back": remove_sighting,
    "reading released": change_plate,
    "correction": lambda store, view: store.corrections.read_by_operator(view.passage, view.key, "京A1", "Li", NOON),
    "recovery": lambda store, view: (saved_call(store, view, ANSWER), store.keyframes.recover()),
    "interrupted": lambda store, view: store.passages.finish_interrupted(),
    "another keyframe": lambda store, view: store.keyframes.save(
        type(view)(**{name: getattr(view, name) for name in view.__dataclass_fields__} | {"key": new_key()})
    ),
    "picture deleted": lambda store, view: (
        store.keyframes.set_state(view.key, KeyframeState.FAILED),
        store.retention.retain(NOON + timedelta(days=4000), Keep(evidence_age=timedelta(days=1))),
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_each_change_is_numbered(store: Store, reader: DatabaseReader, change: Callable[..., object]) -> None:
    view = saved_view(store)
    saved_view(store, at=NOON + timedelta(hours=1), closed=True)
    before = reader.passages.last_revision()
    assert reader.passages.changed_since(before) == ()
    change(store, view)
    changed = reader.passages.changed_since(before)
    assert view.passage in {row.key for row in changed}
    assert max(row.revision for row in changed) == reader.passages.last_revision() > before


def test_a_page_of_changes_goes_on_where_the_last_one_ended(store: Store, reader: DatabaseReader) -> None:
    with store.together():
        for number in range(7):
            store.passages.save(passage(at=NOON + timedelta(hours=number)))
    seen, revision = [], 0
    while page := reader.passages.changed_since(revision, limit=3):
        seen += [row.id for row in page]
        revision = page[-1].revision
    assert sorted(seen) == list(range(1, 8))
    assert revision == reader.passages.last_revision() == 7


def _half(store: Store, view: Keyframe) -> None:
    with store.together():
        store.passages.set_outcome(view.passage, PassageOutcome.UNREAD)
        store.passages.set_outcome(new_key(), PassageOutcome.UNREAD)


def test_what_is_undone_has_no_number(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store)
    before = reader.passages.last_revision()
    with pytest.raises(StoreError, match="has no row"):
        _half(store, view)
    assert reader.passages.last_revision() == before
    store.passages.set_outcome(view.passage, PassageOutcome.READ)
    assert reader.passages.last_revision() == before + 1


WRITE = """
import sys
from pathlib import Path
from records import passage
from streamwatch.store import open_store

store = open_store(sys.argv[1], Path(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(40):
    with store.together():
        for _ in range(3):
            store.passages.save(passage())
store.close()
"""


def test_a_reader_that_follows_two_writing_programs_misses_nothing(
    database: Database, store: Store, reader: DatabaseReader, tmp_path: Path
) -> None:
    children = [python(WRITE, database.url, tmp_path / "data", stdin=True) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    seen: list[int] = []
    revision = 0
    running = True
    while running:
        running = any(child.poll() is None for child in children)
        for row in reader.passages.changed_since(revision, limit=1000):
            seen.append(row.id)
            revision = row.revision
    for child in children:
        assert output(child) == ""
    assert len(seen) == len(set(seen)) == len(rows(database, "SELECT id FROM passages")) == 240


@ONLY_POSTGRESQL
def test_a_transaction_that_began_first_and_ends_last_has_the_higher_number(
    database: PostgresDatabase, store: Store, reader: DatabaseReader, tmp_path: Path
) -> None:
    """The second writer waits for the first one's commit as soon as it changes a passage."""
    view = saved_view(store)
    child = python(WRITE, database.url, tmp_path / "data", stdin=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    with store.together():
        store.passages.set_outcome(view.passage, PassageOutcome.UNREAD)
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        while not database.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert child.poll() is None
        assert len(reader.passages.changed_since(0)) == 1
    assert output(child) == ""
    first, *others = sorted(reader.passages.changed_since(0, limit=1000), key=lambda row: row.revision)
    assert first.key == view.passage
    assert len(others) == 120


def test_a_plate_that_nothing_shows_any_more_leaves_the_index(store: Store, database: Database) -> None:
    view = saved_view(store)
    seen, said = sighting(view, "京A12345"), reading(view)
    store.keyframes.answered(view.key, [said])
    store.sightings.save(seen, [said.key], "")
    other = type(seen)(**{name: getattr(seen, name) for name in seen.__dataclass_fields__} | {"plate": "沪B11111"})
    store.sightings.save(other, [said.key], "")
    assert {row[0] for row in rows(database, "SELECT plate FROM plate_parts")} == {"沪B11111"}
    assert [tuple(row) for row in rows(database, "SELECT plate, engine, confidence FROM passages")] == [
        ("沪B11111", "ocrcars", 0.97)
    ]
