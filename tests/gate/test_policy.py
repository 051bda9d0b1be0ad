"""Every rule of the gate, alone and in its order."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from streamwatch.core.codes import ViewReason
from streamwatch.core.model import Box, Corners, Frame
from streamwatch.gate.frame_report import Why
from streamwatch.gate.policy import (
    CLEARLY_BETTER,
    ENOUGH,
    ENOUGH_TO_TRY,
    LEAST_WIDTH,
    RULES,
    SMALLER,
    Action,
    RuleInput,
    rule,
)
from streamwatch.gate.tracking.track import State, Track
from streamwatch.gate.tracking.views import SMALL_WIDTH, PaidOutcome, PaidView, PlateView, SecondView

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
AT = 100.0
LUMA = np.zeros((720, 1280), np.uint8)
FRAME = Frame("gate", NOW, LUMA, lambda: np.zeros((720, 1280, 3), np.uint8))


def plate(width: float) -> Corners:
    return (100.0, 100.0), (100.0 + width, 100.0), (100.0 + width, 100.0 + width / 3), (100.0, 100.0 + width / 3)


def view(width: float = 140.0, score: float = 500.0, crisp: float = 0.9, at: float = AT) -> PlateView:
    return PlateView(FRAME, at, plate(width), score, crisp)


def paid(outcome: PaidOutcome, width: float = 140.0, score: float = 500.0, scale: float = 1.0) -> PaidView:
    picture = np.zeros((50, 139), np.uint8)
    return PaidView(AT - 5, plate(width), picture, width, score, Box(0, 0, 400, 300), scale, outcome)


def track(state: State = State.WAITING, best: PlateView | None = None, **more: Any) -> Track:
    """Return a track with values in whichever of its parts has them."""
    one = Track(1, plate(140), NOW, NOW, AT, 0.9, state)
    values = {"best": best, "improved_at": AT - 0.1, "moved_at": AT, "distance": 1.0, "hits": 3, "total": 2.5}
    for name, value in {**values, **more}.items():
        part = next(part for part in (one, one.course, one.evidence, one.views) if hasattr(part, name))
        setattr(part, name, value)
    return one


def facts(one: Track, **more: Any) -> RuleInput:
    return replace(RuleInput(one, AT, False, False, 0.6, 3, lambda: False, lambda: True), **more)


def test_a_large_and_sharp_plate_is_paid_for_at_once() -> None:
    result = rule(facts(track(best=view(ENOUGH.width))))
    assert (result.action, result.why, result.reason) == (Action.PAY, Why.SENT, ViewReason.LARGE_AND_SHARP)
    assert result.view is not None
    assert result.view.width == pytest.approx(ENOUGH.width)


@pytest.mark.parametrize("best", [view(ENOUGH.width - 5), view(ENOUGH.width, crisp=0.3)], ids=["smaller", "blurred"])
def test_another_one_is_waited_for_until_it_gets_no_better(best: PlateView) -> None:
    assert rule(facts(track(best=best))).why is Why.BETTERING
    result = rule(facts(track(best=best, improved_at=AT - 0.7)))
    assert (result.action, result.reason) == (Action.PAY, ViewReason.BEST_VIEW)


def test_a_free_reading_is_tried_earlier() -> None:
    early = facts(track(best=view(ENOUGH_TO_TRY.width, crisp=ENOUGH_TO_TRY.crisp)))
    assert rule(early).why is Why.BETTERING
    assert rule(replace(early, enough=ENOUGH_TO_TRY)).action is Action.PAY
    unsure = track(best=view(140), paid=[paid(PaidOutcome.DOUBTED)])
    assert rule(facts(unsure, enough=ENOUGH_TO_TRY)).why is Why.BETTERING, "the next one may cost something"


def test_a_small_plate_is_paid_for_only_when_it_comes_no_nearer() -> None:
    small = view(SMALL_WIDTH - 5)
    assert rule(facts(track(best=small, improved_at=AT - 5))).why is Why.BETTERING
    assert rule(facts(track(best=small, improved_at=AT - 5, moved_at=AT - 5))).action is Action.PAY
    assert rule(facts(track(best=small), ended=True)).reason == ViewReason.LAST_VIEW


@pytest.mark.parametrize("ended", [False, True])
def test_a_plate_that_nobody_can_read_is_never_paid_for(ended: bool) -> None:
    result = rule(facts(track(best=view(LEAST_WIDTH - 1), improved_at=AT - 9, moved_at=AT - 9), ended=ended))
    assert (result.action, result.why) == (Action.WAIT, Why.FAR)


def test_a_plate_that_was_never_whole_is_not_paid_for() -> None:
    assert rule(facts(track(best=None), ended=True)).why is Why.CUT_OFF


def test_what_the_detector_saw_once_is_not_paid_for_unless_it_was_sure_and_has_gone() -> None:
    once = track(State.TENTATIVE, view(), hits=1)
    assert rule(facts(once)).why is Why.TOO_SHORT
    assert rule(facts(once, ended=True)).action is Action.PAY
    assert rule(facts(track(State.TENTATIVE, view(), hits=1, score=0.6), ended=True)).why is Why.TOO_SHORT
    assert rule(facts(track(State.TENTATIVE, view(), hits=1, distance=0.1), ended=True)).why is Why.TOO_SHORT


@pytest.mark.parametrize(
    ("state", "why"), [(State.SETTLED, Why.KNOWN), (State.ASKED, Why.ASKED)], ids=["settled", "asked"]
)
def test_while_it_is_read_and_afterwards_nothing_is_paid(state: State, why: Why) -> None:
    assert rule(facts(track(state, view()), ended=True)).why is why


@pytest.mark.parametrize(("distance", "score", "total"), [(1.0, 0.45, 2.5), (0.1, 0.7, 2.5), (1.0, 0.6, 1.1)])
def test_what_the_detector_was_never_sure_of_is_not_paid_for(distance: float, score: float, total: float) -> None:
    one = track(best=view(), distance=distance, score=score, total=total)
    assert rule(facts(one, ended=True)).why is Why.UNSURE


def test_scenery_is_never_paid_for() -> None:
    assert rule(facts(track(best=view(), scenery=True), ended=True)).why is Why.SCENERY


def test_a_passage_has_an_allowance() -> None:
    one = track(best=view(180, 900), paid=[paid(PaidOutcome.UNREAD)] * 3)
    assert rule(facts(one)).why is Why.USED_UP


def test_a_plate_that_a_paid_picture_shows_is_settled_and_a_closer_look_comes_after_that() -> None:
    one = facts(track(best=view()), same=lambda: True, seen_closely=lambda: False)
    assert rule(one).action is Action.SETTLE
    assert rule(replace(one, same=lambda: False)).why is Why.UNSURE


def test_the_costly_questions_are_asked_only_when_a_view_is_ripe() -> None:
    def never() -> bool:
        raise AssertionError("asked too early")

    assert rule(facts(track(best=view(100)), same=never, seen_closely=never)).why is Why.BETTERING


def test_after_an_unread_view_a_clearly_better_one_is_paid_for() -> None:
    last = [paid(PaidOutcome.UNREAD, score=500)]
    assert rule(facts(track(best=view(score=500 * CLEARLY_BETTER - 1), paid=last), ended=True)).why is Why.NOT_BETTER
    result = rule(facts(track(best=view(score=500 * CLEARLY_BETTER), paid=last), ended=True))
    assert (result.action, result.reason) == (Action.PAY, ViewReason.BETTER_VIEW)


def test_after_no_answer_another_view_is_paid_for_and_never_the_same() -> None:
    last = [paid(PaidOutcome.FAILED)]
    result = rule(facts(track(best=view(score=450), paid=last), ended=True))
    assert (result.action, result.reason) == (Action.PAY, ViewReason.NO_ANSWER)
    assert rule(facts(track(best=view(at=AT - 5), paid=last), ended=True)).why is Why.NOT_BETTER


def test_a_doubted_reading_is_checked_with_a_view_of_another_size() -> None:
    last = [paid(PaidOutcome.DOUBTED, width=140)]
    result = rule(facts(track(best=view(170), paid=last), ended=True))
    assert (result.reason, result.view and result.view.scale) == (ViewReason.SECOND_OPINION, 1.0)
    earlier = track(best=view(140), earlier=[view(110, 400)], paid=last)
    result = rule(facts(earlier, ended=True))
    assert result.view is not None
    assert result.view.width == pytest.approx(110)


def test_or_else_with_the_same_view_in_a_smaller_picture_once() -> None:
    last = [paid(PaidOutcome.DOUBTED, width=140)]
    result = rule(facts(track(best=view(140), paid=last), ended=True))
    assert (result.action, result.view and result.view.scale) == (Action.PAY, SMALLER)
    smaller = [*last, paid(PaidOutcome.DOUBTED, width=140 * SMALLER, scale=SMALLER)]
    assert rule(facts(track(best=view(140), paid=smaller), ended=True)).why is Why.NOT_BETTER


def test_one_that_stood_there_from_the_start_is_said_to() -> None:
    one = track(best=view(100), improved_at=AT - 1, distance=0.1)
    assert rule(facts(one, at_rest=True)).reason == ViewReason.STOOD_HERE


def test_the_last_rule_applies_to_everything() -> None:
    assert RULES[-1].applies(facts(track(best=view())))
    assert RULES[-1].action is Action.PAY


@pytest.mark.parametrize(("width", "scale"), [(140, SMALLER), (170, 1.0), (100, 1.0)])
def test_a_view_on_which_an_opening_depends_is_paid_for_at_once(width: float, scale: float) -> None:
    one = track(best=view(width, 100), paid=[paid(PaidOutcome.READ)], second=SecondView.WANTED)
    result = rule(facts(one))
    assert (result.action, result.reason) == (Action.PAY, ViewReason.BEFORE_OPENING)
    assert result.view is not None
    assert result.view.scale == scale


def test_it_is_not_paid_for_before_it_is_seen_nor_after_the_vehicle_has_gone_nor_beyond_the_allowance() -> None:
    read = [paid(PaidOutcome.READ)]
    assert rule(facts(track(best=None, paid=read, second=SecondView.WANTED))).why is Why.NOT_BETTER
    assert rule(facts(track(best=view(), paid=read, second=SecondView.WANTED), ended=True)).why is Why.NOT_BETTER
    assert rule(facts(track(best=view(), paid=read * 3, second=SecondView.WANTED))).why is Why.USED_UP
    assert rule(facts(track(State.ASKED, view(), paid=read, second=SecondView.WANTED))).why is Why.ASKED
