"""Events are deleted when they are old and all receivers have them, and beyond a number in any case."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import Database

from streamwatch.core.codes import EventType
from streamwatch.core.event_data import TrialData
from streamwatch.store import DatabaseReader, Doomed, Keep, ReceiverRow, Store, open_reader, open_store

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=8)
WEEK = Keep(events_age=timedelta(days=7))


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database.url, tmp_path / "data", sole=True)) as opened:
        opened.events.set_receivers(["fast", "slow"])
        with opened.together():
            for n in range(10):
                opened.events.add(EventType.TEST, "x", TrialData(f"{n}", ""), None, NOW)
        yield opened


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    with closing(open_reader(database.url, tmp_path / "data")) as opened:
        yield opened


def take(store: Store, reader: DatabaseReader, receiver: str, count: int) -> None:
    """Have a receiver take the first events."""
    last = reader.events.after(0, 99)[count - 1].id
    store.events.save_receiver(ReceiverRow(receiver, last))


def tidy(store: Store, keep: Keep, now: datetime = LATER) -> Doomed:
    doomed = whole = store.retention.retain(now, keep)
    while doomed.more:
        doomed = store.retention.retain(now, keep)
        whole = replace(whole, others=whole.others + doomed.others, undelivered=whole.undelivered + doomed.undelivered)
    return whole


def left(reader: DatabaseReader) -> list[str]:
    return [event.data["text"] for event in reader.events.after(0, 99)]


def test_what_a_receiver_has_not_got_stays_however_old(store: Store, reader: DatabaseReader) -> None:
    take(store, reader, "fast", 10)
    take(store, reader, "slow", 4)
    assert tidy(store, WEEK, NOW).others == 0
    assert tidy(store, WEEK).others == 4
    assert left(reader) == ["4", "5", "6", "7", "8", "9"]


def test_without_a_receiver_old_events_go(store: Store, reader: DatabaseReader) -> None:
    store.events.set_receivers([])
    tidy(store, WEEK)
    assert left(reader) == []


def test_dead_letters_go_with_their_events(store: Store, reader: DatabaseReader) -> None:
    first = reader.events.after(0, 1)[0]
    store.events.give_up("fast", first.id, "422", NOW)
    take(store, reader, "fast", 10)
    take(store, reader, "slow", 10)
    tidy(store, WEEK)
    assert reader.events.dead_letters(9) == []
    assert left(reader) == []


def test_too_many_events_are_cut_and_each_receiver_knows_how_many_it_has_missed(
    store: Store, reader: DatabaseReader
) -> None:
    take(store, reader, "fast", 9)
    take(store, reader, "slow", 2)
    doomed = tidy(store, Keep(max_events=3), NOW)
    assert (doomed.others, doomed.undelivered) == (7, 5)
    assert left(reader) == ["7", "8", "9"]
    standings = {one.row.name: (one.row.lost, one.waiting) for one in reader.events.standings()}
    assert standings == {"fast": (0, 1), "slow": (5, 3)}
    assert tidy(store, Keep(max_events=3), NOW).others == 0


def test_no_limit_deletes_nothing(store: Store, reader: DatabaseReader) -> None:
    assert tidy(store, Keep()).others == 0
    assert len(left(reader)) == 10
