"""Findings in drawn histories: faults are found, and ordinary years with holidays and outages have next to none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from traffic import START, Fault, drawn_faults, drawn_site, found_over_time, judged

from streamwatch.core.codes import FindingCode
from streamwatch.health import CameraFinding
from streamwatch.health.baselines import CameraHistory, CameraWatch, DaySizes, HourCount, camera_findings, findings

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
BUSY = "000000259997777779963111"


def hours(
    days: float, until: datetime = NOW, scale: float = 4.0, read: float = 0.96, hour: str = BUSY, every: int = 1
) -> list[HourCount]:
    """Return the hours of some days until a time; `scale` times the digit of the hour, the same part of it read."""
    found, at = [], until - days * DAY
    while at < until:
        opened = round(int(hour[at.hour]) * scale)
        if opened:
            found.append(HourCount(at, opened, opened, round(opened * read)))
        at += every * HOUR
    return found


def silent(
    past: list[HourCount], last: datetime | None, since: datetime | None, **others: CameraHistory
) -> list[CameraFinding]:
    watched = {name: CameraWatch(NOW, NOW - 30 * DAY) for name in others}
    return [
        finding
        for finding in findings(
            {"gate": CameraHistory(past, (), UTC), **others}, {"gate": CameraWatch(last, since), **watched}, NOW
        )
        if finding.code is FindingCode.NO_VEHICLE
    ]


def test_a_silence_is_found_where_many_vehicles_come() -> None:
    (found,) = silent(hours(28, NOW - 3 * HOUR), NOW - 3 * HOUR, NOW - 20 * DAY)
    assert (found.since, found.now) == (NOW - 3 * HOUR, 0.0)
    assert found.before == pytest.approx(4 * 25 / 3, rel=0.1)  # the hours from 9 to 12


@pytest.mark.parametrize(
    ("past", "last", "since"),
    [
        (hours(13.5, NOW - 3 * HOUR), NOW - 3 * HOUR, NOW - 13 * DAY),  # two weeks are not over
        (hours(28, NOW - HOUR / 2), NOW - HOUR / 2, NOW - 20 * DAY),  # too short
        (hours(28, NOW - 3 * HOUR, 0.2), NOW - 3 * HOUR, NOW - 20 * DAY),  # too few vehicles
        (hours(28, NOW - 3 * HOUR), NOW - 3 * HOUR, NOW - HOUR / 4),  # it has come back just now
        (hours(28, NOW - 3 * HOUR), NOW - 3 * HOUR, None),  # it is away
        ([], None, NOW - 30 * DAY),  # nothing ever came
    ],
)
def test_what_is_no_silence(past: list[HourCount], last: datetime | None, since: datetime | None) -> None:
    assert silent(past, last, since) == []


def test_nothing_by_night_is_no_silence() -> None:
    four = NOW.replace(hour=4)
    past = CameraHistory(hours(28, four - 4 * HOUR), (), UTC)
    assert findings({"gate": past}, {"gate": CameraWatch(four - 5 * HOUR, four - 9 * DAY)}, four) == []


def test_a_quiet_holiday_is_no_silence() -> None:
    """One vehicle came where forty should have: the next one may take hours."""
    midnight = NOW.replace(hour=0)
    past = [*hours(28, midnight), HourCount(midnight + 7 * HOUR, 2, 2, 2)]
    assert silent(past, midnight + 8 * HOUR, NOW - 20 * DAY) == []


def test_the_other_cameras_tell_a_holiday_from_a_fault() -> None:
    midnight = NOW.replace(hour=0)
    past, since = hours(28, midnight), NOW - 20 * DAY
    quiet = CameraHistory(hours(28, midnight), (), UTC)
    busy = CameraHistory(hours(28, NOW), (), UTC)
    last = midnight - HOUR
    assert [found.camera for found in silent(past, last, since, other=busy)] == ["gate"]
    assert silent(past, last, since, other=quiet) == []


def test_hours_are_those_of_the_place() -> None:
    """In Berlin the clocks went back on 25 October; the gate opens at the same hour of the wall clock."""
    zone = ZoneInfo("Europe/Berlin")
    monday = datetime(2026, 10, 26, 8, 30, tzinfo=zone)
    past = [
        HourCount(at.astimezone(UTC), opened, opened, opened)
        for day in range(28, 0, -1)
        for hour in range(8, 18)
        for opened, at in [(30, (monday - day * DAY).replace(hour=hour, minute=0))]
    ]
    last, since = past[-1].hour + timedelta(minutes=59), past[0].hour
    history = {"gate": CameraHistory(past, (), zone)}
    assert findings(history, {"gate": CameraWatch(last, since)}, monday.astimezone(UTC)) == []
    tuesday = (monday + 28 * HOUR).astimezone(UTC)  # on Monday alone, it might be a holiday
    (found,) = findings(history, {"gate": CameraWatch(last, since)}, tuesday)
    assert found.code is FindingCode.NO_VEHICLE


def changes(past: list[HourCount], sizes: list[DaySizes] | None = None, now: datetime = NOW) -> list[CameraFinding]:
    return camera_findings("gate", CameraHistory(past, sizes or (), UTC), now)


def test_a_fall_of_the_read_rate_is_found_and_dated() -> None:
    fell = NOW - 2 * DAY - 13 * HOUR
    (found,) = changes([*hours(28, fell), *hours(2.5 + 1 / 24, NOW, read=0.71)])
    assert (found.code, found.camera) == (FindingCode.READ_RATE_FELL, "gate")
    assert abs(found.since - fell) <= 8 * HOUR  # nobody came by night
    assert [found.before, found.now] == pytest.approx([0.96, 0.71], abs=0.02)


def test_a_fall_by_night_only_is_called_so() -> None:
    night = "999999000000000000009999"
    day = "000000999999999999990000"
    past = [*hours(28, scale=2, hour=day), *hours(28, NOW - 5 * DAY, 2, 0.94, night), *hours(5, NOW, 2, 0.6, night)]
    (found,) = changes(sorted(past, key=lambda hour: hour.hour))
    assert (found.code, round(found.now, 1)) == (FindingCode.READ_RATE_FELL_AT_NIGHT, 0.6)


@pytest.mark.parametrize(
    "past",
    [
        hours(28),
        [*hours(28, NOW - DAY), *hours(1, NOW, read=0.88)],  # a day of snow
        [*hours(28, NOW - 8 * DAY), *hours(4, NOW - 4 * DAY, read=0.6), *hours(4, NOW)],  # mended
        [*hours(10, NOW - 2 * DAY), *hours(2, NOW, read=0.5)],  # two weeks are not over
        [*hours(28, NOW - 2 * DAY, 0.1), *hours(2, NOW, 0.1, 0.0)],  # few vehicles
    ],
)
def test_what_is_no_fall(past: list[HourCount]) -> None:
    assert changes(past) == []


def sizes(days: int, width: float, until: datetime = NOW, **more: float) -> list[DaySizes]:
    return [
        replace(DaySizes((until - n * DAY).date(), 80, width * (1 + 0.02 * (-1) ** n), 600, 400), **more)  # type: ignore[arg-type]
        for n in range(days, 0, -1)
    ]


@pytest.mark.parametrize(
    ("later", "code"),
    [
        (sizes(13, 90), FindingCode.PLATES_SHRUNK),
        (sizes(13, 190), FindingCode.PLATES_GROWN),
        (sizes(13, 140, x=900), FindingCode.PLATES_MOVED),
        (sizes(13, 140, y=180), FindingCode.PLATES_MOVED),
    ],
)
def test_plates_of_another_size_or_place_are_found_and_dated(later: list[DaySizes], code: FindingCode) -> None:
    (found,) = changes(hours(40), [*sizes(27, 140, NOW - 13 * DAY), *later])
    assert found.code is code
    assert found.since == datetime(2026, 11, 12, tzinfo=UTC)
    if code is FindingCode.PLATES_SHRUNK:
        assert [found.before, found.now] == pytest.approx([140, 90], rel=0.03)


def test_plates_that_are_smaller_by_night_only() -> None:
    before = sizes(27, 140, NOW - 6 * DAY, night_readings=20, night_width=138)
    (found,) = changes(hours(40), [*before, *sizes(6, 138, night_readings=20, night_width=95)])
    assert (found.code, found.before, found.now) == (FindingCode.PLATES_SHRUNK_AT_NIGHT, 138, 95)


@pytest.mark.parametrize(
    "drawn",
    [
        sizes(40, 140),
        [*sizes(27, 140, NOW - 3 * DAY), *sizes(3, 128)],  # a little
        [*sizes(27, 140, NOW - 8 * DAY), *sizes(4, 90, NOW - 4 * DAY), *sizes(4, 140)],  # mended
        [*sizes(5, 140, NOW - 8 * DAY), *sizes(8, 90)],  # too few days before
        [*sizes(27, 140, NOW - 9 * DAY), *sizes(4, 90, NOW - 5 * DAY)],  # nothing has been read since
    ],
)
def test_what_is_no_change_of_size(drawn: list[DaySizes]) -> None:
    assert changes(hours(40), drawn) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_ordinary_year_has_at_most_one_finding(seed: int) -> None:
    _, false = judged(found_over_time(drawn_site(seed)), ())
    assert len(false) <= 1, false


@pytest.mark.parametrize("seed", [1, 2])
def test_all_faults_of_a_year_are_found(seed: int) -> None:
    faults = drawn_faults(seed)
    hits, false = judged(found_over_time(drawn_site(seed, faults)), faults)
    assert set(hits) == set(faults)
    assert all(time < {"silence": 3 * DAY}.get(fault.kind, 14 * DAY) for fault, time in hits.items())
    assert len(false) <= 1, false


def test_a_single_camera_that_was_turned_by_night_is_found() -> None:
    turned = START + 100 * DAY + 2 * HOUR
    fault = Fault("silence", "camera 1", turned, turned + 4 * DAY)
    hits, _ = judged(found_over_time(drawn_site(5, (fault,), cameras=1, days=110), days=110), (fault,))
    assert hits[fault] < 2 * DAY
