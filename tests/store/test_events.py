"""The queue of events: one transaction with what they tell, in order, and only where somebody wants them."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from records import NOON, Database, rows, saved_view

from streamwatch.core.codes import EventType, ReceiverState
from streamwatch.core.event_data import TrialData
from streamwatch.store import DatabaseReader, ReceiverRow, Store, open_reader, open_store


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database.url, tmp_path / "data", sole=True)) as opened:
        yield opened


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    with closing(open_reader(database.url, tmp_path / "data")) as opened:
        yield opened


def told(store: Store, text: str = "hello") -> str | None:
    return store.events.add(EventType.TEST, "门", TrialData(text, "eva"), None, NOON)


def test_nothing_is_written_while_there_is_no_receiver(store: Store, database: Database, tmp_path: Path) -> None:
    assert told(store) is None
    store.events.set_receivers(["hook"])
    assert told(store) is not None
    with closing(open_store(database.url, tmp_path / "data")) as verb:
        assert told(verb) is not None  # another program reads in the database that somebody wants them
    store.events.mute()
    assert told(store) is None
    assert len(rows(database, "SELECT * FROM events")) == 2


def test_an_event_is_there_with_what_it_tells_or_not_at_all(store: Store, reader: DatabaseReader) -> None:
    store.events.set_receivers(["hook"])
    heard: list[int] = []
    store.events.committed = lambda: heard.append(1)
    with suppress(RuntimeError), store.together():
        saved_view(store)
        told(store)
        raise RuntimeError
    assert (reader.events.after(0, 9), heard) == ([], [])
    with store.together():
        saved_view(store)
        key = told(store)
        told(store, "again")
        assert reader.events.after(0, 9) == []
        assert not heard
    first, second = reader.events.after(0, 9)
    assert (first.key, first.data, first.occurred_at) == (key, {"text": "hello", "who": "eva"}, NOON)
    assert reader.events.after(first.id, 9) == [second]
    assert reader.events.newest(1) == [second]
    assert heard == [1]


def test_a_new_receiver_begins_with_the_next_event_and_one_that_is_gone_is_forgotten(
    store: Store, reader: DatabaseReader
) -> None:
    store.events.set_receivers(["old"])
    told(store)
    (event,) = reader.events.after(0, 9)
    store.events.give_up("old", event.id, "410", NOON)
    store.events.set_receivers(["new", "old"])
    assert [(one.row.name, one.waiting, one.dead) for one in reader.events.standings()] == [
        ("new", 0, 0),
        ("old", 1, 1),
    ]
    store.events.set_receivers(["new"])
    assert [one.row.name for one in reader.events.standings()] == ["new"]
    assert reader.events.dead_letters(9) == []
    told(store)
    assert reader.events.standings()[0].waiting == 1


def test_how_far_a_receiver_has_got_comes_back_as_it_was(store: Store, reader: DatabaseReader) -> None:
    store.events.set_receivers(["hook"])
    row = ReceiverRow("hook", 7, ReceiverState.PAUSED, 3, NOON, NOON + timedelta(hours=1), "no answer", NOON)
    store.events.save_receiver(row)
    assert reader.events.receiver("hook") == row
    store.events.hurry("hook")
    assert reader.events.receiver("hook") != row
    store.events.save_receiver(replace(row, taken=3))
    assert reader.events.receiver("hook") == row  # it never goes back
    store.events.save_receiver(ReceiverRow("gone", 1))  # it was removed meanwhile
    assert reader.events.receiver("gone") is None


def test_a_dead_letter_waits_for_a_person(store: Store, reader: DatabaseReader) -> None:
    store.events.set_receivers(["hook", "other"])
    for _ in range(3):
        told(store)
    events = reader.events.after(0, 9)
    for event in events:
        store.events.give_up("hook", event.id, "422: no", NOON)
    store.events.give_up("hook", 999, "it was deleted meanwhile", NOON)
    letters = reader.events.dead_letters(9, "hook")
    assert [letter.event for letter in letters] == events[::-1]
    assert reader.events.dead_letters(9, "hook", before=letters[0].id) == letters[1:]
    assert store.events.send_again("hook", [letters[1].id]) == 1
    assert [letter.id for letter in reader.events.dead_letters(9, "hook", again=True)] == [letters[1].id]
    assert store.events.send_again("hook") == 3
    assert [letter.event for letter in reader.events.dead_letters(9, "hook", again=True)] == events
    store.events.give_up("hook", events[0].id, "422: still no", NOON)
    assert [letter.event for letter in reader.events.dead_letters(9, "hook", again=True)] == events[1:]
    store.events.delivered("hook", [event.id for event in events])
    assert reader.events.dead_letters(9) == []


def test_numbers_are_not_given_again_after_all_events_are_deleted(
    store: Store, reader: DatabaseReader, database: Database
) -> None:
    store.events.set_receivers(["hook"])
    for _ in range(5):
        told(store)
    last = reader.events.newest(1)[0].id
    database.execute("DELETE FROM events")
    told(store)
    assert reader.events.newest(1)[0].id > last
