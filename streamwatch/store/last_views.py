"""The vehicles that were before a camera last, as they were last sent: one of them may still stand there."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from streamwatch.errors import StorageFailed, StoreError
from streamwatch.model import Corners, Keyframe, Passage
from streamwatch.store.outbox import load_keyframe
from streamwatch.store.rows import corners_of, passage_of
from streamwatch.store.tables import StoredKeyframe, StoredPassage, StoredReading

PASSAGES = 12  # the most that are asked for


@dataclass(frozen=True, slots=True)
class LastView:
    """The newest keyframe of a passage. plate: where one was read in it, in frame pixels; None where none was."""

    passage: Passage
    keyframe: Keyframe
    plate: Corners | None


def last_views(session: Session, camera: str, before: datetime, data_dir: Path) -> list[LastView]:
    """Of the passages last seen before that time, newest first; those left open by a crash come before all others.

    Passages whose picture is gone are left out. Raises StorageFailed.
    """
    query = (
        select(StoredPassage)
        .where(StoredPassage.camera == camera, StoredPassage.last_seen <= before)
        .order_by(StoredPassage.closed, StoredPassage.last_seen.desc())
        .limit(PASSAGES)
    )
    views = [_view(session, passage, data_dir) for passage in session.scalars(query)]
    return [view for view in views if view is not None]


def _view(session: Session, passage: StoredPassage, data_dir: Path) -> LastView | None:
    newest = select(StoredKeyframe).where(StoredKeyframe.passage_id == passage.id)
    row = session.scalar(newest.order_by(StoredKeyframe.captured_at.desc(), StoredKeyframe.id.desc()).limit(1))
    if row is None:
        return None
    try:
        keyframe = load_keyframe(session, row, data_dir)
    except StorageFailed:
        raise
    except StoreError:
        return None
    readings = select(StoredReading.corners).where(StoredReading.keyframe_id == row.id)
    read = session.scalar(readings.order_by(StoredReading.confidence.desc().nulls_last(), StoredReading.id).limit(1))
    return LastView(passage_of(passage), keyframe, corners_of(read))
