"""Budgets and their windows over generated times: no limit is ever exceeded, whatever the clock does."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.clock import Period, Span, window
from streamwatch.pipeline import Budget, CallLimits

ZONES = [
    ZoneInfo(name) for name in ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe")
]
BEGIN = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
zones, spans = st.sampled_from(ZONES), st.sampled_from(Span)
times = st.datetimes(datetime(2025, 1, 2), datetime(2059, 12, 30), timezones=st.just(UTC))


@given(spans, times, zones)
def test_a_window_holds_its_time_and_begins_where_the_one_before_ends(span: Span, at: datetime, zone: ZoneInfo) -> None:
    now = window(span, at, zone)
    assert now.begin <= at < now.end
    assert window(span, now.begin, zone) == now
    before = window(span, now.begin - timedelta(microseconds=1), zone)
    assert before.end == now.begin
    longest = {Span.HOUR: timedelta(hours=1), Span.DAY: timedelta(hours=25), Span.MONTH: timedelta(days=31, hours=1)}
    assert timedelta(0) < now.end - now.begin <= longest[span]


@given(spans, times, times, zones)
def test_a_later_time_has_no_earlier_window(span: Span, one: datetime, other: datetime, zone: ZoneInfo) -> None:
    first, second = sorted([one, other])
    assert window(span, first, zone).begin <= window(span, second, zone).begin


# Seconds of real time until a call is wanted, and seconds by which the wall clock is set ahead meanwhile.
moments = st.lists(
    st.tuples(st.floats(0, 3000), st.sampled_from([0.0, 0.0, 0.0, 3.0, 4000.0, 90000.0])), min_size=1, max_size=60
)


@given(moments, st.integers(0, 5))
def test_no_hour_of_real_time_has_more_than_twice_the_limit_however_the_clock_is_set(
    wanted: list[tuple[float, float]], limit: int
) -> None:
    budget = Budget(CallLimits(hour=limit), {}, lambda since, camera: 0, BEGIN, 0.0)
    monotonic, wall, paid = 0.0, BEGIN, list[float]()
    for wait, ahead in wanted:
        monotonic, wall = monotonic + wait, wall + timedelta(seconds=wait + ahead)
        (usage,) = budget.usage(wall, monotonic)
        exhausted = budget.forbids("gate", True, wall, monotonic)
        assert (exhausted is not None) == (usage.used >= limit)
        if exhausted is None:
            budget.pay("gate", 1, wall, monotonic)
            paid.append(monotonic)
    for begin in paid:
        assert sum(begin <= at < begin + 3600 for at in paid) <= 2 * limit, "at most the ends of two calendar hours"


@given(moments, spans)
def test_what_was_counted_is_carried_over_a_step_and_forgotten_when_time_has_passed(
    wanted: list[tuple[float, float]], span: Span
) -> None:
    period, monotonic, wall = Period(span, BEGIN, 0.0, ZoneInfo("UTC")), 0.0, BEGIN
    for wait, ahead in wanted:
        monotonic, wall = monotonic + wait, wall + timedelta(seconds=wait + ahead)
        over = wall >= period.window.end
        assert period.advance(wall, monotonic, 7) == over
        assert period.window.begin <= wall < period.window.end
        if over:
            assert period.carried == (7 if ahead > 5 else 0)
