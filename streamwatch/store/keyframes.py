"""The keyframes: views of passages, each with its picture on disk, on their way to an engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from streamwatch.core.codes import StateReason
from streamwatch.core.errors import StoreError
from streamwatch.core.model import Engine, Keyframe, Reading
from streamwatch.store import recovery
from streamwatch.store.evidence import picture_path, read_picture
from streamwatch.store.evidence_writer import EvidenceWriter
from streamwatch.store.recovery import Recovery
from streamwatch.store.revisions import touch
from streamwatch.store.rows import keyframe_of, keyframe_row, reading_of, reading_row, row_of
from streamwatch.store.tables import KeyframeState, StoredCall, StoredKeyframe, StoredPassage, StoredReading
from streamwatch.store.transactions import Writer

_TRIED = (KeyframeState.SENT, KeyframeState.DOUBTFUL, KeyframeState.ANSWERED)


@dataclass(frozen=True, slots=True)
class WaitingKeyframe:
    """A keyframe of the outbox, without its picture.

    key, passage: keys. bytes: length of the JPEG. first_view: True if no other keyframe of the passage is sent,
    doubtful or answered. score: comparable within one passage. seen: the normalised plates that the camera itself has
    read in it.
    """

    key: str
    passage: str
    camera: str
    captured_at: datetime
    bytes: int
    score: float
    first_view: bool
    seen: tuple[str, ...] = ()


class Keyframes:
    """Writes keyframes and what engines found in them. Those that wait are the outbox."""

    def __init__(self, writer: Writer, evidence: EvidenceWriter, data_dir: Path) -> None:
        self._writer, self._evidence, self._data_dir = writer, evidence, data_dir

    def save(self, keyframe: Keyframe, state: KeyframeState = KeyframeState.WAITING) -> None:
        """Store the JPEG as evidence, then add the row with that state. The passage must be saved already."""
        path = picture_path(keyframe.camera, keyframe.captured_at, keyframe.key)
        self._evidence.write(path, keyframe.jpeg)
        with self._writer.transaction() as session:
            passage = row_of(session, StoredPassage, keyframe.passage)
            touch(session, [passage.id])
            session.add(keyframe_row(keyframe, passage.id, path, state, self._writer.clock_trusted))

    def set_state(self, key: str, state: KeyframeState, reason: StateReason = StateReason.NONE) -> None:
        """Set the state of a keyframe. reason: why it is doubtful, failed, was dropped or waits again."""
        with self._writer.transaction() as session:
            row = row_of(session, StoredKeyframe, key)
            touch(session, [row.passage_id])
            row.state, row.state_reason = state, reason

    def answered(
        self, key: str, readings: Sequence[Reading], call: str | None = None, reason: StateReason = StateReason.NONE
    ) -> None:
        """Save all readings of a keyframe (perhaps none) and mark it `answered`, in one transaction.

        call: the key of the paid call that returned them; None for the local engine. reason: why nothing was paid.
        """
        with self._writer.transaction() as session:
            view = row_of(session, StoredKeyframe, key)
            touch(session, [view.passage_id], reread=True)
            view.state, view.state_reason = KeyframeState.ANSWERED, reason
            call_id = None if call is None else row_of(session, StoredCall, call).id
            session.add_all(reading_row(reading, view.id, call_id) for reading in readings)

    def add_readings(self, key: str, readings: Sequence[Reading]) -> None:
        """Save what the camera itself has read in a keyframe, whose state stays as it is."""
        with self._writer.transaction() as session:
            view = row_of(session, StoredKeyframe, key)
            touch(session, [view.passage_id], reread=True)
            session.add_all(reading_row(reading, view.id, None) for reading in readings)

    def own_readings(self, key: str) -> list[tuple[Reading, bool]]:
        """Return what the camera itself has read in a keyframe, each with True if it belongs to a sighting."""
        with self._writer.transaction() as session:
            view = row_of(session, StoredKeyframe, key)
            passage = session.get_one(StoredPassage, view.passage_id)
            own = select(StoredReading).where(
                StoredReading.keyframe_id == view.id, StoredReading.engine == Engine.CAMERA
            )
            return [
                (reading_of(row, view, passage.key), row.sighting_id is not None)
                for row in session.scalars(own.order_by(StoredReading.id))
            ]

    def is_stored(self, key: str) -> bool:
        """Return True if there is a keyframe with this key."""
        with self._writer.transaction() as session:
            return session.scalar(select(exists().where(StoredKeyframe.key == key))) is True

    def waiting(self, state: KeyframeState = KeyframeState.WAITING) -> list[WaitingKeyframe]:
        """Return all keyframes in a state, oldest first. Those that are `waiting` are the outbox."""
        with self._writer.transaction() as session:
            return _keyframes_in(session, state)

    def load_keyframe(self, key: str) -> Keyframe:
        """Return a keyframe with its JPEG.

        Raise StorageFailed if the file cannot be read now. Raise StoreError if it can never be read, because it is gone
        or is not the one that was stored (its SHA-256 differs).
        """
        with self._writer.transaction() as session:
            return load_keyframe(session, row_of(session, StoredKeyframe, key), self._data_dir)

    def recover(self) -> Recovery:
        """Settle what an earlier run left in flight, in one transaction. A second call changes nothing.

        The daemon calls this at its start, before anything else. Calls of the verb `read` stay as they are, because it
        may be running.
        """
        with self._writer.transaction() as session:
            return recovery.recover(session)


def load_keyframe(session: Session, row: StoredKeyframe, data_dir: Path) -> Keyframe:
    """Return a keyframe with its JPEG. Raise StoreError if the JPEG is gone or changed, or StorageFailed."""
    passage = session.scalar(select(StoredPassage.key).where(StoredPassage.id == row.passage_id))
    if passage is None or row.path is None:
        raise StoreError(f"The picture of the keyframe {row.key!r} was deleted.")
    return keyframe_of(row, passage, read_picture(data_dir, row.path, row.sha256))


def _keyframes_in(session: Session, state: KeyframeState) -> list[WaitingKeyframe]:
    """Return all keyframes in a state, oldest first."""
    other = aliased(StoredKeyframe)
    tried = exists().where(
        other.passage_id == StoredKeyframe.passage_id, other.id != StoredKeyframe.id, other.state.in_(_TRIED)
    )
    query = (
        select(StoredKeyframe, StoredPassage.key, tried)
        .join(StoredPassage, StoredPassage.id == StoredKeyframe.passage_id)
        .where(StoredKeyframe.state == state)
        .order_by(StoredKeyframe.captured_at, StoredKeyframe.id)
    )
    seen: dict[int, list[str]] = {}
    own = select(StoredReading.keyframe_id, StoredReading.plate).join(StoredKeyframe)
    for keyframe, plate in session.execute(
        own.where(StoredKeyframe.state == state, StoredReading.engine == Engine.CAMERA).order_by(StoredReading.id)
    ):
        seen.setdefault(keyframe, []).append(plate)
    return [
        WaitingKeyframe(
            row.key,
            passage,
            row.camera,
            row.captured_at,
            row.bytes,
            row.score,
            not was_tried,
            tuple(seen.get(row.id, ())),
        )
        for row, passage, was_tried in session.execute(query)
    ]
