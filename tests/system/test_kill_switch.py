"""The kill switch is a file, and what cannot be known opens nothing."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamwatch.core.errors import StorageFailed
from streamwatch.system.kill_switch import KILL_FILE, KillSwitch

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)


def test_the_file_is_the_truth_for_every_process(tmp_path: Path) -> None:
    one, other = KillSwitch(tmp_path / "data"), KillSwitch(tmp_path / "data")
    assert not one.is_on
    one.turn_on("ann", NOW)
    assert one.is_on
    assert other.is_on
    assert "ann" in (tmp_path / "data" / KILL_FILE).read_text()
    other.turn_off()
    assert not one.is_on
    one.turn_off()
    (tmp_path / "data" / KILL_FILE).touch()
    assert one.is_on


@pytest.mark.parametrize("kind", ["folder", "dead link"])
def test_whatever_has_the_name_counts(tmp_path: Path, kind: str) -> None:
    if kind == "folder":
        (tmp_path / KILL_FILE).mkdir()
    else:
        (tmp_path / KILL_FILE).symlink_to("nowhere")
    assert KillSwitch(tmp_path).is_on


def test_it_is_on_also_if_the_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the place of the folder")
    switch = KillSwitch(tmp_path / "data")
    assert not switch.is_on
    with pytest.raises(StorageFailed, match="cannot be written"):
        switch.turn_on("ann", NOW)
    assert switch.is_on


def test_a_folder_that_cannot_be_looked_into_opens_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "lstat", refuse)
    assert KillSwitch(tmp_path).is_on
