"""Figures over time, by hours and days of local time, on both kinds of database."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from records import ONLY_SQLITE, Database, keyframe, passage, reading, saved_call, saved_view, sighting
from sqlalchemy import event

from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.model import CallResult, FrameCorners
from streamwatch.store import (
    KeyframeState,
    NotCalledRow,
    PassageCounts,
    PassageOutcome,
    Statistics,
    Store,
    added_up,
    hour_of_day,
    local_day,
    open_reader,
    open_store,
)

DAY = timedelta(days=1)
EVENING = datetime(2026, 3, 10, 15, 20, tzinfo=UTC)  # 23:20 in Shanghai, 20:50 in India
DOUBTFUL = CallResult(CallOutcome.DOUBTFUL, None, 0, 35.0)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    store = open_store(database.url, tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def statistics(store: Store, database: Database, tmp_path: Path) -> Iterator[Statistics]:
    reader = open_reader(database.url, tmp_path / "data")
    yield reader.statistics
    reader.close()


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def in_zone(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("zone", [name], indirect=True)


def gone(store: Store, database: Database, outcome: PassageOutcome, at: datetime, camera: str = "gate") -> None:
    """Save a closed passage with an outcome."""
    visit = passage(camera, at, closed=True)
    store.passages.save(visit)
    database.execute(f"UPDATE passages SET outcome = '{outcome.value}' WHERE key = '{visit.key}'")


@in_zone("Asia/Shanghai")
@pytest.mark.usefixtures("zone")
def test_passages_are_counted_by_hour_and_outcome(store: Store, statistics: Statistics, database: Database) -> None:
    for outcome, minutes in ((PassageOutcome.READ, 0), (PassageOutcome.READ, 39), (PassageOutcome.FAILED, 1)):
        gone(store, database, outcome, EVENING + timedelta(minutes=minutes))
    gone(store, database, PassageOutcome.UNREAD, EVENING + timedelta(minutes=40))
    gone(store, database, PassageOutcome.UNSURE, EVENING, "back")
    store.passages.save(passage("gate", EVENING))

    found = statistics.passages_by_hour(EVENING, EVENING + DAY, "gate")
    assert [(row.hour, row.counts) for row in found] == [
        (datetime(2026, 3, 10, 15, tzinfo=UTC), PassageCounts(opened=4, read=2, failed=1)),
        (datetime(2026, 3, 10, 16, tzinfo=UTC), PassageCounts(opened=1, unread=1)),
    ]
    assert found[0].counts.read_rate == 1.0  # the outage and the open passage say nothing about the camera
    assert added_up(found, local_day) == {
        date(2026, 3, 10): PassageCounts(opened=4, read=2, failed=1),
        date(2026, 3, 11): PassageCounts(opened=1, unread=1),
    }
    assert [*added_up(found, hour_of_day)] == [0, 23]
    assert {row.camera for row in statistics.passages_by_hour(EVENING, EVENING + DAY)} == {"gate", "back"}
    assert statistics.passages_by_hour(EVENING + DAY, EVENING + 2 * DAY) == []
    assert PassageCounts().read_rate is None


@in_zone("Asia/Kolkata")
@pytest.mark.usefixtures("zone")
def test_an_hour_is_an_hour_of_local_time(store: Store, statistics: Statistics) -> None:
    for minutes in (0, 9, 10):
        store.passages.save(passage("gate", EVENING + timedelta(minutes=minutes)))
    found = statistics.passages_by_hour(EVENING - DAY, EVENING + DAY)
    assert [(row.hour.astimezone().strftime("%H:%M"), row.counts.opened) for row in found] == [
        ("20:00", 2),
        ("21:00", 1),
    ]


@in_zone("Asia/Shanghai")
@pytest.mark.usefixtures("zone")
def test_the_sizes_of_plates_are_medians_of_a_day(store: Store, statistics: Statistics) -> None:
    noon = datetime(2026, 3, 10, 4, tzinfo=UTC)
    for at, width in ((noon, 100), (noon, 110), (noon, 300), (EVENING, 90), (EVENING + DAY, 60)):
        visit = passage("gate", at)
        view = keyframe(visit)
        store.passages.save(visit)
        store.keyframes.save(view)
        corners = FrameCorners(((10.0, 20.0), (10.0 + width, 20.0), (10.0 + width, 50.0), (10.0, 50.0)))
        read, other = replace(reading(view), corners=corners), replace(reading(view, "沪B99999"), corners=None)
        store.keyframes.answered(view.key, [read, other])
        store.sightings.save(sighting(view), [read.key, other.key], "ordinary")
    unsupported = saved_view(store, at=noon)
    store.keyframes.answered(unsupported.key, [reading(unsupported)])
    first, second = statistics.plate_sizes(noon - DAY, EVENING + 2 * DAY, "gate")
    assert (first.day, first.readings, first.width) == (date(2026, 3, 10), 4, 105)
    assert (first.night_readings, first.night_width) == (1, 90)
    assert (second.day, second.width, second.x, second.y) == (date(2026, 3, 11), 60, 40, 35)
    assert statistics.plate_sizes(noon - DAY, EVENING + DAY, "back") == []


def test_a_sample_of_a_busy_day_is_measured(
    store: Store, statistics: Statistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamwatch.store.statistics.SAMPLE", 5)
    visit = passage("gate", EVENING)
    store.passages.save(visit)
    for _ in range(20):
        view = keyframe(visit)
        store.keyframes.save(view)
        read = reading(view)
        store.keyframes.answered(view.key, [read])
        store.sightings.save(sighting(view), [read.key], "ordinary")
    (found,) = statistics.plate_sizes(EVENING, EVENING + timedelta(minutes=1), "gate")
    assert (found.readings, found.width) == (5, 100.5)


@in_zone("Asia/Shanghai")
@pytest.mark.usefixtures("zone")
def test_what_was_saved_is_counted_by_day(store: Store, statistics: Statistics) -> None:
    for at in (EVENING, EVENING + timedelta(minutes=39), EVENING + timedelta(minutes=40)):
        view = saved_view(store, at=at)
        store.keyframes.set_state(view.key, KeyframeState.ANSWERED, StateReason.LOCAL_SURE)
    saved_call(store, saved_view(store, at=EVENING))
    found = statistics.not_called_by_day(EVENING, EVENING + DAY)
    row = NotCalledRow("gate", KeyframeState.ANSWERED, StateReason.LOCAL_SURE, 2)
    assert [(day.day, day.row) for day in found] == [
        (date(2026, 3, 10), row),
        (date(2026, 3, 11), replace(row, keyframes=1)),
    ]


def test_the_ledger_is_read_page_by_page(store: Store, statistics: Statistics) -> None:
    view = saved_view(store, at=EVENING)
    for n in range(5):
        saved_call(store, view, at=EVENING + timedelta(seconds=n // 2))
    saved_call(store, None, DOUBTFUL, EVENING + timedelta(seconds=9))
    until = EVENING + DAY
    pages, older = [], None
    while page := statistics.ledger_page(EVENING, until, older_than=older, limit=4):
        pages.append([row.id for row in page])
        older = page[-1].started_at, page[-1].id
    assert pages == [[6, 5, 4, 3], [2, 1]]
    newest = statistics.ledger_page(EVENING, until)[0]
    assert (newest.camera, newest.outcome, newest.charged, newest.plates) == (None, CallOutcome.DOUBTFUL, None, None)
    assert [row.id for row in statistics.ledger_page(EVENING, until, charged=frozenset({None}))] == [6]
    assert [row.id for row in statistics.ledger_page(EVENING, until, charged=frozenset({True, None}), limit=2)] == [
        6,
        5,
    ]
    gate = frozenset({"gate"})
    read = statistics.ledger_page(EVENING, until, gate, frozenset({CallOutcome.READ}), frozenset({True}), limit=1)
    assert (read[0].plates, read[0].passage_id, read[0].fee) == (("京a12345", "沪B0"), 1, 1)
    assert statistics.ledger_page(EVENING, until, frozenset({"back"})) == []
    assert [row.id for row in statistics.ledger_page(EVENING, until, frozenset({None}))] == [6]
    assert statistics.ledger_page(EVENING, until, frozenset()) == []


def test_a_time_without_bounds_is_refused(statistics: Statistics) -> None:
    with pytest.raises(ValueError, match="400 days"):
        statistics.passages_by_hour(EVENING - 401 * DAY, EVENING)
    with pytest.raises(ValueError, match="400 days"):
        statistics.plate_sizes(EVENING - 401 * DAY, EVENING, "gate")


@ONLY_SQLITE
def test_questions_search_by_an_index(store: Store, statistics: Statistics) -> None:
    """So that their work grows with the rows asked about, not with those of the database."""
    saved_call(store, saved_view(store, at=EVENING))
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            found = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in found)

    event.listen(statistics._engine, "before_cursor_execute", explain)
    statistics.passages_by_hour(EVENING, EVENING + DAY)
    statistics.passages_by_hour(EVENING, EVENING + DAY, "gate")
    statistics.plate_sizes(EVENING, EVENING + DAY, "gate")
    statistics.not_called_by_day(EVENING, EVENING + DAY)
    statistics.ledger_page(EVENING, EVENING + DAY, frozenset({"gate"}))
    assert plans
    assert not [plan for plan in plans if plan.startswith("SCAN")], plans
