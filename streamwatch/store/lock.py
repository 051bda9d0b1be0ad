"""Lets only one program at a time write a database.

SQLite keeps two writers from damaging the file. It does not prevent each of them from taking the other's open passages
and calls in flight for the remains of a crash. The lock is the kernel's (flock), so it ends with the process, also
after a crash. The lock file stays, because its removal would let two programs lock two files of the same name.

For a database on a server, the lock file protects data_dir, which has only one status file. The database itself has its
own lock on the server, which also counts for other machines (store/postgresql.py).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streamwatch.core.errors import StoreError
from streamwatch.store import sqlite_file
from streamwatch.store.failures import file_failed
from streamwatch.system.files import make_folder

ASKING = 0.1
"""Seconds after which a lock that was held is tried once more."""


def lock_file(database: str, data_dir: Path) -> Path:
    """Return the lock file of a database.

    It lies beside the SQLite file itself, not beside a link to that file; for another database it lies in data_dir.
    """
    file = sqlite_file(database)
    if file is None:
        return data_dir / "streamwatch.lock"
    file = file.resolve()
    return file.with_name(file.name + ".lock")


@contextmanager
def sole_writer(database: str, data_dir: Path) -> Iterator[None]:
    """Hold the lock of a database, and make its folder. Child processes do not inherit the lock.

    Raise a StoreError that names the process with the lock, or StorageFailed if the lock file cannot be made.
    """
    path = lock_file(database, data_dir)
    descriptor = _open(path)
    try:
        _lock(descriptor, path, sqlite_file(database) is not None)
        _leave_pid(descriptor)
        yield
    finally:
        os.close(descriptor)


def is_held(database: str, data_dir: Path) -> bool:
    """Return True if a process writes the database now; False if the lock file cannot be read. Change nothing."""
    try:
        with lock_file(database, data_dir).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def holder(database: str, data_dir: Path) -> int | None:
    """Return the process that writes the database now; None if there is none, or none that can be told for sure.

    The number in the lock file may be that of another process, as in a container.
    """
    path = lock_file(database, data_dir)
    try:
        pid = int(path.read_text())
    except (OSError, ValueError):
        return None
    if not is_held(database, data_dir):
        return None
    descriptors = Path("/proc") / str(pid) / "fd"
    try:
        return pid if any(_is_same(one, path) for one in descriptors.iterdir()) else None
    except PermissionError:  # of another user, who cannot be signalled either
        return pid
    except OSError:
        return None


def _is_same(descriptor: Path, path: Path) -> bool:
    try:
        return descriptor.samefile(path)
    except OSError:
        return False


def _open(path: Path) -> int:
    try:
        make_folder(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise file_failed(f"The lock file {path}", error) from None


def _lock(descriptor: int, path: Path, is_database: bool) -> None:
    """Take the lock, or raise StoreError. is_database: the file stands for a database, not for a data_dir."""
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        # Another process may have taken it for a moment, only to ask if it is held.
        time.sleep(ASKING)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        what, other = ("the database", "database") if is_database else ("into data_dir", "database and data_dir")
        raise StoreError(
            f"Another streamwatch{_holder(descriptor)} is writing {what} already (lock file {path}).",
            f"Stop it first, or name another {other}.",
        ) from None
    except OSError as error:
        raise file_failed(f"The lock file {path}", error) from None


def _holder(descriptor: int) -> str:
    """Return words that name the process with the lock; empty if the lock file holds no pid."""
    pid = os.pread(descriptor, 20, 0).strip()
    return f", process {pid.decode()}," if pid.isdigit() else ""


def _leave_pid(descriptor: int) -> None:
    """Write the pid. It is for messages only, so a full disk must not keep the program from starting."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
