"""Times are understood as people write them."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from streamwatch.core.times import parse_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def _in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-05T08:00:00+00:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05T08:00:00Z", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2026-01-05T16:00+08:00", datetime(2026, 1, 5, 8, tzinfo=UTC)),
        ("2h", NOW - timedelta(hours=2)),
        (" 90s ", NOW - timedelta(seconds=90)),
        ("7d", NOW - timedelta(days=7)),
    ],
)
def test_accepted(text: str, expected: datetime) -> None:
    assert parse_time(text, NOW) == expected


@pytest.mark.usefixtures("_in_shanghai")
def test_without_offset_it_is_local_time() -> None:
    assert parse_time("2026-01-05T16:00", NOW) == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert parse_time("2026-01-05", NOW) == datetime(2026, 1, 4, 16, tzinfo=UTC)


@pytest.mark.usefixtures("_in_shanghai")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-03-01T00:00"),
        ("今天", "2026-03-01T00:00"),
        ("Yesterday", "2026-02-28T00:00"),
        ("昨天", "2026-02-28T00:00"),
        ("前天", "2026-02-27T00:00"),
        ("yesterday 08:00", "2026-02-28T08:00"),
        ("昨天8:05", "2026-02-28T08:05"),
        ("08:00", "2026-03-01T08:00"),
        ("8:00:30", "2026-03-01T08:00:30"),
        ("2026/11/27", "2026-11-27T00:00"),
        ("2026/1/5 8:00", "2026-01-05T08:00"),
        ("27.11.2026", "2026-11-27T00:00"),
        ("27.11.2026 18:30", "2026-11-27T18:30"),
        ("2026年11月27日 18:30", "2026-11-27T18:30"),
        ("2w", "2026-02-15T20:00"),
    ],
)
def test_as_people_type_them(text: str, expected: str) -> None:
    """The time now is eight in the evening of 1 March in Shanghai."""
    assert parse_time(text, NOW) == datetime.fromisoformat(f"{expected}+08:00")


@pytest.mark.usefixtures("_in_shanghai")
@pytest.mark.parametrize("day", ["2026-02-28", "20260228", "2026/02/28", "28.02.2026", "yesterday", "昨天"])
def test_a_day_as_an_end_counts_wholly(day: str) -> None:
    midnight = datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert parse_time(day, NOW, end=True) == midnight - timedelta(microseconds=1)
    assert parse_time(f"{day}T08:00", NOW, end=True) == parse_time(f"{day}T08:00", NOW)


@pytest.mark.parametrize("end", [False, True])
def test_the_last_day_of_the_calendar_is_out_of_reach_at_either_end(end: bool) -> None:
    with pytest.raises(ValueError, match="out of reach"):
        parse_time("9999-12-31", NOW, end)


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01", "h", "31.2.2026", "11/27/2026", "25:00", "today x"])
def test_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time; write 2026-01-31T08:00"):
        parse_time(text, NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9000-01-02", "9999-12-31T23:59:50Z", "739000d"])
def test_where_the_calendar_leaves_no_room(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is out of reach; write a year from 1000 to 8999"):
        parse_time(text, NOW)


@pytest.mark.parametrize("text", ["99999999d", "99999999999999999999d"])
def test_longer_ago_than_there_are_years(text: str) -> None:
    with pytest.raises(ValueError, match=f"'{text}' is too long ago"):
        parse_time(text, NOW)
