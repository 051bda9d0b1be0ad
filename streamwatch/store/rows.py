"""Converts rows to the pipeline's types, and back."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from streamwatch.core.errors import StoreError
from streamwatch.core.model import (
    Box,
    Corners,
    FrameCorners,
    JpegCorners,
    Keyframe,
    Passage,
    PlateText,
    Point,
    Reading,
    Sighting,
)
from streamwatch.core.plates import MOST_PLATES, legible
from streamwatch.store.evidence import sha256
from streamwatch.store.tables import (
    KeyframeState,
    StoredCall,
    StoredDecision,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
)
from streamwatch.store.texts import storable

_Row = TypeVar("_Row", StoredPassage, StoredKeyframe, StoredCall, StoredReading, StoredSighting, StoredDecision)


def row_of(session: Session, table: type[_Row], key: str) -> _Row:
    """Return the row with that key. Raise StoreError if there is none."""
    row = session.scalar(select(table).where(table.key == key))
    if row is None:
        raise StoreError(f"The table {table.__tablename__} has no row with the key {key!r}.")
    return row


def keyframe_row(
    keyframe: Keyframe, passage_id: int, path: str, state: KeyframeState, clock_trusted: bool
) -> StoredKeyframe:
    """Return a new row. path: of its JPEG, relative to data_dir."""
    return StoredKeyframe(
        key=keyframe.key,
        passage_id=passage_id,
        camera=keyframe.camera,
        captured_at=keyframe.captured_at,
        path=path,
        sha256=sha256(keyframe.jpeg),
        bytes=len(keyframe.jpeg),
        width=keyframe.width,
        height=keyframe.height,
        crop_x=keyframe.crop.x,
        crop_y=keyframe.crop.y,
        crop_width=keyframe.crop.width,
        crop_height=keyframe.crop.height,
        scale=keyframe.scale,
        score=keyframe.score,
        reason=keyframe.reason,
        state=state,
        clock_trusted=clock_trusted,
    )


def keyframe_of(row: StoredKeyframe, passage: str, jpeg: bytes) -> Keyframe:
    """Return a keyframe as it was saved. passage: its key."""
    return Keyframe(
        key=row.key,
        passage=passage,
        camera=row.camera,
        captured_at=row.captured_at,
        jpeg=jpeg,
        width=row.width,
        height=row.height,
        crop=Box(row.crop_x, row.crop_y, row.crop_width, row.crop_height),
        scale=row.scale,
        score=row.score,
        reason=row.reason,
    )


def passage_of(row: StoredPassage) -> Passage:
    """Return a passage as it was saved last."""
    return Passage(row.key, row.camera, row.opened_at, row.last_seen, row.closed, row.direction)


def reading_row(reading: Reading, keyframe_id: int, call_id: int | None) -> StoredReading:
    """Return a new row."""
    return StoredReading(
        key=reading.key,
        keyframe_id=keyframe_id,
        call_id=call_id,
        engine=reading.engine,
        raw=reading.raw,
        plate=reading.plate,
        kind=reading.kind,
        repaired=reading.repaired,
        confidence=reading.confidence,
        corners=_points(reading.corners),
    )


def reading_of(row: StoredReading, keyframe: StoredKeyframe, passage: str) -> Reading:
    """Return a reading as it was saved. passage: its key."""
    corners = corners_of(row.corners)
    return Reading(
        key=row.key,
        keyframe=keyframe.key,
        passage=passage,
        camera=keyframe.camera,
        captured_at=keyframe.captured_at,
        engine=row.engine,
        raw=row.raw,
        plate=row.plate,
        kind=row.kind,
        repaired=row.repaired,
        confidence=row.confidence,
        corners=None if corners is None else FrameCorners(corners),
    )


def sighting_of(row: StoredSighting, passage: str, keyframe: str) -> Sighting:
    """Return a sighting as it was saved last. passage, keyframe: their keys."""
    return Sighting(
        key=row.key,
        camera=row.camera,
        plate=row.plate,
        confidence=row.confidence,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        reads=row.reads,
        status=row.status,
        engine=row.engine,
        passage=passage,
        keyframe=keyframe,
    )


def answer_row(plates: Sequence[PlateText] | None) -> list[dict[str, Any]] | None:
    """Return the plates of a call as the column `answer` keeps them."""
    if plates is None:
        return None
    return [
        {"text": storable(plate.text), "confidence": plate.confidence, "corners": _points(plate.corners)}
        for plate in plates
    ]


def plates_of(answer: Any) -> tuple[PlateText, ...] | None:
    """Return the plates of a call, from the column `answer`; None if it cannot be a reading of a picture.

    Such rows come from older versions, which kept everything that the service wrote, or were changed by hand.
    """
    try:
        plates = [_plate_of(plate) for plate in answer]
        usable = len(plates) <= MOST_PLATES and all(map(_usable, plates))
    except (TypeError, ValueError, KeyError):
        return None
    return tuple(plates) if usable else None


def _plate_of(plate: dict[str, Any]) -> PlateText:
    corners = corners_of(plate["corners"])
    return PlateText(plate["text"], plate["confidence"], None if corners is None else JpegCorners(corners))


def _usable(plate: PlateText) -> bool:
    points = [] if plate.corners is None else [value for point in plate.corners for value in point]
    return (
        legible(plate.text)
        and (plate.confidence is None or 0 <= plate.confidence <= 1)
        and all(math.isfinite(value) for value in points)
    )


def _points(corners: Corners | None) -> list[list[float]] | None:
    return None if corners is None else [list(point) for point in corners]


def corners_of(points: list[list[float]] | None) -> Corners | None:
    """Return the corners that a column holds."""
    if points is None:
        return None
    a, b, c, d = (_point(point) for point in points)
    return a, b, c, d


def _point(point: list[float]) -> Point:
    x, y = point
    return x, y
