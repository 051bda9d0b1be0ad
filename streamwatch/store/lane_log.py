"""Decisions and openings as people and programs look at them: with picture, holder, and what followed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.orm import Session

from streamwatch.core.codes import (
    Answer,
    DecisionReason,
    OpeningCause,
    OpeningState,
    PermitKind,
    Verdict,
    Way,
    WithheldReason,
)
from streamwatch.core.model import Box, Engine, FrameCorners, JpegCorners
from streamwatch.imaging.corners import in_jpeg
from streamwatch.store.evidence import read_picture
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.log_reader import LogPage, Scope
from streamwatch.store.passage_reader import KeyframePicture
from streamwatch.store.rows import corners_of
from streamwatch.store.search import Key, parse_key
from streamwatch.store.tables import (
    StoredDecision,
    StoredKeyframe,
    StoredOpening,
    StoredPassage,
    StoredPermit,
    StoredReading,
    UtcDateTime,
)


@dataclass(frozen=True, slots=True)
class HolderRow:
    """The permit that a decision rests on, or that may have been meant, as lists show it."""

    key: str
    kind: PermitKind
    holder: str
    group: str
    note: str
    valid_from: datetime | None
    valid_until: datetime | None


@dataclass(frozen=True, slots=True)
class NearPlate:
    """A plate that may have been meant. distance: see `core.plates.distance`. holder: None if its permit is gone."""

    plate: str
    distance: float
    holder: HolderRow | None = None


@dataclass(frozen=True, slots=True)
class LaneOpening:
    """An opening of a barrier. decision: id of the one that it follows; None: none. See the columns of `openings`."""

    id: int
    lane: str
    barrier: str
    decision: int | None
    cause: OpeningCause
    who: str
    note: str
    requested_at: datetime
    state: OpeningState
    reason: WithheldReason
    ended_at: datetime | None
    detail: str


@dataclass(frozen=True, slots=True)
class LaneDecision:
    """A decision with all that is shown of it. See the columns of `decisions`.

    passage, keyframe: ids; None once they were deleted, and passage_key, keyframe_key "" then. picture: True if the
    JPEG that it rests on is still kept. corners: of the plate in that JPEG, None if unknown. kind: the grammar's name
    for the form of the plate. openings: what followed, the oldest first.
    """

    id: int
    key: str
    lane: str
    camera: str
    sighting: str
    passage: int | None
    keyframe: int | None
    passage_key: str
    keyframe_key: str
    picture: bool
    corners: JpegCorners | None
    plate: str
    kind: str
    confidence: float | None
    engine: Engine
    price: float
    verdict: Verdict
    reason: DecisionReason
    warnings: tuple[DecisionReason, ...]
    permit: HolderRow | None
    permit_plate: str
    near: tuple[NearPlate, ...]
    captured_at: datetime
    decided_at: datetime
    revised: int
    answer: Answer | None
    answered_by: str
    answered_at: datetime | None
    answer_plate: str
    way: Way
    passed_at: datetime | None
    clock_trusted: bool
    openings: tuple[LaneOpening, ...] = ()


@dataclass(frozen=True, slots=True)
class DecisionState:
    """What of a decision can change. See the columns of `decisions`."""

    id: int
    revised: int
    answer: Answer | None
    captured_at: datetime
    permit: int | None


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """What is asked for; one that is left out is no condition. since, until: of `decided_at`, aware, both included.

    permit: id of the one that it rests on.
    """

    lanes: frozenset[str] = frozenset()
    cameras: frozenset[str] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()
    reasons: frozenset[DecisionReason] = frozenset()
    plate: str | None = None
    permit: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    unanswered: bool = False


class LaneLog:
    """Reads decisions and openings; a part of `DatabaseReader`. scope: the cameras that may be seen; None: all."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName, data_dir: Path) -> None:
        self._engine, self._place, self._data_dir = engine, place, data_dir

    def find(
        self, wanted: DecisionFilter, scope: Scope = None, after: str | None = None, limit: int = 50
    ) -> LogPage[LaneDecision]:
        """Return a page of decisions, newest first. after: the key of the page before; ValueError for another text."""
        table = StoredDecision
        query = _narrowed(wanted, scope)
        if after is not None:
            key = parse_key(after)
            query = query.where(tuple_(table.decided_at, table.id) < tuple_(literal(key.at, UtcDateTime), key.id))
        query = query.order_by(table.decided_at.desc(), table.id.desc()).limit(limit + 1)
        with self._session() as session:
            found = session.scalars(query).all()
            rows = _rows(session, found[:limit])
        more = len(found) > limit
        return LogPage(tuple(rows), str(Key(0, found[limit - 1].decided_at, found[limit - 1].id)) if more else None)

    def one(self, number: int, scope: Scope = None) -> LaneDecision | None:
        """Return the decision with that id; None if there is none."""
        query = _narrowed(DecisionFilter(), scope).where(StoredDecision.id == number)
        with self._session() as session:
            return next(iter(_rows(session, session.scalars(query).all())), None)

    def of_passages(self, passages: Sequence[int], scope: Scope = None) -> dict[int, tuple[LaneDecision, ...]]:
        """Return the decisions of passages (ids) that have some, each with the oldest first."""
        query = _narrowed(DecisionFilter(), scope).where(StoredDecision.passage_id.in_(passages))
        with self._session() as session:
            rows = _rows(session, session.scalars(query.order_by(StoredDecision.decided_at, StoredDecision.id)).all())
        found: dict[int, tuple[LaneDecision, ...]] = defaultdict(tuple)
        for row in rows:
            if row.passage is not None:
                found[row.passage] += (row,)
        return dict(found)

    def openings_by_hand(self, lane: str, limit: int) -> tuple[LaneOpening, ...]:
        """Return the last openings of a lane that follow no decision, the newest first."""
        table = StoredOpening
        query = select(table).where(table.lane == lane, table.decision_id.is_(None))
        with self._session() as session:
            found = session.scalars(query.order_by(table.requested_at.desc(), table.id.desc()).limit(limit))
            return tuple(_opening(row) for row in found)

    def state(self, lane: str) -> tuple[tuple[DecisionState, ...], tuple[tuple[Any, ...], ...]]:
        """Return the state of the last few decisions and openings of a lane; older ones do not change any more."""
        decision, opening = StoredDecision, StoredOpening
        decisions = (
            select(decision.id, decision.revised, decision.answer, decision.captured_at, decision.permit_id)
            .where(decision.lane == lane)
            .order_by(decision.decided_at.desc(), decision.id.desc())
            .limit(_WATCHED)
        )
        openings = (
            select(opening.id, opening.state)
            .where(opening.lane == lane)
            .order_by(opening.requested_at.desc(), opening.id.desc())
            .limit(_WATCHED)
        )
        with self._session() as session:
            return (
                tuple(DecisionState(*row) for row in session.execute(decisions)),
                tuple(tuple(row) for row in session.execute(openings)),
            )

    def by_keys(self, keys: Sequence[str], scope: Scope = None) -> dict[str, LaneDecision]:
        """Return the decisions with these keys, by key."""
        query = _narrowed(DecisionFilter(), scope).where(StoredDecision.key.in_(keys))
        with self._session() as session:
            return {row.key: row for row in _rows(session, session.scalars(query).all())}

    def picture(self, number: int, scope: Scope = None) -> KeyframePicture | None:
        """Return the JPEG that a decision (id) rests on, with the place of the plate that it is about.

        None if there is no such decision, or its picture was deleted. Raise StoreError if the file is gone or is not
        the one that was stored, or StorageFailed.
        """
        query = _narrowed(DecisionFilter(), scope).where(StoredDecision.id == number)
        with self._session() as session:
            decision = session.scalar(query)
            if decision is None or decision.keyframe_id is None:
                return None
            view = session.get_one(StoredKeyframe, decision.keyframe_id)
            (row,) = _rows(session, [decision])
            if view.path is None:
                return None
            path, digest = view.path, view.sha256
            picture = KeyframePicture(b"", view.camera, view.captured_at, row.corners)
        return replace(picture, jpeg=read_picture(self._data_dir, path, digest))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with translated(self._place), Session(self._engine) as session:
            yield session


_WATCHED = 12
"""The last rows of a lane whose changes are noticed."""


def _narrowed(wanted: DecisionFilter, scope: Scope) -> Select[StoredDecision]:
    table = StoredDecision
    query = select(table)
    for cameras in (wanted.cameras or None, scope):
        if cameras is not None:
            query = query.where(table.camera.in_(cameras))
    if wanted.lanes:
        query = query.where(table.lane.in_(wanted.lanes))
    if wanted.verdicts:
        query = query.where(table.verdict.in_(wanted.verdicts))
    if wanted.reasons:
        query = query.where(table.reason.in_(wanted.reasons))
    if wanted.plate is not None:
        query = query.where(table.plate == wanted.plate)
    if wanted.permit is not None:
        query = query.where(table.permit_id == wanted.permit)
    if wanted.since is not None:
        query = query.where(table.decided_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.decided_at <= wanted.until)
    if wanted.unanswered:
        query = query.where(table.answer.is_(None))
    return query


def _rows(session: Session, decisions: Sequence[StoredDecision]) -> list[LaneDecision]:
    """Return decisions with their permits, pictures and openings, in the same order."""
    if not decisions:
        return []
    views = {
        view.id: view
        for view in session.scalars(
            select(StoredKeyframe).where(StoredKeyframe.id.in_({row.keyframe_id for row in decisions} - {None}))
        )
    }
    of_passages = select(StoredPassage.id, StoredPassage.key).where(
        StoredPassage.id.in_({row.passage_id for row in decisions} - {None})
    )
    passages = {number: key for number, key in session.execute(of_passages)}  # noqa: C416 - dict() takes it for a mapping
    readings = {
        reading.key: reading
        for reading in session.scalars(
            select(StoredReading).where(StoredReading.key.in_({row.reading_key for row in decisions}))
        )
    }
    near = {str(one.get("permit")) for row in decisions for one in row.near}
    wanted = StoredPermit.id.in_({row.permit_id for row in decisions} - {None}) | StoredPermit.key.in_(near)
    permits = list(session.scalars(select(StoredPermit).where(wanted)))
    by_id, by_key = {one.id: one for one in permits}, {one.key: one for one in permits}
    openings: dict[int | None, tuple[LaneOpening, ...]] = defaultdict(tuple)
    followed = select(StoredOpening).where(StoredOpening.decision_id.in_([row.id for row in decisions]))
    for opening in session.scalars(followed.order_by(StoredOpening.requested_at, StoredOpening.id)):
        openings[opening.decision_id] += (_opening(opening),)
    return [
        _row(
            row,
            "" if row.passage_id is None else passages.get(row.passage_id, ""),
            None if row.keyframe_id is None else views.get(row.keyframe_id),
            readings.get(row.reading_key),
            None if row.permit_id is None else by_id.get(row.permit_id),
            by_key,
            openings[row.id],
        )
        for row in decisions
    ]


def _row(
    row: StoredDecision,
    passage: str,
    view: StoredKeyframe | None,
    reading: StoredReading | None,
    permit: StoredPermit | None,
    permits: dict[str, StoredPermit],
    openings: tuple[LaneOpening, ...],
) -> LaneDecision:
    corners = None
    if view is not None and reading is not None and reading.keyframe_id == view.id:
        place = corners_of(reading.corners)
        box = Box(view.crop_x, view.crop_y, view.crop_width, view.crop_height)
        corners = None if place is None else in_jpeg(FrameCorners(place), box, view.scale)
    return LaneDecision(
        id=row.id,
        key=row.key,
        lane=row.lane,
        camera=row.camera,
        sighting=row.sighting_key,
        passage=row.passage_id,
        keyframe=row.keyframe_id,
        passage_key=passage,
        keyframe_key="" if view is None else view.key,
        picture=view is not None and view.path is not None,
        corners=corners,
        plate=row.plate,
        kind="" if reading is None else reading.kind,
        confidence=row.confidence,
        engine=row.engine,
        price=row.price,
        verdict=row.verdict,
        reason=row.reason,
        warnings=tuple(DecisionReason(code) for code in row.warnings if code in set(DecisionReason)),
        permit=None if permit is None else _holder(permit),
        permit_plate=row.permit_plate,
        near=tuple(_near(one, permits) for one in row.near),
        captured_at=row.captured_at,
        decided_at=row.decided_at,
        revised=row.revised,
        answer=row.answer,
        answered_by=row.answered_by,
        answered_at=row.answered_at,
        answer_plate=row.answer_plate,
        way=row.way,
        passed_at=row.passed_at,
        clock_trusted=row.clock_trusted,
        openings=openings,
    )


def _near(one: dict[str, Any], permits: dict[str, StoredPermit]) -> NearPlate:
    permit = permits.get(str(one.get("permit")))
    return NearPlate(str(one["plate"]), float(one["distance"]), None if permit is None else _holder(permit))


def _holder(permit: StoredPermit) -> HolderRow:
    return HolderRow(
        key=permit.key,
        kind=permit.kind,
        holder=permit.holder,
        group=permit.group_name,
        note=permit.note,
        valid_from=permit.valid_from,
        valid_until=permit.valid_until,
    )


def _opening(row: StoredOpening) -> LaneOpening:
    return LaneOpening(
        id=row.id,
        lane=row.lane,
        barrier=row.barrier,
        decision=row.decision_id,
        cause=row.cause,
        who=row.who,
        note=row.note,
        requested_at=row.requested_at,
        state=row.state,
        reason=row.reason,
        ended_at=row.ended_at,
        detail=row.detail,
    )
