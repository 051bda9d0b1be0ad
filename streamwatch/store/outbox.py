"""What waits to be read, and what a crash left unsettled.

state of a keyframe   its last call                              after `recover`
waiting               -                                          waiting
sent                  none                                       waiting
sent                  without outcome, or doubtful               doubtful, never sent again by itself
sent                  with an answer                             handed out, to be taken further
sent                  with an answer that can be no reading      failed: it would break whoever takes it further
sent                  ended without an answer, not charged       waiting
sent                  ended without an answer, charged           failed: paying once more needs a decision
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.errors import StoreError
from streamwatch.core.model import Engine, Keyframe, PlateText
from streamwatch.store.evidence import read_picture
from streamwatch.store.rows import keyframe_of, plates_of
from streamwatch.store.tables import (
    KeyframeState,
    PassageOutcome,
    StoredCall,
    StoredKeyframe,
    StoredPassage,
    StoredReading,
    StoredSighting,
)

_TRIED = (KeyframeState.SENT, KeyframeState.DOUBTFUL, KeyframeState.ANSWERED)


@dataclass(frozen=True, slots=True)
class WaitingKeyframe:
    """A keyframe of the outbox, without its picture.

    key, passage: keys. bytes: length of the JPEG. first_view: no other keyframe of the passage was sent, is doubtful or
    was answered. score: comparable within one passage.
    """

    key: str
    passage: str
    camera: str
    captured_at: datetime
    bytes: int
    score: float
    first_view: bool


class UnsavedAnswer(NamedTuple):
    """An answer that was paid for and whose readings were not saved. keyframe, call: keys."""

    keyframe: str
    call: str
    plates: tuple[PlateText, ...]
    engine: Engine


@dataclass(frozen=True, slots=True)
class Recovery:
    """What `Store.recover` found; keys of keyframes.

    doubtful: became doubtful now. answered: to be taken further with `keyframe_answered`. unsent: wait again. failed:
    the service answered and charged, but not with plates. unusable: it said what can be no reading of a picture.
    """

    doubtful: list[str] = field(default_factory=list)
    answered: list[UnsavedAnswer] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PassageStanding:
    """How far the reading of a passage has come, in numbers of keyframes, readings and sightings.

    unsettled: waiting or sent. unanswered: doubtful, failed or dropped. sighted: readings that are part of a sighting.
    """

    unsettled: int
    unanswered: int
    answered: int
    readings: int
    sighted: int


def keyframes_in(session: Session, state: KeyframeState) -> list[WaitingKeyframe]:
    """All keyframes in a state, oldest first."""
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
    return [
        WaitingKeyframe(row.key, passage, row.camera, row.captured_at, row.bytes, row.score, not was_tried)
        for row, passage, was_tried in session.execute(query)
    ]


def load_keyframe(session: Session, row: StoredKeyframe, data_dir: Path) -> Keyframe:
    """A keyframe with its JPEG. Raises StoreError where that is gone or changed, or StorageFailed."""
    passage = session.scalar(select(StoredPassage.key).where(StoredPassage.id == row.passage_id))
    if passage is None or row.path is None:
        raise StoreError(f"The picture of the keyframe {row.key!r} was deleted.")
    return keyframe_of(row, passage, read_picture(data_dir, row.path, row.sha256))


def recover(session: Session) -> Recovery:
    """Settles what an earlier run left in flight; see the table above."""
    found = Recovery()
    in_flight = select(StoredCall).where(StoredCall.outcome.is_(None), StoredCall.keyframe_id.is_not(None))
    for call in session.scalars(in_flight):
        call.outcome, call.charged = CallOutcome.DOUBTFUL, None
        call.error = "streamwatch was stopped before the answer came; it may have been charged."
    session.flush()
    sent = select(StoredKeyframe).where(StoredKeyframe.state == KeyframeState.SENT)
    for view in session.scalars(sent.order_by(StoredKeyframe.captured_at, StoredKeyframe.id)):
        calls = select(StoredCall).where(StoredCall.keyframe_id == view.id).order_by(StoredCall.id)
        _settle(view, list(session.scalars(calls)), found)
    return found


def _settle(view: StoredKeyframe, calls: list[StoredCall], found: Recovery) -> None:
    last = calls[-1] if calls else None
    if last is not None and last.answer is not None:
        plates = plates_of(last.answer)
        if plates is None:
            view.state, view.state_reason = KeyframeState.FAILED, StateReason.ANSWER_UNUSABLE
            found.unusable.append(view.key)
        else:
            found.answered.append(UnsavedAnswer(view.key, last.key, plates, last.engine))
    elif last is not None and (_maybe_paid(calls) or last.outcome in (CallOutcome.READ, CallOutcome.NO_PLATE)):
        reason = StateReason.DOUBTFUL if _maybe_paid(calls) else StateReason.ANSWER_NOT_KEPT
        view.state, view.state_reason = KeyframeState.DOUBTFUL, reason
        found.doubtful.append(view.key)
    elif last is not None and last.outcome is not None and last.charged:
        view.state, view.state_reason = KeyframeState.FAILED, StateReason(last.outcome)
        found.failed.append(view.key)
    else:
        view.state, view.state_reason = KeyframeState.WAITING, StateReason.STOPPED
        found.unsent.append(view.key)


def _maybe_paid(calls: Iterable[StoredCall]) -> bool:
    return any(call.outcome is CallOutcome.DOUBTFUL for call in calls)


def pending_passages(session: Session) -> list[str]:
    """Keys of the closed passages of which it is not said what became of them, oldest first."""
    query = select(StoredPassage.key).where(
        StoredPassage.closed.is_(True), StoredPassage.outcome == PassageOutcome.PENDING
    )
    return list(session.scalars(query.order_by(StoredPassage.opened_at, StoredPassage.id)))


def standing(session: Session, passage: StoredPassage) -> PassageStanding:
    """How far the reading of a passage has come."""
    number = func.count()
    by_state = select(StoredKeyframe.state, number).where(StoredKeyframe.passage_id == passage.id)
    states = {row[0]: row[1] for row in session.execute(by_state.group_by(StoredKeyframe.state))}
    readings = (
        select(func.count(StoredReading.id), func.count(StoredSighting.id))
        .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
        .outerjoin(StoredSighting, StoredSighting.id == StoredReading.sighting_id)
        .where(StoredKeyframe.passage_id == passage.id)
    )
    read, sighted = session.execute(readings).one()

    def count(*wanted: KeyframeState) -> int:
        return sum(states.get(state, 0) for state in wanted)

    return PassageStanding(
        unsettled=count(KeyframeState.WAITING, KeyframeState.SENT),
        unanswered=count(KeyframeState.DOUBTFUL, KeyframeState.FAILED, KeyframeState.DROPPED),
        answered=count(KeyframeState.ANSWERED),
        readings=read,
        sighted=sighted,
    )


def sighted_plates(session: Session, passage: StoredPassage) -> tuple[str, ...]:
    """The plates of the sightings that readings of a passage belong to, first seen first."""
    query = (
        select(StoredSighting.plate)
        .join(StoredReading, StoredReading.sighting_id == StoredSighting.id)
        .join(StoredKeyframe, StoredKeyframe.id == StoredReading.keyframe_id)
        .where(StoredKeyframe.passage_id == passage.id)
        .order_by(StoredSighting.first_seen, StoredSighting.id)
    )
    return tuple(dict.fromkeys(session.scalars(query)))
