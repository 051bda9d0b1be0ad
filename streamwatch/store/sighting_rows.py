"""Sightings as lists show them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Select, select

from streamwatch.core.model import Engine, SightingStatus
from streamwatch.store.tables import StoredKeyframe, StoredSighting


@dataclass(frozen=True, slots=True)
class SightingRow:
    """A sighting as the verb `sightings` shows it.

    confidence: 0 to 1, or None. Times: aware UTC. image: absolute path of the JPEG that shows it best, None if that was
    deleted. passage, keyframe: ids of the first passage and of the keyframe that shows it best.
    """

    id: int
    camera: str
    plate: str
    kind: str
    confidence: float | None
    first_seen: datetime
    last_seen: datetime
    reads: int
    status: SightingStatus
    engine: Engine
    image: Path | None
    key: str
    passage: int
    keyframe: int


def sighting_rows() -> Select[StoredSighting, str | None]:
    """Return the query for sightings, each with the path of its picture."""
    return select(StoredSighting, StoredKeyframe.path).join(
        StoredKeyframe, StoredKeyframe.id == StoredSighting.keyframe_id
    )


def sighting_row(row: StoredSighting, path: str | None, data_dir: Path) -> SightingRow:
    """Return a sighting as lists show it."""
    return SightingRow(
        id=row.id,
        camera=row.camera,
        plate=row.plate,
        kind=row.kind,
        confidence=row.confidence,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        reads=row.reads,
        status=row.status,
        engine=row.engine,
        image=None if path is None else data_dir / path,
        key=row.key,
        passage=row.passage_id,
        keyframe=row.keyframe_id,
    )
