"""Evidence files have their place, and are complete or do not exist."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamwatch.core.errors import StorageFailed
from streamwatch.store.evidence import picture_path, require_folder, write_picture

AT = datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


def test_the_path_says_camera_and_time() -> None:
    assert picture_path("gate", AT, "0123456789abcdef") == "evidence/gate/2026-12-31/235959.999-01234567.jpg"
    assert picture_path("gate", AT, "0123456789abcdef", "-2").endswith("-01234567-2.jpg")


@pytest.mark.parametrize("camera", ["..", ".", "...", "../../etc", "/etc", "a/b", "", "a\0b", "a\nb", ".hidden", "a b"])
def test_a_camera_name_is_one_folder_below_evidence(camera: str) -> None:
    parts = picture_path(camera, AT, "0123456789abcdef").split("/")
    assert len(parts) == 4
    assert re.fullmatch(r"[\w-][\w.-]*", parts[1])


@pytest.mark.parametrize("camera", ["北门" * 32, "𠀀" * 64, "é" * 64, "x" * 64])
def test_every_camera_name_of_the_config_fits_the_file_system(tmp_path: Path, camera: str) -> None:
    path = picture_path(camera, AT, "0123456789abcdef")
    write_picture(tmp_path, path, b"jpeg")
    assert (tmp_path / path).read_bytes() == b"jpeg"
    assert camera.startswith(path.split("/")[1])


def test_a_picture_is_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    jpeg = os.urandom(300_000)
    write_picture(tmp_path, "evidence/gate/2026-01-05/a.jpg", jpeg)
    write_picture(tmp_path, "evidence/gate/2026-01-05/a.jpg", jpeg + b"again")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.jpg"]
    assert (tmp_path / "evidence/gate/2026-01-05/a.jpg").read_bytes() == jpeg + b"again"


def test_file_and_folder_are_synced_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        synced.append(os.path.relpath(os.readlink(f"/proc/self/fd/{descriptor}"), tmp_path))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    write_picture(tmp_path, "evidence/gate/a.jpg", b"jpeg")
    assert synced == [".", "evidence", "evidence/gate/.a.jpg.part", "evidence/gate"]


def test_a_picture_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "evidence").mkdir()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match=r"a\.jpg cannot be written: the disk is full\. Free some space"):
        write_picture(tmp_path, "evidence/a.jpg", b"jpeg")
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(StorageFailed, match="a part of its path is a file, not a folder"):
        write_picture(tmp_path, "evidence/gate/a.jpg", b"jpeg")
    with pytest.raises(StorageFailed, match="cannot be written"):
        write_picture(Path("/proc/nowhere"), "evidence/gate/a.jpg", b"jpeg")


def test_a_file_in_the_place_of_all_pictures_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(StorageFailed, match=r"is missing: a file has its name\. Move that file away"):
        require_folder(tmp_path)
