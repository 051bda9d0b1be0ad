"""Reads past decisions: counts of them, what was decided of each sighting, and which vehicles are inside."""

from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from streamwatch.core.codes import Answer, DecisionReason, Verdict, Way
from streamwatch.core.model import Engine
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.tables import StoredDecision, StoredKeyframe, StoredPermit, StoredSighting


@dataclass(frozen=True, slots=True)
class PastDecision:
    """The outcome of a decision. permit: the key of the one that it rests on; None: none. See the table `decisions`."""

    verdict: Verdict
    reason: DecisionReason
    answer: Answer | None
    permit: str | None
    passed_at: datetime | None


@dataclass(frozen=True, slots=True)
class InsideRow:
    """A vehicle that is inside. since: when it was let in. decision: key of the decision by which it came."""

    plate: str
    lane: str
    since: datetime
    decision: str
    permit: str | None


@dataclass(frozen=True, slots=True)
class SeenRow:
    """A sighting that engines read, and what was decided of it then. decision: None if nothing was.

    confidence, at: of the reading that was decided on; without a decision of the best one. at: aware capture time.
    """

    id: int
    sighting: str
    camera: str
    plate: str
    confidence: float | None
    at: datetime
    clock_trusted: bool
    decision: PastDecision | None


class DecisionReader:
    """Reads decisions; a part of `DatabaseReader`. Pages have a richer one: `LaneLog`."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName) -> None:
        self._engine, self._place = engine, place

    def verdicts(self, since: datetime, until: datetime) -> Counter[Verdict]:
        """Return how many decisions of [since, until), by the time of their pictures, said each verdict."""
        at, verdict = StoredDecision.captured_at, StoredDecision.verdict
        query = select(verdict, func.count()).where(at >= since, at < until).group_by(verdict)
        with self._session() as session:
            return Counter(dict(row.tuple() for row in session.execute(query)))

    def inside(self) -> list[InsideRow]:
        """Return the vehicles that are inside, the one that came first before the others."""
        table = StoredDecision
        query = (
            select(table.passed_plate, table.lane, table.passed_at, table.key, StoredPermit.key)
            .outerjoin(StoredPermit, StoredPermit.id == table.permit_id)
            .where(table.inside)
            .order_by(table.passed_at, table.id)
        )
        with self._session() as session:
            return [
                InsideRow(plate, lane, at, key, permit)
                for plate, lane, at, key, permit in session.execute(query)
                if plate is not None and at is not None
            ]

    def number_inside(self) -> int:
        """Return how many vehicles are inside."""
        with self._session() as session:
            return session.scalar(select(func.count()).select_from(StoredDecision).where(StoredDecision.inside)) or 0

    def seen(self, since: datetime, until: datetime, cameras: Collection[str]) -> list[SeenRow]:
        """Return the sightings of cameras that began in [since, until), the oldest first, without those typed by hand.

        Of a sighting with decisions at several lanes, which were renamed meanwhile, the last one counts.
        """
        query = (
            select(
                StoredSighting,
                StoredKeyframe.captured_at,
                StoredKeyframe.clock_trusted,
                StoredDecision,
                StoredPermit.key,
            )
            .join(StoredKeyframe, StoredKeyframe.id == StoredSighting.keyframe_id)
            .outerjoin(StoredDecision, StoredDecision.sighting_key == StoredSighting.key)
            .outerjoin(StoredPermit, StoredPermit.id == StoredDecision.permit_id)
            .where(StoredSighting.first_seen >= since, StoredSighting.first_seen < until)
            .where(StoredSighting.camera.in_(cameras), StoredSighting.engine != Engine.OPERATOR)
            .order_by(StoredSighting.first_seen, StoredSighting.id, StoredDecision.id)
        )
        found: dict[str, SeenRow] = {}
        with self._session() as session:
            for row, at, trusted, decided, permit in session.execute(query):
                best = row if decided is None else decided
                when, sure = (at, trusted) if decided is None else (decided.captured_at, decided.clock_trusted)
                outcome = None if decided is None else _outcome(decided, permit)
                found[row.key] = SeenRow(row.id, row.key, row.camera, best.plate, best.confidence, when, sure, outcome)
        return list(found.values())

    def inside_at(self, at: datetime) -> frozenset[str]:
        """Return the plates of the vehicles that were inside at a time, as far as they passed lanes in or out."""
        table, later = StoredDecision, aliased(StoredDecision)
        after = exists().where(
            later.passed_plate == table.passed_plate, later.passed_at > table.passed_at, later.passed_at < at
        )
        query = select(table.passed_plate).where(table.passed_at < at, table.way == Way.IN, ~after)
        with self._session() as session:
            return frozenset(plate for plate in session.scalars(query) if plate is not None)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with translated(self._place), Session(self._engine) as session:
            yield session


def _outcome(row: StoredDecision, permit: str | None) -> PastDecision:
    return PastDecision(row.verdict, row.reason, row.answer, permit, row.passed_at)
