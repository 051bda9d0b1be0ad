"""The pictures on disk, for threads beside the writer of the database.

Reading, listing or deleting files may take long on a slow or failing disk. The writer must not wait for that, because
each call waits until the writer has written its row. Only the writer changes rows. A row forgets its picture before the
file is deleted.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy import select
from sqlalchemy.orm import Session

from streamwatch.core.model import Keyframe
from streamwatch.store import database, owners, retention
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.keyframes import load_keyframe
from streamwatch.store.retention import Swept
from streamwatch.store.rows import row_of
from streamwatch.store.tables import StoredIdentity, StoredKeyframe

log = logging.getLogger(__name__)


class EvidenceFiles:
    """Reads and deletes pictures, and cannot change the database; made by `open_evidence`. Threads may share it."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName, data_dir: Path) -> None:
        """engine: may be read-only. data_dir: the folder that holds `evidence/`."""
        self._engine, self._place, self._data_dir = engine, place, data_dir
        self._told = False

    def close(self) -> None:
        """Close the database. A second call does nothing."""
        self._engine.dispose()

    def load_keyframe(self, key: str) -> Keyframe:
        """Return a keyframe with its JPEG.

        Raise StorageFailed if the file cannot be read now, and StoreError if it is gone or is not the one that was
        stored.
        """
        with translated(self._place), Session(self._engine) as session:
            return load_keyframe(session, row_of(session, StoredKeyframe, key), self._data_dir)

    def remove(self, paths: Iterable[str]) -> tuple[int, int]:
        """Delete files that no row names any more, and return their number and bytes. paths: relative to data_dir."""
        return retention.remove_files(self._data_dir, paths)

    def sweep(self, now: datetime, after: str = "") -> Swept:
        """Delete the pictures of one folder that no row names. after: the folder of the previous step.

        Crashes and full disks leave such files. If another database has pictures in the same folder, the files may
        belong to it, and nothing is deleted. Raise StoreError.
        """
        since = self._alone_since()
        folder = None if since is None else retention.next_folder(self._data_dir, after, since)
        if folder is None:
            return Swept(None)
        with translated(self._place), Session(self._engine) as session:
            lost = retention.orphans(session, self._data_dir, folder, now)
        files, size = self.remove(lost)
        retention.remove_if_empty(self._data_dir / folder, now)
        return Swept(folder, files, size)

    def _alone_since(self) -> str | None:
        """Return the day after which all pictures are this database's; None if another database has some there."""
        with translated(self._place), Session(self._engine) as session:
            key = session.scalars(select(StoredIdentity.key)).one()
        if not owners.is_shared(self._data_dir, key):
            return owners.came_after(self._data_dir, key)
        if not self._told:
            self._told = True
            log.warning(
                "files that crashes left in %s are not deleted: another database has pictures there, too. "
                "Give each database a `data_dir` of its own.",
                self._data_dir / "evidence",
            )
        return None


def open_evidence(url: str, data_dir: Path) -> EvidenceFiles:
    """Open the pictures of a database that `open_store` has made. Raise StoreError."""
    engine, place = database.open_read_only(url)
    return EvidenceFiles(engine, place, data_dir)
