"""The database and the evidence folder: one writer, any number of readers.

store.py         `Store`, the writer, with its parts passages, keyframes, call_ledger, sightings,
                 corrections, retention
queries.py       `DatabaseReader`, for those who only ask; passage_reader.py: its part for visits; search.py: what is
                 sought; plate_parts.py: the index for it; ledger.py: the figures of `calls`; statistics.py: over time
decisions.py     decisions before lanes, and who was let through; decision_reader.py reads them
revisions.py     numbers each change of a passage
tables.py        the tables; schema.py and migrations/ bring them up to date
events.py        what the outside is told; event_reader.py reads it
accounts.py      users, sessions, tokens; account_reader.py reads them; audit_log.py: the audit log
permits.py       permits and their vehicles; permit_reader.py reads them
retention.py     deletes rows, and decides which pictures go; evidence_files.py deletes the files
"""

from streamwatch.store.account_reader import AccountReader, Credentials, SessionRow, TokenRow, UserRow
from streamwatch.store.accounts import login_name
from streamwatch.store.audit_log import AuditEntry, AuditRow
from streamwatch.store.best_plate import PassagePlate
from streamwatch.store.corrections import Corrected, typed_plate
from streamwatch.store.database import sqlite_file
from streamwatch.store.decision_reader import DecisionReader, InsideRow, PastDecision, SeenRow
from streamwatch.store.decisions import DecisionStanding, DecisionTerms
from streamwatch.store.event_reader import DeadLetter, EventReader, ReceiverStanding
from streamwatch.store.events import EventRow, ReceiverRow
from streamwatch.store.evidence_files import EvidenceFiles, open_evidence
from streamwatch.store.keyframes import WaitingKeyframe
from streamwatch.store.lane_log import DecisionFilter, HolderRow, LaneDecision, LaneLog, LaneOpening, NearPlate
from streamwatch.store.last_views import LastView
from streamwatch.store.ledger import Calls, CallsReport, CallsRow, NotCalledRow
from streamwatch.store.log_reader import LogFilter, LogPage, LogReader
from streamwatch.store.openings import OpeningTerms
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
from streamwatch.store.permit_reader import PermitReader, PermitSearch
from streamwatch.store.permit_rows import PermitRow
from streamwatch.store.permits import PermitChanges
from streamwatch.store.queries import DatabaseReader, PaidAnswer, open_reader
from streamwatch.store.recovery import Recovery, UnsavedAnswer
from streamwatch.store.retention import Doomed, Keep, Swept, free_bytes
from streamwatch.store.search import UNREAD, Search
from streamwatch.store.sighting_rows import SightingRow
from streamwatch.store.statistics import (
    HourRow,
    LedgerRow,
    NotCalledDay,
    PassageCounts,
    PlateSizes,
    Statistics,
    added_up,
    hour_of_day,
    is_night,
    local_day,
)
from streamwatch.store.store import Store, open_store
from streamwatch.store.tables import KeyframeState, PassageOutcome

__all__ = [
    "UNREAD",
    "AccountReader",
    "AuditEntry",
    "AuditRow",
    "CallRow",
    "Calls",
    "CallsReport",
    "CallsRow",
    "Corrected",
    "Credentials",
    "DatabaseReader",
    "DeadLetter",
    "DecisionFilter",
    "DecisionReader",
    "DecisionStanding",
    "DecisionTerms",
    "Doomed",
    "EventReader",
    "EventRow",
    "EvidenceFiles",
    "HolderRow",
    "HourRow",
    "InsideRow",
    "Keep",
    "KeyframePicture",
    "KeyframeRow",
    "KeyframeState",
    "LaneDecision",
    "LaneLog",
    "LaneOpening",
    "LastView",
    "LedgerRow",
    "LogFilter",
    "LogPage",
    "LogReader",
    "NearPlate",
    "NotCalledDay",
    "NotCalledRow",
    "OpeningTerms",
    "PaidAnswer",
    "PassageCounts",
    "PassageDetail",
    "PassageOutcome",
    "PassagePage",
    "PassagePlate",
    "PassageReader",
    "PassageRow",
    "PassageStanding",
    "PastDecision",
    "PermitChanges",
    "PermitReader",
    "PermitRow",
    "PermitSearch",
    "PlateSizes",
    "ReadingRow",
    "ReceiverRow",
    "ReceiverStanding",
    "Recovery",
    "Search",
    "SeenRow",
    "SessionRow",
    "SightingRow",
    "Statistics",
    "Store",
    "Swept",
    "TokenRow",
    "UnsavedAnswer",
    "UserRow",
    "WaitingKeyframe",
    "added_up",
    "free_bytes",
    "hour_of_day",
    "is_night",
    "local_day",
    "login_name",
    "open_evidence",
    "open_reader",
    "open_store",
    "sqlite_file",
    "typed_plate",
]
