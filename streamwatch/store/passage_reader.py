"""Passages for people: found, counted, looked at one by one, and what has changed among them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from streamwatch.core.codes import CallOutcome, StateReason, Verdict, ViewReason
from streamwatch.core.model import Box, Direction, Engine, FrameCorners, JpegCorners
from streamwatch.core.plates import unlikeness
from streamwatch.imaging.corners import in_jpeg
from streamwatch.store import search as searching
from streamwatch.store.best_plate import PassagePlate, best_plates
from streamwatch.store.evidence import read_picture
from streamwatch.store.failures import DatabaseName, translated
from streamwatch.store.neighbours import neighbours
from streamwatch.store.rows import corners_of
from streamwatch.store.search import Key, Search, Tier
from streamwatch.store.tables import (
    KeyframeState,
    PassageOutcome,
    StoredCall,
    StoredCorrection,
    StoredDecision,
    StoredIdentity,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
)

EARLIER = 20
"""Earlier visits of a vehicle that a passage's page shows."""


@dataclass(frozen=True, slots=True)
class PassageRow:
    """A passage as lists show it: one visit of a vehicle.

    revision: grows with each change. plate: None if nothing was read; without a `sighting` if it could not be believed.
    engine: of the plate; OPERATOR without a plate: a person saw none. keyframe: id of the one that the plate was read
    from, or the best view; None if there is none. picture: True if the JPEG of that keyframe is still kept. path: of
    that JPEG below the data folder; None if it was deleted. corners: of
    the plate in that JPEG, None if unknown. difference: distance to the plate that was looked for, 0 if it is the
    same; unlike: places (from 0) of the plate's characters that differ from it. verdict: of the last decision on the
    vehicle; None if there is none.
    """

    id: int
    key: str
    camera: str
    opened_at: datetime
    last_seen: datetime
    closed: bool
    direction: Direction
    outcome: PassageOutcome
    revision: int
    engine: Engine | None
    plate: PassagePlate | None
    keyframe: int | None
    picture: bool
    corners: JpegCorners | None
    clock_trusted: bool = True
    path: str | None = None
    difference: float = 0.0
    unlike: tuple[int, ...] = ()
    verdict: Verdict | None = None

    @property
    def place(self) -> str:
        """The key from which a page goes on after this passage, in a search without look-alikes."""
        return str(Key(0, self.opened_at, self.id))


@dataclass(frozen=True, slots=True)
class PassagePage:
    """Some passages, and the key from which the next page goes on; None if there are no more."""

    rows: tuple[PassageRow, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class KeyframeRow:
    """A keyframe of a passage. Sizes in pixels.

    picture: True if its JPEG is still kept. path: of the JPEG below the data folder; None if it was deleted.
    """

    id: int
    key: str
    captured_at: datetime
    width: int
    height: int
    crop: Box
    scale: float
    score: float
    reason: ViewReason
    state: KeyframeState
    state_reason: StateReason
    bytes: int
    picture: bool
    passage: int
    camera: str
    path: str | None


@dataclass(frozen=True, slots=True)
class ReadingRow:
    """A reading of a passage.

    keyframe, call, sighting: ids; None: no call was paid, no sighting came of it. corners: in pixels of the keyframe's
    JPEG. operator, typed_at: who typed it and when; empty and None for an engine.
    """

    id: int
    key: str
    keyframe: int
    call: int | None
    sighting: int | None
    engine: Engine
    raw: str
    plate: str
    kind: str
    repaired: bool
    confidence: float | None
    corners: JpegCorners | None
    operator: str = ""
    typed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call that was made for a passage. keyframe: id. outcome: None while it is in flight. latency: seconds."""

    id: int
    keyframe: int | None
    camera: str | None
    engine: Engine
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    outcome: CallOutcome | None
    charged: bool | None
    fee: int
    latency: float | None
    error: str
    answer: Any


@dataclass(frozen=True, slots=True)
class PassageDetail:
    """All of one passage. Each list is in the order of time, but `earlier`, which is newest first.

    earlier: at most EARLIER visits of the same plate before this one; visits: how many there are, at most 1,000.
    newer, older: ids of the next and the previous passage that may be seen, of any camera.
    """

    row: PassageRow
    keyframes: tuple[KeyframeRow, ...]
    readings: tuple[ReadingRow, ...]
    calls: tuple[CallRow, ...]
    earlier: tuple[PassageRow, ...]
    visits: int
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class KeyframePicture:
    """The JPEG of a keyframe. plate: corners of the passage's plate if it was read from this keyframe.

    plates: corners of all plates that were read from it; empty if the place of one is unknown.
    """

    jpeg: bytes
    camera: str
    captured_at: datetime
    plate: JpegCorners | None
    plates: tuple[JpegCorners, ...] = ()


class PassageReader:
    """Reads passages; a part of `DatabaseReader`. scope: the cameras that may be seen; None: all."""

    def __init__(self, engine: sqlalchemy.Engine, place: DatabaseName, data_dir: Path) -> None:
        self._engine, self._place, self._data_dir = engine, place, data_dir

    def find(
        self, search: Search, scope: frozenset[str] | None = None, after: str | None = None, limit: int = 50
    ) -> PassagePage:
        """Return a page of the passages that a search finds, newest first; look-alikes after what is the same.

        after: the key of the page before. Raise ValueError, with a sentence, for another text.
        """
        key = None if after is None else searching.parse_key(after)
        with self._session() as session:
            found = list(searching.walk(session, StoredPassage, search, scope, key, limit + 1, select(StoredPassage)))
            shown = found[:limit]
            rows = _rows(session, [row for _, (row,) in shown])
        if search.like and search.text:
            rows = [_compared(row, search.text) for row in rows]
        end = _key(*shown[-1]) if len(found) > limit and shown else None
        return PassagePage(tuple(rows), end)

    def count(self, search: Search, scope: frozenset[str] | None = None, most: int = 1000) -> int:
        """Return the number of passages that a search finds, at most `most`."""
        with self._session() as session:
            return searching.count(session, StoredPassage, search, scope, most)

    def row(self, passage: int, scope: frozenset[str] | None = None) -> PassageRow | None:
        """Return one passage (id); None if there is none."""
        with self._session() as session:
            return next(iter(_rows(session, _one(session, passage, scope))), None)

    def detail(self, passage: int, scope: frozenset[str] | None = None) -> PassageDetail | None:
        """Return all of one passage (id); None if there is none."""
        with self._session() as session:
            found = _one(session, passage, scope)
            return _detail(session, found[0], scope) if found else None

    def beside(
        self, passage: int, search: Search, scope: frozenset[str] | None = None
    ) -> tuple[int | None, int | None]:
        """Return the ids of the next newer and the next older passage of those that a search finds."""
        with self._session() as session:
            found = _one(session, passage, scope)
            return neighbours(session, found[0], search, scope) if found else (None, None)

    def changed_since(
        self, revision: int, scope: frozenset[str] | None = None, limit: int = 100
    ) -> tuple[PassageRow, ...]:
        """Return the passages with a higher revision, lowest revision first."""
        query = select(StoredPassage).where(StoredPassage.revision > revision, *_visible(scope))
        with self._session() as session:
            found = session.scalars(query.order_by(StoredPassage.revision).limit(limit)).all()
            return tuple(_rows(session, found))

    def last_revision(self) -> int:
        """Return the highest revision that was ever given."""
        with self._session() as session:
            return session.scalar(select(StoredIdentity.revision)) or 0

    def picture(self, keyframe: int, scope: frozenset[str] | None = None) -> KeyframePicture | None:
        """Return the JPEG of a keyframe (id); None if there is no such keyframe or its picture was deleted.

        Raise StoreError if the file is gone or is not the one that was stored, or StorageFailed.
        """
        query = select(StoredKeyframe).where(StoredKeyframe.id == keyframe)
        if scope is not None:
            query = query.where(StoredKeyframe.camera.in_(scope))
        with self._session() as session:
            row = session.scalar(query)
            if row is None or row.path is None:
                return None
            plate = best_plates(session, [row.passage_id]).get(row.passage_id)
            corners = plate.corners if plate is not None and plate.keyframe == row.id else None
            path, digest = row.path, row.sha256
            read = session.scalars(select(StoredReading.corners).where(StoredReading.keyframe_id == row.id)).all()
            places = [
                None if (at := corners_of(points)) is None else _in_jpeg(FrameCorners(at), row) for points in read
            ]
            known = () if None in places else tuple(place for place in places if place is not None)
            picture = KeyframePicture(b"", row.camera, row.captured_at, _in_jpeg(corners, row), known)
        return replace(picture, jpeg=read_picture(self._data_dir, path, digest))

    @contextmanager
    def _session(self) -> Iterator[Session]:
        with translated(self._place), Session(self._engine) as session:
            yield session


def _visible(scope: frozenset[str] | None) -> list[ColumnElement[bool]]:
    return [] if scope is None else [StoredPassage.camera.in_(scope)]


def _one(session: Session, passage: int, scope: frozenset[str] | None) -> Sequence[StoredPassage]:
    return session.scalars(select(StoredPassage).where(StoredPassage.id == passage, *_visible(scope))).all()


def _key(tier: Tier, row: Any) -> str:
    return str(Key(tier.number, row[0].opened_at, row[0].id))


def _compared(row: PassageRow, text: str) -> PassageRow:
    if row.plate is None:  # pragma: no cover - it was found by its plate, which has been taken away meanwhile
        return row
    nearest = min((row.plate.text, *row.plate.others), key=lambda plate: unlikeness(text, plate)[0])
    difference, places = unlikeness(text, nearest)
    return replace(row, difference=difference, unlike=places if nearest == row.plate.text else ())


def _rows(session: Session, passages: Sequence[StoredPassage]) -> list[PassageRow]:
    """Return passages with their plates and pictures, in the same order."""
    ids = [passage.id for passage in passages]
    if not ids:
        return []
    plates = best_plates(session, ids)
    shown = {plate.keyframe for plate in plates.values() if plate.keyframe is not None}
    query = select(StoredKeyframe).where(or_(StoredKeyframe.passage_id.in_(ids), StoredKeyframe.id.in_(shown)))
    views: dict[int, StoredKeyframe] = {}
    best: dict[int, StoredKeyframe] = {}
    for view in session.scalars(query):
        views[view.id] = view
        other = best.get(view.passage_id)
        if other is None or _worth(view) > _worth(other):
            best[view.passage_id] = view
    verdicts = _verdicts(session, ids)
    return [
        replace(_row(passage, plates.get(passage.id), views, best.get(passage.id)), verdict=verdicts.get(passage.id))
        for passage in passages
    ]


def _verdicts(session: Session, passages: Sequence[int]) -> dict[int, Verdict]:
    """Return the verdict of the last decision on each of some passages that has one."""
    table = StoredDecision
    query = select(table.passage_id, table.verdict).where(table.passage_id.in_(passages))
    found = session.execute(query.order_by(table.decided_at, table.id))
    return {passage: verdict for passage, verdict in found if passage is not None}


def _worth(view: StoredKeyframe) -> tuple[bool, float, int]:
    return view.path is not None, view.score, -view.id


def _row(
    passage: StoredPassage, plate: PassagePlate | None, views: dict[int, StoredKeyframe], best: StoredKeyframe | None
) -> PassageRow:
    own = None if plate is None or plate.keyframe is None else views.get(plate.keyframe)
    view = own or best
    return PassageRow(
        id=passage.id,
        key=passage.key,
        camera=passage.camera,
        opened_at=passage.opened_at,
        last_seen=passage.last_seen,
        closed=passage.closed,
        direction=passage.direction,
        outcome=passage.outcome,
        revision=passage.revision,
        engine=None if plate is None else plate.engine,
        plate=plate if plate is not None and plate.text else None,
        keyframe=None if view is None else view.id,
        picture=view is not None and view.path is not None,
        corners=None if own is None or plate is None else _in_jpeg(plate.corners, own),
        clock_trusted=passage.clock_trusted,
        path=None if view is None else view.path,
    )


def _in_jpeg(corners: FrameCorners | None, view: StoredKeyframe) -> JpegCorners | None:
    return in_jpeg(corners, Box(view.crop_x, view.crop_y, view.crop_width, view.crop_height), view.scale)


def _detail(session: Session, passage: StoredPassage, scope: frozenset[str] | None) -> PassageDetail:
    (row,) = _rows(session, [passage])
    of_it = select(StoredKeyframe).where(StoredKeyframe.passage_id == passage.id)
    views = session.scalars(of_it.order_by(StoredKeyframe.captured_at, StoredKeyframe.id)).all()
    by_id = {view.id: view for view in views}
    readings = session.execute(
        select(StoredReading, StoredCorrection)
        .outerjoin(StoredCorrection, StoredCorrection.reading_id == StoredReading.id)
        .where(StoredReading.keyframe_id.in_(by_id))
        .order_by(StoredReading.id)
    ).all()
    calls = session.scalars(
        select(StoredCall).where(StoredCall.keyframe_id.in_(by_id)).order_by(StoredCall.started_at, StoredCall.id)
    ).all()
    place = Key(0, passage.opened_at, passage.id)
    before, after = searching.older(StoredPassage, place), searching.newer(StoredPassage, place)
    newest_first = (StoredPassage.opened_at.desc(), StoredPassage.id.desc())
    earlier: Sequence[StoredPassage] = ()
    visits = 0
    if row.plate is not None:
        same = select(StoredPassage).where(StoredPassage.plate == row.plate.text, before, *_visible(scope))
        earlier = session.scalars(same.order_by(*newest_first).limit(EARLIER)).all()
        some = same.with_only_columns(StoredPassage.id).limit(1000).subquery()
        visits = session.scalar(select(func.count()).select_from(some)) or 0
    ids = select(StoredPassage.id).where(*_visible(scope))
    return PassageDetail(
        row=row,
        keyframes=tuple(shown_keyframe(view) for view in views),
        readings=tuple(shown_reading(one, typed, by_id[one.keyframe_id]) for one, typed in readings),
        calls=tuple(shown_call(call) for call in calls),
        earlier=tuple(_rows(session, earlier)),
        visits=visits,
        newer=session.scalar(ids.where(after).order_by(StoredPassage.opened_at, StoredPassage.id).limit(1)),
        older=session.scalar(ids.where(before).order_by(*newest_first).limit(1)),
    )


def shown_keyframe(view: StoredKeyframe) -> KeyframeRow:
    """Return a keyframe as it is shown."""
    return KeyframeRow(
        id=view.id,
        key=view.key,
        captured_at=view.captured_at,
        width=view.width,
        height=view.height,
        crop=Box(view.crop_x, view.crop_y, view.crop_width, view.crop_height),
        scale=view.scale,
        score=view.score,
        reason=view.reason,
        state=view.state,
        state_reason=view.state_reason,
        bytes=view.bytes,
        picture=view.path is not None,
        passage=view.passage_id,
        camera=view.camera,
        path=view.path,
    )


def shown_reading(reading: StoredReading, typed: StoredCorrection | None, view: StoredKeyframe) -> ReadingRow:
    """Return a reading of a keyframe as it is shown. typed: who typed it, None if an engine read it."""
    corners = corners_of(reading.corners)
    return ReadingRow(
        id=reading.id,
        key=reading.key,
        keyframe=reading.keyframe_id,
        call=reading.call_id,
        sighting=reading.sighting_id,
        engine=reading.engine,
        raw=reading.raw,
        plate=reading.plate,
        kind=reading.kind,
        repaired=reading.repaired,
        confidence=reading.confidence,
        corners=None if corners is None else _in_jpeg(FrameCorners(corners), view),
        operator="" if typed is None else typed.operator,
        typed_at=None if typed is None else typed.typed_at,
    )


def shown_call(call: StoredCall) -> CallRow:
    """Return a call as it is shown."""
    return CallRow(
        id=call.id,
        keyframe=call.keyframe_id,
        camera=call.camera,
        engine=call.engine,
        attempt=call.attempt,
        started_at=call.started_at,
        ended_at=call.ended_at,
        outcome=call.outcome,
        charged=call.charged,
        fee=call.fee,
        latency=call.latency,
        error=call.error,
        answer=call.answer,
    )
