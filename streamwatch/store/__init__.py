"""The database and the evidence folder: one writer, any number of readers.

store.py         `Store`, the writer, with its parts passages, keyframes, call_ledger, sightings, retention
queries.py       `DatabaseReader`, for those who only ask; passage_reader.py: its part for visits; search.py: what is
                 sought; plate_parts.py: the index for it; ledger.py: the figures of `calls`
revisions.py     numbers each change of a passage
tables.py        the tables; schema.py and migrations/ bring them up to date
retention.py     deletes rows, and decides which pictures go; evidence_files.py deletes the files
"""

from streamwatch.store.best_plate import PassagePlate
from streamwatch.store.database import sqlite_file
from streamwatch.store.evidence_files import EvidenceFiles, open_evidence
from streamwatch.store.keyframes import WaitingKeyframe
from streamwatch.store.last_views import LastView
from streamwatch.store.ledger import Calls, CallsReport, CallsRow, NotCalledRow
from streamwatch.store.passage_reader import (
    CallRow,
    KeyframePicture,
    KeyframeRow,
    PassageDetail,
    PassagePage,
    PassageReader,
    PassageRow,
    ReadingRow,
)
from streamwatch.store.passages import PassageStanding
from streamwatch.store.queries import DatabaseReader, PaidAnswer, SightingRow, open_reader
from streamwatch.store.recovery import Recovery, UnsavedAnswer
from streamwatch.store.retention import Doomed, Keep, Swept, free_bytes
from streamwatch.store.search import UNREAD, Search
from streamwatch.store.store import Store, open_store
from streamwatch.store.tables import KeyframeState, PassageOutcome

__all__ = [
    "UNREAD",
    "CallRow",
    "Calls",
    "CallsReport",
    "CallsRow",
    "DatabaseReader",
    "Doomed",
    "EvidenceFiles",
    "Keep",
    "KeyframePicture",
    "KeyframeRow",
    "KeyframeState",
    "LastView",
    "NotCalledRow",
    "PaidAnswer",
    "PassageDetail",
    "PassageOutcome",
    "PassagePage",
    "PassagePlate",
    "PassageReader",
    "PassageRow",
    "PassageStanding",
    "ReadingRow",
    "Recovery",
    "Search",
    "SightingRow",
    "Store",
    "Swept",
    "UnsavedAnswer",
    "WaitingKeyframe",
    "free_bytes",
    "open_evidence",
    "open_reader",
    "open_store",
    "sqlite_file",
]
