"""Retention: pictures are deleted by age, then by their total size, then rows by age.

Keyframes that are still to be read or settled are not deleted. Age counts from the time when a passage was written,
because a recording is old from the start. It also follows the order of the rows, because the clock of a box may have
been wrong. Rows forget a picture before its file is deleted, so that no row names a missing file. The sweep finds files
that a crash left behind.
"""

import contextlib
import logging
import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from streamwatch.core.clock import EARLIEST
from streamwatch.store.evidence import day_of
from streamwatch.store.failures import file_failed
from streamwatch.store.plate_parts import drop_unused
from streamwatch.store.revisions import touch
from streamwatch.store.tables import (
    KeyframeState,
    StoredAudit,
    StoredCall,
    StoredCorrection,
    StoredDeadLetter,
    StoredDecision,
    StoredEvent,
    StoredKeyframe,
    StoredOpening,
    StoredPassage,
    StoredReading,
    StoredReceiver,
    StoredSession,
    StoredSighting,
    StoredToken,
)
from streamwatch.store.transactions import Writer

log = logging.getLogger(__name__)

ORPHANED_AFTER = 3600.0
"""Seconds before a file without a row counts as an orphan: its program may be about to add the row."""

EVENTS_AT_ONCE = 2000
"""Events that one step deletes: they are small, and thousands may come in an hour."""

_UNSETTLED = (KeyframeState.WAITING, KeyframeState.SENT, KeyframeState.DOUBTFUL)


@dataclass(frozen=True, slots=True)
class Keep:
    """The limits of what is kept; None: no limit.

    evidence_age: for pictures. max_bytes: for all pictures together; the oldest are deleted first. rows_age: for
    passages with their keyframes, readings and sightings, and for decisions and openings. Calls stay for ever, without
    picture and keyframe. sessions_age: for sessions and revoked tokens, since they were last used. audit_age: for the
    audit log. events_age: for events that all receivers have. max_events: for all events; the oldest are deleted first,
    also if a receiver has not got them.
    """

    evidence_age: timedelta | None = None
    max_bytes: int | None = None
    rows_age: timedelta | None = None
    sessions_age: timedelta | None = None
    audit_age: timedelta | None = None
    events_age: timedelta | None = None
    max_events: int | None = None


@dataclass(frozen=True, slots=True)
class Swept:
    """The result of the sweep of one folder. folder: its name, for the next step; None: all folders are done."""

    folder: str | None
    files: int = 0
    bytes: int = 0


@dataclass
class Doomed:
    """The result of one step in the database. paths: files that no row names any more, relative to data_dir.

    rows: the number of passages that were deleted. others: the number of decisions, openings, sessions, tokens, audit
    entries and events.
    undelivered: the number of those events that a receiver had not got.
    """

    paths: set[str] = field(default_factory=set)
    rows: int = 0
    others: int = 0
    undelivered: int = 0

    @property
    def more(self) -> bool:
        """True if something was deleted, so that there may be more."""
        return bool(self.paths or self.rows or self.others)


def free_bytes(data_dir: Path) -> int:
    """Return the free bytes of a folder's disk; the folder need not exist yet. Raise StorageFailed."""
    folder = data_dir.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        return shutil.disk_usage(folder).free
    except OSError as error:
        raise file_failed(f"The free space of {folder}", error, "asked for") from None


def step(session: Session, now: datetime, keep: Keep, batch: int) -> Doomed:
    """Make rows forget at most `batch` pictures beyond the limits; if there are none, delete as many old rows."""
    doomed = Doomed()
    if keep.evidence_age is not None:
        _forget_pictures(session, doomed, now - keep.evidence_age, batch)
    if keep.max_bytes is not None and not doomed.paths:
        _shrink(session, doomed, keep.max_bytes, batch)
    if keep.rows_age is not None and not doomed.paths:
        _remove_passages(session, doomed, now - keep.rows_age, batch)
    if keep.rows_age is not None and not doomed.more:
        _remove_openings(session, doomed, now - keep.rows_age, batch)
        _remove_decisions(session, doomed, now - keep.rows_age, batch)
    if keep.sessions_age is not None and not doomed.more:
        _remove_sessions(session, doomed, now - keep.sessions_age, batch)
    if keep.audit_age is not None and not doomed.more:
        _remove(session, doomed, StoredAudit, StoredAudit.at < now - keep.audit_age, batch)
    if not doomed.more:
        _remove_events(session, doomed, None if keep.events_age is None else now - keep.events_age, keep.max_events)
    return doomed


def evidence_bytes(session: Session) -> int:
    """Return the size in bytes of all pictures that rows name."""
    keyframes = session.scalar(select(func.sum(StoredKeyframe.bytes)).where(StoredKeyframe.path.is_not(None)))
    own = (
        select(func.sum(StoredCall.bytes))
        .outerjoin(StoredKeyframe, StoredKeyframe.id == StoredCall.keyframe_id)
        .where(StoredCall.path.is_not(None), StoredCall.path != func.coalesce(StoredKeyframe.path, ""))
    )
    return (keyframes or 0) + (session.scalar(own) or 0)


def _forget_pictures(session: Session, doomed: Doomed, before: datetime, batch: int) -> None:
    views = _settled_pictures().where(StoredKeyframe.passage_id <= _written_before(session, before)).limit(batch)
    _forget(session, doomed, [view.id for view in session.scalars(views)])
    by_hand = _pictures_by_hand().where(StoredCall.started_at < before).limit(batch)
    _forget_by_hand(session, doomed, [call.id for call in session.scalars(by_hand)])


def _shrink(session: Session, doomed: Doomed, max_bytes: int, batch: int) -> None:
    excess = evidence_bytes(session) - max_bytes
    views = [(v.captured_at, v.bytes, v.id, True) for v in session.scalars(_settled_pictures().limit(batch))]
    by_hand = [(c.started_at, c.bytes or 0, c.id, False) for c in session.scalars(_pictures_by_hand().limit(batch))]
    oldest: dict[bool, list[int]] = {True: [], False: []}
    for _, size, number, is_view in sorted(views + by_hand)[:batch]:
        if excess <= 0:
            break
        oldest[is_view].append(number)
        excess -= size
    _forget(session, doomed, oldest[True])
    _forget_by_hand(session, doomed, oldest[False])


def _written_before(session: Session, before: datetime) -> int:
    """Return the highest id of a passage that was written before that time by a plausible clock; 0 if there is none.

    Rows with lower ids are older, even if their clock was wrong.
    """
    newest = (
        select(StoredPassage.id)
        .where(StoredPassage.recorded_at < before, StoredPassage.recorded_at >= datetime.fromtimestamp(EARLIEST, UTC))
        .order_by(StoredPassage.recorded_at.desc(), StoredPassage.id.desc())
        .limit(1)
    )
    return session.scalar(newest) or 0


def _settled_pictures() -> Select[Any]:
    return (
        select(StoredKeyframe)
        .where(StoredKeyframe.path.is_not(None), StoredKeyframe.state.not_in(_UNSETTLED))
        .order_by(StoredKeyframe.captured_at, StoredKeyframe.id)
    )


def _pictures_by_hand() -> Select[Any]:
    return (
        select(StoredCall)
        .where(StoredCall.path.is_not(None), StoredCall.keyframe_id.is_(None))
        .order_by(StoredCall.started_at, StoredCall.id)
    )


def _forget(session: Session, doomed: Doomed, keyframes: Sequence[int]) -> None:
    """Make rows forget the pictures of keyframes, and the smaller copies that retries made."""
    touch(
        session, session.scalars(select(StoredKeyframe.passage_id).where(StoredKeyframe.id.in_(keyframes)).distinct())
    )
    for table, is_of in (
        (StoredKeyframe, StoredKeyframe.id.in_(keyframes)),
        (StoredCall, StoredCall.keyframe_id.in_(keyframes)),
    ):
        doomed.paths.update(path for path in session.scalars(select(table.path).where(is_of)) if path is not None)
        session.execute(update(table).where(is_of).values(path=None))


def _forget_by_hand(session: Session, doomed: Doomed, calls: Sequence[int]) -> None:
    is_one = StoredCall.id.in_(calls)
    doomed.paths.update(path for path in session.scalars(select(StoredCall.path).where(is_one)) if path is not None)
    session.execute(update(StoredCall).where(is_one).values(path=None))


def _remove_passages(session: Session, doomed: Doomed, before: datetime, batch: int) -> None:
    """Delete passages with their keyframes, readings and sightings. Calls stay; their keyframe becomes NULL."""
    written = StoredPassage.id <= _written_before(session, before)
    passages = list(session.scalars(_old_passages(before).where(written).limit(batch)))
    of_them = StoredKeyframe.passage_id.in_(passages)
    keyframes = list(session.scalars(select(StoredKeyframe.id).where(of_them)))
    _forget(session, doomed, keyframes)
    plates = set(session.scalars(select(StoredPassage.plate).where(StoredPassage.id.in_(passages))))
    plates |= set(session.scalars(select(StoredSighting.plate).where(StoredSighting.passage_id.in_(passages))))
    readings = select(StoredReading.id).where(StoredReading.keyframe_id.in_(keyframes))
    session.execute(delete(StoredCorrection).where(StoredCorrection.reading_id.in_(readings)))
    session.execute(delete(StoredReading).where(StoredReading.keyframe_id.in_(keyframes)))
    session.execute(delete(StoredSighting).where(StoredSighting.passage_id.in_(passages)))
    session.execute(delete(StoredKeyframe).where(of_them))
    session.execute(delete(StoredPassage).where(StoredPassage.id.in_(passages)))
    drop_unused(session, plates)
    doomed.rows += len(passages)


def _old_passages(before: datetime) -> Select[Any]:
    """Return the query for the old passages that may be deleted.

    An old passage stays if it has an unsettled keyframe or a younger sighting, or shows the sighting of another
    passage.
    """
    view, sighting = aliased(StoredKeyframe), aliased(StoredSighting)
    unsettled = exists().where(view.passage_id == StoredPassage.id, view.state.in_(_UNSETTLED))
    younger = exists().where(sighting.passage_id == StoredPassage.id, sighting.last_seen >= before)
    shown = exists().where(
        sighting.keyframe_id == view.id, view.passage_id == StoredPassage.id, sighting.passage_id != StoredPassage.id
    )
    return (
        select(StoredPassage.id)
        .where(StoredPassage.closed.is_(True), StoredPassage.last_seen < before, ~unsettled, ~younger, ~shown)
        .order_by(StoredPassage.opened_at, StoredPassage.id)
    )


def _remove_decisions(session: Session, doomed: Doomed, before: datetime, batch: int) -> None:
    """Delete decisions that were made before that time; their passages and openings may be there still."""
    table, plausible = StoredDecision, StoredDecision.decided_at >= datetime.fromtimestamp(EARLIEST, UTC)
    newest = session.scalar(select(func.max(table.id)).where(table.decided_at < before, plausible))
    _remove(session, doomed, table, table.id <= (newest or 0), batch)


def _remove_openings(session: Session, doomed: Doomed, before: datetime, batch: int) -> None:
    table, plausible = StoredOpening, StoredOpening.requested_at >= datetime.fromtimestamp(EARLIEST, UTC)
    newest = session.scalar(select(func.max(table.id)).where(table.requested_at < before, plausible))
    _remove(session, doomed, table, table.id <= (newest or 0), batch)


def _remove_sessions(session: Session, doomed: Doomed, before: datetime, batch: int) -> None:
    """Delete sessions that were last used before that time, and tokens that were revoked or have ended before it."""
    _remove(session, doomed, StoredSession, StoredSession.last_seen < before, batch)
    over = or_(StoredToken.revoked_at < before, StoredToken.ends_at < before)
    _remove(session, doomed, StoredToken, over, batch)


def _remove_events(session: Session, doomed: Doomed, before: datetime | None, most: int | None) -> None:
    """Delete events that were written before that time and that all receivers have, then the oldest beyond `most`."""
    if before is not None:
        reached = select(func.min(StoredReceiver.taken)).scalar_subquery()
        had = StoredEvent.id <= func.coalesce(reached, StoredEvent.id)
        doomed.others += _removed_events(session, select(StoredEvent.id).where(StoredEvent.recorded_at < before, had))
    excess = 0 if most is None else (session.scalar(select(func.count()).select_from(StoredEvent)) or 0) - most
    if excess <= 0:
        return
    upto = session.scalar(
        select(StoredEvent.id).order_by(StoredEvent.id).offset(min(excess, EVENTS_AT_ONCE) - 1).limit(1)
    )
    for receiver in session.scalars(select(StoredReceiver).where(StoredReceiver.taken < upto)):
        missed = select(func.count()).select_from(StoredEvent).where(StoredEvent.id.between(receiver.taken + 1, upto))
        lost = session.scalar(missed) or 0
        receiver.lost, receiver.taken = receiver.lost + lost, upto or 0
        doomed.undelivered += lost
    doomed.others += _removed_events(session, select(StoredEvent.id).where(StoredEvent.id <= upto))


def _removed_events(session: Session, which: Select[Any]) -> int:
    """Delete the first of these events, with their dead letters, and return how many were deleted."""
    numbers = list(session.scalars(which.order_by(StoredEvent.id).limit(EVENTS_AT_ONCE)))
    for at in range(0, len(numbers), 500):
        part = numbers[at : at + 500]
        session.execute(delete(StoredDeadLetter).where(StoredDeadLetter.event_id.in_(part)))
        session.execute(delete(StoredEvent).where(StoredEvent.id.in_(part)))
    return len(numbers)


def _remove(
    session: Session,
    doomed: Doomed,
    table: type[StoredSession | StoredToken | StoredAudit | StoredDecision | StoredOpening],
    condition: ColumnElement[bool],
    batch: int,
) -> None:
    """Delete the first `batch` rows for which the condition holds."""
    numbers = list(session.scalars(select(table.id).where(condition).order_by(table.id).limit(batch)))
    session.execute(delete(table).where(table.id.in_(numbers)))
    doomed.others += len(numbers)


def remove_files(data_dir: Path, paths: Iterable[str]) -> tuple[int, int]:
    """Delete files, and return how many were deleted and their bytes; warn about each that cannot be deleted."""
    files = size = 0
    for path in sorted(paths):
        target = data_dir / path
        try:
            length = target.stat().st_size
            target.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            log.warning("%s", file_failed(f"The picture {target}", error, "deleted"))
            continue
        files, size = files + 1, size + length
    return files, size


def next_folder(data_dir: Path, after: str, since: str) -> str | None:
    """Return the folder of one camera and day (`evidence/CAMERA/YYYY-MM-DD`) that follows another by name.

    since: a day, or empty; only later ones count.
    """
    days = (folder for folder in (data_dir / "evidence").glob("*/*") if day_of(folder.name) and folder.name > since)
    found = (str(folder.relative_to(data_dir)) for folder in days)
    return min((folder for folder in found if folder > after), default=None)


def orphans(session: Session, data_dir: Path, folder: str, now: datetime) -> list[str]:
    """Return the files of a folder that no row names and that are older than ORPHANED_AFTER, relative to data_dir."""
    lying = [f"{folder}/{name}" for name in _old_files(data_dir / folder, now.timestamp() - ORPHANED_AFTER)]
    named = _named(session, day_of(Path(folder).name) or now) if lying else set()
    return [path for path in lying if path not in named]


def remove_if_empty(folder: Path, now: datetime) -> None:
    """Remove the folder of a past day that has become empty."""
    day = day_of(folder.name)
    if day is not None and day + timedelta(days=2) < now:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _old_files(folder: Path, before: float) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(e.name for e in entries if e.is_file(follow_symlinks=False) and e.stat().st_mtime < before)
    except OSError as error:
        raise file_failed(f"The folder {folder}", error, "read") from None


def _named(session: Session, day: datetime) -> set[str]:
    """Return the pictures that rows name in the folders of one day, of all cameras."""
    until = day + timedelta(days=1)
    views = and_(StoredKeyframe.captured_at >= day, StoredKeyframe.captured_at < until)
    by_hand = and_(StoredCall.keyframe_id.is_(None), StoredCall.started_at >= day, StoredCall.started_at < until)
    retries = select(StoredCall.path).join(StoredKeyframe, StoredKeyframe.id == StoredCall.keyframe_id).where(views)
    queries = (select(StoredKeyframe.path).where(views), retries, select(StoredCall.path).where(by_hand))
    return {path for query in queries for path in session.scalars(query) if path is not None}


class Retention:
    """Deletes rows, and makes rows forget pictures; the files are deleted by `EvidenceFiles`."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def evidence_bytes(self) -> int:
        """Return the size in bytes of all pictures that are kept."""
        with self._writer.transaction() as session:
            return evidence_bytes(session)

    def retain(self, now: datetime, keep: Keep, batch: int = 200) -> Doomed:
        """Make rows forget one batch of what exceeds the limits, and return the files, which the caller then deletes.

        Repeat the call while it returns anything. batch: the largest number of keyframes, calls or passages in one
        short transaction.
        """
        with self._writer.transaction() as session:
            return step(session, now, keep, batch)
