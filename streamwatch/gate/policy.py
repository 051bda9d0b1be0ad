"""Pay for a view of this plate now, wait for a better one, or never? The rules, in their order; the first one counts.

Pure: a facts in, a result out. Nothing is changed by asking; the gate applies the result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from streamwatch.gate.decisions import (
    BEST_VIEW,
    BETTER_VIEW,
    LARGE_AND_SHARP,
    LAST_VIEW,
    NO_ANSWER,
    SECOND_OPINION,
    STOOD_HERE,
)
from streamwatch.gate.glance import Why
from streamwatch.gate.tracking.track import CRISP, SMALL_WIDTH, SMALLER, SURE, PaidOutcome, PlateView, State, Track

SURELY_READ = 90.0  # px; a narrower plate is often misread
LEAST_WIDTH = 60.0  # px; a narrower plate is never paid for
ENOUGH = 115.0  # px; width of a plate that is read surely: a view that shows it need not get better
LIKELY, SURE_AT_REST = 0.5, 0.75  # score that a plate must have had once; one that never moved: signs stand still, too
EVIDENCE = 1.2  # sum of the scores of its hits
STANDS_SMALL = 2.5  # s that a small plate must stand still before it is taken as it is
CLEARLY_BETTER = 1.3  # a view must be this much better to be paid for after an unread one
STILL_GOOD = 0.6  # part of the score of the best paid view that another one must have for a second opinion


class Action(Enum):
    """What to do about a plate in this frame. SETTLE: nothing more is ever paid for it."""

    PAY = auto()
    WAIT = auto()
    SETTLE = auto()
    LOOK_LATER = auto()


@dataclass(frozen=True, slots=True)
class RuleInput:
    """One track in one frame. ended: it is out of sight, or watching ends, so that no better view will come.

    at_rest: it stood there when watching began. same: True if a picture that was paid for shows this plate (asked only
    when a rule needs it, as it costs). seen_closely: True if a closer look sees the plate in its best view.
    """

    track: Track
    at: float
    ended: bool
    at_rest: bool
    patience: float
    max_calls: int
    same: Callable[[], bool]
    seen_closely: Callable[[], bool]

    @property
    def ripe(self) -> bool:
        """True if its best view will hardly get better, or need not."""
        track = self.track
        if self.ended:
            return True
        if track.best is None or self.at < track.idle_until:
            return False
        patient = self.at - track.improved_at >= self.patience
        if track.best.width < SMALL_WIDTH:
            stands = self.patience if track.best.width >= SURELY_READ else STANDS_SMALL
            return patient and track.stands(track.seen_at) >= stands
        if track.paid:
            return patient
        late = track.readable_at is not None and self.at - track.readable_at >= self.patience
        return patient or late or large_and_sharp(track.best)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What the first rule that applies says. view: the one to pay for; reason: why, in words."""

    why: Why
    action: Action
    view: PlateView | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    why: Why
    action: Action
    applies: Callable[[RuleInput], bool]


def large_and_sharp(view: PlateView) -> bool:
    """True if a view's plate is so wide and sharp that nothing is won by waiting."""
    return view.width >= ENOUGH and view.crisp >= CRISP


def another_view(track: Track) -> PlateView | None:
    """Return the view that is worth a further call after the last one; None if there is none.

    After an unsure reading one that is read independently: of another size, or the same one in a smaller picture. After
    a picture without an answer any other one, after an unread one a clearly better one.
    """
    last = track.paid[-1]
    sent = {view.at for view in track.paid}
    candidates = [view for view in (track.best, *reversed(track.earlier)) if view is not None and view.at not in sent]
    if last.outcome is PaidOutcome.DOUBTED:
        best_paid = max(view.score for view in track.paid)
        for view in candidates:
            if track.differs(view) and view.score >= STILL_GOOD * best_paid and view.width >= LEAST_WIDTH:
                return view
        whole = track.best or track.sent
        if whole is not None and last.scale == 1.0 and SMALLER * last.width >= SURELY_READ:
            return PlateView(whole.frame, whole.at, whole.plate, whole.score, whole.crisp, SMALLER, whole.others)
        return None
    if last.outcome is PaidOutcome.FAILED:
        return candidates[0] if candidates else None
    return next((view for view in candidates if view.score >= CLEARLY_BETTER * last.score), None)


def _unconfirmed(facts: RuleInput) -> bool:
    track = facts.track
    if track.state is not State.TENTATIVE:
        return False
    return not (facts.ended and track.score >= SURE and track.travelled)


def _unlikely(facts: RuleInput) -> bool:
    track = facts.track
    if track.score < (LIKELY if track.stirred else SURE_AT_REST):
        return True
    return track.state is not State.TENTATIVE and track.evidence < EVIDENCE


def _view(facts: RuleInput) -> PlateView | None:
    return another_view(facts.track) if facts.track.paid else facts.track.best


def _too_small(facts: RuleInput) -> bool:
    view = _view(facts)
    return view is not None and view.width < LEAST_WIDTH


RULES: tuple[Rule, ...] = (
    Rule(Why.SCENERY, Action.WAIT, lambda facts: facts.track.scenery),
    Rule(Why.KNOWN, Action.WAIT, lambda facts: facts.track.state is State.SETTLED),
    Rule(Why.ASKED, Action.WAIT, lambda facts: facts.track.state is State.ASKED),
    Rule(Why.USED_UP, Action.WAIT, lambda facts: len(facts.track.paid) >= facts.max_calls),
    Rule(Why.TOO_SHORT, Action.WAIT, _unconfirmed),
    Rule(Why.UNSURE, Action.WAIT, _unlikely),
    Rule(Why.CUT_OFF, Action.WAIT, lambda facts: facts.track.best is None and not facts.track.paid),
    Rule(Why.NOT_BETTER, Action.WAIT, lambda facts: _view(facts) is None),
    Rule(Why.FAR, Action.WAIT, _too_small),
    Rule(Why.BETTERING, Action.WAIT, lambda facts: not facts.ripe),
    Rule(Why.KNOWN, Action.SETTLE, lambda facts: not facts.track.paid and facts.same()),
    Rule(Why.UNSURE, Action.LOOK_LATER, lambda facts: not facts.track.paid and not facts.seen_closely()),
    Rule(Why.SENT, Action.PAY, lambda facts: True),
)


def rule(facts: RuleInput) -> RuleResult:
    """Return what the first rule that applies says of a track in this frame."""
    reason = _reason(facts)  # now: the closer look makes corners more exact, and a plate a little narrower
    first = next(line for line in RULES if line.applies(facts))
    if first.action is not Action.PAY:
        return RuleResult(first.why, first.action)
    return RuleResult(first.why, first.action, _view(facts), reason)


def _reason(facts: RuleInput) -> str:
    track = facts.track
    if track.paid:
        return {PaidOutcome.DOUBTED: SECOND_OPINION, PaidOutcome.FAILED: NO_ANSWER}.get(
            track.paid[-1].outcome, BETTER_VIEW
        )
    if facts.at_rest:
        return STOOD_HERE
    if facts.ended:
        return LAST_VIEW
    return LARGE_AND_SHARP if track.best is not None and large_and_sharp(track.best) else BEST_VIEW
