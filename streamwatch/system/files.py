"""Writes files so that they are whole or absent, and keeps them closed to other users of the machine."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def keep_private() -> None:
    """Close all that this process makes from now on to other users: folders 0700, files 0600; see umask(2).

    Plates, pictures and the log of a gate are private. One mask also covers what libraries make, such as SQLite's -wal
    and -shm. Files that exist already keep their mode, which may be intended.
    """
    os.umask(0o077)


def open_to_others(paths: Iterable[Path]) -> list[Path]:
    """Return the paths that every user of this machine can read.

    A path counts as closed if its folder is closed, if it is missing, or if it cannot be looked at.
    """
    return [path for path in paths if _is_open(path)]


def write_whole(
    path: Path,
    data: bytes,
    *,
    durable: bool,
    like: Path | None = None,
    if_still: Callable[[], None] = lambda: None,
) -> None:
    """Replace a file in one step, so that a reader sees the old one or the new one. Raise OSError and leave nothing.

    The bytes are first written to a new file beside it. A link of that name is removed, never followed. durable: return
    after the bytes are safely stored, so that they survive a power cut. like: a file whose owner, group and mode the
    new one gets. if_still: called at the last moment; nothing is replaced if it raises.
    """
    unfinished = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            if like is not None:
                _make_alike(descriptor, like.stat())
            if durable:
                file.flush()
                os.fsync(descriptor)
        if_still()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, each synced into its parent. Raise OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _make_alike(descriptor: int, model: os.stat_result) -> None:
    """Give a file the owner, group and mode of another one. Raise OSError, because a new owner may not read it."""
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (model.st_uid, model.st_gid):
        os.fchown(descriptor, model.st_uid, model.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(model.st_mode))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_open(path: Path) -> bool:
    with suppress(OSError):
        return bool(path.stat().st_mode & stat.S_IROTH and path.resolve().parent.stat().st_mode & stat.S_IXOTH)
    return False


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file beside `path`, which replaces it in one step at the end of the block.

    A reader sees the old one or the new one. Raise OSError and leave nothing, also if the block raises. A link of that
    name is replaced, never followed.
    """
    unfinished = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
