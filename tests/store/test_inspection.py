"""What would be said of a database, without making or changing anything."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from records import saved_view

from streamwatch.core.errors import StorageFailed
from streamwatch.store import open_store
from streamwatch.store.inspection import inspect_store, require_makeable


def test_what_stands_there_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    file, data = tmp_path / "a.db", tmp_path / "data"
    url = f"sqlite:///{file}"
    assert inspect_store(url, data).endswith("a.db does not exist yet; it will be made at the first start")
    assert not list(tmp_path.iterdir())
    file.touch()
    assert inspect_store(url, data).endswith("a.db is empty; its tables will be made at the first start")
    assert file.stat().st_size == 0
    store = open_store(url, data)
    assert inspect_store(url, data) == "can be written, and its tables are up to date"
    saved_view(store)
    store.close()
    assert inspect_store(url, data) == "can be written, and its tables are up to date"
    shutil.rmtree(data)
    with pytest.raises(StorageFailed, match=r"evidence, which holds pictures of this database, is missing\."):
        inspect_store(url, data)
    assert not data.exists()


def test_a_path_through_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match=r"^The place cannot be written: a part of its path is a file"):
        require_makeable("The place", tmp_path / "file" / "new" / "a")


def test_a_folder_cannot_be_opened_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match=r"^The place cannot be written: Is a directory"):
        require_makeable("The place", tmp_path)


def test_a_disk_that_is_read_only_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_flag=os.ST_RDONLY))
    with pytest.raises(StorageFailed, match=r"^The place cannot be written: the disk is read-only\."):
        require_makeable("The place", tmp_path / "a")


def test_a_folder_without_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda folder, mode: False)  # root may write everywhere
    with pytest.raises(StorageFailed, match=r"^The place cannot be written: no permission\."):
        require_makeable("The place", tmp_path / "a")
