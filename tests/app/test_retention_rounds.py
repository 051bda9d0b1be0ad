"""Rounds of retention while the clock is moved by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import Database, rows, saved_view

from streamwatch.app.retention_rounds import RetentionRounds
from streamwatch.config.settings import Settings
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import StorageFailed
from streamwatch.store import KeyframeState, open_evidence, open_store

DAY = 86400.0


def test_a_clock_that_was_set_ahead_deletes_nothing_for_its_age(
    tmp_path: Path, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path / "data", "retention": {"min_free": 0}})
    store = open_store(database.url, settings.data_dir)
    view = saved_view(store, at=datetime.now(UTC) - timedelta(minutes=5), closed=True)
    store.keyframes.set_state(view.key, KeyframeState.ANSWERED)
    began = datetime.now(UTC).timestamp()
    wall, up = began, 0.0
    clock = SystemClock(lambda: wall, lambda: up, lambda: None)
    evidence = open_evidence(database.url, settings.data_dir)
    rounds = RetentionRounds(lambda: settings, store, evidence, clock, lambda call: call())
    wall += 5000 * DAY
    for _ in range(2):
        assert rounds.tidy() == len(view.jpeg)
    assert [record.getMessage()[:41] for record in caplog.records] == ["the clock was set ahead by more than a da"]
    wall = began
    assert rounds.tidy() == len(view.jpeg)
    assert store.keyframes.load_keyframe(view.key) == view
    started_again = SystemClock(lambda: began + 5000 * DAY, lambda: up, lambda: None)
    assert RetentionRounds(lambda: settings, store, evidence, started_again, lambda call: call()).tidy() == 0
    assert rows(database, "SELECT * FROM passages") == []
    evidence.close()
    store.close()


def test_a_folder_that_cannot_be_swept_is_reported_and_stops_nothing(
    tmp_path: Path, database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path / "data", "retention": {"min_free": 0}})
    store = open_store(database.url, settings.data_dir)
    view = saved_view(store)
    evidence = open_evidence(database.url, settings.data_dir)

    def fail(*_: object) -> None:
        raise StorageFailed("The folder cannot be read.")

    monkeypatch.setattr(evidence, "sweep", fail)
    rounds = RetentionRounds(lambda: settings, store, evidence, SystemClock(), lambda call: call())
    assert rounds.tidy() == len(view.jpeg)
    assert caplog.messages == ["retention: The folder cannot be read."]
    evidence.close()
    store.close()
