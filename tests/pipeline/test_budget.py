"""Limits of calls per hour, day and month."""

from datetime import UTC, datetime, timedelta

import pytest

from streamwatch.core.clock import Span, window
from streamwatch.core.codes import StateReason
from streamwatch.pipeline import Budget, CallLimits

NOON = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


def budget(account: CallLimits, spent: int = 0, **cameras: CallLimits) -> Budget:
    return Budget(account, cameras, lambda since, camera: spent, NOON, 0.0)


def test_without_limits_nothing_is_forbidden() -> None:
    free = budget(CallLimits())
    for _ in range(1000):
        free.pay("gate", 1, NOON, 0.0)
    assert free.forbids("gate", True, NOON, 0.0) is None


def test_a_limit_stops_calls_until_its_window_is_over() -> None:
    hour = budget(CallLimits(hour=3))
    for _ in range(3):
        assert hour.forbids("gate", True, NOON, 0.0) is None
        hour.pay("gate", 1, NOON, 0.0)
    exhausted = hour.forbids("gate", True, NOON, 0.0)
    assert exhausted is not None
    assert exhausted.reason is StateReason.BUDGET_HOUR
    assert hour.forbids("gate", True, NOON + timedelta(minutes=31), 1860.0) is None


def test_what_the_ledger_says_counts_after_a_restart() -> None:
    assert budget(CallLimits(day=5), spent=5).forbids("gate", True, NOON, 0.0) is not None
    asked: list[tuple[datetime, str | None]] = []

    def spent(since: datetime, camera: str | None) -> int:
        asked.append((since, camera))
        return 0

    Budget(CallLimits(month=5), {"gate": CallLimits(hour=1)}, spent, NOON, 0.0)
    assert asked == [(window(Span.MONTH, NOON).begin, None), (window(Span.HOUR, NOON).begin, "gate")]


def test_the_last_tenth_is_kept_for_first_views() -> None:
    day = budget(CallLimits(day=20), spent=18)
    second = day.forbids("gate", False, NOON, 0.0)
    assert second is not None
    assert second.for_second_views
    assert day.forbids("gate", True, NOON, 0.0) is None


def test_a_camera_has_limits_of_its_own() -> None:
    mixed = budget(CallLimits(day=100), gate=CallLimits(hour=1))
    mixed.pay("gate", 1, NOON, 0.0)
    assert mixed.forbids("gate", True, NOON, 0.0) is not None
    assert mixed.forbids("other", True, NOON, 0.0) is None


def test_a_call_that_was_not_charged_is_given_back() -> None:
    hour = budget(CallLimits(hour=1))
    hour.pay("gate", 1, NOON, 0.0)
    hour.pay("gate", -1, NOON, 0.0)
    assert hour.forbids("gate", True, NOON, 0.0) is None


def test_a_warning_at_eighty_percent_once_per_window(caplog: pytest.LogCaptureFixture) -> None:
    hour = budget(CallLimits(hour=10))
    for _ in range(10):
        hour.pay("gate", 1, NOON, 0.0)
    warnings = [r.getMessage() for r in caplog.records]
    assert warnings == ["budget: 8 of 10 calls of this hour for the account are used"]


def test_a_clock_that_steps_forward_gives_no_new_budget() -> None:
    day = Budget(CallLimits(day=2), {}, lambda since, camera: 2 if since <= NOON else 0, NOON, 0.0)
    assert day.forbids("gate", True, NOON + timedelta(days=40), 5.0) is not None
    assert day.forbids("gate", True, NOON + timedelta(days=41), 5.0 + 86400) is None


def test_a_clock_that_starts_in_1970_does_not_count_every_call_there_ever_was() -> None:
    start = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    day = Budget(CallLimits(day=2), {}, lambda since, camera: 1000, start, 0.0)
    assert day.forbids("gate", True, start, 0.0) is None


def test_other_limits_keep_what_was_counted() -> None:
    ledger: dict[str | None, int] = {None: 7, "entry": 2, "exit": 1}
    limited = Budget(CallLimits(day=10), {"entry": CallLimits(day=5)}, lambda _, who: ledger[who], NOON, 0.0)
    limited.pay("entry", 1, NOON, 0.0)
    limited.limit(CallLimits(day=8, hour=20), {"exit": CallLimits(month=3)}, NOON, 0.0)
    assert {(one.window, one.camera): (one.used, one.limit) for one in limited.usage(NOON, 0.0)} == {
        ("day", None): (8, 8),
        ("hour", None): (7, 20),
        ("month", "exit"): (1, 3),
    }
    assert limited.forbids("exit", True, NOON, 0.0) is not None
    limited.limit(CallLimits(day=9), {}, NOON, 0.0)
    assert limited.forbids("exit", True, NOON, 0.0) is None


def test_a_ledger_that_cannot_be_asked_never_allows_more() -> None:
    answers: list[int | None] = [None, 2, None]

    def spent(since: datetime, who: str | None) -> int | None:
        return answers.pop(0) if answers else 1

    hour = Budget(CallLimits(hour=3), {}, spent, NOON, 0.0)
    assert [use.used for use in hour.usage(NOON, 0.0)] == [2], "counted as used up until the ledger says 2"
    hour.pay("gate", 1, NOON, 0.0)
    later = NOON + timedelta(hours=1)
    assert hour.forbids("gate", True, later, 3600.0) is not None, "the ledger was away when the hour began"
    assert hour.forbids("gate", True, later, 3600.0) is None, "it says 1 of this hour"


def test_the_start_allows_nothing_until_the_ledger_has_answered() -> None:
    hour = Budget(CallLimits(hour=3), {}, lambda since, who: None, NOON, 0.0)
    assert hour.forbids("gate", True, NOON, 0.0) is not None
