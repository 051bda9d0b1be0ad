"""The plate of a passage: that of its sighting, or else the best text that could not be believed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from streamwatch.core.model import Engine, FrameCorners, SightingStatus
from streamwatch.store.rows import corners_of
from streamwatch.store.tables import PLATE_LENGTH, StoredKeyframe, StoredReading, StoredSighting


@dataclass(frozen=True, slots=True)
class PassagePlate:
    """The plate of one passage.

    text: normalised; empty if a person saw no plate. confidence: 0 to 1, or None. sighting: id of the sighting; None if
    the text could not be believed. status, reads: of the sighting. keyframe: id of the passage's keyframe that it was
    read from; None if unknown. corners: of the plate in that keyframe's frame, or None. others: the other plates that
    the passage shows.
    """

    text: str
    kind: str
    engine: Engine
    confidence: float | None
    sighting: int | None
    status: SightingStatus | None
    reads: int
    keyframe: int | None
    corners: FrameCorners | None
    others: tuple[str, ...] = ()


def best_plates(session: Session, passages: Collection[int]) -> dict[int, PassagePlate]:
    """Return the plates of passages (ids); those in which nothing was read are left out.

    What a person typed comes first, the last entry if there are several. Then the sighting with the best confidence.
    """
    readings: defaultdict[int, list[StoredReading]] = defaultdict(list)
    query = (
        select(StoredKeyframe.passage_id, StoredReading)
        .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
        .where(StoredKeyframe.passage_id.in_(passages))
        .order_by(StoredReading.id)
    )
    for passage, reading in session.execute(query):
        readings[passage].append(reading)
    ids = {reading.sighting_id for each in readings.values() for reading in each if reading.sighting_id is not None}
    known = select(StoredSighting).where(or_(StoredSighting.id.in_(ids), StoredSighting.passage_id.in_(passages)))
    sightings = {row.id: row for row in session.scalars(known)}
    own: defaultdict[int, dict[int, StoredSighting]] = defaultdict(dict)
    for row in sightings.values():
        own[row.passage_id][row.id] = row
    found = {}
    for passage in passages:
        of_it = own.get(passage, {}) | {n: sightings[n] for r in readings[passage] if (n := r.sighting_id) is not None}
        best = _best(readings[passage], list(of_it.values()), passage)
        if best is not None:
            found[passage] = best
    return found


def _best(readings: Sequence[StoredReading], sightings: Sequence[StoredSighting], passage: int) -> PassagePlate | None:
    typed = [reading for reading in readings if reading.engine is Engine.OPERATOR]
    if typed and typed[-1].sighting_id is None:
        return _unbelieved(typed[-1], readings)
    if not sightings:
        texts = [reading for reading in readings if reading.plate and reading.engine is not Engine.OPERATOR]
        return _unbelieved(max(texts, key=_confidence), readings) if texts else None
    last = typed[-1].sighting_id if typed else None
    best = max(sightings, key=lambda row: (row.id == last, _confidence(row), -row.id))
    its = [reading for reading in readings if reading.sighting_id == best.id]
    reading = max(its, key=lambda r: (r.plate == best.plate, _rank(r.engine), _confidence(r)), default=None)
    keyframe = None if best.passage_id != passage else best.keyframe_id
    return PassagePlate(
        text=best.plate,
        kind=best.kind,
        engine=best.engine,
        confidence=best.confidence,
        sighting=best.id,
        status=best.status,
        reads=best.reads,
        keyframe=keyframe if reading is None else reading.keyframe_id,
        corners=None if reading is None else _corners(reading, readings),
        others=tuple(dict.fromkeys(row.plate for row in sightings if row.plate != best.plate)),
    )


def _unbelieved(reading: StoredReading, readings: Sequence[StoredReading]) -> PassagePlate:
    return PassagePlate(
        text=reading.plate[:PLATE_LENGTH],
        kind=reading.kind,
        engine=reading.engine,
        confidence=reading.confidence,
        sighting=None,
        status=None,
        reads=0,
        keyframe=reading.keyframe_id,
        corners=_corners(reading, readings),
    )


def _corners(reading: StoredReading, readings: Sequence[StoredReading]) -> FrameCorners | None:
    """Return the corners of a reading; for one that a person typed, where an engine found a plate in that picture."""
    there = [other for other in readings if other.keyframe_id == reading.keyframe_id and other.corners is not None]
    if reading.corners is None and reading.engine is Engine.OPERATOR and there:
        reading = max(there, key=_confidence)
    corners = corners_of(reading.corners)
    return None if corners is None else FrameCorners(corners)


def _confidence(row: Any) -> float:
    return -1.0 if row.confidence is None else float(row.confidence)


def _rank(engine: Engine) -> int:
    return [Engine.CAMERA, Engine.LOCAL, Engine.OCRCARS, Engine.OPERATOR].index(engine)
