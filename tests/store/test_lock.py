"""One program at a time writes a database: real files, real processes."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.store import lock
from streamwatch.store.lock import is_held, lock_file, sole_writer

HOLD = """
import subprocess, sys
from pathlib import Path
from streamwatch.store.lock import sole_writer
with sole_writer(sys.argv[1], Path(sys.argv[2])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(database: str, data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Yield a process that holds the lock, and the pid of a child that it started meanwhile. Kill both at the end."""
    command = [sys.executable, "-c", HOLD, database, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        try:
            yield process, child
        finally:
            process.kill()
            os.kill(child, signal.SIGKILL)


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_second_program_is_refused_and_told_who(tmp_path: Path) -> None:
    database = url(tmp_path / "new" / "folder" / "streamwatch.db")
    with holder(database, tmp_path) as (process, _):
        with pytest.raises(StoreError, match=rf"^Another streamwatch, process {process.pid}, is writing .*\.lock\)\. "):
            sole_writer(database, tmp_path).__enter__()
        with sole_writer(url(tmp_path / "other.db"), tmp_path):
            pass


def test_one_can_ask_who_holds_it_without_taking_it(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    assert not is_held(database, tmp_path)
    assert not lock_file(database, tmp_path).exists()
    with holder(database, tmp_path) as (process, _):
        assert is_held(database, tmp_path)
        process.kill()
        process.wait(10)
        assert not is_held(database, tmp_path)


def test_who_only_asks_keeps_nobody_from_starting(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    with sole_writer(database, tmp_path):
        pass
    with lock_file(database, tmp_path).open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.05, asking.close).start()
        with sole_writer(database, tmp_path):
            assert is_held(database, tmp_path)


def test_a_kill_frees_it_at_once_though_a_child_lives_on(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    with holder(database, tmp_path) as (process, child):
        process.kill()
        process.wait(10)
        os.kill(child, 0)  # the child is alive
        with sole_writer(database, tmp_path):
            assert lock_file(database, tmp_path).read_text() == f"{os.getpid()}\n"


def test_it_ends_with_the_block_and_holds_within_a_process_too(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    with sole_writer(database, tmp_path), pytest.raises(StoreError, match=f"process {os.getpid()}"):
        sole_writer(database, tmp_path).__enter__()
    with pytest.raises(KeyError), sole_writer(database, tmp_path):
        raise KeyError
    with sole_writer(database, tmp_path):
        pass


@pytest.mark.parametrize("left", [b"", b"4194304999999999999999999999\n", b"not a pid", b"\xff\x00"])
def test_whatever_a_crash_left_in_the_file_is_no_obstacle(tmp_path: Path, left: bytes) -> None:
    database = url(tmp_path / "streamwatch.db")
    lock_file(database, tmp_path).write_bytes(left)
    with sole_writer(database, tmp_path):
        assert lock_file(database, tmp_path).read_text() == f"{os.getpid()}\n"


def test_without_a_pid_the_refusal_is_still_a_sentence(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    with sole_writer(database, tmp_path):
        lock_file(database, tmp_path).write_bytes(b"")
        with pytest.raises(StoreError, match=r"^Another streamwatch is writing the database already"):
            sole_writer(database, tmp_path).__enter__()


def test_one_file_by_two_names_is_one_database(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "a.db")
    with sole_writer(url(tmp_path / "real" / "a.db"), tmp_path), pytest.raises(StoreError, match="Another streamwatch"):
        sole_writer(f"sqlite+pysqlite:///{tmp_path}/link.db?timeout=3", tmp_path / "elsewhere").__enter__()


@pytest.mark.parametrize("database", ["postgresql://user:pw@db.example/gate", "sqlite://", "sqlite:///:memory:"])
def test_where_there_is_no_file_the_data_folder_stands_for_it(database: str, tmp_path: Path) -> None:
    assert lock_file(database, tmp_path) == tmp_path / "streamwatch.lock"


def test_of_a_database_on_a_server_the_folder_is_meant(tmp_path: Path) -> None:
    database = "postgresql://user:pw@db.example/gate"
    with sole_writer(database, tmp_path):
        with pytest.raises(StoreError, match=r"is writing into data_dir .* name another database and data_dir\.$"):
            sole_writer(database, tmp_path).__enter__()
        with sole_writer(database, tmp_path / "other"):
            pass


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailed, match=r"^The lock file .* cannot be written: a part of its path is a file"):
        sole_writer(url(tmp_path / "file" / "a.db"), tmp_path).__enter__()


def test_a_disk_that_takes_no_byte_more_does_not_keep_the_program_from_starting(tmp_path: Path) -> None:
    program = (
        "import resource, sys\nfrom pathlib import Path\nfrom streamwatch.store.lock import sole_writer\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "with sole_writer(sys.argv[1], Path(sys.argv[2])): print('started')"
    )
    command = [sys.executable, "-c", program, url(tmp_path / "streamwatch.db"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert lock_file(command[3], tmp_path).read_bytes() == b""


def test_a_file_system_without_locks_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(StorageFailed, match=r"^The lock file .*\.lock cannot be written: No locks available\.$"):
        sole_writer(url(tmp_path / "streamwatch.db"), tmp_path).__enter__()


def test_the_process_that_writes_can_be_told(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    assert lock.holder(database, tmp_path) is None
    with holder(database, tmp_path) as (process, _):
        assert lock.holder(database, tmp_path) == process.pid
        lock_file(database, tmp_path).write_text(f"{os.getpid()}\n")  # as a number of another container's process is
        assert lock.holder(database, tmp_path) is None
        lock_file(database, tmp_path).write_text("")
        assert lock.holder(database, tmp_path) is None


def test_a_number_that_no_process_has_is_not_told(tmp_path: Path) -> None:
    """As that of another container's process may be."""
    database = url(tmp_path / "streamwatch.db")
    with holder(database, tmp_path):
        lock_file(database, tmp_path).write_text(f"{2**22 + 1}\n")  # the kernel gives none beyond 2**22
        assert lock.holder(database, tmp_path) is None


def test_a_process_of_another_user_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but root sees its files; a signal would be refused, with a sentence of its own."""
    database, looked = url(tmp_path / "streamwatch.db"), []

    def refuse(folder: Path) -> Iterator[Path]:
        looked.append(str(folder))
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with holder(database, tmp_path) as (process, _):
        monkeypatch.setattr(Path, "iterdir", refuse)
        assert lock.holder(database, tmp_path) == process.pid
        monkeypatch.undo()
    assert looked == [f"/proc/{process.pid}/fd"]


def test_nobody_writes_after_the_end(tmp_path: Path) -> None:
    database = url(tmp_path / "streamwatch.db")
    with holder(database, tmp_path):
        pass
    assert lock.holder(database, tmp_path) is None
