"""The one writer of the database, with one part for each kind of row.

Each public method of a part is one committed transaction: once it has returned, a power cut cannot remove its rows.
Inside `with store.together():` all calls are one transaction, which is committed at the end of the block as a whole or
not at all. A method raises StorageFailed if the machine is at fault: nothing has changed then, and the caller may try
again. It raises StoreError if the caller is at fault (a key without a row).

This order makes paid calls accountable: `keyframes.save` (JPEG on disk, then its row), `calls.started` (ledger row,
before anything is sent), `calls.ended`, `keyframes.answered` (its readings). After a crash, `keyframes.recover` settles
what is missing: a keyframe `waiting` was never sent; a call without an outcome was in flight; a keyframe `sent` whose
last call has ended got an answer whose readings were not saved, and the call still holds that answer.
"""

from pathlib import Path

import sqlalchemy

from streamwatch.store import database
from streamwatch.store.accounts import Accounts
from streamwatch.store.audit_log import AuditLog
from streamwatch.store.call_ledger import CallLedger
from streamwatch.store.corrections import Corrections
from streamwatch.store.decisions import Decisions
from streamwatch.store.events import Events
from streamwatch.store.evidence_writer import EvidenceWriter
from streamwatch.store.failures import DatabaseName
from streamwatch.store.keyframes import Keyframes
from streamwatch.store.openings import Openings
from streamwatch.store.passages import Passages
from streamwatch.store.permit_list import PermitList
from streamwatch.store.permits import Permits
from streamwatch.store.retention import Retention
from streamwatch.store.sightings import Sightings
from streamwatch.store.transactions import Writer


class Store(Writer):
    """Writes what the pipeline finds; made by `open_store`. One thread at a time may use it."""

    def __init__(
        self,
        engine: sqlalchemy.Engine,
        place: DatabaseName,
        data_dir: Path,
        file: database.OpenFile | None = None,
        sole: bool = False,
    ) -> None:
        """sole: see `Writer`."""
        super().__init__(engine, place, file, sole)
        evidence = EvidenceWriter(self, data_dir)
        self.passages = Passages(self, data_dir)
        self.keyframes = Keyframes(self, evidence, data_dir)
        self.calls = CallLedger(self, evidence)
        self.events = Events(self)
        self.sightings = Sightings(self, self.events)
        self.corrections = Corrections(self, self.events)
        self.decisions = Decisions(self, self.events)
        self.retention = Retention(self)
        self.accounts = Accounts(self)
        self.audit = AuditLog(self)
        self.permits = Permits(self)
        self.permit_list = PermitList(self)
        self.openings = Openings(self, self.events, self.decisions)


def open_store(url: str, data_dir: Path, sole: bool = False) -> Store:
    """Open the database for writing. Make folders and file if necessary, and migrate to the newest schema.

    url: of SQLite or PostgreSQL. data_dir: the folder that holds `evidence/`. sole: True for the one program that
    writes more than calls made by hand. Raise DatabaseUnusable (also if another sole program has a PostgreSQL database)
    or StorageFailed.
    """
    engine, place = database.open_writer(url, sole)
    return Store(engine, place, data_dir, database.open_file(url), sole)
