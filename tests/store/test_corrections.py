"""What a person types is kept beside what engines read, and nothing takes it away again."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from records import NOON, Database, keyframe, new_key, passage, reading, rows, saved_view, sighting

from streamwatch.core.errors import StoreError
from streamwatch.core.model import Engine, Keyframe, SightingStatus
from streamwatch.store import (
    DatabaseReader,
    Keep,
    PassageDetail,
    PassageOutcome,
    Search,
    Store,
    open_reader,
    open_store,
)

LATER = NOON + timedelta(hours=3)


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


def detail(reader: DatabaseReader, view: Keyframe) -> PassageDetail:
    """Return all of a view's passage."""
    found = next(row for row in reader.passages.find(Search(), limit=100).rows if row.key == view.passage)
    shown = reader.passages.detail(found.id)
    assert shown is not None
    return shown


def read(store: Store, view: Keyframe, plate: str = "京A12345") -> str:
    """Save one reading with its own sighting, and return the sighting's key."""
    said, seen = reading(view, plate), sighting(view, plate)
    store.keyframes.answered(view.key, [said])
    store.sightings.save(seen, [said.key], "ordinary")
    store.passages.set_outcome(view.passage, PassageOutcome.READ)
    return seen.key


def test_an_unread_vehicle_gets_a_plate(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store, closed=True)
    store.passages.set_outcome(view.passage, PassageOutcome.UNREAD)
    assert reader.passages.count(Search(unread=True)) == 1
    done = store.corrections.read_by_operator(view.passage, view.key, " 京a·12345", "Li", LATER)
    assert (done.plate.text, done.plate.kind, done.before) == ("京A12345", "ordinary", "")
    (seen,) = reader.sightings("*A123*")
    assert (seen.id, seen.engine, seen.reads, seen.status) == (done.sighting, "operator", 1, "final")
    shown = detail(reader, view)
    assert shown.row.plate is not None
    assert (shown.row.plate.text, shown.row.engine, shown.row.outcome) == ("京A12345", "operator", "read")
    assert [(one.raw, one.operator, one.typed_at) for one in shown.readings] == [(" 京a·12345", "Li", LATER)]
    assert reader.passages.count(Search(unread=True)) == 0
    assert reader.passages.find(Search(engines=frozenset({Engine.OPERATOR}), least=0.99)).rows == (shown.row,)


def test_a_misread_plate_is_corrected_and_the_reading_stays(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store)
    key = read(store, view)
    before = [tuple(row) for row in rows_of(reader, view)]
    done = store.corrections.read_by_operator(view.passage, view.key, "京A12346", "Li", LATER)
    assert done.before == "京A12345"
    assert [row.plate for row in reader.sightings()] == ["京A12346"]
    assert reader.sightings()[0].key != key
    shown = detail(reader, view)
    assert [(one.plate, one.engine, one.sighting) for one in shown.readings] == [
        ("京A12345", "ocrcars", done.sighting),
        ("京A12346", "operator", done.sighting),
    ]
    assert [tuple(row) for row in rows_of(reader, view)][: len(before)] == before
    assert shown.row.corners is not None  # where the engine found the plate
    assert reader.passages.find(Search(plate="*12345*")).rows == ()


def rows_of(reader: DatabaseReader, view: Keyframe) -> list[tuple[str, ...]]:
    return [(one.key, one.raw, one.plate, one.kind) for one in detail(reader, view).readings]


def test_another_text_undoes_the_one_before(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store)
    read(store, view)
    for text in ("京A12346", "", "京A12345"):
        store.corrections.read_by_operator(view.passage, view.key, text, "Li", LATER)
    assert [row.plate for row in reader.sightings()] == ["京A12345"]
    assert [one.plate for one in detail(reader, view).readings] == ["京A12345", "京A12346", "", "京A12345"]


def test_no_plate_is_an_answer(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store, closed=True)
    read(store, view, "京A12345")
    done = store.corrections.read_by_operator(view.passage, view.key, "", "Li", LATER)
    assert (done.sighting, done.plate.text, done.before) == (None, "", "京A12345")
    assert reader.sightings() == []
    row = detail(reader, view).row
    assert (row.plate, row.engine, row.outcome) == (None, "operator", "unread")
    assert reader.passages.count(Search(unread=True)) == 0


def test_what_no_grammar_knows_is_kept_and_said(store: Store, reader: DatabaseReader) -> None:
    view = saved_view(store)
    done = store.corrections.read_by_operator(view.passage, view.key, "taxi 7", "Li", LATER)
    assert (done.plate.text, done.plate.kind) == ("TAXI7", "")
    assert reader.sightings()[0].plate == "TAXI7"


@pytest.mark.parametrize("text", ["<b>", "1" * 25, "京\u202eA1", "A\0B"])
def test_what_can_be_no_plate_is_refused(store: Store, database: Database, text: str) -> None:
    view = saved_view(store)
    with pytest.raises(ValueError, match="cannot be a plate: write at most 24"):
        store.corrections.read_by_operator(view.passage, view.key, text, "Li", LATER)
    assert rows(database, "SELECT * FROM readings") == []


def test_a_picture_of_another_passage_is_refused(store: Store) -> None:
    view, other = saved_view(store), saved_view(store)
    with pytest.raises(StoreError, match="does not show the passage"):
        store.corrections.read_by_operator(view.passage, other.key, "京A12345", "Li", LATER)
    with pytest.raises(StoreError, match="has no row"):
        store.corrections.read_by_operator(view.passage, new_key(), "京A12345", "Li", LATER)


def test_engines_do_not_overwrite_a_person(store: Store, reader: DatabaseReader) -> None:
    """The daemon's fusion still believes its own reading, and goes on saving it."""
    view = saved_view(store)
    said, seen = reading(view), sighting(view)
    store.keyframes.answered(view.key, [said])
    store.sightings.save(seen, [said.key], "ordinary")
    store.corrections.read_by_operator(view.passage, view.key, "京B99999", "Li", LATER)
    late = reading(view)
    store.keyframes.answered(view.key, [late])
    store.sightings.save(seen, [said.key, late.key], "ordinary")
    store.sightings.release_readings([said.key])
    store.passages.set_outcome(view.passage, PassageOutcome.UNSURE)
    store.passages.finish_interrupted()
    store.sightings.remove(seen.key)
    assert [(row.plate, row.engine) for row in reader.sightings()] == [("京B99999", "operator")]
    shown = detail(reader, view)
    assert shown.row.plate is not None
    assert (shown.row.plate.text, shown.row.outcome) == ("京B99999", "read")
    assert [one.sighting is None for one in shown.readings] == [False, False, True]
    assert store.sightings.recent("gate", NOON - timedelta(days=1)) == []


def test_a_passage_that_is_still_open_ends_with_its_vehicle(store: Store, reader: DatabaseReader) -> None:
    stay = passage()
    view = keyframe(stay)
    store.passages.save(stay)
    store.keyframes.save(view)
    store.corrections.read_by_operator(stay.key, view.key, "京A12345", "Li", LATER)
    assert reader.sightings()[0].status == "provisional"
    gone = passage()
    store.passages.save(type(stay)(stay.key, stay.camera, stay.opened_at, gone.last_seen + timedelta(minutes=1), True))
    (seen,) = reader.sightings()
    assert (seen.status, seen.last_seen) == ("final", gone.last_seen + timedelta(minutes=1))


def test_one_visit_of_several_is_corrected(store: Store, reader: DatabaseReader) -> None:
    """The other visits keep their sighting, which begins with the first of them."""
    views = [saved_view(store, at=NOON + timedelta(minutes=4 * number), closed=True) for number in range(3)]
    said, seen = [reading(view) for view in views], sighting(views[0], lasting=timedelta(minutes=9))
    for view, one in zip(views, said, strict=True):
        store.keyframes.answered(view.key, [one])
    store.sightings.save(seen, [one.key for one in said], "ordinary")
    revision = reader.passages.last_revision()
    store.corrections.read_by_operator(views[0].passage, views[0].key, "沪B99999", "Li", LATER)
    typed, rest = sorted(reader.sightings(), key=lambda row: row.first_seen)
    assert (typed.plate, typed.engine, typed.first_seen, typed.reads) == ("沪B99999", "operator", NOON, 2)
    assert (rest.plate, rest.key, rest.first_seen, rest.reads) == (
        "京A12345", seen.key, NOON + timedelta(minutes=4), 2
    )  # fmt: skip
    assert {row.key for row in reader.passages.changed_since(revision)} == {view.passage for view in views}
    # A fourth visit: the fusion counts the first one still.
    fourth = saved_view(store, at=NOON + timedelta(minutes=12), closed=True)
    another = reading(fourth)
    store.keyframes.answered(fourth.key, [another])
    store.sightings.save(seen, [one.key for one in (*said, another)], "ordinary")
    plates = [row.plate.text for row in reader.passages.find(Search()).rows if row.plate]
    assert plates == ["京A12345", "京A12345", "京A12345", "沪B99999"]
    typed, rest = sorted(reader.sightings(), key=lambda row: row.first_seen)
    assert (rest.first_seen, rest.reads, typed.plate) == (NOON + timedelta(minutes=4), 3, "沪B99999")


def test_a_sighting_whose_visit_is_corrected_keeps_what_the_others_support(
    store: Store, reader: DatabaseReader
) -> None:
    """The fusion knows nothing of the correction, and saves the sighting again for the corrected visit alone."""
    views = [saved_view(store, at=NOON + timedelta(minutes=4 * number), closed=True) for number in range(2)]
    said, seen = [reading(view) for view in views], sighting(views[0], lasting=timedelta(minutes=5))
    for view, one in zip(views, said, strict=True):
        store.keyframes.answered(view.key, [one])
    store.sightings.save(seen, [one.key for one in said], "ordinary")
    store.corrections.read_by_operator(views[0].passage, views[0].key, "沪B99999", "Li", LATER)
    before = [row for row in reader.sightings() if row.key == seen.key]
    store.sightings.save(replace(seen, status=SightingStatus.FINAL), [said[0].key], "ordinary")
    (row,) = [row for row in reader.sightings() if row.key == seen.key]
    assert [replace(row, status=SightingStatus.PROVISIONAL)] == before
    assert (row.status, row.first_seen, row.reads) == ("final", NOON + timedelta(minutes=4), 1)
    assert [row.plate.text for row in reader.passages.find(Search()).rows if row.plate] == ["京A12345", "沪B99999"]


def test_retention_takes_corrections_with_their_passages(store: Store, database: Database) -> None:
    view = saved_view(store, closed=True)
    store.keyframes.answered(view.key, [])
    store.corrections.read_by_operator(view.passage, view.key, "京A12345", "Li", LATER)
    store.retention.retain(NOON + timedelta(days=4000), Keep(rows_age=timedelta(days=1)))
    for table in ("corrections", "readings", "sightings", "passages", "plate_parts"):
        assert rows(database, f"SELECT * FROM {table}") == [], table
