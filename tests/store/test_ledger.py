"""The cost of the calls: for the budget, which a wrong clock must not enlarge, and for people."""

import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from records import ANSWER, NOON, ONLY_SQLITE, Database, rows, saved_call, saved_view
from sqlalchemy import event, text

from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.model import CallResult, Engine, PlateText
from streamwatch.pipeline import RecordedLedger
from streamwatch.store import (
    Calls,
    CallsRow,
    DatabaseReader,
    KeyframeState,
    NotCalledRow,
    Store,
    open_reader,
    open_store,
)

NO_PLATE = replace(ANSWER, outcome=CallOutcome.NO_PLATE, plates=())
FAILED = CallResult(CallOutcome.THROTTLED, False, 0, 0.1, 429)
CHARGED_FAILURE = CallResult(CallOutcome.PICTURE_BROKEN, True, 1, 0.4, 200)
DOUBTFUL = CallResult(CallOutcome.DOUBTFUL, None, 0, 35.0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    store = open_store(database.url, tmp_path / "data")
    yield store
    store.close()


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    reader = open_reader(database.url, tmp_path / "data")
    yield reader
    reader.close()


@pytest.fixture
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def paid(store: Store, *moments: datetime, trusted: bool = True) -> None:
    store.clock_trusted = trusted
    view = saved_view(store)
    for moment in moments:
        saved_call(store, view, at=moment)


# ---- for the budget -------------------------------------------------------------------------------------------------


def test_what_was_charged_or_may_have_been_counts(store: Store, reader: DatabaseReader) -> None:
    assert store.calls.spent(NOON) == 0
    view = saved_view(store)
    for result in (ANSWER, replace(NO_PLATE, fee=3), CHARGED_FAILURE, FAILED, DOUBTFUL, None):
        saved_call(store, view, result)
    assert store.calls.spent(NOON) == reader.spent(NOON) == 1 + 3 + 1 + 0 + 1 + 1
    store.keyframes.recover()
    assert store.calls.spent(NOON) == 7


@pytest.mark.parametrize(
    "result", [replace(ANSWER, fee=fee) for fee in (0, 1, 3)] + [CHARGED_FAILURE, FAILED, DOUBTFUL]
)
def test_a_restart_counts_a_call_as_the_run_did_that_made_it(store: Store, result: CallResult) -> None:
    running = RecordedLedger(lambda _: None, SystemClock(), Engine.OCRCARS, None)
    running.about_to_pay(1, b"")
    running.ended(1, result)
    saved_call(store, saved_view(store), result)
    assert store.calls.spent(NOON) == running.paid


def test_a_window_begins_with_its_first_moment(store: Store) -> None:
    paid(store, NOON - timedelta(microseconds=1), NOON, NOON + HOUR)
    assert store.calls.spent(NOON) == 2


def test_each_camera_pays_for_itself_and_the_account_for_all(store: Store) -> None:
    for camera in ("gate", "gate", "exit"):
        saved_call(store, saved_view(store, camera))
    saved_call(store, None)
    assert [store.calls.spent(NOON, camera) for camera in ("gate", "exit", "elsewhere", None)] == [2, 1, 0, 4]


def test_another_thread_can_ask_in_the_middle_of_a_transaction(store: Store) -> None:
    """A reader asks when an hour begins, and the writer's thread may be writing. What is undone then does not count."""
    told: list[int] = []
    asking = threading.Thread(target=lambda: told.append(store.calls.spent(NOON)))

    def write() -> None:
        with store.together():
            saved_call(store, saved_view(store))
            asking.start()
            asking.join(1.0)  # time in which it could look into this transaction
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    asking.join(60)
    assert told == [0]


def test_calls_of_a_clock_that_was_behind_belong_after_the_trusted_one_before_them(store: Store) -> None:
    in_1970 = datetime(1970, 1, 1, tzinfo=UTC)
    paid(store, NOON - HOUR)
    paid(store, in_1970, in_1970 + HOUR, trusted=False)
    paid(store, NOON + HOUR)
    assert store.calls.spent(NOON) == 3
    assert store.calls.spent(NOON + 2 * HOUR) == 0


def test_calls_of_a_clock_that_was_ahead_do_not_use_up_every_window_to_come(store: Store) -> None:
    paid(store, NOON - HOUR)
    paid(store, datetime(2055, 1, 1, tzinfo=UTC), trusted=False)
    assert store.calls.spent(NOON) == 1
    paid(store, NOON + HOUR)
    assert store.calls.spent(NOON + 2 * HOUR) == 0


def test_a_box_whose_clock_is_never_trusted_goes_by_it_all_the_same(store: Store) -> None:
    paid(store, NOON - DAY, NOON - HOUR, NOON + HOUR, trusted=False)
    assert store.calls.spent(NOON) == 1
    paid(store, NOON - 2 * DAY)
    paid(store, NOON - HOUR, NOON + HOUR, trusted=False)
    assert store.calls.spent(NOON) == 1


# ---- for people -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("in_shanghai")
def test_the_report_is_by_camera_and_day_of_local_time(store: Store, reader: DatabaseReader) -> None:
    midnight = datetime(2026, 1, 5, 16, tzinfo=UTC)
    gate, entry = saved_view(store), saved_view(store, "entry")
    for result in (ANSWER, NO_PLATE, FAILED, CHARGED_FAILURE, DOUBTFUL, None):
        saved_call(store, gate, result, midnight)
    saved_call(store, gate, replace(ANSWER, fee=2), midnight - timedelta(seconds=1))
    saved_call(store, entry, ANSWER, midnight)
    saved_call(store, None, ANSWER, midnight)
    report = reader.calls_report(midnight - DAY, midnight + DAY)
    one = Calls(calls=1, charged=1, fee=1, read=1)
    assert report.rows == [
        CallsRow(date(2026, 1, 6), "entry", one),
        CallsRow(date(2026, 1, 6), "gate", Calls(calls=6, charged=3, fee=3, read=1, no_plate=1, doubtful=2, failed=2)),
        CallsRow(date(2026, 1, 6), None, one),
        CallsRow(date(2026, 1, 5), "gate", replace(one, fee=2)),
    ]
    assert report.total == Calls(calls=9, charged=6, fee=7, read=4, no_plate=1, doubtful=2, failed=2)


def test_days_of_23_and_25_hours_are_days(
    store: Store, reader: DatabaseReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "TZ", "Europe/Berlin")
    time.tzset()
    try:
        for begin in (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)):
            starts = [begin + 1.5 * HOUR * n for n in range(40)]
            paid(store, *starts)
            found = reader.calls_report(begin, begin + 3 * DAY)
            expected = Counter(start.astimezone().date() for start in starts)
            assert {row.day: row.calls.calls for row in found.rows} == expected
            assert [row.day for row in found.rows] == sorted(expected, reverse=True)
            assert found.total.calls == 40
    finally:
        monkeypatch.undo()
        time.tzset()


@ONLY_SQLITE
def test_calls_of_one_end_are_added_up_by_the_database(store: Store, reader: DatabaseReader) -> None:
    paid(store, *(NOON + timedelta(seconds=n) for n in range(50)))
    fetched: list[int] = []

    @event.listens_for(reader._engine, "connect")
    def count(connection: sqlite3.Connection, _record: object) -> None:
        connection.row_factory = lambda cursor, row: fetched.append(1) or row  # type: ignore[func-returns-value]

    reader._engine.dispose()
    assert reader.calls_report(NOON - 40 * DAY, NOON + 40 * DAY).total.calls == 50
    assert 0 < len(fetched) < 10


def test_the_first_use_is_when_a_trusted_clock_first_wrote_something_down(store: Store, reader: DatabaseReader) -> None:
    assert reader.first_use() is None
    paid(store, NOON - DAY, trusted=False)
    paid(store, NOON, NOON + HOUR)
    assert reader.first_use() == NOON
    with store.transaction() as session:
        session.execute(text("UPDATE passages SET recorded_at = '2026-01-02 12:00:00', clock_trusted = true"))
    assert reader.first_use() == datetime(2026, 1, 2, 12, tzinfo=UTC), "a passage that cost nothing is a use, too"


def test_a_report_holds_its_span_only(store: Store, reader: DatabaseReader) -> None:
    paid(store, NOON - timedelta(microseconds=1), NOON, NOON + HOUR)
    assert reader.calls_report(NOON, NOON + HOUR).total.calls == 1
    assert reader.calls_report(NOON + DAY, NOON + 2 * DAY).rows == []
    assert reader.calls_report(NOON + DAY, NOON + 2 * DAY).total == Calls()


def test_keyframes_that_cost_nothing_are_counted_with_the_reason(store: Store, reader: DatabaseReader) -> None:
    for camera in ("gate", "gate", "exit"):
        store.keyframes.set_state(saved_view(store, camera).key, KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS)
    store.keyframes.answered(saved_view(store).key, [])
    saved_call(store, saved_view(store))
    assert reader.not_called(NOON, NOON + HOUR) == [
        NotCalledRow("gate", KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS, 2),
        NotCalledRow("exit", KeyframeState.DROPPED, StateReason.OUTBOX_ITEMS, 1),
        NotCalledRow("gate", KeyframeState.ANSWERED, StateReason.NONE, 1),
    ]
    assert reader.not_called(NOON + HOUR, NOON + DAY) == []


def test_asking_changes_nothing(store: Store, reader: DatabaseReader, database: Database) -> None:
    paid(store, NOON)
    before = [tuple(row) for row in rows(database, "SELECT * FROM calls")]
    reader.spent(NOON)
    reader.calls_report(NOON, NOON + DAY)
    reader.not_called(NOON, NOON + DAY)
    assert [tuple(row) for row in rows(database, "SELECT * FROM calls")] == before


def test_what_was_answered_to_a_picture_is_found_by_its_bytes(store: Store) -> None:
    first = saved_view(store)
    saved_call(store, first, replace(ANSWER, plates=(PlateText("京AF0236", 0.9, None),)))
    assert store.calls.answer_to("gate", first.jpeg) == (PlateText("京AF0236", 0.9, None),)
    assert store.calls.answer_to("exit", first.jpeg) is None
    assert store.calls.answer_to("gate", b"another") is None
    saved_call(store, first, FAILED)
    assert store.calls.answer_to("gate", first.jpeg) == (PlateText("京AF0236", 0.9, None),), "a failure is no answer"
    saved_call(store, first, NO_PLATE)
    assert store.calls.answer_to("gate", first.jpeg) == ()
