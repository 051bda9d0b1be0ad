"""What people do at a lane: they answer a decision, open by hand, and turn the kill switch.

The answer is stored first, and once: whoever is second learns who was first, and nothing is sent twice.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from streamwatch.app.barriers import Barriers
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.codes import Answer, AuditAction, OpeningCause, OpeningState, PermitState, Verdict
from streamwatch.core.errors import StorageFailed
from streamwatch.core.events import DecisionMade
from streamwatch.store import DecisionFilter, LaneDecision, Store
from streamwatch.web.accounts.audit import change, record, write_down
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import words_of
from streamwatch.web.context import console_of
from streamwatch.web.lane_view import Told, may_wait, opening_words, waits_until
from streamwatch.web.lane_words import OPENING_TONES


class NotDone(Exception):
    """Nothing was done, and nothing was stored; `told` says why."""

    def __init__(self, told: Told) -> None:
        super().__init__(told.text)
        self.told = told


class _NotTaken(Exception):
    """An answer that came too late: another person was first, or another reading has changed what was decided."""


def answer_decision(
    request: Request,
    row: LaneDecision,
    answer: Answer,
    revised: int | None = None,
    picked: str = "",
    permit: str | None = None,
    note: str = "",
) -> Told:
    """Store what a person says to a decision, and open if that is the answer; return what came of it. Raise NotDone.

    revised: what the person saw of it; None: not known. picked: the plate that the vehicle has by the person's eye, if
    it is another one; permit: key of its permit.
    """
    _, console, who = words_of(request), console_of(request), _principal(request).name
    lane = console.backend.settings.lanes[row.lane]
    opens = answer is Answer.OPENED and lane.barrier is not None
    now = datetime.now(UTC)
    if answer is Answer.OPENED:
        _require_waiting(request, row, now)
    if opens:
        _require_open(request)

    def store_answer(store: Store) -> None:
        standing = store.decisions.of_sighting(row.sighting, row.lane)
        seen = row.revised if revised is None else revised
        if standing is None or standing.answer is not None or not standing.revised == row.revised == seen:
            raise _NotTaken
        passes = lane.barrier is None
        store.decisions.answer(row.key, answer, who, now, picked, permit, passes=passes)

    try:
        change(
            request, store_answer, AuditAction.DECISION_ANSWERED, row.plate,
            decision=row.id, lane=row.lane, answer=answer.value, plate=picked or row.plate,
        )  # fmt: skip
    except _NotTaken:
        raise NotDone(_was_first(request, row)) from None
    if not opens:
        return Told(_("Noted: refused.") if answer is Answer.REFUSED else _("Noted: let pass."), "good")
    # Nobody knows here when the reading was recorded; the picture is older, so the limit only gets stricter.
    made = DecisionMade(
        key=row.key,
        lane=row.lane,
        camera=row.camera,
        verdict=row.verdict,
        reason=row.reason,
        plate=row.plate,
        sighting=row.sighting,
        passage=row.passage_key,
        keyframe=row.keyframe_key,
        captured_at=row.captured_at,
        read_at=time.monotonic() - max(timedelta(), now - row.captured_at).total_seconds(),
        live=True,
        revised=row.revised,
    )
    return _asked(request, row.lane, OpeningCause.ANSWER, made, note)


def open_by_hand(request: Request, lane: str, reason: str) -> Told:
    """Open a lane without a decision; return what came of it. Raise NotDone, also without a reason.

    A person opens also while the database cannot be written, so the audit log is written after it.
    """
    _ = words_of(request)
    if not reason:
        raise NotDone(Told(_("Say why: choose a reason, or type one."), "bad"))
    _require_open(request)
    told = _asked(request, lane, OpeningCause.BY_HAND, None, reason)
    write_down(request, AuditAction.OPENED_BY_HAND, lane, reason=reason)
    return told


def open_for_code(request: Request, lane: str, code: str) -> Told:
    """Open a lane for the visitor who has a code, and count the use; return what came of it. Raise NotDone.

    If one question waits there, it is about this visitor, and that is the answer to it.
    """
    _, console, now = words_of(request), console_of(request), datetime.now(UTC)
    permit, invalid = console.reader.permits.by_code(code), NotDone(Told(_("This code is not valid here now."), "bad"))
    if (
        permit is None
        or permit.state(now) is not PermitState.VALID
        or (permit.lanes is not None and lane not in permit.lanes)
    ):
        raise invalid
    _require_open(request)
    note = (_("visitor %(code)s %(holder)s") % {"code": permit.code, "holder": permit.holder}).strip()
    asked = DecisionFilter(lanes=frozenset({lane}), verdicts=frozenset({Verdict.ASK}), unanswered=True)
    found = console.reader.lanes.find(asked, _principal(request).cameras, limit=5).rows
    waiting = [row for row in found if may_wait(row, now)]
    if len(waiting) == 1:
        (row,) = waiting
        return answer_decision(request, row, Answer.OPENED, row.revised, permit=permit.key, note=note)

    def use(store: Store) -> None:
        if not store.permits.used(permit.key):
            raise _NotTaken

    try:
        change(request, use, AuditAction.OPENED_BY_HAND, lane, permit=permit.key, visitor=permit.holder)
    except _NotTaken:
        raise invalid from None
    outcome = _sent(request, lane, OpeningCause.BY_HAND, None, note)
    if outcome.state in (OpeningState.WITHHELD, OpeningState.FAILED):
        with suppress(StorageFailed):  # it stays used then, and the guard opens by hand
            console.backend.write(lambda store: store.permits.not_used(permit.key))
    return _told(request, outcome)


def stop_openings(request: Request) -> Told:
    """Turn the kill switch on. It is on also if neither its file nor the audit log can be written."""
    _, backend, who = words_of(request), console_of(request).backend, _principal(request).name
    told = Told(_("All openings are stopped."), "warn")
    try:
        if backend.barriers is not None:
            backend.barriers.kill(who)
        else:
            console_of(request).kill_switch.turn_on(who, datetime.now(UTC))
    except StorageFailed:
        told = Told(_("All openings are stopped, but only until streamwatch ends: the disk cannot be written."), "bad")
    write_down(request, AuditAction.OPENINGS_STOPPED)
    return told


def resume_openings(request: Request) -> Told:
    """Turn the kill switch off."""
    _, backend, who = words_of(request), console_of(request).backend, _principal(request).name
    record(request, AuditAction.OPENINGS_RESUMED)
    if backend.barriers is not None:
        backend.barriers.unkill(who)
    else:
        console_of(request).kill_switch.turn_off()
    return Told(_("Openings are allowed again."), "good")


def _principal(request: Request) -> Principal:
    found = principal_of(request)
    assert found is not None, "the route asks for a role"
    return found


def _barriers(request: Request) -> Barriers:
    barriers = console_of(request).backend.barriers
    assert barriers is not None, "it was looked at before"
    return barriers


def _require_waiting(request: Request, row: LaneDecision, now: datetime) -> None:
    """Raise NotDone unless a person can let a vehicle pass by answering this decision."""
    _ = words_of(request)
    if row.answer is not None:
        raise NotDone(_was_first(request, row))
    if row.verdict is Verdict.DENY:
        raise NotDone(Told(_("It may not pass. If it must, open by hand and say why."), "bad"))
    if not may_wait(row, now):
        late = now >= waits_until(row)
        said = _("Too late: it may be another vehicle by now. Look, and open by hand.")
        raise NotDone(Told(said if late else _("It was opened already."), "warn"))


def _require_open(request: Request) -> None:
    """Raise NotDone if nothing can be opened from here now."""
    _, console = words_of(request), console_of(request)
    if console.backend.barriers is None:
        said = _("Nothing can be opened from here: this page is not that of a running streamwatch.")
        raise NotDone(Told(said, "bad"))
    if console.kill_switch.is_on:
        raise NotDone(Told(_("Not opened: all openings are stopped by the kill switch."), "bad"))


def _was_first(request: Request, row: LaneDecision) -> Told:
    """Say who has answered before, or that there is something new to look at."""
    _, now = words_of(request), console_of(request).reader.lanes.one(row.id)
    if now is None or now.answer is None:
        return Told(_("Nothing was done: a better reading has come meanwhile. Look again."), "warn")
    opened, refused = _("%(who)s was first and has opened."), _("%(who)s was first and has refused.")
    said = opened if now.answer is Answer.OPENED else refused
    return Told(said % {"who": now.answered_by}, "warn")


def _asked(request: Request, lane: str, cause: OpeningCause, made: DecisionMade | None, note: str) -> Told:
    """Ask the barrier to open, and return what came of it."""
    return _told(request, _sent(request, lane, cause, made, note))


def _sent(request: Request, lane: str, cause: OpeningCause, made: DecisionMade | None, note: str) -> OpeningOutcome:
    return _barriers(request).request(lane, cause, made, _principal(request).name, note)


def _told(request: Request, outcome: OpeningOutcome) -> Told:
    """Say what came of an opening."""
    _ = words_of(request)
    if outcome.state is OpeningState.DONE:
        return Told(_("The barrier opens."), "good")
    return Told(opening_words(outcome.state, outcome.reason, outcome.detail, _), OPENING_TONES[outcome.state])
