"""The sightings: plates at cameras, and the readings that support them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from streamwatch.core.codes import EventType
from streamwatch.core.event_data import SightingCorrectedData, SightingData
from streamwatch.core.model import Engine, Sighting
from streamwatch.store.events import Events
from streamwatch.store.revisions import touch, touch_sighting
from streamwatch.store.rows import row_of, sighting_of
from streamwatch.store.tables import StoredKeyframe, StoredPassage, StoredReading, StoredSighting
from streamwatch.store.transactions import Writer


class Sightings:
    """Writes sightings, and assigns readings to them."""

    def __init__(self, writer: Writer, events: Events) -> None:
        """events: gets what the outside is told, in the same transaction."""
        self._writer, self._events = writer, events

    def save(self, sighting: Sighting, readings: Sequence[str], kind: str) -> bool:
        """Add a sighting or replace the one with its key, and assign the readings with these keys to it.

        Passages whose plate a person has typed are left out: the sighting then consists of the others. If there are no
        others, nothing is saved, and False is returned.
        """
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredSighting).where(StoredSighting.key == sighting.key))
            passage = row_of(session, StoredPassage, sighting.passage)
            found = _found(session, readings)
            free = [one for one in found if one.engine is not Engine.OPERATOR]
            partly = len(free) < len(found) or passage.engine is Engine.OPERATOR
            if partly and not free and row is None:
                return False
            if partly and free:
                passage = session.get_one(StoredPassage, free[0].passage_id)
            elif partly and row is not None:
                passage = session.get_one(StoredPassage, row.passage_id)
            touch(session, [passage.id], reread=True)
            new_sighting, before = row is None, "" if row is None else row.plate
            if row is None:
                row = StoredSighting(key=sighting.key)
            elif (row.plate, row.confidence, row.engine) != (sighting.plate, sighting.confidence, sighting.engine):
                touch_sighting(session, row.id)
            new = [one for one in free if row.id is None or one.sighting_id != row.id]
            touch(session, {one.passage_id for one in new}, reread=True)
            row.camera = sighting.camera
            row.plate = sighting.plate
            row.kind = kind
            row.confidence = sighting.confidence
            row.status = sighting.status
            row.engine = sighting.engine
            row.passage_id = passage.id
            if not partly:
                row.first_seen, row.last_seen, row.reads = sighting.first_seen, sighting.last_seen, sighting.reads
                row.keyframe_id = row_of(session, StoredKeyframe, sighting.keyframe).id
            elif free:
                row.first_seen, row.last_seen = free[0].opened_at, max(one.last_seen for one in free)
                row.reads, row.keyframe_id = len(free), max(free, key=_confidence).keyframe_id
            session.add(row)
            session.flush()
            ids = [one.id for one in new]
            session.execute(update(StoredReading).where(StoredReading.id.in_(ids)).values(sighting_id=row.id))
            if new_sighting or row.plate != before:
                self._tell(session, row, None if new_sighting else before)
            return True

    def remove(self, key: str, into: str | None = None) -> None:
        """Remove a sighting. Its readings go to the sighting `into`, or stay without one.

        One that is gone because a person typed other plates for its passages is nothing to remove.
        """
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredSighting).where(StoredSighting.key == key))
            if row is None:
                return
            touch(session, [row.passage_id], reread=True)
            touch_sighting(session, row.id)
            self._tell(session, row, row.plate, gone=True, into=into or "")
            heir = select(StoredSighting.id).where(StoredSighting.key == into).scalar_subquery()
            session.execute(update(StoredReading).where(StoredReading.sighting_id == row.id).values(sighting_id=heir))
            session.delete(row)

    def _tell(
        self, session: Session, row: StoredSighting, before: str | None, gone: bool = False, into: str = ""
    ) -> None:
        """Tell the outside of a sighting. before: the plate that it had; None: it is new. into: its heir (key)."""
        passage = session.get_one(StoredPassage, row.passage_id).key
        view = session.get_one(StoredKeyframe, row.keyframe_id).key
        tell_sighting(self._events, row, passage, view, before, ("", "") if gone else None, merged_into=into)

    def release_readings(self, readings: Sequence[str]) -> None:
        """Take the readings with these keys away from their sightings; they stay, without one.

        Those of passages whose plate a person has typed keep the person's sighting.
        """
        with self._writer.transaction() as session:
            free = [one for one in _found(session, readings) if one.engine is not Engine.OPERATOR]
            touch(session, {one.passage_id for one in free}, reread=True)
            ids = [one.id for one in free]
            session.execute(update(StoredReading).where(StoredReading.id.in_(ids)).values(sighting_id=None))

    def recent(self, camera: str, since: datetime) -> list[Sighting]:
        """Return the sightings of a camera that engines read and that were last seen at `since` or later, oldest first.

        What a person has typed is left out, because it belongs to its passage alone.
        """
        query = (
            select(StoredSighting, StoredPassage.key, StoredKeyframe.key)
            .join(StoredPassage, StoredPassage.id == StoredSighting.passage_id)
            .join(StoredKeyframe, StoredKeyframe.id == StoredSighting.keyframe_id)
            .where(StoredSighting.camera == camera, StoredSighting.last_seen >= since)
            .where(StoredSighting.engine != Engine.OPERATOR)
            .order_by(StoredSighting.last_seen, StoredSighting.id)
        )
        with self._writer.transaction() as session:
            return [sighting_of(row, passage, keyframe) for row, passage, keyframe in session.execute(query)]


def tell_sighting(
    events: Events,
    row: StoredSighting,
    passage: str,
    keyframe: str,
    before: str | None = None,
    now: tuple[str, str] | None = None,
    who: str = "",
    merged_into: str = "",
) -> None:
    """Add an event about a sighting. passage, keyframe: keys. before: its plate until now; None: it is new.

    now: the plate that counts from now on, and its kind, if the row does not hold them; ("", ""): none. who: the person
    who said so. merged_into: key of the sighting that takes its place.
    """
    plate, kind = now or (row.plate, row.kind)
    common: dict[str, Any] = {
        "sighting": row.key,
        "camera": row.camera,
        "plate": plate,
        "plate_kind": kind,
        "confidence": row.confidence,
        "engine": row.engine.value,
        "first_seen": row.first_seen,
        "last_seen": row.last_seen,
        "passage": passage,
        "keyframe": keyframe,
    }
    if before is None:
        told = SightingData(**common, reads=row.reads, status=row.status.value)
        events.add(EventType.SIGHTING, row.plate, told, row.camera, row.first_seen)
        return
    corrected = SightingCorrectedData(**common, plate_before=before, who=who, merged_into=merged_into)
    events.add(EventType.SIGHTING_CORRECTED, before, corrected, row.camera, row.last_seen)


def _found(session: Session, readings: Sequence[str]) -> Sequence[Any]:
    """Return readings (keys) with their passages, by the time of these. engine: of the passage's plate."""
    query = (
        select(
            StoredReading.id,
            StoredReading.sighting_id,
            StoredReading.keyframe_id,
            StoredReading.confidence,
            StoredKeyframe.passage_id,
            StoredPassage.engine,
            StoredPassage.opened_at,
            StoredPassage.last_seen,
        )
        .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
        .join(StoredPassage, StoredPassage.id == StoredKeyframe.passage_id)
        .where(StoredReading.key.in_(readings))
        .order_by(StoredPassage.opened_at, StoredReading.id)
    )
    return session.execute(query).all()


def _confidence(one: Any) -> float:
    return -1.0 if one.confidence is None else one.confidence
