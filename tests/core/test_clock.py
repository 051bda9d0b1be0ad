"""Time on a box without a clock battery: fake sources of time, steps in both directions, and the windows of budgets."""

import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from streamwatch.core.clock import (
    BEAT,
    STOOD_STILL,
    Awake,
    Period,
    Span,
    SystemClock,
    Window,
    kernel_synchronised,
    window,
)

NOON = datetime(2026, 5, 10, 12, tzinfo=UTC)
YEAR = 365.25 * 86400
BERLIN = ZoneInfo("Europe/Berlin")
HAVANA = ZoneInfo("America/Havana")  # the clocks change at midnight
KOLKATA = ZoneInfo("Asia/Kolkata")  # half an hour off


class Machine:
    """The two clocks of a machine, and the kernel's state of them."""

    def __init__(self, wall: datetime = NOON, synchronised: bool | None = None) -> None:
        self.wall, self.up, self.synchronised = wall.timestamp(), 50.0, synchronised

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.up, lambda: self.synchronised)

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.up += seconds


def test_time_goes_with_the_wall_clock() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.now() == NOON
    machine.passes(3600)
    assert clock.now() == NOON + timedelta(hours=1)
    assert clock.monotonic() == 3650
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("step", [1.0, 3600.0, 56 * YEAR, 50 * YEAR])
def test_a_step_forward_is_followed_at_once(step: float) -> None:
    machine = Machine(datetime(1970, 1, 1, tzinfo=UTC))
    clock = machine.clock()
    clock.now()
    machine.wall += step
    assert clock.now().timestamp() == step
    assert clock.ahead == 0


def test_after_a_small_step_back_time_goes_on_until_the_wall_clock_has_caught_up() -> None:
    machine = Machine()
    clock = machine.clock()
    clock.now()
    machine.wall -= 10
    times = []
    for _ in range(300):
        machine.passes(1)
        times.append(clock.now())
    gaps = {(b - a).total_seconds() for a, b in itertools.pairwise(times)}
    assert min(gaps) >= 0.94, "time does not stand still"
    assert times[-1].timestamp() == machine.wall, "the difference is gone after 200 s"
    assert times[100].timestamp() > machine.wall - 199


def test_after_a_step_back_by_years_order_and_pace_are_kept() -> None:
    machine = Machine(NOON + timedelta(days=50 * 365))
    clock = machine.clock()
    before = clock.now()
    machine.wall = NOON.timestamp()
    machine.passes(100)
    after = clock.now()
    assert 94 <= (after - before).total_seconds() <= 100
    assert clock.ahead == pytest.approx(50 * 365 * 86400, rel=1e-3)
    assert not clock.trusted


def test_any_steps_at_all_keep_the_order() -> None:
    machine = Machine()
    clock = machine.clock()
    times = []
    for step in [0, -1, 5, -YEAR, 2 * YEAR, -0.001, 0.001, -3 * YEAR, 0, 1] * 3:
        machine.wall += step
        machine.passes(0.04)
        times.append(clock.now())
    assert times == sorted(times)
    assert len(set(times)) == len(times), "25 pictures a second have 25 times"


def test_threads_never_see_time_run_backwards() -> None:
    wall = itertools.cycle([NOON.timestamp() + s for s in (0, 5, -7, 30, 2)])
    ticks = itertools.count()
    clock = SystemClock(lambda: next(wall), lambda: next(ticks) / 1000, lambda: None)
    seen: list[list[datetime]] = [[] for _ in range(4)]

    def look(times: list[datetime]) -> None:
        times.extend(clock.now() for _ in range(500))

    threads = [threading.Thread(target=look, args=(times,)) for times in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(times == sorted(times) and len(times) == 500 for times in seen)


def test_this_machine_has_a_clock() -> None:
    clock = SystemClock()
    first = clock.now()
    assert abs(first.timestamp() - time.time()) < 60
    assert clock.now() >= first
    assert isinstance(clock.trusted, bool)


@pytest.mark.parametrize(
    ("wall", "synchronised", "trusted"),
    [
        (NOON, True, True),
        (NOON, None, True),
        (NOON, False, False),
        (datetime(1970, 1, 1, tzinfo=UTC), True, False),
        (datetime(1970, 1, 1, tzinfo=UTC), None, False),
        (datetime(2024, 12, 31, tzinfo=UTC), None, False),
        (NOON + timedelta(days=50 * 365), None, False),
    ],
)
def test_trusted_is_what_is_plausible_and_not_denied(wall: datetime, synchronised: bool | None, trusted: bool) -> None:
    assert Machine(wall, synchronised).clock().trusted is trusted


def test_trust_comes_with_the_first_synchronisation_and_outlasts_the_network() -> None:
    machine = Machine(datetime(1970, 1, 1, tzinfo=UTC), synchronised=False)
    clock = machine.clock()
    assert not clock.trusted
    machine.wall, machine.synchronised = NOON.timestamp(), True
    assert clock.trusted
    machine.synchronised = False  # the kernel says so after half a day without a time server
    machine.passes(3 * 86400)
    machine.wall += 30  # drift
    assert clock.trusted
    machine.wall += 3600  # a person sets the clock
    assert not clock.trusted
    machine.synchronised = True
    assert clock.trusted


def test_time_that_is_ahead_of_a_corrected_wall_clock_is_not_trusted_until_it_is_caught_up() -> None:
    machine = Machine(synchronised=True)
    clock = machine.clock()
    machine.wall -= 60
    clock.now()
    assert not clock.trusted
    machine.passes(59 * 20)
    assert clock.trusted


def test_a_clock_that_was_set_ahead_by_more_than_a_day_has_leapt_until_it_is_put_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passes(30 * 86400)
    machine.wall += 86000
    assert not clock.leapt
    machine.wall += 86400
    assert clock.leapt
    machine.passes(30 * 86400)
    assert clock.leapt
    machine.wall -= 86400
    assert not clock.leapt


def test_a_clock_that_is_set_for_the_first_time_has_not_leapt() -> None:
    machine = Machine(datetime(1970, 1, 1, tzinfo=UTC))
    clock = machine.clock()
    machine.wall += 56.5 * YEAR
    assert not clock.leapt
    machine.wall += 2 * 86400
    assert clock.leapt


@pytest.mark.parametrize(
    ("state", "folder", "file", "expected"),
    [
        (0, False, False, True),
        (5, False, False, False),
        (5, True, False, False),
        (5, True, True, True),
        (None, False, False, None),
        (None, True, False, False),
        (None, True, True, True),
    ],
)
def test_synchronised_by_the_kernel_or_by_timesyncd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: int | None, folder: bool, file: bool, expected: bool | None
) -> None:
    monkeypatch.setattr("streamwatch.core.clock._adjtimex", lambda: state)
    timesync = tmp_path / "timesync"
    if folder:
        timesync.mkdir()
    if file:
        (timesync / "synchronized").touch()
    assert kernel_synchronised(timesync) is expected


def test_this_kernel_can_be_asked(tmp_path: Path) -> None:
    assert kernel_synchronised(tmp_path / "absent") in (True, False, None)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "zone", "at", "begin", "end"),
    [
        (Span.HOUR, UTC, "2026-05-10 12:34:56.789", "2026-05-10 12:00", "2026-05-10 13:00"),
        (Span.HOUR, KOLKATA, "2026-05-10 12:34", "2026-05-10 12:30", "2026-05-10 13:30"),
        (Span.DAY, BERLIN, "2026-05-10 21:59", "2026-05-09 22:00", "2026-05-10 22:00"),
        (Span.DAY, BERLIN, "2026-05-10 22:00", "2026-05-10 22:00", "2026-05-11 22:00"),
        (Span.DAY, BERLIN, "2026-03-29 12:00", "2026-03-28 23:00", "2026-03-29 22:00"),  # 23 h
        (Span.DAY, BERLIN, "2026-10-25 12:00", "2026-10-24 22:00", "2026-10-25 23:00"),  # 25 h
        (Span.DAY, HAVANA, "2026-03-08 12:00", "2026-03-08 05:00", "2026-03-09 04:00"),  # midnight does not exist
        (Span.DAY, HAVANA, "2026-11-01 05:30", "2026-11-01 04:00", "2026-11-02 05:00"),  # midnight comes twice
        (Span.MONTH, BERLIN, "2026-03-31 22:30", "2026-03-31 22:00", "2026-04-30 22:00"),
        (Span.MONTH, BERLIN, "2026-03-15 00:00", "2026-02-28 23:00", "2026-03-31 22:00"),
        (Span.MONTH, UTC, "2026-12-31 23:59", "2026-12-01 00:00", "2027-01-01 00:00"),
        (Span.MONTH, UTC, "2028-02-29 08:00", "2028-02-01 00:00", "2028-03-01 00:00"),
        (Span.MONTH, UTC, "1970-01-01 00:00", "1970-01-01 00:00", "1970-02-01 00:00"),
    ],
)
def test_windows_are_those_of_local_time(span: Span, zone: timezone | ZoneInfo, at: str, begin: str, end: str) -> None:
    assert window(span, utc(at), zone) == Window(utc(begin), utc(end))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("span", Span)
def test_windows_hold_their_time_and_never_go_back(span: Span, zone: str) -> None:
    tz = ZoneInfo(zone)
    changes = [utc("2026-03-28 00:00"), utc("2026-04-04 00:00"), utc("2026-10-24 00:00"), utc("2026-10-31 00:00")]
    for start in changes:
        windows = []
        for minutes in range(0, 72 * 60, 10):
            at = start + timedelta(minutes=minutes)
            windows.append(window(span, at, tz))
            assert windows[-1].begin <= at < windows[-1].end
        assert [w.begin for w in windows] == sorted(w.begin for w in windows)
        if zone != "Australia/Lord_Howe" or span is not Span.HOUR:  # its clocks change by half an hour
            assert all(a == b or a.end == b.begin for a, b in itertools.pairwise(windows))


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set this machine's time zone to Berlin for one test."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
def test_without_a_zone_windows_are_those_of_this_machine() -> None:
    at = utc("2026-10-25 12:00")
    assert [window(span, at) for span in Span] == [window(span, at, BERLIN) for span in Span]


class Budget:
    """Counts calls the way a budget does, on a machine whose clock steps."""

    def __init__(self, span: Span, wall: datetime) -> None:
        self.machine = Machine(wall)
        self.clock = self.machine.clock()
        self.period = Period(span, self.clock.now(), self.clock.monotonic(), UTC)
        self.counted = 0

    def after(self, seconds: float = 0, step: float = 0) -> bool:
        self.machine.wall += step
        self.machine.passes(seconds)
        begun = self.period.advance(self.clock.now(), self.clock.monotonic(), self.counted)
        if begun:
            self.counted = self.period.carried
        return begun


def test_a_period_begins_anew_when_its_time_is_over() -> None:
    budget = Budget(Span.HOUR, NOON)
    budget.counted = 7
    assert not budget.after(3599)
    assert budget.after(1)
    assert budget.counted == 0
    assert budget.period.window.begin == NOON + timedelta(hours=1)
    assert budget.after(5 * 86400), "the clock was not read for days; that is no step"
    assert budget.counted == 0


def test_a_step_into_another_window_makes_no_budget_larger() -> None:
    budget = Budget(Span.HOUR, datetime(1970, 1, 1, tzinfo=UTC))
    budget.counted = 7
    assert not budget.period.in_calendar
    assert budget.after(60, step=56.35 * YEAR)
    assert budget.counted == 7
    assert budget.period.in_calendar
    assert budget.after(3600)
    assert budget.counted == 0, "what was carried is forgotten with the window it was carried into"


def test_a_step_within_a_window_changes_nothing() -> None:
    budget = Budget(Span.DAY, NOON)
    budget.counted = 7
    assert not budget.after(1, step=3600)
    assert not budget.after(1, step=-7200)
    assert budget.counted == 7


@pytest.mark.parametrize("span", Span)
def test_a_step_back_keeps_the_window_and_the_windows_go_on(span: Span) -> None:
    budget = Budget(span, NOON)
    budget.counted = 7
    before = budget.period.window
    assert not budget.after(1, step=-3 * YEAR)
    assert (budget.period.window, budget.counted) == (before, 7)
    assert budget.after(40 * 86400)
    assert budget.counted == 0
    assert budget.period.window.begin >= before.end


def test_a_clock_that_jumps_to_and_fro_gives_nothing_away() -> None:
    budget = Budget(Span.HOUR, NOON)
    for _ in range(20):
        budget.counted += 1
        budget.after(1, step=YEAR)
        budget.after(1, step=-YEAR)
    assert budget.counted == 20


def test_time_in_which_the_process_stood_still_is_none_for_whoever_asks_first() -> None:
    machine = Machine()
    awake = Awake(machine.clock())
    machine.passes(1000)
    assert awake.monotonic() == 1050, "no thread beats"
    awake.beat()
    for _ in range(10):
        machine.passes(BEAT)
        awake.beat()
    assert awake.monotonic() == 1050 + 10 * BEAT
    machine.passes(300)
    assert awake.monotonic() == 1050 + 10 * BEAT, "before the next beat"
    awake.beat()
    machine.passes(1)
    assert awake.monotonic() == 1051 + 10 * BEAT
    assert awake.now() == NOON + timedelta(seconds=1301 + 10 * BEAT)
    assert awake.plausible
    assert not awake.leapt


def test_a_beat_that_is_a_little_late_stops_no_time() -> None:
    machine = Machine()
    awake = Awake(machine.clock())
    awake.beat()
    machine.passes(STOOD_STILL)
    awake.beat()
    assert awake.monotonic() == 50 + STOOD_STILL
