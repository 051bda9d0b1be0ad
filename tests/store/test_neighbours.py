"""Next and previous within a search."""

from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
from records import NOON, Database, reading, saved_view, sighting

from streamwatch.store import Search, open_reader, open_store
from streamwatch.store import neighbours as near
from streamwatch.store.neighbours import in_daily_span


def test_next_and_previous_within_a_search(database: Database, tmp_path: Path) -> None:
    store = open_store(database.url, tmp_path)
    for number, plate in enumerate(["京A12345", "沪B00001", "京A12346", "沪B00002", "京AI2345", "京A12347"]):
        view = saved_view(store, "gate" if number != 2 else "exit", NOON + timedelta(minutes=number))
        one = reading(view, plate)
        store.keyframes.answered(view.key, [one])
        store.sightings.save(sighting(view, plate), [one.key], "ordinary")
    store.close()
    reader = open_reader(database.url, tmp_path)
    ask = reader.passages.beside
    assert ask(1, Search()) == (2, None)
    assert ask(6, Search()) == (None, 5)
    assert ask(3, Search(plate="*A1234*")) == (6, 1)
    assert ask(3, Search(plate="*A12345*", like=True)) == (5, 1)
    assert ask(1, Search(cameras=frozenset({"exit"}))) == (3, None)
    assert ask(2, Search(), frozenset({"gate"})) == (4, 1)
    assert ask(1, Search(plate="*Q*")) == (None, None)
    assert ask(1, Search(plate="*99999*")) == (None, None)
    assert ask(99, Search()) == (None, None)
    clock = (NOON + timedelta(minutes=4)).astimezone().time().replace(second=0, microsecond=0)
    assert ask(2, Search(begin=clock)) == (5, None)
    reader.close()


def test_a_time_of_day_is_looked_for_among_the_nearest_passages_only(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(near, "_AT_ONCE", 2)
    monkeypatch.setattr(near, "_MOST", 6)
    store = open_store(database.url, tmp_path)
    for hour in range(10):
        saved_view(store, at=NOON + timedelta(hours=hour))
    store.close()
    reader = open_reader(database.url, tmp_path)

    def next_at(passage: int, hour: int) -> int | None:
        begin = (NOON + timedelta(hours=hour)).astimezone().time().replace(minute=0, second=0, microsecond=0)
        return reader.passages.beside(passage, Search(begin=begin, end=begin.replace(minute=59)))[0]

    assert next_at(1, 5) == 6
    assert next_at(1, 7) is None  # the seventh further on
    assert next_at(7, 1) is None  # it is older
    reader.close()


@pytest.mark.parametrize(
    ("begin", "end", "days", "inside"),
    [
        ("08:00", "10:00", {3}, True),
        ("08:00", "10:00", {2}, False),
        ("09:31", None, set(), False),
        (None, "09:30", set(), False),
        (None, "09:31", set(), True),
        ("22:00", "10:00", {2}, True),
        ("22:00", "09:00", set(), False),
        (None, None, {3}, True),
    ],
)
def test_a_time_of_day(begin: str | None, end: str | None, days: set[int], inside: bool) -> None:
    at = datetime(2026, 11, 26, 9, 30).astimezone()  # a Thursday
    times = [None if text is None else time.fromisoformat(text) for text in (begin, end)]
    assert in_daily_span(at, Search(begin=times[0], end=times[1], weekdays=frozenset(days))) == inside
