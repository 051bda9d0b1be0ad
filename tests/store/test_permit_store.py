"""Permits as rows of both kinds of database."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from records import NOON, Database, rows

from streamwatch.core.codes import PermitKind, PermitState, WhenFull
from streamwatch.core.errors import PermitError
from streamwatch.core.permit_terms import Hours, PermitTerms
from streamwatch.core.plates import skeleton
from streamwatch.store import DatabaseReader, PermitChanges, PermitSearch, Store, open_reader, open_store

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
HOME = PermitTerms(
    kind=PermitKind.RESIDENT,
    plates=("粤B3M5K7", "京A12345"),
    holder="Lily 王",
    group="House 5",
    note="=1+1",
    valid_from=NOON - DAY,
    valid_until=NOON + 10 * DAY,
    hours=(Hours(frozenset({0, 4}), time(22), time(6)),),
    lanes=frozenset({"entry", "入口"}),
    spaces=1,
    when_full=WhenFull.VISITOR,
    source="house",
    reference="0007",
)
STAFF = PermitTerms(kind=PermitKind.STAFF, plates=("沪A00001",))
VISITOR = PermitTerms(kind=PermitKind.VISITOR, plates=("京B54321",), valid_until=NOON + DAY)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    store = open_store(database.url, tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def reader(database: Database, store: Store, tmp_path: Path) -> Iterator[DatabaseReader]:
    reader = open_reader(database.url, tmp_path / "data")
    yield reader
    reader.close()


def test_a_permit_comes_back_as_it_was_said(store: Store, reader: DatabaseReader) -> None:
    assert reader.permits.load_all() == []
    assert reader.permits.changed_at() is None
    added = store.permits.add(HOME, "lily", NOON)
    assert added.terms == HOME
    assert (added.created_by, added.created_at, added.changed_at) == ("lily", NOON, NOON)
    assert (added.code, added.uses_left) == (None, None)
    assert [added] == reader.permits.load_all() == reader.permits.by_keys([added.key])
    assert reader.permits.one(added.key) == added
    assert reader.permits.one("nothing") is None
    assert reader.permits.changed_at() == NOON


def test_a_change_keeps_the_rows_of_vehicles_that_stay(
    store: Store, reader: DatabaseReader, database: Database
) -> None:
    key = store.permits.add(HOME, "lily", NOON).key
    before = {row["plate"]: row["id"] for row in rows(database, "SELECT id, plate FROM vehicles")}
    changed = store.permits.change(key, replace(HOME, plates=("京A12345", "沪C00009")), NOON)
    assert set(changed.plates) == {"京A12345", "沪C00009"}
    found = rows(database, "SELECT id, plate, skeleton FROM vehicles")
    assert all(row["skeleton"] == skeleton(row["plate"]) for row in found)
    after = {row["plate"]: row["id"] for row in found}
    assert after["京A12345"] == before["京A12345"]
    assert reader.permits.one(key) == changed
    assert reader.permits.changed_at() == NOON + timedelta(microseconds=1)  # at the same time, but not unnoticed
    with pytest.raises(PermitError, match="no such permit"):
        store.permits.change("nothing", HOME, NOON)


def test_an_end_is_the_end_also_before_the_beginning(store: Store) -> None:
    permits = store.permits
    running, coming = permits.add(HOME, "", NOON), permits.add(replace(STAFF, valid_from=NOON + DAY), "", NOON)
    assert (running.state(NOON), coming.state(NOON)) == (PermitState.VALID, PermitState.UPCOMING)
    for key in (running.key, coming.key):
        ended = permits.end(key, NOON + MINUTE)
        assert ended.valid_until == NOON + MINUTE
        assert ended.valid_from is None or ended.valid_from <= NOON + MINUTE
        assert ended.state(NOON + MINUTE) is PermitState.ENDED
        assert permits.end(key, NOON + DAY) == ended
    with pytest.raises(PermitError, match="no such permit"):
        permits.end("nothing", NOON)


def test_a_visitor_has_a_code_and_one_use(store: Store, reader: DatabaseReader) -> None:
    visitor = store.permits.add(VISITOR, "lily", NOON)
    assert visitor.uses_left == 1
    assert visitor.code is not None
    for typed in (visitor.code, visitor.code.lower(), f" {visitor.code[:3]}-{visitor.code[3:]} "):
        assert reader.permits.by_code(typed) == visitor
    assert reader.permits.by_code("") is reader.permits.by_code("?!") is reader.permits.by_code("222222") is None
    listed = reader.permits.changed_at()
    store.permits.used(visitor.key)
    store.permits.used(visitor.key)
    used = reader.permits.one(visitor.key)
    assert used is not None
    assert (used.uses_left, used.state(NOON)) == (0, PermitState.ENDED)
    assert reader.permits.changed_at() == listed
    staff = store.permits.change(visitor.key, replace(VISITOR, kind=PermitKind.STAFF), NOON)
    assert (staff.code, staff.uses_left) == (None, None)
    again = store.permits.change(visitor.key, VISITOR, NOON)
    assert again.code
    assert again.uses_left == 1


def test_a_number_belongs_to_one_permit_of_its_source(store: Store, reader: DatabaseReader) -> None:
    first = store.permits.add(HOME, "", NOON)
    other = store.permits.add(replace(HOME, source="office"), "", NOON)
    with pytest.raises(PermitError, match="has this number already"):
        store.permits.add(HOME, "", NOON)
    with pytest.raises(PermitError, match="has this number already"):
        store.permits.change(other.key, HOME, NOON)
    store.permits.change(first.key, replace(HOME, note="new"), NOON)
    assert [row.key for row in reader.permits.by_references("office", ["0007", "8"])] == [other.key]
    assert reader.permits.of_source("office", NOON) == [(other.key, "0007")]
    assert reader.permits.of_source("office", NOON + 10 * DAY) == []


def test_what_is_sought_is_found_page_by_page(store: Store, reader: DatabaseReader) -> None:
    home, staff, visitor = (store.permits.add(terms, "", NOON) for terms in (HOME, STAFF, VISITOR))
    assert visitor.code is not None

    def found(search: PermitSearch) -> list[str]:
        keys: list[str] = []
        after: str | None = None
        while True:
            page = reader.permits.find(search, after, 1)
            keys += [row.key for row in page.rows]
            if (after := page.after) is None:
                assert keys == [row.key for row in reader.permits.each(search)]
                assert len(keys) == reader.permits.count(search)
                return keys

    assert found(PermitSearch()) == [visitor.key, staff.key, home.key]
    for text in ("m5k", "LILY", "王", "house", "007", "=1"):
        assert found(PermitSearch(text=text)) == [home.key], text
    assert found(PermitSearch(text=visitor.code.lower())) == [visitor.key]
    assert found(PermitSearch(text="%")) == found(PermitSearch(text="_")) == []
    assert found(PermitSearch(plate="京A12345")) == [home.key]
    assert found(PermitSearch(plate="京A1234")) == []
    assert found(PermitSearch(kinds=frozenset({PermitKind.STAFF, PermitKind.HELD}))) == [staff.key]
    assert found(PermitSearch(group="House 5")) == [home.key]
    assert reader.permits.groups() == ["House 5"]
    assert found(PermitSearch(lanes=frozenset({"入口"}))) == [visitor.key, staff.key, home.key]
    assert found(PermitSearch(lanes=frozenset({"exit"}))) == [visitor.key, staff.key]
    assert found(PermitSearch(now=NOON, within=30 * DAY)) == [visitor.key, home.key]
    assert found(PermitSearch(now=NOON, within=2 * DAY)) == [visitor.key]
    for now in (NOON - 2 * DAY, NOON, NOON + DAY, NOON + 20 * DAY):
        for state in PermitState:
            same = {row.key for row in (home, staff, visitor) if row.state(now) is state}
            assert set(found(PermitSearch(now=now, state=state))) == same
    with pytest.raises(ValueError, match="not the key of a page"):
        reader.permits.find(PermitSearch(), "nonsense", 1)
    assert [row.key for row in reader.permits.by_plates(["京A12345", "粤B3M5K7", "沪A00001"])] == [home.key, staff.key]


def test_a_list_is_taken_over_as_a_whole_or_not_at_all(store: Store, reader: DatabaseReader) -> None:
    home, staff = (store.permits.add(terms, "", NOON) for terms in (HOME, STAFF))
    many = [replace(VISITOR, plates=(f"京C{number:05}",), holder=str(number)) for number in range(1203)]
    seen = reader.permits.changed_at()
    changes = PermitChanges(many, [(staff.key, replace(STAFF, plates=("沪A00002",)))], [home.key], seen)
    store.permits.take_list(changes, "lily", NOON + MINUTE)
    after = {row.key: row for row in reader.permits.load_all()}
    assert len(after) == 1205
    assert after[home.key].state(NOON + MINUTE) is PermitState.ENDED
    assert after[staff.key].plates == ("沪A00002",)
    assert sorted(row.holder for row in after.values() if row.code) == sorted(str(number) for number in range(1203))
    assert len({row.code for row in after.values()}) == 1204
    with pytest.raises(PermitError, match="at the same time"):
        store.permits.take_list(replace(changes, added=many), "lily", NOON)
    assert len(reader.permits.load_all()) == 1205
    nothing = PermitChanges([], [], [], reader.permits.changed_at())
    store.permits.take_list(nothing, "lily", NOON + DAY)
    assert reader.permits.changed_at() == NOON + DAY
