"""Openings of barriers: a row before anything is sent, completed after. An opening is never tried again."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.codes import EventType, OpeningCause, OpeningState, Verdict, WithheldReason
from streamwatch.core.event_data import OpeningData
from streamwatch.store.decisions import Decisions
from streamwatch.store.events import Events
from streamwatch.store.tables import StoredDecision, StoredOpening
from streamwatch.store.transactions import Writer

MOST_DETAIL, MOST_NOTE = 500, 200
"""Characters of the columns `detail` and `note`."""
LEFT = OpeningOutcome("", OpeningState.UNKNOWN, WithheldReason.RESTARTED, "streamwatch ended in the middle of it.")
"""What becomes of an opening that an earlier run has left."""


@dataclass(frozen=True, slots=True)
class OpeningTerms:
    """An opening that is asked for.

    key: of its row. decision: key of the decision that it follows; None: none. who, note: of the person, as in
    `openings`. at: aware UTC.
    """

    key: str
    lane: str
    barrier: str
    cause: OpeningCause
    at: datetime
    decision: str | None = None
    who: str = ""
    note: str = ""


_MAY_HAVE_OPENED = (OpeningState.DONE, OpeningState.UNKNOWN)
"""Without an answer nobody knows; what may have happened counts, so that no visitor's permit is used twice."""


class Openings:
    """Writes openings, and the events that tell the outside of those that have ended."""

    def __init__(self, writer: Writer, events: Events, decisions: Decisions) -> None:
        self._writer, self._events, self._decisions = writer, events, decisions

    def requested(self, terms: OpeningTerms) -> bool:
        """Store that an opening is about to be sent. Nothing may be sent before this has returned True.

        Return False, and store nothing, if its decision has been overtaken: it has led to an opening before, or a
        person has answered meanwhile.
        """
        with self._writer.transaction() as session:
            row = _row(session, terms, OpeningState.REQUESTED)
            if _is_overtaken(session, row):
                return False
            session.add(row)
            return True

    def ended(self, terms: OpeningTerms, outcome: OpeningOutcome, at: datetime) -> None:
        """Store what became of an opening, also of one that has no row yet. A row that has ended is not changed."""
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredOpening).where(StoredOpening.key == terms.key))
            if row is None:
                row = _row(session, terms, OpeningState.REQUESTED)
                session.add(row)
            if row.state is OpeningState.REQUESTED:
                self._end(session, row, outcome, at)

    def recover(self, at: datetime) -> int:
        """Complete the openings that an earlier run has left, and return their number. Nothing of them is sent.

        Nobody knows if their barriers have opened.
        """
        with self._writer.transaction() as session:
            left = session.scalars(select(StoredOpening).where(StoredOpening.state == OpeningState.REQUESTED)).all()
            for row in left:
                self._end(session, row, replace(LEFT, key=row.key), at)
            return len(left)

    def _end(self, session: Session, row: StoredOpening, outcome: OpeningOutcome, at: datetime) -> None:
        row.state, row.reason, row.ended_at = outcome.state, outcome.reason, at
        row.detail = outcome.detail[:MOST_DETAIL]
        session.flush()
        decision = None if row.decision_id is None else session.get(StoredDecision, row.decision_id)
        if decision is not None and row.state in _MAY_HAVE_OPENED:
            self._decisions.let_through(decision.key, at)
        told = OpeningData(
            opening=row.key,
            lane=row.lane,
            barrier=row.barrier,
            cause=row.cause,
            state=row.state,
            reason=row.reason,
            detail=row.detail,
            who=row.who,
            note=row.note,
            decision="" if decision is None else decision.key,
            plate="" if decision is None else decision.plate,
            requested_at=row.requested_at,
            ended_at=row.ended_at,
        )
        camera = None if decision is None else decision.camera
        self._events.add(EventType.OPENING, row.barrier or row.lane, told, camera, at)


def _is_overtaken(session: Session, row: StoredOpening) -> bool:
    decision = None if row.decision_id is None else session.get(StoredDecision, row.decision_id)
    if decision is None:
        return False
    automatic = row.cause is OpeningCause.AUTOMATIC
    if automatic and (decision.answer is not None or decision.verdict is not Verdict.ALLOW):
        return True
    # A person who sees that nothing moved may still open what nobody knows of.
    opened = (OpeningState.REQUESTED, OpeningState.DONE, *((OpeningState.UNKNOWN,) if automatic else ()))
    others = StoredOpening.decision_id == decision.id, StoredOpening.state.in_(opened)
    return bool(session.scalar(select(exists().where(*others))))


def _row(session: Session, terms: OpeningTerms, state: OpeningState) -> StoredOpening:
    decision = None
    if terms.decision is not None:
        decision = session.scalar(select(StoredDecision.id).where(StoredDecision.key == terms.decision))
    return StoredOpening(
        key=terms.key,
        lane=terms.lane,
        barrier=terms.barrier,
        decision_id=decision,
        cause=terms.cause,
        who=terms.who,
        note=terms.note[:MOST_NOTE],
        requested_at=terms.at,
        state=state,
        reason=WithheldReason.NONE,
        detail="",
    )
