"""The sightings: plates at cameras, and the readings that support them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, true, update

from streamwatch.core.model import Sighting
from streamwatch.store.revisions import touch, touch_readings, touch_sighting
from streamwatch.store.rows import row_of, sighting_of
from streamwatch.store.tables import StoredKeyframe, StoredPassage, StoredReading, StoredSighting
from streamwatch.store.transactions import Writer


class Sightings:
    """Writes sightings, and assigns readings to them."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def save(self, sighting: Sighting, readings: Sequence[str], kind: str) -> None:
        """Add a sighting or replace the one with its key, and assign the readings with these keys to it."""
        with self._writer.transaction() as session:
            row = session.scalar(select(StoredSighting).where(StoredSighting.key == sighting.key))
            passage = row_of(session, StoredPassage, sighting.passage).id
            touch(session, [passage], reread=True)
            if row is None:
                row = StoredSighting(key=sighting.key)
            elif (row.plate, row.confidence, row.engine) != (sighting.plate, sighting.confidence, sighting.engine):
                touch_sighting(session, row.id)
            others = or_(StoredReading.sighting_id.is_(None), StoredReading.sighting_id != row.id)
            touch_readings(session, StoredReading.key.in_(readings), others if row.id else true())
            row.camera = sighting.camera
            row.plate = sighting.plate
            row.kind = kind
            row.confidence = sighting.confidence
            row.first_seen = sighting.first_seen
            row.last_seen = sighting.last_seen
            row.reads = sighting.reads
            row.status = sighting.status
            row.engine = sighting.engine
            row.passage_id = passage
            row.keyframe_id = row_of(session, StoredKeyframe, sighting.keyframe).id
            session.add(row)
            session.flush()
            session.execute(update(StoredReading).where(StoredReading.key.in_(readings)).values(sighting_id=row.id))

    def remove(self, key: str, into: str | None = None) -> None:
        """Remove a sighting. Its readings go to the sighting `into`, or stay without one."""
        with self._writer.transaction() as session:
            row = row_of(session, StoredSighting, key)
            touch(session, [row.passage_id], reread=True)
            touch_sighting(session, row.id)
            heir = None if into is None else row_of(session, StoredSighting, into).id
            session.execute(update(StoredReading).where(StoredReading.sighting_id == row.id).values(sighting_id=heir))
            session.delete(row)

    def release_readings(self, readings: Sequence[str]) -> None:
        """Take the readings with these keys away from their sightings; they stay, without one."""
        with self._writer.transaction() as session:
            touch_readings(session, StoredReading.key.in_(readings))
            session.execute(update(StoredReading).where(StoredReading.key.in_(readings)).values(sighting_id=None))

    def recent(self, camera: str, since: datetime) -> list[Sighting]:
        """Return the sightings of a camera that were last seen at `since` or later, oldest first."""
        query = (
            select(StoredSighting, StoredPassage.key, StoredKeyframe.key)
            .join(StoredPassage, StoredPassage.id == StoredSighting.passage_id)
            .join(StoredKeyframe, StoredKeyframe.id == StoredSighting.keyframe_id)
            .where(StoredSighting.camera == camera, StoredSighting.last_seen >= since)
            .order_by(StoredSighting.last_seen, StoredSighting.id)
        )
        with self._writer.transaction() as session:
            return [sighting_of(row, passage, keyframe) for row, passage, keyframe in session.execute(query)]
