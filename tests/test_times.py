"""Times as people write them."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from streamwatch.times import parse_time

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


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01", "h"])
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
