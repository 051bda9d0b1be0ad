"""Read-only access to the database, for people and pages."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import sqlalchemy
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import Engine, PlateText
from streamwatch.store import database, ledger, retention
from streamwatch.store.account_reader import AccountReader
from streamwatch.store.audit_log import AuditReader
from streamwatch.store.decision_reader import DecisionReader
from streamwatch.store.event_reader import EventReader
from streamwatch.store.evidence import read_picture
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.lane_log import LaneLog
from streamwatch.store.ledger import CallsReport, NotCalledRow
from streamwatch.store.log_reader import LogReader
from streamwatch.store.passage_reader import PassageReader
from streamwatch.store.permit_reader import PermitReader
from streamwatch.store.rows import plates_of
from streamwatch.store.search import Key, Search, count, walk
from streamwatch.store.sighting_rows import SightingRow, sighting_row, sighting_rows
from streamwatch.store.statistics import Statistics
from streamwatch.store.tables import StoredCall, StoredKeyframe, StoredPassage, StoredSighting

EVERYTHING = Search()

PAGE = 10_000
"""Sightings in one page: about 10 MB. The database may have to sort all matching sightings for each page."""


@dataclass(frozen=True, slots=True)
class PaidAnswer:
    """An answer of the paid service to a picture that is still kept.

    captured_at: aware UTC. image: absolute path of the JPEG that was sent. plates: as the service returned them; empty
    for no plate.
    """

    camera: str
    captured_at: datetime
    image: Path
    sha256: str
    plates: tuple[PlateText, ...]


class DatabaseReader:
    """Reads the database and cannot change it; made by `open_reader`. Threads may share it.

    passages: its part for visits of vehicles. log: its part for lists, page by page. lanes: decisions and openings.
    accounts, audit: the parts for users, sessions and tokens, and for the audit log. permits: the part for permits.
    decisions: the part for past decisions. events: what the outside is told.
    """

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName, data_dir: Path) -> None:
        self._engine = engine
        self._place = place
        self._data_dir = data_dir.absolute()
        self.statistics = Statistics(engine, place)
        self.accounts = AccountReader(engine, place)
        self.audit = AuditReader(engine, place)
        self.decisions = DecisionReader(engine, place)
        self.permits = PermitReader(engine, place)
        self.events = EventReader(engine, place)
        self.passages = PassageReader(engine, place, self._data_dir)
        self.log = LogReader(engine, place, self._data_dir, self.passages)
        self.lanes = LaneLog(engine, place, self._data_dir)

    def close(self) -> None:
        """Close the database. A second call does nothing."""
        self._engine.dispose()

    def sightings(
        self,
        plate_glob: str | None = None,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        *,
        search: Search = EVERYTHING,
        scope: frozenset[str] | None = None,
    ) -> list[SightingRow]:
        """Return sightings, newest first; look-alikes after what is the same.

        plate_glob: `*` stands for any text and `?` for one character of the normalised plate; letter case is ignored.
        since, until: aware; a sighting counts when any part of [first_seen, last_seen] lies between them, both ends
        included. limit: the largest number of sightings. search: more conditions. scope: cameras that may be seen.
        """
        return list(self.each_sighting(plate_glob, camera, since, until, limit, search=search, scope=scope))

    def each_sighting(
        self,
        plate_glob: str | None = None,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        *,
        search: Search = EVERYTHING,
        scope: frozenset[str] | None = None,
    ) -> Iterator[SightingRow]:
        """Yield the sightings that `sightings` returns, one after the other.

        Each page is read in its own transaction, so that a slow caller blocks nothing in the database, and memory holds
        only one page. Sightings that are logged meanwhile are left out, because they are newer.
        """
        search = _narrowed(search, plate_glob, camera, since, until)
        after: Key | None = None
        while limit is None or limit > 0:
            most = PAGE if limit is None else min(limit, PAGE)
            with translated(self._place), Session(self._engine) as session:
                found = walk(session, StoredSighting, search, scope, after, most, sighting_rows())
                page = [(tier, sighting_row(row, path, self._data_dir)) for tier, (row, path) in found]
            yield from (row for _, row in page)
            if len(page) < most:
                return
            limit = None if limit is None else limit - most
            tier, last = page[-1]
            after = Key(tier.number, last.first_seen, last.id)

    def count_sightings(
        self,
        plate_glob: str | None = None,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        search: Search = EVERYTHING,
        scope: frozenset[str] | None = None,
        most: int | None = None,
    ) -> int:
        """Return the number of sightings that `sightings` returns without a limit, at most `most`."""
        with translated(self._place), Session(self._engine) as session:
            return count(session, StoredSighting, _narrowed(search, plate_glob, camera, since, until), scope, most)

    def sighting(self, number: int, scope: frozenset[str] | None = None) -> SightingRow | None:
        """Return the sighting with that id; None if there is none."""
        query = sighting_rows()
        if scope is not None:
            query = query.where(StoredSighting.camera.in_(scope))
        with translated(self._place), Session(self._engine) as session:
            found = session.execute(query.where(StoredSighting.id == number)).first()
            return None if found is None else sighting_row(found[0], found[1], self._data_dir)

    def knows_camera(self, camera: str) -> bool:
        """Return True if the database holds a passage or a call of a camera with this name."""
        seen = exists().where(StoredPassage.camera == camera) | exists().where(StoredCall.camera == camera)
        with translated(self._place), Session(self._engine) as session:
            return bool(session.scalar(select(seen)))

    def spent(self, since: datetime, camera: str | None = None) -> int:
        """Return the charge units since then, for one camera or (None) for all.

        A call that may be charged counts as at least 1.
        """
        with translated(self._place), Session(self._engine) as session:
            return ledger.spent(session, since, camera)

    def calls_report(self, since: datetime, until: datetime) -> CallsReport:
        """Return the calls started at `since` or later and before `until`, by camera and day of local time."""
        with translated(self._place), Session(self._engine) as session:
            return ledger.calls_report(session, since, until)

    def first_use(self) -> datetime | None:
        """Return the time when the first passage or call was written by a trusted clock; None if there is none."""
        with translated(self._place), Session(self._engine) as session:
            return ledger.first_use(session)

    def not_called(self, since: datetime, until: datetime) -> list[NotCalledRow]:
        """Count the keyframes of [since, until) that cost nothing, by camera, state and reason."""
        with translated(self._place), Session(self._engine) as session:
            return ledger.not_called(session, since, until)

    def paid_answers(
        self,
        camera: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> list[PaidAnswer]:
        """Return the answers of the service to pictures that are still kept, the newest capture first.

        since, until: aware times of capture, both ends included. If a smaller copy was sent, `image` is that copy.
        """
        query = (
            select(StoredCall, StoredKeyframe.captured_at)
            .join(StoredKeyframe, StoredKeyframe.id == StoredCall.keyframe_id)
            .where(
                StoredCall.engine == Engine.OCRCARS, StoredCall.outcome.in_((CallOutcome.READ, CallOutcome.NO_PLATE))
            )
            .where(StoredCall.path.is_not(None))
            .order_by(StoredKeyframe.captured_at.desc(), StoredCall.id.desc())
            .limit(limit)
        )
        if camera is not None:
            query = query.where(StoredCall.camera == camera)
        if since is not None:
            query = query.where(StoredKeyframe.captured_at >= since)
        if until is not None:
            query = query.where(StoredKeyframe.captured_at <= until)
        with translated(self._place), Session(self._engine) as session:
            answers = (self._answer(call, at) for call, at in session.execute(query))
            return [answer for answer in answers if answer is not None]

    def picture(self, answer: PaidAnswer) -> bytes:
        """Return the JPEG. Raise StoreError if it is gone or is not the one that was sent, or StorageFailed."""
        return read_picture(self._data_dir, str(answer.image), answer.sha256)

    def evidence_bytes(self) -> int:
        """Return the size in bytes of all pictures that are kept."""
        with translated(self._place), Session(self._engine) as session:
            return retention.evidence_bytes(session)

    def _answer(self, call: StoredCall, captured_at: datetime) -> PaidAnswer | None:
        assert call.path is not None
        image, plates = self._data_dir / call.path, plates_of(call.answer or [])
        return plates if plates is None else PaidAnswer(call.camera or "", captured_at, image, call.sha256, plates)


def open_reader(url: str, data_dir: Path) -> DatabaseReader:
    """Open the database read-only. Nothing is made or migrated.

    url: of SQLite or PostgreSQL. data_dir: the folder that holds `evidence/`. Raise StoreError if there is no database
    yet or its schema is older than this program's, and DatabaseUnusable or StorageFailed.
    """
    engine, place = database.open_read_only(url)
    return DatabaseReader(engine, place, data_dir)


def _narrowed(
    search: Search, plate: str | None, camera: str | None, since: datetime | None, until: datetime | None
) -> Search:
    """Return a search with the conditions that are given besides."""
    return replace(
        search,
        plate=search.plate if plate is None else plate,
        cameras=search.cameras if camera is None else frozenset({camera}),
        since=search.since if since is None else since,
        until=search.until if until is None else until,
    )
