"""What the outside is told of the daemon's health: once when it begins, once when it is over."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from records import ONLY_SQLITE, Database
from snapshots import ILL, NOW, WELL, camera

from streamwatch.app.health_events import HealthEvents
from streamwatch.core.codes import EventType
from streamwatch.core.errors import StorageFailed
from streamwatch.health import BudgetUse, Snapshot
from streamwatch.store import DatabaseReader, Store, open_reader, open_store

pytestmark = ONLY_SQLITE
AWAY = replace(WELL, cameras=(camera("gate", "reconnecting", 90, last_error="no route to 192.0.2.7"),))
USED_UP = replace(WELL, budget=(BudgetUse("day", "", 5, 5),))


class Keeper:
    """Looks at snapshots every five seconds."""

    def __init__(self, store: Store, reader: DatabaseReader) -> None:
        self.store, self.reader = store, reader
        self.seconds, self.fails = 0.0, False
        self.events = self.restarted()

    def restarted(self) -> HealthEvents:
        kinds = (EventType.CAMERA, EventType.HEALTH)
        return HealthEvents(self.write, lambda: self.reader.events.newest(99, types=kinds), lambda: self.seconds)

    def write(self, call: Any) -> None:
        if self.fails:
            raise StorageFailed("the disk is full")
        call(self.store)

    def see(self, snapshot: Snapshot, looks: int) -> None:
        for _ in range(looks):
            self.seconds += 5
            self.events.look(replace(snapshot, taken_at=NOW + timedelta(seconds=self.seconds)))

    @property
    def told(self) -> list[tuple[str, bool]]:
        rows = reversed(self.reader.events.newest(99))
        return [
            (one.data.get("code") or one.subject, one.data.get("active", not one.data.get("online"))) for one in rows
        ]


@pytest.fixture
def keeper(database: Database, tmp_path: Path) -> Iterator[Keeper]:
    with (
        closing(open_store(database.url, tmp_path / "data", sole=True)) as store,
        closing(open_reader(database.url, tmp_path / "data")) as reader,
    ):
        store.events.set_receivers(["hook"])
        yield Keeper(store, reader)


def test_a_camera_that_is_lost_and_comes_back_is_told_once_each(keeper: Keeper) -> None:
    keeper.see(WELL, 3)
    keeper.see(AWAY, 20)
    keeper.see(WELL, 20)
    back, lost = keeper.reader.events.newest(9)
    assert (lost.type, lost.subject, lost.camera) == (EventType.CAMERA, "gate", "gate")
    assert lost.data["online"] is False
    assert "no route to 192.0.2.7" in lost.data["error"]
    assert (back.data["online"], back.data["state"], back.data["error"]) == (True, "online", "")


def test_what_is_seen_only_once_is_no_news(keeper: Keeper) -> None:
    for _ in range(5):
        keeper.see(USED_UP, 1)
        keeper.see(WELL, 1)
    assert keeper.told == []


def test_what_comes_and_goes_is_told_once(keeper: Keeper) -> None:
    for _ in range(30):
        keeper.see(USED_UP, 3)
        keeper.see(WELL, 5)
    assert keeper.told == [("budget_used_up", True)]
    keeper.see(WELL, 20)
    assert keeper.told == [("budget_used_up", True), ("budget_used_up", False)]


def test_everything_that_can_be_wrong_is_told_once_and_without_secrets(keeper: Keeper) -> None:
    keeper.see(ILL, 10)
    told = keeper.told
    assert len(told) == len(set(told)) > 10
    assert {active for _, active in told} == {True}
    keeper.see(WELL, 30)
    assert sorted(keeper.told[len(told) :]) == sorted((code, False) for code, _ in told)
    assert "hunter2" not in str(keeper.reader.events.newest(99))


def test_a_restart_goes_on_with_what_was_told(keeper: Keeper) -> None:
    keeper.see(AWAY, 5)
    keeper.see(USED_UP, 2)
    keeper.events = keeper.restarted()
    keeper.see(AWAY, 5)
    keeper.see(WELL, 20)
    assert keeper.told[:2] == [("gate", True), ("budget_used_up", True)]
    assert sorted(keeper.told[2:]) == [("budget_used_up", False), ("gate", False)]


def test_what_cannot_be_written_is_told_later(keeper: Keeper) -> None:
    keeper.fails = True
    keeper.see(USED_UP, 5)
    assert keeper.told == []
    keeper.fails = False
    keeper.see(USED_UP, 1)
    assert keeper.told == [("budget_used_up", True)]
    keeper.fails = True
    keeper.see(WELL, 20)
    keeper.fails = False
    keeper.see(WELL, 1)
    assert keeper.told == [("budget_used_up", True), ("budget_used_up", False)]
