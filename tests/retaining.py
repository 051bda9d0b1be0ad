"""One step of retention, as the daemon does it."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.store import Keep, Store
from streamwatch.store.retention import remove_files


@dataclass(frozen=True)
class Retained:
    """What one step deleted. rows: passages. more: True if another step may find more."""

    files: int = 0
    bytes: int = 0
    rows: int = 0
    more: bool = False


def retain(store: Store, now: datetime, keep: Keep, batch: int = 200) -> Retained:
    """Do one step as the daemon does it: first the rows, then the files."""
    doomed = store.retention.retain(now, keep, batch)
    files, size = remove_files(store.keyframes._data_dir, doomed.paths)
    return Retained(files, size, doomed.rows, more=doomed.more)
