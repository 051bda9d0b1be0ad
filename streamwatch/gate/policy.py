"""Pay for a view of this plate now, wait for a better one, or never? The rules, in their order; the first one decides.

The rules are pure: they get a `RuleInput`, return a `RuleResult` and change nothing. `OpenPassages` applies the result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import NamedTuple

from streamwatch.core.codes import ViewReason
from streamwatch.gate.frame_report import Why
from streamwatch.gate.tracking.track import State, Track
from streamwatch.gate.tracking.views import SMALL_WIDTH, PaidOutcome, PlateView, SecondView, Views

SURELY_READ = 90.0  # px; a narrower plate is often misread
LEAST_WIDTH = 60.0  # px; a narrower plate is never paid for
LIKELY, SURE_AT_REST = 0.5, 0.75  # least score of the best hit; more for a plate that never moved, as a sign does not
EVIDENCE = 1.2  # least sum of the scores of all hits
STANDS_SMALL = 2.5  # s that a small plate must stand still before it is paid for
CLEARLY_BETTER = 1.3  # ratio of scores from which a view is paid for after an unread one
SURE = 0.85  # score of a single hit that is believed if there was no time for a second one
SMALLER = 0.85  # scale of a picture that is read independently of the same view at full size
STILL_GOOD = 0.6  # part of the best paid score that a view must have for a second opinion


class Enough(NamedTuple):
    """From this width (px) and crispness on, the view of a plate need not get better.

    crisp: least ratio of the edges in one direction to those in the other one; a plate below is blurred by motion.
    """

    width: float
    crisp: float


ENOUGH = Enough(115.0, 0.6)
"""The plate is read surely by all engines."""
ENOUGH_TO_TRY = Enough(SURELY_READ, 0.5)
"""A reading that costs nothing is worth a try: the local engine is not sure more often than of a better view."""


class Action(Enum):
    """The action for a plate in this frame.

    PAY: pay for the view of the result. WAIT: pay nothing for this frame; some rules then apply until the passage ends.
    SETTLE: an earlier track has its plate, so nothing is paid. LOOK_LATER: no closer look saw the plate, so its best
    view is dropped and the next look waits.
    """

    PAY = auto()
    WAIT = auto()
    SETTLE = auto()
    LOOK_LATER = auto()


@dataclass(frozen=True, slots=True)
class RuleInput:
    """One track in one frame: one field for each thing that a rule may ask for.

    ended: the plate is out of sight, or watching ends, so that no better view will come. at_rest: it stood there when
    watching began. patience: seconds; max_calls: of one passage. same: True if a picture that was paid for shows this
    plate; seen_closely: True if a closer look sees the plate in its best view; both cost much, so a rule calls them
    only where it needs them. enough: see `Enough`.
    """

    track: Track
    at: float
    ended: bool
    at_rest: bool
    patience: float
    max_calls: int
    same: Callable[[], bool]
    seen_closely: Callable[[], bool]
    enough: Enough = ENOUGH

    @property
    def views(self) -> Views:
        """Return the views of the plate."""
        return self.track.views

    @property
    def view(self) -> PlateView | None:
        """Return the view that could be paid for next; None if there is none."""
        if self.wanted:
            return None if self.ended else view_for_opening(self.views)
        return another_view(self.views) if self.views.paid else self.views.best

    @property
    def wanted(self) -> bool:
        """True if an opening depends on one more view, which then is read at once."""
        return self.views.second is SecondView.WANTED

    @property
    def ripe(self) -> bool:
        """True if the best view will hardly get better, or need not."""
        course, views, best = self.track.course, self.views, self.views.best
        if self.ended or self.wanted:
            return True
        if best is None or self.at < views.idle_until:
            return False
        if not views.paid and large_and_sharp(best, self.enough):
            return True
        patient = self.at - views.improved_at >= self.patience
        if best.width < SMALL_WIDTH:
            stands = self.patience if best.width >= SURELY_READ else STANDS_SMALL
            return patient and course.stands(course.seen_at) >= stands
        if views.paid:
            return patient
        late = views.readable_at is not None and self.at - views.readable_at >= self.patience
        return patient or late


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of the first rule that applies. view: the one to pay for; reason: why it is paid for."""

    why: Why
    action: Action
    view: PlateView | None = None
    reason: ViewReason = ViewReason.OTHER


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    why: Why
    action: Action
    applies: Callable[[RuleInput], bool]


def large_and_sharp(view: PlateView, enough: Enough) -> bool:
    """True if the plate is so wide and sharp in a view that waiting gains nothing."""
    return view.width >= enough.width and view.crisp >= enough.crisp


def another_view(views: Views) -> PlateView | None:
    """Return the view that is worth a further call after the last one; None if there is none.

    After an unsure reading it is one that is read independently: of another size, or the same one in a smaller picture.
    After a picture without an answer it is any other view; after an unread one, a clearly better one.
    """
    last = views.paid[-1]
    sent = {view.at for view in views.paid}
    candidates = [view for view in (views.best, *reversed(views.earlier)) if view is not None and view.at not in sent]
    if last.outcome is PaidOutcome.DOUBTED:
        return _second_opinion(views, candidates)
    if last.outcome is PaidOutcome.FAILED:
        return candidates[0] if candidates else None
    return next((view for view in candidates if view.score >= CLEARLY_BETTER * last.score), None)


def view_for_opening(views: Views) -> PlateView | None:
    """Return the best view since the last one that was paid for; None if there is none.

    If the plate stands as it did there, it is a smaller picture, which is read independently.
    """
    best = views.best
    if best is None or views.differs(best) or views.paid[-1].scale != 1.0 or SMALLER * best.width < SURELY_READ:
        return best
    return replace(best, scale=SMALLER)


def _second_opinion(views: Views, candidates: Sequence[PlateView]) -> PlateView | None:
    """Return a view that is read independently of an unsure reading; None if there is none."""
    last, good = views.paid[-1], STILL_GOOD * max(view.score for view in views.paid)
    for view in candidates:
        if views.differs(view) and view.score >= good and view.width >= LEAST_WIDTH:
            return view
    whole = views.best or views.sent
    if whole is not None and last.scale == 1.0 and SMALLER * last.width >= SURELY_READ:
        return replace(whole, scale=SMALLER)
    return None


def _unconfirmed(facts: RuleInput) -> bool:
    track = facts.track
    if track.state is not State.TENTATIVE:
        return False
    return not (facts.ended and track.evidence.score >= SURE and track.course.travelled)


def _unlikely(facts: RuleInput) -> bool:
    track = facts.track
    if track.evidence.score < (LIKELY if track.course.has_moved else SURE_AT_REST):
        return True
    return track.state is not State.TENTATIVE and track.evidence.total < EVIDENCE


RULES: tuple[Rule, ...] = (
    Rule(Why.SCENERY, Action.WAIT, lambda facts: facts.track.scenery),
    Rule(Why.KNOWN, Action.WAIT, lambda facts: facts.track.state is State.SETTLED),
    Rule(Why.ASKED, Action.WAIT, lambda facts: facts.track.state is State.ASKED),
    Rule(Why.USED_UP, Action.WAIT, lambda facts: len(facts.views.paid) >= facts.max_calls),
    Rule(Why.TOO_SHORT, Action.WAIT, _unconfirmed),
    Rule(Why.UNSURE, Action.WAIT, _unlikely),
    Rule(Why.CUT_OFF, Action.WAIT, lambda facts: facts.views.best is None and not facts.views.paid),
    Rule(Why.NOT_BETTER, Action.WAIT, lambda facts: facts.view is None),
    Rule(Why.FAR, Action.WAIT, lambda facts: facts.view is not None and facts.view.width < LEAST_WIDTH),
    Rule(Why.BETTERING, Action.WAIT, lambda facts: not facts.ripe),
    Rule(Why.KNOWN, Action.SETTLE, lambda facts: not facts.views.paid and facts.same()),
    Rule(Why.UNSURE, Action.LOOK_LATER, lambda facts: not facts.views.paid and not facts.seen_closely()),
    Rule(Why.SENT, Action.PAY, lambda facts: True),
)


def rule(facts: RuleInput) -> RuleResult:
    """Return what the first rule that applies says about a track in this frame."""
    first = next(line for line in RULES if line.applies(facts))
    if first.action is not Action.PAY:
        return RuleResult(first.why, first.action)
    return RuleResult(first.why, first.action, facts.view, _reason(facts))


def _reason(facts: RuleInput) -> ViewReason:
    views = facts.views
    if facts.wanted:
        return ViewReason.BEFORE_OPENING
    if views.paid:
        again = {PaidOutcome.DOUBTED: ViewReason.SECOND_OPINION, PaidOutcome.FAILED: ViewReason.NO_ANSWER}
        return again.get(views.paid[-1].outcome, ViewReason.BETTER_VIEW)
    if facts.at_rest:
        return ViewReason.STOOD_HERE
    if facts.ended:
        return ViewReason.LAST_VIEW
    large = views.best is not None and large_and_sharp(views.best, facts.enough)
    return ViewReason.LARGE_AND_SHARP if large else ViewReason.BEST_VIEW
