"""Folders and files that are whole or not there, and closed to other users of the machine."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def keep_private() -> None:
    """Close all that this process makes from now on to other users: folders 0700, files 0600; see umask(2).

    Plates, pictures and the log of a gate are nobody else's business. One mask covers what libraries make, too, such as
    SQLite's -wal and -shm. What is there already keeps its mode, which may be meant.
    """
    os.umask(0o077)


def open_to_others(paths: Iterable[Path]) -> list[Path]:
    """Return those that every user of this machine can read.

    A path counts as closed where its folder is; what is missing or cannot be looked at is closed.
    """
    return [path for path in paths if _is_open(path)]


def write_whole(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace the file in one step: a reader sees the old one or the new one. Raises OSError; then nothing is left.

    The bytes are written under another name beside it, which is made here and now: a link that somebody laid there is
    removed, never followed. durable: return once they are safely stored, so that a power cut cannot take them back.
    """
    unfinished = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(descriptor)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Makes a folder and those above it, each synced into its parent. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


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
