"""The one writer of the database.

Each public method is one committed transaction: once it has returned, a power cut can not take its rows away. Inside
`with store.together():` all of them are one, committed at the end of the block: all or nothing. Each
raises StorageFailed where the machine is at fault (nothing has changed then, and the same call may be tried again) and
StoreError where the caller is (a key that has no row).

The order that makes paid calls accountable: `save_keyframe` (JPEG on disk, then its row), `call_started` (ledger row,
before anything is sent), `call_ended`, `keyframe_answered` (its readings). Whatever is missing after a crash can be
seen and settled by `recover`: a keyframe `waiting` was never sent; a call without an outcome was in flight; a keyframe
`sent` whose last call has ended got an answer that was not taken further, which the call still holds.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import sqlalchemy
from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from streamwatch.core.codes import StateReason
from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.core.model import CallResult, Engine, Keyframe, Passage, PlateText, Reading, Sighting, SightingStatus
from streamwatch.core.redact import hide_credentials
from streamwatch.store import database, ledger, outbox, retention, writers
from streamwatch.store.evidence import picture_path, require_folder, sha256, write_picture
from streamwatch.store.failures import Place, translated
from streamwatch.store.last_views import LastView, last_views
from streamwatch.store.outbox import PassageStanding, Recovery, WaitingKeyframe
from streamwatch.store.retention import Doomed, Keep
from streamwatch.store.rows import answer_row, keyframe_row, passage_of, reading_row, row_of, sighting_of
from streamwatch.store.tables import (
    KeyframeState,
    PassageOutcome,
    StoredCall,
    StoredIdentity,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
)

BY_HAND = "read"
"""Evidence folder of the verb `read`, whose pictures belong to no camera."""


class Store:
    """Writes what the pipeline finds; made by `open_store`. For one thread at a time, whichever that is.

    clock_trusted: to be kept true by the caller; new rows say whether the clock was known to be right.
    persist: how to go on asking for what a server must say before work can go on: calls it until it answers, or raises
    StorageFailed. Without, it is asked once.
    """

    def __init__(
        self,
        engine: sqlalchemy.Engine,
        place: Place,
        data_dir: Path,
        file: database.OpenFile | None = None,
        sole: bool = False,
    ) -> None:
        """sole: no other program writes a name of its transactions into the database (see `_name_it`)."""
        self._engine = engine
        self._file = file
        self._place = place
        self._data_dir = data_dir
        self._joined: Session | None = None
        self._signed = False
        self._named = sole and engine.dialect.name == "postgresql"
        self.clock_trusted = True
        self.persist: Callable[[Callable[[], bool]], bool] = lambda ask: ask()

    def close(self) -> None:
        """Gives the database back. Closing twice does no harm."""
        self._engine.dispose()

    def require_file(self) -> None:
        """Raises DatabaseUnusable where the file of an SQLite database was removed or replaced. For any thread.

        Asked before each transaction, because SQLite goes on writing into a file that has no name any more.
        """
        if self._file is not None and self._file.is_gone():
            raise DatabaseUnusable(
                f"{self._place.label} was removed or replaced while it was written.",
                "Put it back before the next start; otherwise a new one is begun.",
            )

    def require_server(self) -> None:
        """Takes a lost connection, and with it the lock of the database, up again; nothing for SQLite.

        Raises StorageFailed, or DatabaseUnusable where another program has the lock by now.
        """
        if self._file is None:
            with translated(self._place), self._engine.connect():
                pass

    @contextmanager
    def together(self) -> Iterator[None]:
        """Makes one transaction of all that is called inside the block; blocks may lie inside each other.

        An exception that leaves the outermost block undoes all of it, and so does one that a method raised and the
        block caught: then leaving the block raises StoreError. Evidence files stay; the same calls may be tried again.
        """
        with self._transaction() as session:
            yield
            if not session.in_transaction():
                raise StoreError("Nothing of what belongs together was saved, because a part of it failed.")

    def save_passage(self, passage: Passage) -> None:
        """Adds a passage, or updates its times and whether it is closed. Its outcome stays."""
        with self._transaction() as session:
            row = session.scalar(select(StoredPassage).where(StoredPassage.key == passage.key))
            if row is None:
                row = StoredPassage(key=passage.key, camera=passage.camera, clock_trusted=True)
                session.add(row)
            row.opened_at, row.last_seen, row.closed = passage.opened_at, passage.last_seen, passage.closed
            row.direction = passage.direction
            row.clock_trusted = row.clock_trusted and self.clock_trusted

    def passage_outcome(self, key: str, outcome: PassageOutcome) -> None:
        """Says what became of a passage."""
        with self._transaction() as session:
            row_of(session, StoredPassage, key).outcome = outcome

    def save_keyframe(self, keyframe: Keyframe, state: KeyframeState = KeyframeState.WAITING) -> None:
        """Stores the JPEG as evidence and then its row, in that state. The passage must be saved already."""
        path = picture_path(keyframe.camera, keyframe.captured_at, keyframe.key)
        self._write(path, keyframe.jpeg)
        with self._transaction() as session:
            passage = row_of(session, StoredPassage, keyframe.passage)
            session.add(keyframe_row(keyframe, passage.id, path, state, self.clock_trusted))

    def keyframe_state(self, key: str, state: KeyframeState, reason: StateReason = StateReason.NONE) -> None:
        """Says where a keyframe stands, and why where it failed, was dropped or waits again."""
        with self._transaction() as session:
            row = row_of(session, StoredKeyframe, key)
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
            view = None if keyframe is None else row_of(session, StoredKeyframe, keyframe)
            if view is not None:
                view.state, view.state_reason = KeyframeState.SENT, StateReason.NONE
            call = StoredCall(key=key, engine=engine, attempt=attempt, started_at=started_at)
            call.clock_trusted = self.clock_trusted
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
            row = row_of(session, StoredCall, key)
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
            row.answer = answer_row(result.plates)

    def keyframe_answered(
        self, key: str, readings: Sequence[Reading], call: str | None = None, reason: StateReason = StateReason.NONE
    ) -> None:
        """Saves all that an engine found in a keyframe (maybe nothing) and marks it `answered`, in one transaction.

        call: the key of the paid call that said it; None for the local engine. reason: why nothing was paid.
        """
        with self._transaction() as session:
            view = row_of(session, StoredKeyframe, key)
            view.state, view.state_reason = KeyframeState.ANSWERED, reason
            call_id = None if call is None else row_of(session, StoredCall, call).id
            session.add_all(reading_row(reading, view.id, call_id) for reading in readings)

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
            row.passage_id = row_of(session, StoredPassage, sighting.passage).id
            row.keyframe_id = row_of(session, StoredKeyframe, sighting.keyframe).id
            session.add(row)
            session.flush()
            session.execute(update(StoredReading).where(StoredReading.key.in_(readings)).values(sighting_id=row.id))

    def remove_sighting(self, key: str, into: str | None = None) -> None:
        """Takes a sighting back. Its readings go to the sighting `into`, or stay without one."""
        with self._transaction() as session:
            row = row_of(session, StoredSighting, key)
            heir = None if into is None else row_of(session, StoredSighting, into).id
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
            return [sighting_of(row, passage, keyframe) for row, passage, keyframe in session.execute(query)]

    def last_views(self, camera: str, before: datetime) -> list[LastView]:
        """How the vehicles looked that were last seen by a camera before that time, newest first.

        Raises StorageFailed where a picture can not be read now; those that are gone are left out.
        """
        with self._transaction() as session:
            return last_views(session, camera, before, self._data_dir)

    def seen_until(self, passage: str, last_seen: datetime) -> None:
        """The vehicle of a passage of an earlier run stood there until now: its sightings did, too."""
        with self._transaction() as session:
            row = row_of(session, StoredPassage, passage)
            later = StoredSighting.last_seen < last_seen
            stayed = update(StoredSighting).where(StoredSighting.passage_id == row.id, later)
            session.execute(stayed.values(last_seen=last_seen))

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

    def waiting(self, state: KeyframeState = KeyframeState.WAITING) -> list[WaitingKeyframe]:
        """The outbox: all keyframes that wait, or are in another state, oldest first."""
        with self._transaction() as session:
            return outbox.keyframes_in(session, state)

    def load_keyframe(self, key: str) -> Keyframe:
        """A keyframe with its JPEG.

        Raises StorageFailed where the file can not be read now, and StoreError where it is gone or is not the one that
        was stored (its SHA-256 differs), so that it will never be read.
        """
        with self._transaction() as session:
            return outbox.load_keyframe(session, row_of(session, StoredKeyframe, key), self._data_dir)

    def load_passage(self, key: str) -> Passage:
        """A passage as it was saved last."""
        with self._transaction() as session:
            return passage_of(row_of(session, StoredPassage, key))

    def recover(self) -> Recovery:
        """Settles what an earlier run left in flight, in one transaction; a second time it changes nothing.

        For the start of the daemon, before anything else. Calls of the verb `read` are left alone: it may be running.
        """
        with self._transaction() as session:
            return outbox.recover(session)

    def pending_passages(self) -> list[str]:
        """Keys of the closed passages of which nobody has said what became of them, oldest first."""
        with self._transaction() as session:
            return outbox.pending_passages(session)

    def passage_standing(self, key: str) -> PassageStanding:
        """How far the reading of a passage has come."""
        with self._transaction() as session:
            return outbox.standing(session, row_of(session, StoredPassage, key))

    def passage_result(self, key: str) -> tuple[PassageOutcome, tuple[str, ...]]:
        """What became of a passage, and the plates that its readings were taken for."""
        with self._transaction() as session:
            passage = row_of(session, StoredPassage, key)
            return passage.outcome, outbox.sighted_plates(session, passage)

    def spent(self, since: datetime, camera: str | None = None) -> int:
        """Charge units since then, for a camera or (None) for all; one at least for a call that may be charged."""
        with self._transaction() as session:
            return ledger.spent(session, since, camera)

    def answer_to(self, camera: str, jpeg: bytes) -> tuple[PlateText, ...] | None:
        """What the paid service said last of this JPEG of a camera; None where it said nothing."""
        with self._transaction() as session:
            return ledger.answer_to(session, camera, sha256(jpeg))

    def evidence_bytes(self) -> int:
        """Size of all pictures that are kept."""
        with self._transaction() as session:
            return retention.evidence_bytes(session)

    def retain(self, now: datetime, keep: Keep, batch: int = 200) -> Doomed:
        """Make rows forget one batch of what need not be kept, and return the files, which the caller then deletes.

        To be repeated while it returns anything. batch: at most so many keyframes, calls or passages in one short
        transaction.
        """
        with self._transaction() as session:
            return retention.step(session, now, keep, batch)

    def _identity(self) -> str:
        with self._transaction() as session:
            return session.scalars(select(StoredIdentity.key)).one()

    def _write(self, path: str, picture: bytes) -> None:
        if not self._signed:
            if self.evidence_bytes():
                # A new one would lie on the wrong disk and hide that this one is missing.
                require_folder(self._data_dir)
            writers.sign(self._data_dir, self._identity())
            self._signed = True
        write_picture(self._data_dir, path, picture)

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        if self._joined is not None:
            with translated(self._place):
                yield from self._part(self._joined)
            return
        self.require_file()
        name = ""
        try:
            with translated(self._place), Session(self._engine) as session, session.begin():
                self._joined = session
                try:
                    yield session
                finally:
                    self._joined = None
                name = self._name_it(session)
        except StorageFailed:
            # A connection that is lost during COMMIT leaves open whether the server did it; to write the same again
            # would be wrong if it did. It is asked on a new connection, which has the lock only once the old one ended.
            if not name or not self.persist(partial(self._is_last, name)):
                raise

    def _name_it(self, session: Session) -> str:
        """Leaves a random name in the transaction, which can be asked for; empty where it has written nothing."""
        if not self._named:
            return ""
        session.flush()
        name, wrote = uuid4().hex, func.txid_current_if_assigned().is_not(None)
        naming = update(StoredIdentity).where(wrote).values(last_write=name)
        named = session.execute(naming.returning(StoredIdentity.key), execution_options={"synchronize_session": False})
        return name if named.first() else ""

    def _is_last(self, name: str) -> bool:
        with translated(self._place), Session(self._engine) as session:
            return session.scalar(select(StoredIdentity.last_write)) == name

    def _part(self, whole: Session) -> Iterator[Session]:
        """A transaction inside another: it fails here, not at the end of the other, and takes the other with it."""
        try:
            yield whole
            whole.flush()
        except BaseException:
            whole.rollback()
            raise

    def _keep(self, picture: bytes, call: StoredCall, view: StoredKeyframe | None) -> str:
        """Where the evidence of a call lies; writes it where the keyframe's own file is another picture."""
        if view is None:
            path = picture_path(BY_HAND, call.started_at, call.key)
        elif view.path is not None and view.sha256 == call.sha256:
            return view.path
        else:
            path = picture_path(view.camera, view.captured_at, view.key, suffix=f"-{call.key[:8]}")
        self._write(path, picture)
        return path


def open_store(url: str, data_dir: Path, sole: bool = False) -> Store:
    """Opens the database for writing; folders and file are made as needed, the schema is brought to its newest version.

    url: of SQLite or PostgreSQL. data_dir: the folder that holds `evidence/`. sole: for the one program that does all
    but add calls by hand. Raises DatabaseUnusable (also where another sole one has a PostgreSQL database) or
    StorageFailed.
    """
    engine, place = database.open_writer(url, sole)
    return Store(engine, place, data_dir, database.open_file(url), sole)
