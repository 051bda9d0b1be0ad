"""Decisions: one row for each sighting at a lane, and who was let through because of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from streamwatch.core.codes import Answer, DecisionReason, EventType, Verdict, Way
from streamwatch.core.errors import StoreError
from streamwatch.core.event_data import DecisionData
from streamwatch.core.model import Engine
from streamwatch.store.events import Events
from streamwatch.store.rows import row_of
from streamwatch.store.tables import (
    StoredCall,
    StoredDecision,
    StoredKeyframe,
    StoredPassage,
    StoredPermit,
    StoredReading,
)
from streamwatch.store.transactions import Writer


@dataclass(frozen=True, slots=True)
class DecisionTerms:
    """What is written of a decision: one field for each column that the decision itself fills.

    key, sighting, passage, keyframe, reading, permit: keys; permit None if there is none. near: as
    [{permit, plate, distance}], permit: its key. captured_at, decided_at: aware UTC.
    """

    key: str
    lane: str
    way: Way
    camera: str
    sighting: str
    passage: str
    keyframe: str
    reading: str
    plate: str
    confidence: float | None
    engine: Engine
    price: float
    verdict: Verdict
    reason: DecisionReason
    warnings: tuple[DecisionReason, ...]
    permit: str | None
    permit_plate: str
    near: tuple[dict[str, Any], ...]
    captured_at: datetime
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class DecisionStanding:
    """What is known of a decision that was stored before: may a better reading still change it?"""

    key: str
    plate: str
    confidence: float | None
    reading: str
    verdict: Verdict
    reason: DecisionReason
    permit: str | None
    revised: int
    answer: Answer | None

    @property
    def is_settled(self) -> bool:
        """Return True if nothing but a person may change it any more."""
        told = self.reason in (DecisionReason.PROGRAM_ALLOWED, DecisionReason.PROGRAM_DENIED)
        return told or self.verdict is Verdict.ALLOW or self.answer is not None


class Decisions:
    """Writes decisions, what people answer to them, and which vehicles were let through."""

    def __init__(self, writer: Writer, events: Events) -> None:
        """events: gets what the outside is told, in the same transaction."""
        self._writer, self._events = writer, events

    def of_sighting(self, sighting: str, lane: str) -> DecisionStanding | None:
        """Return the decision on a sighting (key) at a lane; None if there is none."""
        with self._writer.transaction() as session:
            row = session.scalar(
                select(StoredDecision).where(StoredDecision.sighting_key == sighting, StoredDecision.lane == lane)
            )
            return None if row is None else _standing(session, row)

    def save(self, terms: DecisionTerms) -> int:
        """Add a decision, or revise the one with its key; return how often it was revised.

        Raise StoreError if it must not change any more: it was `allow`, or a person has answered.
        """
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredDecision).where(StoredDecision.key == terms.key))
            passage = _id_of(session, StoredPassage, terms.passage)
            view = _id_of(session, StoredKeyframe, terms.keyframe)
            permit = _permit_id(session, terms.permit)
            if row is None:
                row = StoredDecision(key=terms.key, revised=0, inside=False)
            elif _standing(session, row).is_settled:
                raise StoreError(f"The decision {terms.key!r} must not be changed any more.")
            else:
                row.revised += 1
            row.lane, row.way, row.camera = terms.lane, terms.way, terms.camera
            row.sighting_key, row.reading_key = terms.sighting, terms.reading
            row.passage_id, row.keyframe_id = passage, view
            row.plate, row.confidence, row.engine = terms.plate, terms.confidence, terms.engine
            row.price, row.verdict, row.reason = terms.price, terms.verdict, terms.reason
            row.warnings, row.near = [code.value for code in terms.warnings], list(terms.near)
            row.permit_id, row.permit_plate = permit, terms.permit_plate
            row.captured_at, row.decided_at = terms.captured_at, terms.decided_at
            row.clock_trusted = self._writer.clock_trusted
            session.add(row)
            session.flush()
            self._tell(session, row, (terms.passage, terms.keyframe))
            return row.revised

    def overrule(self, key: str, verdict: Verdict, reason: DecisionReason, at: datetime) -> int:
        """Let another verdict hold than that of the own rules; return how often the decision was revised.

        Raise StoreError if a person has answered already.
        """
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredDecision).where(StoredDecision.key == key))
            if row is None or row.answer is not None:
                raise StoreError(f"The decision {key!r} must not be changed any more.")
            row.verdict, row.reason, row.decided_at = verdict, reason, at
            row.revised += 1
            session.flush()
            self._tell(session, row)
            return row.revised

    def adopt(self, sighting: str, heir: str) -> None:
        """Let the decisions on a sighting that was merged into another one (keys) be decisions on that one.

        A decision of the heir at the same lane stays, unless it could still change and the other one cannot: that one
        may have opened, and the heir's would then open a second time. So a merge never makes room for a second opening.
        """
        with self._writer.transaction() as session:
            table = StoredDecision
            theirs = {row.lane: row for row in session.scalars(select(table).where(table.sighting_key == heir))}
            for row in session.scalars(select(table).where(table.sighting_key == sighting)).all():
                other = theirs.get(row.lane)
                if other is None:
                    row.sighting_key = heir
                elif _standing(session, row).is_settled and not _standing(session, other).is_settled:
                    other.sighting_key = uuid4().hex  # each sighting has one at a lane, also in between
                    session.flush()
                    row.sighting_key = heir
                    session.flush()
                    other.sighting_key = sighting

    def answer(
        self,
        key: str,
        answer: Answer,
        who: str,
        now: datetime,
        plate: str = "",
        permit: str | None = None,
        passes: bool = False,
    ) -> bool:
        """Store what a person says to a decision (key); return False if somebody has answered before.

        plate: the one that the person picked of those that are near. permit: key of the permit by which the person lets
        it in, if it is another one. passes: True if the lane has no barrier, so that the answer alone lets it through.
        """
        with self._writer.transaction() as session:
            row = row_of(session, StoredDecision, key)
            if row.answer is not None:
                return False
            row.answer, row.answered_by, row.answered_at, row.answer_plate = answer, who, now, plate
            if permit is not None:
                row.permit_id, row.permit_plate = _permit_id(session, permit), plate or row.permit_plate
            if passes and answer is Answer.OPENED:
                _let_through(session, row, now)
            session.flush()
            self._tell(session, row)
            return True

    def let_through(self, key: str, at: datetime) -> bool:
        """Note that the vehicle of a decision (key) was let through, as far as anybody can know; once.

        One use of its permit is counted, if they are limited. Call it with the opening that succeeded, or that may have
        succeeded; without a barrier, with the decision or the answer. Return False if it was noted before.
        """
        with self._writer.transaction() as session:
            return _let_through(session, row_of(session, StoredDecision, key), at)

    def inside(self, plates: Collection[str]) -> frozenset[str]:
        """Return those of the plates whose vehicles are inside."""
        query = select(StoredDecision.passed_plate).where(
            StoredDecision.inside, StoredDecision.passed_plate.in_(plates)
        )
        with self._writer.transaction() as session:
            return frozenset(plate for plate in session.scalars(query) if plate is not None)

    def opened(self, plate: str, lane: str, since: datetime) -> tuple[datetime, ...]:
        """Return when a lane has let this plate through since then, oldest first."""
        table = StoredDecision
        query = select(table.passed_at).where(table.passed_plate == plate, table.passed_at > since, table.lane == lane)
        with self._writer.transaction() as session:
            return tuple(at for at in session.scalars(query.order_by(table.passed_at)) if at is not None)

    def units(self, passage: str) -> int:
        """Return the charge units of the calls for a passage (key). A call that may be charged counts as 1 at least."""
        of_it = (
            select(StoredKeyframe.id)
            .join(StoredPassage, StoredPassage.id == StoredKeyframe.passage_id)
            .where(StoredPassage.key == passage)
        )
        units = func.coalesce(func.sum(case((StoredCall.fee > 1, StoredCall.fee), else_=1)), 0)
        query = select(units).where(StoredCall.keyframe_id.in_(of_it), StoredCall.charged.is_not(False))
        with self._writer.transaction() as session:
            return int(session.scalar(query) or 0)

    def reading_of(self, keyframe: str, plate: str, engine: Engine) -> tuple[str, float | None, datetime] | None:
        """Return key and confidence of the best reading of a plate in a keyframe (key), and its capture time."""
        query = (
            select(StoredReading.key, StoredReading.confidence, StoredKeyframe.captured_at)
            .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
            .where(StoredKeyframe.key == keyframe, StoredReading.plate == plate, StoredReading.engine == engine)
            .order_by(StoredReading.confidence.desc().nulls_last(), StoredReading.id)
            .limit(1)
        )
        with self._writer.transaction() as session:
            row = session.execute(query).first()
            return None if row is None else (row[0], row[1], row[2])

    def _tell(self, session: Session, row: StoredDecision, keys: tuple[str, str] | None = None) -> None:
        """Tell the outside of a decision that is new or has changed. keys: of its passage and keyframe, if known."""
        permit = None if row.permit_id is None else session.get(StoredPermit, row.permit_id)
        passage, view = keys or (
            _key_of(session, StoredPassage, row.passage_id),
            _key_of(session, StoredKeyframe, row.keyframe_id),
        )
        data = DecisionData(
            decision=row.key,
            lane=row.lane,
            camera=row.camera,
            plate=row.plate,
            verdict=row.verdict.value,
            reason=row.reason.value,
            warnings=tuple(row.warnings),
            confidence=row.confidence,
            engine=row.engine.value,
            price=row.price,
            sighting=row.sighting_key,
            passage=passage,
            keyframe=view,
            permit="" if permit is None else permit.key,
            permit_kind="" if permit is None else permit.kind.value,
            permit_plate=row.permit_plate,
            holder="" if permit is None else permit.holder,
            group="" if permit is None else permit.group_name,
            captured_at=row.captured_at,
            decided_at=row.decided_at,
            revised=row.revised,
            answer="" if row.answer is None else row.answer.value,
            answered_by=row.answered_by,
            answered_at=row.answered_at,
        )
        self._events.add(EventType.DECISION, row.plate, data, row.camera, row.captured_at)


def _id_of(session: Session, table: type[StoredPassage | StoredKeyframe], key: str) -> int:
    number = session.scalar(select(table.id).where(table.key == key))
    if number is None:
        raise StoreError(f"The table {table.__tablename__} has no row with the key {key!r}.")
    return number


def _key_of(session: Session, table: type[StoredPassage | StoredKeyframe], number: int | None) -> str:
    """Return the key of a row; empty if it was deleted."""
    return "" if number is None else session.scalar(select(table.key).where(table.id == number)) or ""


def _standing(session: Session, row: StoredDecision) -> DecisionStanding:
    permit = None
    if row.permit_id is not None:
        permit = session.scalar(select(StoredPermit.key).where(StoredPermit.id == row.permit_id))
    return DecisionStanding(
        row.key, row.plate, row.confidence, row.reading_key, row.verdict, row.reason, permit, row.revised, row.answer
    )


def _permit_id(session: Session, key: str | None) -> int | None:
    return None if key is None else session.scalar(select(StoredPermit.id).where(StoredPermit.key == key))


def _let_through(session: Session, row: StoredDecision, at: datetime) -> bool:
    if row.passed_at is not None:
        return False
    plate = row.answer_plate or row.permit_plate or row.plate
    session.execute(
        update(StoredDecision).where(StoredDecision.inside, StoredDecision.passed_plate == plate).values(inside=False)
    )
    row.passed_at, row.passed_plate, row.inside = at, plate, row.way is Way.IN
    session.execute(
        update(StoredPermit)
        .where(StoredPermit.id == row.permit_id, StoredPermit.uses_left > 0)
        .values(uses_left=StoredPermit.uses_left - 1)
    )
    session.flush()
    return True
