"""The rules that say who reads a keyframe, and what becomes of one whose call failed."""

import pytest

from streamwatch.core import errors
from streamwatch.core.codes import StateReason
from streamwatch.pipeline.budget import Exhausted
from streamwatch.pipeline.calls import Standing
from streamwatch.pipeline.outbox import EntryState
from streamwatch.pipeline.router import LOOK_AGAIN, NO_ANSWER, TWICE_IN_VAIN, Case, Fate, Route, after_failure, route

USED_UP, KEPT = Exhausted(StateReason.BUDGET_DAY, False), Exhausted(StateReason.BUDGET_DAY, True)
FRESH, UNSURE, LAST_CALL, LOCAL_ONLY, URGENT = (
    EntryState.FRESH,
    EntryState.UNSURE,
    EntryState.LAST_CALL,
    EntryState.LOCAL_ONLY,
    EntryState.URGENT,
)


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        pytest.param(Case(FRESH), Route.CALL, id="nothing stands against a call"),
        pytest.param(Case(FRESH, paid=False, calls=Standing(wait=9.0)), Route.LOCAL, id="a free engine never waits"),
        pytest.param(Case(FRESH, reads_first=True), Route.LOCAL_FIRST, id="local first"),
        pytest.param(Case(UNSURE, reads_first=True), Route.CALL, id="local first is not asked twice"),
        pytest.param(Case(LAST_CALL, reads_first=True), Route.CALL, id="nor after a call"),
        pytest.param(Case(FRESH, stands_in=True), Route.CALL, id="a stand-in waits for an outage"),
        pytest.param(Case(FRESH, calls=Standing(held=True, wait=9.0)), Route.WAIT, id="outage, no stand-in"),
        pytest.param(
            Case(FRESH, calls=Standing(held=True, wait=9.0), stands_in=True), Route.LOCAL_FIRST, id="outage, stand-in"
        ),
        pytest.param(Case(FRESH, stands_in=True, readers_held=True), Route.LOCAL_FIRST, id="no reader is free"),
        pytest.param(
            Case(UNSURE, calls=Standing(held=True, wait=9.0), stands_in=True), Route.WAIT, id="unsure, outage"
        ),
        pytest.param(Case(FRESH, calls=Standing(exhausted=KEPT)), Route.WAIT, id="kept for first views"),
        pytest.param(Case(FRESH, calls=Standing(exhausted=USED_UP)), Route.NOBODY, id="used up, no stand-in"),
        pytest.param(
            Case(FRESH, calls=Standing(exhausted=USED_UP), stands_in=True), Route.FALLBACK, id="used up, stand-in"
        ),
        pytest.param(
            Case(FRESH, calls=Standing(exhausted=USED_UP), reads_first=True),
            Route.LOCAL_FIRST,
            id="used up, local first",
        ),
        pytest.param(Case(FRESH, calls=Standing(in_vain=1)), Route.CALL, id="one call in vain"),
        pytest.param(Case(FRESH, calls=Standing(in_vain=2)), Route.NOBODY, id="two calls in vain, no stand-in"),
        pytest.param(
            Case(FRESH, calls=Standing(in_vain=2), stands_in=True), Route.FALLBACK, id="two calls in vain, stand-in"
        ),
        pytest.param(
            Case(LOCAL_ONLY, calls=Standing(in_vain=2), stands_in=True), Route.FALLBACK, id="not to be paid again"
        ),
        pytest.param(Case(URGENT, reads_first=True, stands_in=True), Route.CALL, id="an opening depends on it"),
        pytest.param(Case(URGENT, paid=False), Route.LOCAL, id="an opening, and the engine is free"),
        pytest.param(Case(URGENT, calls=Standing(exhausted=KEPT)), Route.NOBODY, id="an opening, but no budget"),
        pytest.param(
            Case(URGENT, calls=Standing(exhausted=KEPT), stands_in=True), Route.FALLBACK, id="no budget, stand-in"
        ),
        pytest.param(Case(URGENT, calls=Standing(wait=9.0)), Route.NOBODY, id="an opening waits for no service"),
        pytest.param(Case(URGENT, stands_in=True, readers_held=True), Route.FALLBACK, id="an opening, no reader free"),
        pytest.param(Case(URGENT, late=True), Route.NOBODY, id="nothing opens any more"),
        pytest.param(Case(URGENT, paid=False, late=True), Route.NOBODY, id="nothing opens any more, free engine"),
    ],
)
def test_the_first_rule_that_applies_says_who_reads(case: Case, wanted: Route) -> None:
    assert route(case).route is wanted


def test_a_decision_names_its_reason_and_when_to_look_again() -> None:
    assert route(Case(LOCAL_ONLY)).why == NO_ANSWER
    assert route(Case(FRESH, calls=Standing(in_vain=2))).why == TWICE_IN_VAIN
    assert route(Case(FRESH, calls=Standing(exhausted=USED_UP))).why == USED_UP.reason
    assert route(Case(FRESH, calls=Standing(exhausted=KEPT, wait=9.0))).wait == LOOK_AGAIN
    assert route(Case(FRESH, calls=Standing(wait=9.0))).wait == 9.0


@pytest.mark.parametrize(
    ("error", "charged", "state", "stands_in", "fate"),
    [
        (errors.NotSent("no connection"), False, FRESH, True, Fate.AGAIN),
        (errors.Throttled("too fast"), False, LAST_CALL, False, Fate.AGAIN),
        (errors.QuotaExhausted("used up"), True, FRESH, True, Fate.AGAIN),
        (errors.PictureBroken("damaged"), False, FRESH, True, Fate.FALLBACK),
        (errors.PictureBroken("damaged"), False, FRESH, False, Fate.LOST),
        (errors.Doubtful("no answer"), True, FRESH, True, Fate.FALLBACK),
        (errors.Doubtful("no answer"), True, FRESH, False, Fate.LOST),
        (errors.Transient("80"), True, FRESH, True, Fate.FALLBACK),
        (errors.Transient("80"), True, FRESH, False, Fate.ONCE_MORE),
        (errors.Transient("80"), True, UNSURE, False, Fate.ONCE_MORE),
        (errors.Transient("80"), True, LAST_CALL, False, Fate.LOST),
    ],
)
def test_what_becomes_of_a_keyframe_whose_call_failed(
    error: errors.RecognitionError, charged: bool, state: EntryState, stands_in: bool, fate: Fate
) -> None:
    assert after_failure(error, charged, state, stands_in) is fate
