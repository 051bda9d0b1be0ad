"""The passages: visits of vehicles to cameras, and the progress of their reading."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from streamwatch.core.model import Engine, Passage, SightingStatus
from streamwatch.store.last_views import LastView, last_views
from streamwatch.store.revisions import touch
from streamwatch.store.rows import passage_of, row_of
from streamwatch.store.tables import (
    KeyframeState,
    PassageOutcome,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
)
from streamwatch.store.transactions import Writer


@dataclass(frozen=True, slots=True)
class PassageStanding:
    """The progress of reading a passage, in numbers of keyframes, readings and sightings.

    unsettled: waiting or sent. unanswered: doubtful, failed or dropped. sighted: readings that are part of a sighting.
    """

    unsettled: int
    unanswered: int
    answered: int
    readings: int
    sighted: int


class Passages:
    """Writes passages, and looks up their outcomes."""

    def __init__(self, writer: Writer, data_dir: Path) -> None:
        self._writer, self._data_dir = writer, data_dir

    def save(self, passage: Passage) -> None:
        """Add a passage, or update its times and its state (open or closed). Its outcome stays."""
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredPassage).where(StoredPassage.key == passage.key))
            if row is None:
                row = StoredPassage(key=passage.key, camera=passage.camera, clock_trusted=True)
                session.add(row)
            else:
                touch(session, [row.id])
            row.opened_at, row.last_seen, row.closed = passage.opened_at, passage.last_seen, passage.closed
            row.direction = passage.direction
            row.clock_trusted = row.clock_trusted and self._writer.clock_trusted
            if row.id is None:
                session.flush()
                touch(session, [row.id])
            elif row.engine is Engine.OPERATOR:
                typed = (StoredSighting.passage_id == row.id, StoredSighting.engine == Engine.OPERATOR)
                status = SightingStatus.FINAL if passage.closed else SightingStatus.PROVISIONAL
                session.execute(update(StoredSighting).where(*typed).values(last_seen=row.last_seen, status=status))

    def set_outcome(self, key: str, outcome: PassageOutcome) -> None:
        """Set the outcome of a passage, unless a person has answered already."""
        with self._writer.transaction() as session:
            row = row_of(session, StoredPassage, key)
            if row.engine is not Engine.OPERATOR:
                touch(session, [row.id])
                row.outcome = outcome

    def seen_until(self, passage: str, last_seen: datetime) -> None:
        """Move the end of a passage's sightings to `last_seen`.

        The passage is of an earlier run, and its vehicle stood there until then.
        """
        with self._writer.transaction() as session:
            row = row_of(session, StoredPassage, passage)
            touch(session, [row.id])
            later = StoredSighting.last_seen < last_seen
            stayed = update(StoredSighting).where(StoredSighting.passage_id == row.id, later)
            session.execute(stayed.values(last_seen=last_seen))

    def finish_interrupted(self) -> int:
        """Close the passages that an earlier run left open, make its sightings final, and return the number closed.

        Passages with a sighting become `read`; the others stay `pending`, because their keyframes may still be read.
        The daemon calls this at its start, before it saves anything.
        """
        with self._writer.transaction() as session:
            left = list(session.scalars(select(StoredPassage).where(StoredPassage.closed.is_(False))))
            provisional = StoredSighting.status == SightingStatus.PROVISIONAL
            begun = session.scalars(select(StoredSighting.passage_id).where(provisional))
            touch(session, [*(passage.id for passage in left), *begun])
            for passage in left:
                passage.closed = True
                typed = passage.engine is Engine.OPERATOR
                if not typed and session.scalar(select(exists().where(StoredSighting.passage_id == passage.id))):
                    passage.outcome = PassageOutcome.READ
            session.execute(update(StoredSighting).where(provisional).values(status=SightingStatus.FINAL))
            return len(left)

    def load(self, key: str) -> Passage:
        """Return a passage as it was saved last."""
        with self._writer.transaction() as session:
            return passage_of(row_of(session, StoredPassage, key))

    def pending(self) -> list[str]:
        """Return the keys of the closed passages without an outcome, oldest first."""
        with self._writer.transaction() as session:
            return _pending(session)

    def standing(self, key: str) -> PassageStanding:
        """Return the progress of reading a passage."""
        with self._writer.transaction() as session:
            return _standing(session, row_of(session, StoredPassage, key))

    def result(self, key: str) -> tuple[PassageOutcome, tuple[str, ...]]:
        """Return the outcome of a passage, and the plates of the sightings that its readings belong to."""
        with self._writer.transaction() as session:
            passage = row_of(session, StoredPassage, key)
            return passage.outcome, _sighted_plates(session, passage)

    def last_views(self, camera: str, before: datetime) -> list[LastView]:
        """Return the last views of the vehicles that a camera saw last before that time, newest first.

        Raise StorageFailed if a picture cannot be read now; those that are gone are left out.
        """
        with self._writer.transaction() as session:
            return last_views(session, camera, before, self._data_dir)


def _pending(session: Session) -> list[str]:
    """Return the keys of the closed passages without an outcome, oldest first."""
    query = select(StoredPassage.key).where(
        StoredPassage.closed.is_(True), StoredPassage.outcome == PassageOutcome.PENDING
    )
    return list(session.scalars(query.order_by(StoredPassage.opened_at, StoredPassage.id)))


def _standing(session: Session, passage: StoredPassage) -> PassageStanding:
    """Return the progress of reading a passage."""
    number = func.count()
    by_state = select(StoredKeyframe.state, number).where(StoredKeyframe.passage_id == passage.id)
    states = {row[0]: row[1] for row in session.execute(by_state.group_by(StoredKeyframe.state))}
    readings = (
        select(func.count(StoredReading.id), func.count(StoredSighting.id))
        .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
        .outerjoin(StoredSighting, StoredSighting.id == StoredReading.sighting_id)
        .where(StoredKeyframe.passage_id == passage.id)
    )
    read, sighted = session.execute(readings).one()

    def count(*wanted: KeyframeState) -> int:
        return sum(states.get(state, 0) for state in wanted)

    return PassageStanding(
        unsettled=count(KeyframeState.WAITING, KeyframeState.SENT),
        unanswered=count(KeyframeState.DOUBTFUL, KeyframeState.FAILED, KeyframeState.DROPPED),
        answered=count(KeyframeState.ANSWERED),
        readings=read,
        sighted=sighted,
    )


def _sighted_plates(session: Session, passage: StoredPassage) -> tuple[str, ...]:
    """Return the plates of the sightings that readings of a passage belong to, first seen first."""
    query = (
        select(StoredSighting.plate)
        .join(StoredReading, StoredReading.sighting_id == StoredSighting.id)
        .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
        .where(StoredKeyframe.passage_id == passage.id)
        .order_by(StoredSighting.first_seen, StoredSighting.id)
    )
    return tuple(dict.fromkeys(session.scalars(query)))
