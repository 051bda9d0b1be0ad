"""Decisions: the table of rules, case by case; test_decision_properties.py draws cases."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from streamwatch.access.decisions import RULES, Decision, LaneRules, LotState, PlateRead, decide
from streamwatch.access.matching import PermitIndex
from streamwatch.access.permits import Hours, Permit
from streamwatch.core.codes import DecisionReason, Passback, PermitKind, Verdict, Way, WhenFull

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)
PLATE = "粤B3M5K7"
HOME = Permit("p1", PermitKind.RESIDENT, frozenset({PLATE}), NOON - DAY, NOON + DAY)
EMPTY = LotState()
IN, OUT = LaneRules("in"), LaneRules("out", Way.OUT)
SURE = PlateRead("s1", PLATE, 0.99, NOON)


def decided(
    read: PlateRead = SURE,
    lane: LaneRules = IN,
    permits: Sequence[Permit] = (HOME,),
    lot: LotState = EMPTY,
) -> Decision:
    return decide(read, lane, PermitIndex(permits), lot, NOON, UTC)


def test_a_resident_may_pass() -> None:
    decision = decided()
    assert (decision.verdict, decision.reason, decision.permit, decision.plate) == (
        Verdict.ALLOW,
        DecisionReason.PERMITTED,
        HOME,
        PLATE,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"lanes": frozenset({"garage"})}, DecisionReason.OTHER_LANE),
        ({"valid_from": NOON + timedelta(seconds=1)}, DecisionReason.NOT_YET_VALID),
        ({"valid_until": NOON}, DecisionReason.EXPIRED),
        ({"uses": 0}, DecisionReason.USED_UP),
        ({"hours": (Hours(frozenset({2}), time(13), time(14)),)}, DecisionReason.OUTSIDE_HOURS),
    ],
)
def test_a_permit_that_is_not_valid_opens_nothing(change: dict[str, Any], reason: DecisionReason) -> None:
    permit = replace(HOME, **change)
    assert decided(permits=[permit]).reason is reason
    assert decided(permits=[permit]).verdict is Verdict.ASK
    assert decided(permits=[permit], lane=replace(IN, invalid=Verdict.DENY)).verdict is Verdict.DENY
    assert decided(permits=[permit, HOME]).verdict is Verdict.ALLOW  # the other one is valid


def test_a_blocked_vehicle_may_leave_and_a_held_one_may_come_in() -> None:
    blocked, held = replace(HOME, key="b", kind=PermitKind.BLOCKED), replace(HOME, key="h", kind=PermitKind.HELD)
    assert decided(permits=[HOME, blocked]).reason is DecisionReason.BLOCKED
    assert decided(permits=[HOME, blocked], lane=OUT).verdict is Verdict.ALLOW
    assert decided(permits=[HOME, held]).verdict is Verdict.ALLOW
    assert decided(permits=[HOME, held], lane=OUT).reason is DecisionReason.HELD
    assert decided(permits=[HOME, replace(blocked, valid_until=NOON)]).verdict is Verdict.ALLOW


def test_a_plate_without_a_permit_may_be_that_of_a_blocked_vehicle() -> None:
    blocked = replace(HOME, key="b", kind=PermitKind.BLOCKED, plates=frozenset({"粤B8M5K7"}))
    decision = decided(permits=[blocked])
    assert (decision.verdict, decision.reason) == (Verdict.ASK, DecisionReason.MAYBE_BLOCKED)
    assert decision.near[0].plate == "粤B8M5K7"
    assert decided(permits=[blocked], lane=replace(IN, unknown=Verdict.DENY)).verdict is Verdict.DENY
    assert decided(permits=[blocked], lane=OUT).reason is DecisionReason.UNKNOWN
    held = replace(blocked, kind=PermitKind.HELD)
    assert decided(permits=[held], lane=OUT).reason is DecisionReason.MAYBE_HELD


def test_a_resident_is_let_in_although_a_blocked_plate_looks_alike() -> None:
    blocked = replace(HOME, key="b", kind=PermitKind.BLOCKED, plates=frozenset({"粤B8M5K7"}))
    assert decided(permits=[HOME, blocked]).verdict is Verdict.ALLOW
    misread = replace(SURE, plate="粤BBM5K7")  # one confusion from the blocked one, and two from the resident
    lane = replace(IN, inexact=Verdict.ALLOW)
    assert decided(misread, lane, permits=[HOME, blocked]).reason is DecisionReason.MAYBE_BLOCKED


def test_an_unsure_reading_asks_for_a_second_view_only_if_an_opening_hangs_on_it() -> None:
    unsure = replace(SURE, confidence=0.5)
    assert decided(unsure).reason is DecisionReason.UNSURE_READING
    assert decided(unsure).wants_second_view
    assert decided(replace(SURE, contradicted=True)).wants_second_view
    assert not decided(replace(unsure, second_view=True)).wants_second_view
    assert not decided(unsure, permits=[]).wants_second_view
    assert not decided(unsure, permits=[replace(HOME, valid_until=NOON)]).wants_second_view
    assert not decided(replace(unsure, clock_trusted=False)).wants_second_view
    assert decided(replace(SURE, confidence=None)).verdict is Verdict.ASK


def test_a_plate_that_may_be_a_misread_of_a_permitted_one_is_read_again() -> None:
    misread = replace(SURE, plate="粤B3M5K1")
    assert decided(misread).wants_second_view
    assert decided(replace(misread, confidence=0.5)).wants_second_view
    assert not decided(replace(misread, second_view=True)).wants_second_view
    assert not decided(misread, lane=replace(IN, inexact=Verdict.ALLOW)).wants_second_view
    assert not decided(misread, permits=[replace(HOME, uses=0)]).wants_second_view


def test_one_confusion_from_the_only_permit_is_asked_or_allowed_by_configuration() -> None:
    misread = replace(SURE, plate="粤B3M5K1")
    assert (decided(misread).verdict, decided(misread).reason) == (Verdict.ASK, DecisionReason.INEXACT)
    lane = replace(IN, inexact=Verdict.ALLOW)
    assert decided(misread, lane).verdict is Verdict.ALLOW
    assert decided(misread, lane).plate == PLATE
    neighbour = replace(HOME, key="p2", plates=frozenset({"粤B3N5K1"}))
    assert decided(misread, lane, permits=[HOME, neighbour]).verdict is Verdict.ASK
    assert decided(replace(misread, confidence=0.5), lane).verdict is Verdict.ASK
    cut = replace(SURE, plate=PLATE[:-1])
    assert decided(cut, lane).verdict is Verdict.ASK
    assert decided(cut, lane).near[0].plate == PLATE


def test_a_clock_or_a_list_that_cannot_be_believed_opens_nothing() -> None:
    doubtful = replace(SURE, clock_trusted=False)
    assert decided(doubtful).reason is DecisionReason.CLOCK_UNTRUSTED
    always = replace(HOME, valid_from=None, valid_until=None)
    assert decided(doubtful, permits=[always]).verdict is Verdict.ALLOW  # whatever time it is
    assert decided(doubtful, permits=[replace(HOME, key="b"), always]).permit is always
    full = replace(always, spaces=1, plates=always.plates | {"粤A00001"})
    parked = LotState(inside=frozenset({"粤A00001"}))
    assert decided(doubtful, permits=[replace(HOME, key="b", valid_until=NOON - DAY), full], lot=parked).verdict is (
        Verdict.ASK
    )
    ended = replace(always, key="b", kind=PermitKind.BLOCKED, valid_until=NOON - DAY)
    assert decided(doubtful, permits=[always, ended]).reason is DecisionReason.CLOCK_UNTRUSTED
    aged = replace(IN, list_age=DAY)
    assert decided(doubtful, aged, [always], LotState(listed_at=NOON)).reason is DecisionReason.CLOCK_UNTRUSTED
    lane = replace(IN, list_age=timedelta(hours=1))
    assert decided(lane=lane).reason is DecisionReason.OLD_LIST
    assert decided(lane=lane, lot=LotState(listed_at=NOON - timedelta(hours=2))).reason is DecisionReason.OLD_LIST
    assert decided(lane=lane, lot=LotState(listed_at=NOON)).verdict is Verdict.ALLOW


def test_the_same_plate_again_and_again_is_asked() -> None:
    opened = tuple(NOON - timedelta(minutes=minutes) for minutes in (9, 6, 3))
    assert decided(lot=LotState(opened=opened)).reason is DecisionReason.OPENED_OFTEN
    assert decided(lot=LotState(opened=opened[1:])).verdict is Verdict.ALLOW
    assert decided(lot=LotState(opened=opened), lane=replace(IN, max_opens=0)).verdict is Verdict.ALLOW


@pytest.mark.parametrize(("lane", "inside"), [(IN, True), (OUT, False)])
def test_passing_back(lane: LaneRules, inside: bool) -> None:
    lot = LotState(inside=frozenset({PLATE} if inside else ()))
    assert decided(lane=lane, lot=lot).warnings == ()
    warned = decided(lane=replace(lane, passback=Passback.WARN), lot=lot)
    assert (warned.verdict, warned.warnings) == (Verdict.ALLOW, (DecisionReason.PASSED_BACK,))
    assert decided(lane=replace(lane, passback=Passback.DENY), lot=lot).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("when_full", "verdict"),
    [(WhenFull.ALLOW, Verdict.ALLOW), (WhenFull.VISITOR, Verdict.DENY), (WhenFull.ASK, Verdict.ASK)],
)
def test_when_the_spaces_are_full(when_full: WhenFull, verdict: Verdict) -> None:
    family = replace(HOME, plates=frozenset({PLATE, "粤B00001", "粤B00002"}), spaces=1, when_full=when_full)
    lane = replace(IN, unknown=Verdict.DENY)
    full = LotState(inside=frozenset({"粤B00001"}))
    assert decided(permits=[family], lane=lane, lot=full).verdict is verdict
    assert decided(permits=[family], lane=lane).verdict is Verdict.ALLOW
    both = LaneRules("both", Way.BOTH)
    assert decided(permits=[family], lane=both, lot=full).verdict is Verdict.ALLOW  # nobody knows which way it goes
    assert decided(permits=[family, HOME], lane=lane, lot=full).permit is HOME  # it has a space
    assert decided(permits=[family], lane=OUT, lot=replace(full, inside=full.inside | {PLATE})).verdict is Verdict.ALLOW


def test_hours_that_pass_midnight_belong_to_the_day_they_begin() -> None:
    night = Hours(frozenset({2}), time(22), time(6))
    assert night.contain(datetime(2026, 3, 4, 23))
    assert night.contain(datetime(2026, 3, 5, 5, 59))
    assert not night.contain(datetime(2026, 3, 4, 5))
    assert not night.contain(datetime(2026, 3, 5, 6))


def test_a_lane_cannot_be_made_to_open_for_a_plate_without_a_permit() -> None:
    with pytest.raises(ValueError, match="without a valid permit"):
        LaneRules("in", unknown=Verdict.ALLOW)
    with pytest.raises(ValueError, match="without a valid permit"):
        LaneRules("in", invalid=Verdict.ALLOW)


def test_each_reason_has_one_rule() -> None:
    by_program = [DecisionReason.PROGRAM_ALLOWED, DecisionReason.PROGRAM_DENIED]
    assert [rule.reason for rule in RULES] + by_program == list(DecisionReason)
