"""The store on full and read-only disks, and after kill -9: real limits, real file systems, real processes."""

import os
import random
import shutil
import time
from hashlib import sha256
from pathlib import Path

import pytest
from records import ANSWER, Database, output, passage, python, rows

from streamwatch.store import open_store

# ---- full and read-only disks ---------------------------------------------------------------------------------------

LIMITED = """
import resource, sys
from pathlib import Path
from records import keyframe, passage
from streamwatch.core.errors import StorageFailed
from streamwatch.store import open_store

folder = Path(sys.argv[1])
store = open_store(f"sqlite:///{folder}/streamwatch.db", folder / "data")
stay = passage()
store.passages.save(stay)
resource.setrlimit(resource.RLIMIT_FSIZE, (390_000, resource.RLIM_INFINITY))
try:
    store.keyframes.save(keyframe(stay, b"x" * 400_000))
except StorageFailed as error:
    print(error)
saved = 1
try:
    while True:
        store.passages.save(passage())
        saved += 1
except StorageFailed as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.passages.save(passage())
store.keyframes.save(keyframe(stay, b"x" * 400_000))
store.close()
print(saved + 1)
"""


def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    picture, database, saved = output(python(LIMITED, tmp_path)).splitlines()
    assert picture.endswith("cannot be written: the file would be larger than allowed. Free some space or move it "
                            "to a bigger disk.")  # fmt: skip
    assert "streamwatch.db cannot be read or written: the disk is full or failing." in database
    file = tmp_path / "streamwatch.db"
    assert len(rows(file, "SELECT * FROM passages")) == int(saved) > 10
    assert rows(file, "PRAGMA integrity_check")[0][0] == "ok"
    (row,) = rows(file, "SELECT path FROM keyframes")
    assert list((tmp_path / "data").rglob("*.jpg")) == [tmp_path / "data" / row["path"]]


FULL = """
import subprocess, sys
from pathlib import Path
from records import keyframe, passage, rows, sighting
from streamwatch.core.errors import StorageFailed
from streamwatch.store import open_reader, open_store

folder = Path(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
url = f"sqlite:///{folder}/streamwatch.db"
store = open_store(url, folder / "data")
ballast = folder / "ballast"
ballast.write_bytes(b"x" * 300_000)
stay = passage()
store.passages.save(stay)
try:
    store.keyframes.save(keyframe(stay, b"x" * 900_000))
except StorageFailed as error:
    print(error)
saved = 1
try:
    while True:
        store.passages.save(passage())
        saved += 1
except StorageFailed as error:
    print(error)
ballast.unlink()
store.passages.save(passage())
view = keyframe(stay)
store.keyframes.save(view)
store.sightings.save(sighting(view), [], "")
print(len(rows(folder / "streamwatch.db", "SELECT * FROM passages")) - saved)
print(rows(folder / "streamwatch.db", "PRAGMA integrity_check")[0][0])
store.close()
subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
for attempt in (lambda: open_store(url, folder / "data"), lambda: open_reader(url, folder / "data")):
    try:
        attempt()
    except StorageFailed as error:
        print(error)
"""

UNSHARE = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")


def can_mount(folder: Path) -> bool:
    script = "import subprocess, sys; sys.exit(subprocess.call(['mount', '-t', 'tmpfs', 'tmpfs', sys.argv[1]]))"
    if shutil.which("unshare") is None:
        return False
    child = python(script, folder, prefix=UNSHARE)
    child.communicate(timeout=60)
    return child.returncode == 0


def test_a_disk_that_is_full_and_one_that_is_read_only(tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("this machine lets nobody mount a small tmpfs; test_a_file_that_cannot_grow stands in for it")
    picture, database, more, integrity, *read_only = output(python(FULL, tmp_path, prefix=UNSHARE)).splitlines()
    assert picture.endswith("cannot be written: the disk is full. Free some space or move it to a bigger disk.")
    assert "streamwatch.db cannot grow: the disk is full. Free some space" in database
    assert (more, integrity) == ("1", "ok")
    assert len(read_only) == 2
    assert all("cannot be opened: it or its folder cannot be written" in line for line in read_only)


# ---- kill -9 --------------------------------------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from records import ANSWER, NOON, keyframe, new_key, passage, reading, sighting
from streamwatch.core.model import Engine
from streamwatch.store import open_store

folder = Path(sys.argv[1])
store = open_store(sys.argv[2], folder / "data", sole=True)

def done(word, key):
    print(word, key, flush=True)

while True:
    stay = passage()
    store.passages.save(stay)
    done("passages", stay.key)
    view = keyframe(stay, stay.key.encode() * 5000)
    store.keyframes.save(view)
    done("keyframes", view.key)
    call = new_key()
    store.calls.started(call, view.key, Engine.OCRCARS, 1, NOON, view.jpeg)
    done("calls", call)
    store.calls.ended(call, ANSWER, NOON)
    done("ended", call)
    found = reading(view)
    store.keyframes.answered(view.key, [found], call)
    done("readings", found.key)
    seen = sighting(view)
    store.sightings.save(seen, [found.key], "")
    done("sightings", seen.key)
"""


def test_what_was_acknowledged_survives_kill_9(database: Database, tmp_path: Path) -> None:
    acknowledged: list[tuple[str, str]] = []
    for _ in range(3):
        child = python(WRITER, tmp_path, database.url)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(10)]
        time.sleep(random.uniform(0.0, 0.3))
        child.kill()
        lines += child.communicate()[0].splitlines(keepends=True)
        acknowledged += [(line.split()[0], line.split()[1]) for line in lines if line.endswith("\n")]
    if database.kind == "sqlite":
        assert rows(database, "PRAGMA integrity_check")[0][0] == "ok"
        assert not rows(database, "PRAGMA foreign_key_check")
    stored = {
        (table, row["key"])
        for table in ("passages", "keyframes", "calls", "readings", "sightings")
        for row in rows(database, f"SELECT key FROM {table}")
    }
    ended = {("ended", row["key"]) for row in rows(database, "SELECT key FROM calls WHERE outcome = 'read'")}
    assert len(acknowledged) > 20
    assert set(acknowledged) <= stored | ended
    for row in rows(database, "SELECT path, sha256 FROM keyframes"):
        assert sha256((tmp_path / "data" / row["path"]).read_bytes()).hexdigest() == row["sha256"]
    in_flight = rows(
        database, "SELECT k.state FROM calls c JOIN keyframes k ON k.id = c.keyframe_id WHERE outcome IS NULL"
    )
    assert {row["state"] for row in in_flight} <= {"sent"}
    store = open_store(database.url, tmp_path / "data")
    found = store.keyframes.recover()
    store.close()
    assert len(found.doubtful) == len(in_flight)
    unsettled = rows(database, "SELECT k.key FROM keyframes k WHERE state = 'sent'")
    assert sorted(row["key"] for row in unsettled) == sorted(answer.keyframe for answer in found.answered)
    assert all(answer.plates == ANSWER.plates for answer in found.answered)


def test_a_power_cut_leaves_a_database_that_opens(tmp_path: Path) -> None:
    file, copy = tmp_path / "streamwatch.db", tmp_path / "copy.db"
    store = open_store(f"sqlite:///{file}", tmp_path)
    stay = passage()
    store.passages.save(stay)
    for suffix in ("", "-wal"):
        shutil.copy(f"{file}{suffix}", f"{copy}{suffix}")
    store.close()
    store = open_store(f"sqlite:///{copy}", tmp_path)
    store.passages.save(passage())
    store.close()
    first, _second = rows(copy, "SELECT key FROM passages ORDER BY id")
    assert first["key"] == stay.key
