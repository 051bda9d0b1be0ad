"""Settles what a crash left in flight.

state of a keyframe   its last call                              after `recover`
waiting               -                                          waiting
sent                  none                                       waiting
sent                  without outcome, or doubtful               doubtful, never sent again by itself
sent                  with an answer                             returned; the caller saves its readings
sent                  with an answer that cannot be a reading    failed: saving it would fail at each start
sent                  ended without an answer, not charged       waiting
sent                  ended without an answer, charged           failed: paying once more needs a decision
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.model import Engine, PlateText
from streamwatch.store.revisions import touch
from streamwatch.store.rows import plates_of
from streamwatch.store.tables import KeyframeState, StoredCall, StoredKeyframe


class UnsavedAnswer(NamedTuple):
    """An answer that was paid for and whose readings were not saved. keyframe, call: keys."""

    keyframe: str
    call: str
    plates: tuple[PlateText, ...]
    engine: Engine


@dataclass(frozen=True, slots=True)
class Recovery:
    """The result of `Keyframes.recover`, in keys of keyframes.

    doubtful: they became doubtful now. answered: the caller saves their readings with `Keyframes.answered`. unsent:
    they wait again. failed: the service answered and charged, but not with plates. unusable: its answer cannot be a
    reading.
    """

    doubtful: list[str] = field(default_factory=list)
    answered: list[UnsavedAnswer] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)


def recover(session: Session) -> Recovery:
    """Settle what an earlier run left in flight; see the table above."""
    found = Recovery()
    in_flight = select(StoredCall).where(StoredCall.outcome.is_(None), StoredCall.keyframe_id.is_not(None))
    for call in session.scalars(in_flight):
        call.outcome, call.charged = CallOutcome.DOUBTFUL, None
        call.error = "streamwatch was stopped before the answer came; it may have been charged."
    session.flush()
    sent = select(StoredKeyframe).where(StoredKeyframe.state == KeyframeState.SENT)
    for view in session.scalars(sent.order_by(StoredKeyframe.captured_at, StoredKeyframe.id)):
        touch(session, [view.passage_id])
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
