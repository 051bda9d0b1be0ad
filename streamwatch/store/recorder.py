"""The one writer of the database.

Each public method is one committed transaction: once it has returned, a power cut can not take its rows away. Each
raises StorageFailed where the machine is at fault (nothing has changed then, and the same call may be tried again) and
StoreError where the caller is (a key that has no row).

The order that makes paid calls accountable: `save_keyframe` (JPEG on disk, then its row), `call_started` (ledger row,
before anything is sent), `call_ended`, `keyframe_answered` (its readings). Whatever is missing after a crash can be
seen: a keyframe `waiting` was never sent; a call without an outcome was in flight; a keyframe `sent` whose last call
has ended got an answer that was not taken further.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import sqlalchemy
from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from streamwatch.errors import StoreError
from streamwatch.model import CallResult, Engine, Keyframe, Passage, Reading, Sighting, SightingStatus
from streamwatch.redact import hide_credentials
from streamwatch.store import database
from streamwatch.store.evidence import picture_path, sha256, write_picture
from streamwatch.store.failures import Place, translated
from streamwatch.store.tables import (
    KeyframeState,
    PassageOutcome,
    StoredCall,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
)

_Row = TypeVar("_Row", StoredPassage, StoredKeyframe, StoredCall, StoredReading, StoredSighting)

BY_HAND = "read"
"""Evidence folder of the verb `read`, whose pictures belong to no camera."""


class Store:
    """Writes what the pipeline finds; made by `open_store`. For one thread at a time, whichever that is."""

    def __init__(self, engine: sqlalchemy.Engine, place: Place, data_dir: Path) -> None:
        self._engine = engine
        self._place = place
        self._data_dir = data_dir

    def close(self) -> None:
        """Gives the database back. Closing twice does no harm."""
        self._engine.dispose()

    def save_passage(self, passage: Passage) -> None:
        """Adds a passage, or updates its times and whether it is closed. Its outcome stays."""
        with self._transaction() as session:
            row = session.scalar(select(StoredPassage).where(StoredPassage.key == passage.key))
            if row is None:
                row = StoredPassage(key=passage.key, camera=passage.camera)
                session.add(row)
            row.opened_at, row.last_seen, row.closed = passage.opened_at, passage.last_seen, passage.closed

    def passage_outcome(self, key: str, outcome: PassageOutcome) -> None:
        """Says what became of a passage."""
        with self._transaction() as session:
            _row(session, StoredPassage, key).outcome = outcome

    def save_keyframe(self, keyframe: Keyframe) -> None:
        """Stores the JPEG as evidence and then its row, `waiting`. The passage must be saved already."""
        path = picture_path(keyframe.camera, keyframe.captured_at, keyframe.key)
        write_picture(self._data_dir, path, keyframe.jpeg)
        with self._transaction() as session:
            session.add(
                StoredKeyframe(
                    key=keyframe.key,
                    passage_id=_row(session, StoredPassage, keyframe.passage).id,
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
                )
            )

    def keyframe_state(self, key: str, state: KeyframeState, reason: str = "") -> None:
        """Says where a keyframe stands, and why where it failed, was dropped or waits again."""
        with self._transaction() as session:
            row = _row(session, StoredKeyframe, key)
            row.state, row.state_reason = state, reason

    def call_started(
        self,
        key: str,
        keyframe: str | None,
        engine: Engine,
        attempt: int,
        started_at: datetime,
        picture: bytes | str,
    ) -> None:
        """Writes the ledger row of a call; only once this has returned may anything be sent.

        keyframe: its key, which becomes `sent`; None for the verb `read`. picture: the JPEG that will be sent, kept as
        evidence of its own where it is not the keyframe's; or its address.
        """
        with self._transaction() as session:
            view = None if keyframe is None else _row(session, StoredKeyframe, keyframe)
            if view is not None:
                view.state, view.state_reason = KeyframeState.SENT, ""
            call = StoredCall(key=key, engine=engine, attempt=attempt, started_at=started_at)
            call.keyframe_id, call.camera = (None, None) if view is None else (view.id, view.camera)
            if isinstance(picture, str):
                call.picture_url = hide_credentials(picture)
            else:
                call.sha256, call.bytes = sha256(picture), len(picture)
                call.path = self._keep(picture, call, view)
            session.add(call)

    def call_ended(self, key: str, result: CallResult, ended_at: datetime) -> None:
        """Completes the ledger row of a call. The keyframe stays `sent` until somebody says what that means for it."""
        with self._transaction() as session:
            row = _row(session, StoredCall, key)
            row.ended_at = ended_at
            row.outcome = result.outcome
            row.charged = result.charged
            row.fee = result.fee
            row.latency = result.latency
            row.http_status = result.http_status
            row.gateway_code = result.gateway_code
            row.platform_code = result.platform_code
            row.ret_code = result.ret_code
            row.request_id = result.request_id
            row.answer_id = result.answer_id
            row.error = result.error

    def keyframe_answered(self, key: str, readings: Sequence[Reading], call: str | None = None) -> None:
        """Saves all that an engine found in a keyframe (maybe nothing) and marks it `answered`, in one transaction.

        call: the key of the paid call that said it; None for the local engine.
        """
        with self._transaction() as session:
            view = _row(session, StoredKeyframe, key)
            view.state, view.state_reason = KeyframeState.ANSWERED, ""
            call_id = None if call is None else _row(session, StoredCall, call).id
            session.add_all(_stored(reading, view.id, call_id) for reading in readings)

    def save_sighting(self, sighting: Sighting, readings: Sequence[str], kind: str) -> None:
        """Adds or replaces a sighting by its key, and makes the readings with these keys its own."""
        with self._transaction() as session:
            row = session.scalar(select(StoredSighting).where(StoredSighting.key == sighting.key))
            if row is None:
                row = StoredSighting(key=sighting.key)
            row.camera = sighting.camera
            row.plate = sighting.plate
            row.kind = kind
            row.confidence = sighting.confidence
            row.first_seen = sighting.first_seen
            row.last_seen = sighting.last_seen
            row.reads = sighting.reads
            row.status = sighting.status
            row.engine = sighting.engine
            row.passage_id = _row(session, StoredPassage, sighting.passage).id
            row.keyframe_id = _row(session, StoredKeyframe, sighting.keyframe).id
            session.add(row)
            session.flush()
            session.execute(update(StoredReading).where(StoredReading.key.in_(readings)).values(sighting_id=row.id))

    def remove_sighting(self, key: str, into: str | None = None) -> None:
        """Takes a sighting back. Its readings go to the sighting `into`, or stay without one."""
        with self._transaction() as session:
            row = _row(session, StoredSighting, key)
            heir = None if into is None else _row(session, StoredSighting, into).id
            session.execute(update(StoredReading).where(StoredReading.sighting_id == row.id).values(sighting_id=heir))
            session.delete(row)

    def release_readings(self, readings: Sequence[str]) -> None:
        """Takes the readings with these keys away from their sightings; they stay, without one."""
        with self._transaction() as session:
            session.execute(update(StoredReading).where(StoredReading.key.in_(readings)).values(sighting_id=None))

    def recent_sightings(self, camera: str, since: datetime) -> list[Sighting]:
        """The sightings of a camera that were last seen at `since` or later, oldest first."""
        query = (
            select(StoredSighting, StoredPassage.key, StoredKeyframe.key)
            .join(StoredPassage, StoredPassage.id == StoredSighting.passage_id)
            .join(StoredKeyframe, StoredKeyframe.id == StoredSighting.keyframe_id)
            .where(StoredSighting.camera == camera, StoredSighting.last_seen >= since)
            .order_by(StoredSighting.last_seen, StoredSighting.id)
        )
        with self._transaction() as session:
            return [_sighting(row, passage, keyframe) for row, passage, keyframe in session.execute(query)]

    def finish_interrupted(self) -> int:
        """Closes the passages that an earlier run left open and makes its sightings final.

        Passages with a sighting become `read`; the others stay `pending`, because their keyframes may still be read.
        Returns the number of passages closed. For the start of the daemon, before anything else is saved.
        """
        with self._transaction() as session:
            left = list(session.scalars(select(StoredPassage).where(StoredPassage.closed.is_(False))))
            for passage in left:
                passage.closed = True
                if session.scalar(select(exists().where(StoredSighting.passage_id == passage.id))):
                    passage.outcome = PassageOutcome.READ
            session.execute(
                update(StoredSighting)
                .where(StoredSighting.status == SightingStatus.PROVISIONAL)
                .values(status=SightingStatus.FINAL)
            )
            return len(left)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        with translated(self._place), Session(self._engine) as session, session.begin():
            yield session

    def _keep(self, picture: bytes, call: StoredCall, view: StoredKeyframe | None) -> str:
        """Where the evidence of a call lies; writes it where the keyframe's own file is another picture."""
        if view is None:
            path = picture_path(BY_HAND, call.started_at, call.key)
        elif view.path is not None and view.sha256 == call.sha256:
            return view.path
        else:
            path = picture_path(view.camera, view.captured_at, view.key, suffix=f"-{call.key[:8]}")
        write_picture(self._data_dir, path, picture)
        return path


def open_store(url: str, data_dir: Path) -> Store:
    """Opens the database for writing; folders and file are made as needed, the schema is brought to its newest version.

    url: any SQLAlchemy URL. data_dir: the folder that holds `evidence/`. Raises DatabaseUnusable or StorageFailed.
    """
    engine, place = database.open_writer(url)
    return Store(engine, place, data_dir)


def _row(session: Session, table: type[_Row], key: str) -> _Row:
    row = session.scalar(select(table).where(table.key == key))
    if row is None:
        raise StoreError(f"The table {table.__tablename__} has no row with the key {key!r}.")
    return row


def _stored(reading: Reading, keyframe_id: int, call_id: int | None) -> StoredReading:
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
        corners=None if reading.corners is None else [list(point) for point in reading.corners],
    )


def _sighting(row: StoredSighting, passage: str, keyframe: str) -> Sighting:
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
