"""When an opening may be sent, and when a barrier is held open."""

import re
from datetime import datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.access.holding import Holding, HoldState, HoldStep
from streamwatch.access.may_open import ANSWER_WITHIN, RULES, Asked, OpeningRules, Standing, hold_end, withheld
from streamwatch.access.permits import Hours
from streamwatch.core.codes import LaneMode, OpeningCause, Verdict, WithheldReason

LIMITS = OpeningRules(max_age=3.0, cool_down=5.0)
ALLOWED = Asked(OpeningCause.AUTOMATIC, 100.0, 99.5, LaneMode.AUTOMATIC, Verdict.ALLOW, live=True)
CALM = Standing()
CAUSES = st.sampled_from(OpeningCause)
TIMES = st.floats(-10, 400)


def reason(asked: Asked, standing: Standing = CALM, now: float = 100.1) -> WithheldReason:
    return withheld(asked, standing, LIMITS, now)


def asked(cause: OpeningCause, **more: object) -> Asked:
    return Asked(cause, 100.0, **more)  # type: ignore[arg-type]


def test_an_allowed_vehicle_before_an_automatic_lane_is_let_in() -> None:
    assert reason(ALLOWED) is WithheldReason.NONE


@pytest.mark.parametrize("cause", OpeningCause)
def test_the_kill_switch_beats_every_cause(cause: OpeningCause) -> None:
    one = Asked(cause, 100.0, 99.5, LaneMode.AUTOMATIC, Verdict.ALLOW, live=True)
    assert reason(one, Standing(killed=True)) is WithheldReason.KILLED
    assert reason(one, Standing(killed=True, busy=True, held=True)) is WithheldReason.KILLED


@pytest.mark.parametrize("verdict", [Verdict.DENY, Verdict.ASK, None])
def test_anything_but_allow_is_no(verdict: Verdict | None) -> None:
    one = Asked(OpeningCause.AUTOMATIC, 100.0, 99.5, LaneMode.AUTOMATIC, verdict, live=True)
    assert reason(one) is WithheldReason.NOT_ALLOWED


@pytest.mark.parametrize("mode", [LaneMode.MANUAL, LaneMode.SUGGEST])
def test_only_an_automatic_lane_opens_by_itself(mode: LaneMode) -> None:
    one = Asked(OpeningCause.AUTOMATIC, 100.0, 99.5, mode, Verdict.ALLOW, live=True)
    assert reason(one) is WithheldReason.NOT_AUTOMATIC


def test_a_picture_of_another_run_opens_nothing() -> None:
    one = Asked(OpeningCause.AUTOMATIC, 100.0, 99.5, LaneMode.AUTOMATIC, Verdict.ALLOW)
    assert reason(one) is WithheldReason.NOT_LIVE


def test_a_late_pulse_is_worse_than_none() -> None:
    assert reason(ALLOWED, now=102.5) is WithheldReason.NONE
    assert reason(ALLOWED, now=102.6) is WithheldReason.TOO_LATE
    by_hand = asked(OpeningCause.BY_HAND)
    assert reason(by_hand, now=103.0) is WithheldReason.NONE
    assert reason(by_hand, now=103.1) is WithheldReason.TOO_LATE
    future = Asked(OpeningCause.AUTOMATIC, 100.0, 200.0, LaneMode.AUTOMATIC, Verdict.ALLOW, live=True)
    assert reason(future) is WithheldReason.TOO_LATE


def test_an_answer_has_a_limit_of_its_own() -> None:
    def answer(read_at: float | None) -> WithheldReason:
        return withheld(Asked(OpeningCause.ANSWER, 1000.0, read_at), Standing(), LIMITS, 1000.1)

    assert answer(1000.1 - ANSWER_WITHIN) is WithheldReason.NONE
    assert answer(1000.0 - ANSWER_WITHIN) is WithheldReason.TOO_LATE
    assert answer(None) is WithheldReason.TOO_LATE


def test_the_cool_down_is_for_openings_without_a_person() -> None:
    hot = Standing(opened_at=96.0)
    assert reason(ALLOWED, hot) is WithheldReason.COOL_DOWN
    assert reason(asked(OpeningCause.REMOTE), hot) is WithheldReason.COOL_DOWN
    assert reason(asked(OpeningCause.BY_HAND), hot) is WithheldReason.NONE
    assert reason(asked(OpeningCause.SCHEDULE), hot) is WithheldReason.NONE
    assert reason(ALLOWED, Standing(opened_at=95.0)) is WithheldReason.NONE


def test_nothing_is_sent_to_a_barrier_that_is_busy_held_open_or_ending() -> None:
    by_hand = asked(OpeningCause.BY_HAND)
    assert reason(by_hand, Standing(busy=True)) is WithheldReason.BUSY
    assert reason(by_hand, Standing(held=True)) is WithheldReason.HELD_OPEN
    assert reason(by_hand, Standing(stopping=True, killed=True)) is WithheldReason.STOPPING


@given(
    CAUSES,
    TIMES,
    st.none() | TIMES,
    st.sampled_from(LaneMode),
    st.none() | st.sampled_from(Verdict),
    st.booleans(),
    st.builds(Standing, st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.none() | TIMES),
    TIMES,
)
def test_what_is_sent_has_every_ground(
    cause: OpeningCause,
    at: float,
    read_at: float | None,
    mode: LaneMode,
    verdict: Verdict | None,
    live: bool,
    standing: Standing,
    now: float,
) -> None:
    one = Asked(cause, at, read_at, mode, verdict, live)
    if withheld(one, standing, LIMITS, now) is not WithheldReason.NONE:
        return
    assert not any([standing.killed, standing.busy, standing.held, standing.stopping])
    assert 0 <= now - at <= 3.0
    if cause is OpeningCause.AUTOMATIC:
        assert (verdict, mode, live) == (Verdict.ALLOW, LaneMode.AUTOMATIC, True)
        assert read_at is not None
        assert 0 <= now - read_at <= 3.0


def test_each_rule_has_a_reason_of_its_own() -> None:
    reasons = [reason for reason, _ in RULES]
    assert len(set(reasons)) == len(reasons)
    elsewhere = {
        WithheldReason.NONE,
        WithheldReason.NOT_WRITTEN,
        WithheldReason.NO_BARRIER,
        WithheldReason.RESTARTED,
        WithheldReason.OVERTAKEN,
    }
    assert {*reasons, *elsewhere} == set(WithheldReason)


MORNING = Hours(frozenset({0}), time(7), time(9))
NIGHT = Hours(frozenset({0}), time(22), time(6))
MONDAY = datetime(2026, 3, 2)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        (MONDAY.replace(hour=6, minute=59), None),
        (MONDAY.replace(hour=7), MONDAY.replace(hour=9)),
        (MONDAY.replace(hour=9), None),
        (MONDAY.replace(hour=23), datetime(2026, 3, 3, 6)),
        (datetime(2026, 3, 3, 5, 59), datetime(2026, 3, 3, 6)),
        (datetime(2026, 3, 3, 7), None),
    ],
)
def test_a_schedule_has_an_end(at: datetime, end: datetime | None) -> None:
    assert hold_end([MORNING, NIGHT], at) == end


def test_of_two_times_the_last_end_counts() -> None:
    longer = Hours(frozenset({0}), time(8), time(10))
    assert hold_end([MORNING, longer], MONDAY.replace(hour=8, minute=30)) == MONDAY.replace(hour=10)


def test_holding_begins_is_renewed_and_ends() -> None:
    holding = Holding(renewed_every=20)
    assert holding.step(None, False, 0) is HoldStep.NOTHING
    assert holding.step(100, False, 10) is HoldStep.BEGIN
    holding.begin(100, 10)
    assert holding.step(100, False, 29) is HoldStep.NOTHING
    assert holding.step(100, False, 30) is HoldStep.RENEW
    holding.renew(30)
    assert holding.step(100, False, 31) is HoldStep.NOTHING
    assert holding.step(None, False, 31) is HoldStep.END
    assert holding.step(500, False, 100) is HoldStep.END  # a clock that is set back makes it no longer
    holding.free()
    assert holding.state is HoldState.FREE


def test_what_the_kill_switch_ends_does_not_begin_again_by_itself() -> None:
    holding = Holding(renewed_every=20)
    assert holding.step(100, True, 10) is HoldStep.NOTHING
    holding.begin(100, 10)
    assert holding.step(100, True, 11) is HoldStep.END
    holding.spend(100)
    assert holding.step(100, False, 12) is HoldStep.NOTHING
    assert holding.step(200, False, 100) is HoldStep.BEGIN


def test_the_page_of_barriers_has_the_rules_in_their_order() -> None:
    page = Path(__file__).parents[2] / "docs" / "barriers.md"
    section = page.read_text(encoding="utf-8").split("## When an opening is sent")[1].split("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)
    told.remove(WithheldReason.OVERTAKEN)  # known where the row is written, not here
    assert told == [reason.value for reason, _ in RULES]
