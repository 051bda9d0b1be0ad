"""The past of cameras out of a real database, and findings in it, as the daemon and the console ask for them."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from records import Database
from snapshots import WELL, camera

from streamwatch.app.gate_history import AGAIN, FIRST, FindingRounds, GateHistory
from streamwatch.core.codes import FindingCode
from streamwatch.core.errors import StorageFailed
from streamwatch.health import Snapshot
from streamwatch.store import DatabaseReader, open_reader, open_store

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
CAMERAS = ("entry", "exit")


def passages(camera: str, begin: datetime, end: datetime, every: timedelta, outcome: str = "read") -> list[str]:
    rows = []
    while begin < end:
        at = begin.strftime("%Y-%m-%d %H:%M:%S.000000")
        rows.append(f"('{uuid4().hex}', '{camera}', '{at}', '{at}', true, 'coming', '{outcome}', true, '{at}')")
        begin += every
    return rows


@pytest.fixture
def reader(database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    """Yield twenty days of a vehicle every five minutes, by day and night, until three hours ago at the entry."""
    open_store(database.url, tmp_path).close()
    columns = "key, camera, opened_at, last_seen, closed, direction, outcome, clock_trusted, recorded_at"
    begin, every = NOW - 20 * DAY, timedelta(minutes=5)
    rows = passages("entry", begin, NOW - 3 * HOUR, every)
    rows += passages("exit", begin, NOW - 3 * DAY, every) + passages("exit", NOW - 3 * DAY, NOW, 2 * every)
    rows += passages("exit", NOW - 3 * DAY + every, NOW, 2 * every, "unread")
    for first in range(0, len(rows), 1000):
        values = ", ".join(rows[first : first + 1000])
        database.execute(f"INSERT INTO passages ({columns}) VALUES {values}")
    with closing(open_reader(database.url, tmp_path)) as reader:
        yield reader


def snapshot(**more: object) -> Snapshot:
    cameras = tuple(replace(camera(name), since=NOW - 20 * DAY) for name in CAMERAS)
    plain = replace(WELL, taken_at=NOW, uptime=30 * 86400.0, cameras=cameras)
    return replace(plain, **more)  # type: ignore[arg-type]


def whole(reader: DatabaseReader) -> GateHistory:
    history = GateHistory(reader.statistics)
    steps = 0
    while not history.advance(CAMERAS, NOW):
        steps += 1
    assert steps > 10  # so that no step holds up the caller for long
    return history


def test_a_silence_and_a_fall_of_the_read_rate_are_found(reader: DatabaseReader) -> None:
    history = whole(reader)
    silent, fallen = history.findings(snapshot())
    assert (silent.code, silent.camera, round(silent.before)) == (FindingCode.NO_VEHICLE, "entry", 12)
    assert silent.since == NOW - 3 * HOUR - timedelta(minutes=5)
    assert (fallen.code, fallen.camera, round(fallen.before, 2)) == (FindingCode.READ_RATE_FELL, "exit", 1.0)
    assert fallen.now == pytest.approx(0.5, abs=0.01)
    assert abs(fallen.since - (NOW - 3 * DAY)) <= HOUR


def test_a_camera_that_was_not_watched_is_not_silent(reader: DatabaseReader) -> None:
    history, shot = whole(reader), snapshot()
    entry, exit_ = shot.cameras

    def codes(**more: object) -> list[FindingCode]:
        return [finding.code for finding in history.findings(snapshot(**more))]

    assert codes(cameras=(replace(entry, state="reconnecting"), exit_)) == [FindingCode.READ_RATE_FELL]
    assert codes(cameras=(replace(entry, since=NOW - HOUR / 2), exit_)) == [FindingCode.READ_RATE_FELL]
    assert codes(uptime=600.0) == [FindingCode.READ_RATE_FELL]
    assert codes(cameras=(entry,)) == [FindingCode.NO_VEHICLE]
    assert [finding.code for finding in history.past_findings(NOW)] == [FindingCode.READ_RATE_FELL]


def test_what_comes_later_is_read_in_the_next_round(reader: DatabaseReader, database: Database) -> None:
    history = whole(reader)
    columns = "key, camera, opened_at, last_seen, closed, direction, outcome, clock_trusted, recorded_at"
    (row,) = passages("entry", NOW - timedelta(minutes=1), NOW, DAY)
    database.execute(f"INSERT INTO passages ({columns}) VALUES {row}")
    assert history.advance(CAMERAS, NOW + timedelta(minutes=5))
    found = history.findings(snapshot(taken_at=NOW + timedelta(minutes=5)))
    assert [finding.code for finding in found] == [FindingCode.READ_RATE_FELL]


def test_rounds_come_every_few_minutes_and_wait_for_the_database(reader: DatabaseReader) -> None:
    time = 0.0
    opened: list[DatabaseReader] = []

    def open_() -> DatabaseReader:
        if time < FIRST + AGAIN:
            raise StorageFailed("The database is locked.")
        opened.append(reader)
        return reader

    rounds = FindingRounds(open_, lambda: time)
    assert rounds.look(snapshot()) is None
    assert not opened
    time = FIRST
    assert rounds.look(snapshot()) is None
    time = FIRST + AGAIN
    found = None
    while found is None:
        found = rounds.look(snapshot())
    assert [finding.code for finding in found] == [FindingCode.NO_VEHICLE, FindingCode.READ_RATE_FELL]
    assert rounds.look(snapshot()) is None
    time += AGAIN
    assert rounds.look(snapshot()) == found
    assert len(opened) == 1
