"""The kill switch of all barriers: a file. While it is there, nothing opens, not by hand and not after a restart."""

import os
import threading
from datetime import datetime
from pathlib import Path

from streamwatch.core.errors import StorageFailed
from streamwatch.core.text import printable

KILL_FILE = "KILL"
"""Name of the file in `data_dir`. Its contents tell people who made it; only its existence counts."""


class KillSwitch:
    """Turns all barriers off, and on again. Any thread and any process may do that; an empty file made by hand counts.

    If the file can be neither written nor looked at, the switch is on: what cannot be known opens nothing.
    """

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / KILL_FILE
        self._lock = threading.Lock()
        self._held = False  # on in this process although the file could not be written

    @property
    def is_on(self) -> bool:
        """True if nothing may open. The file is looked at each time."""
        if self._held:
            return True
        try:
            self._file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True

    def pressed(self) -> tuple[str, datetime | None]:
        """Return who turned it on, and when, if the file says so; "" and None otherwise."""
        try:
            with self._file.open("rb") as file:
                at, _, who = file.read(300).decode("utf-8", "replace").strip().partition(" ")
            moment = datetime.fromisoformat(at)
        except (OSError, ValueError):
            return "", None
        return printable(who), moment if moment.tzinfo is not None else None

    def turn_on(self, who: str, at: datetime) -> None:
        """Turn all barriers off. If the file cannot be written, they are off until this process ends.

        Raise StorageFailed then.
        """
        with self._lock:
            self._held = True
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o644)
                try:
                    _tell(descriptor, f"{at.isoformat(timespec='seconds')} {who}\n")
                finally:
                    os.close(descriptor)
                _keep(self._file.parent)
            except OSError as error:
                raise StorageFailed(
                    f"The kill switch {self._file} cannot be written: {error.strerror}.",
                    "Nothing opens until the daemon ends; make the file by hand to keep it so.",
                ) from None
            self._held = False

    def turn_off(self) -> None:
        """Let barriers open again. Raise StorageFailed if the file cannot be removed; they stay off then."""
        with self._lock:
            try:
                self._file.unlink(missing_ok=True)
            except OSError as error:
                raise StorageFailed(
                    f"The kill switch {self._file} cannot be removed: {error.strerror}.", "Remove it by hand."
                ) from None
            self._held = False


def _tell(descriptor: int, text: str) -> None:
    """Write who made the file; a full disk holds an empty file all the same, and that is enough."""
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, text.encode())
        os.fsync(descriptor)
    except OSError:
        pass


def _keep(folder: Path) -> None:
    """Have the name of the file outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
