"""Finds the last views of the vehicles that a camera saw last: one of them may still stand there.

Signs in which no engine found a plate are among them: they belong to the scene and will be seen again.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.model import Direction, FrameCorners, Keyframe, Passage
from streamwatch.store.keyframes import load_keyframe
from streamwatch.store.rows import corners_of, passage_of
from streamwatch.store.tables import KeyframeState, PassageOutcome, StoredKeyframe, StoredPassage, StoredReading

PASSAGES = 12  # upper limit of the passages that are loaded
UNREAD = 6  # the same for older ones without a plate: signs that stand there must not be paid for again


@dataclass(frozen=True, slots=True)
class LastView:
    """The newest keyframe of a passage that is not only kept. plate: the corners of a plate read in it, or None."""

    passage: Passage
    keyframe: Keyframe
    plate: FrameCorners | None


def last_views(session: Session, camera: str, before: datetime, data_dir: Path) -> list[LastView]:
    """Return the views of vehicles last seen before that time, newest first.

    Passages that a crash left open come before all others, older passages in which no plate was read come last.
    Passages whose picture is gone are left out. Raise StorageFailed.
    """
    query = (
        select(StoredPassage)
        .where(StoredPassage.camera == camera, StoredPassage.last_seen <= before)
        .order_by(StoredPassage.closed, StoredPassage.last_seen.desc())
    )
    last = list(session.scalars(query.limit(PASSAGES)))
    unread = query.where(
        StoredPassage.outcome == PassageOutcome.UNREAD,
        StoredPassage.direction == Direction.UNKNOWN,
        StoredPassage.id.not_in([passage.id for passage in last]),
    )
    last += session.scalars(unread.limit(UNREAD))
    views = [_view(session, passage, data_dir) for passage in last]
    return [view for view in views if view is not None]


def _view(session: Session, passage: StoredPassage, data_dir: Path) -> LastView | None:
    newest = select(StoredKeyframe).where(
        StoredKeyframe.passage_id == passage.id, StoredKeyframe.state != KeyframeState.KEPT
    )
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
    corners = corners_of(read)
    return LastView(passage_of(passage), keyframe, None if corners is None else FrameCorners(corners))
