"""Writes the pictures of a database into its evidence folder, before the rows that name them."""

from pathlib import Path

from sqlalchemy import select

from streamwatch.store import owners, retention
from streamwatch.store.evidence import require_folder, write_picture
from streamwatch.store.tables import StoredIdentity
from streamwatch.store.transactions import Writer


class EvidenceWriter:
    """Writes pictures, and signs the folder with the name of the database before the first picture."""

    def __init__(self, writer: Writer, data_dir: Path) -> None:
        self._writer, self._data_dir = writer, data_dir
        self._signed = False

    def write(self, path: str, picture: bytes) -> None:
        """Return once the bytes are safely stored at data_dir/path. Raise StorageFailed."""
        if not self._signed:
            with self._writer.transaction() as session:
                is_used, key = retention.evidence_bytes(session) > 0, session.scalars(select(StoredIdentity.key)).one()
            if is_used:
                # A new folder would lie on the wrong disk and hide that this one is missing.
                require_folder(self._data_dir)
            owners.sign(self._data_dir, key)
            self._signed = True
        write_picture(self._data_dir, path, picture)
