"""The gatekeeper: one decision for each sighting at a lane, stored with it, and what of it may open a barrier."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from lanes import START, Lane, lane_settings
from records import Database

from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.codes import (
    Answer,
    CallOutcome,
    DecisionReason,
    OpeningCause,
    OpeningState,
    PermitKind,
    Verdict,
    Way,
    WithheldReason,
)
from streamwatch.core.errors import StorageFailed
from streamwatch.core.events import CallEnded, CallStarted, DecisionMade, PlatesCrossChecked, PlatesRead
from streamwatch.core.model import CallResult, Engine, PlateText
from streamwatch.store import Keep, OpeningTerms, Store, open_store

HOME = "粤B3M5K7"


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database.url, tmp_path)
    yield opened
    opened.close()


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in database.rows(query)]


def open_by(store: Store, made: DecisionMade, state: OpeningState = OpeningState.DONE) -> None:
    """Note an opening that follows a decision, as the barriers do."""
    terms = OpeningTerms(made.key[::-1], made.lane, "front", OpeningCause.AUTOMATIC, made.captured_at, made.key)
    store.openings.requested(terms)
    store.openings.ended(terms, OpeningOutcome(terms.key, state, WithheldReason.NONE), made.captured_at)


def test_a_decision_is_stored_with_all_that_it_rests_on_and_told_after_it(store: Store, database: Database) -> None:
    lane = Lane(store, lane_settings(calls={"price": 0.05}))
    key = lane.permit(HOME, holder="Chen")
    (made,) = lane.sees(HOME)
    assert (made.lane, made.camera, made.verdict, made.reason) == (
        "entry",
        "gate",
        Verdict.ALLOW,
        DecisionReason.PERMITTED,
    )
    assert (made.live, made.captured_at, made.read_at, made.revised) == (True, START, 1000.0, 0)
    query = """
        SELECT d.key, d.lane, d.way, d.camera, s.key, p.key, k.key, r.plate, d.plate, d.engine, d.price, d.verdict,
               permits.key, d.permit_plate
        FROM decisions d JOIN sightings s ON s.key = d.sighting_key JOIN passages p ON p.id = d.passage_id
        JOIN keyframes k ON k.id = d.keyframe_id JOIN readings r ON r.key = d.reading_key
        JOIN permits ON permits.id = d.permit_id
    """
    assert rows(database, query) == [
        (
            *(made.key, "entry", "in", "gate", made.sighting, made.passage, made.keyframe),
            *(HOME, HOME, "local", 0.0, "allow", key, HOME),
        )
    ]


def test_a_camera_without_a_lane_decides_nothing(store: Store, database: Database) -> None:
    lane = Lane(store, lane_settings(cameras={"yard": {"source": "rtsp://camera.invalid/yard"}}))
    lane.permit(HOME)
    assert not lane.sees(HOME, camera="yard")
    assert not rows(database, "SELECT * FROM decisions")


def test_the_outside_is_told_in_the_same_transaction(store: Store, database: Database) -> None:
    store.events.set_receivers(["one"])
    lane = Lane(store)
    lane.permit(HOME, holder="Chen", group="block 3")
    (made,) = lane.sees(HOME)
    assert rows(database, "SELECT type, subject FROM events ORDER BY id") == [
        ("streamwatch.sighting.v1", HOME),
        ("streamwatch.decision.v1", HOME),
    ]
    data = store_data(database)
    assert (data["decision"], data["verdict"], data["holder"], data["group"], data["keyframe"]) == (
        made.key,
        "allow",
        "Chen",
        "block 3",
        made.keyframe,
    )


def store_data(database: Database) -> dict[str, Any]:
    import json

    (value,) = rows(database, "SELECT data FROM events WHERE type = 'streamwatch.decision.v1'")[-1]
    data: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return data


def test_a_transaction_that_fails_leaves_no_decision_and_tells_nobody(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    passage = lane.comes()
    view = lane.taken(passage)
    with monkeypatch.context() as patched:

        def fail(*_: Any, **__: Any) -> None:
            raise StorageFailed("The disk is full.")

        patched.setattr(store.decisions, "save", fail)
        with pytest.raises(StorageFailed):
            lane.read(view, (HOME, 0.99))
        assert not lane.made
        assert not rows(database, "SELECT * FROM sightings")
    lane.recorder.catch_up()  # the writer tries again
    assert [made.verdict for made in lane.made] == [Verdict.ALLOW]
    assert rows(database, "SELECT count(*) FROM decisions") == [(1,)]


def test_a_better_reading_revises_a_question_and_never_an_opening(store: Store, database: Database) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    passage = lane.comes()
    first, second, third = (lane.taken(passage) for _ in range(3))
    lane.read(first, (HOME, 0.9), engine=Engine.OCRCARS)
    lane.read(second, (HOME, 0.97), engine=Engine.OCRCARS)
    lane.read(third, (HOME, 0.99), engine=Engine.OCRCARS)
    lane.goes(passage)
    assert [(made.verdict, made.reason, made.revised) for made in lane.made] == [
        (Verdict.ASK, DecisionReason.UNSURE_READING, 0),
        (Verdict.ALLOW, DecisionReason.PERMITTED, 1),
    ]
    assert [made.wants_second_view for made in lane.made] == [True, False]
    assert {made.key for made in lane.made} == {lane.made[0].key}
    assert lane.made[1].keyframe == second.key
    assert rows(database, "SELECT verdict, revised, confidence FROM decisions") == [("allow", 1, 0.97)]


def test_an_answered_question_is_not_changed_by_a_better_reading(store: Store, database: Database) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    passage = lane.comes()
    first, second = lane.taken(passage), lane.taken(passage)
    lane.read(first, (HOME, 0.9), engine=Engine.OCRCARS)
    assert store.decisions.answer(lane.made[0].key, Answer.REFUSED, "guard", START)
    assert not store.decisions.answer(lane.made[0].key, Answer.OPENED, "another", START)
    lane.read(second, (HOME, 0.99), engine=Engine.OCRCARS)
    assert len(lane.made) == 1
    assert rows(database, "SELECT verdict, answer, answered_by FROM decisions") == [("ask", "refused", "guard")]


def test_a_vehicle_that_comes_back_is_decided_anew_after_the_window_of_its_lane(store: Store) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    assert len(lane.sees(HOME)) == 1
    lane.clock.passed += 20
    assert not lane.sees(HOME)  # the same sighting: it was lost and found again before the barrier
    lane.clock.passed += 40
    assert [made.verdict for made in lane.sees(HOME)] == [Verdict.ALLOW]
    lane.settings = lane_settings(cameras={"gate": {"source": "rtsp://camera.invalid/1", "dedup": {"window": "5m"}}})
    lane.clock.passed += 200
    assert not lane.sees(HOME)


def test_a_merge_makes_no_room_for_a_second_decision(store: Store, database: Database) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    early, late = lane.comes(), None
    waiting = lane.taken(early)
    lane.goes(early)
    lane.clock.passed = 50
    late = lane.comes()
    lane.read(lane.taken(late), (HOME, 0.99))
    lane.clock.passed = 25
    middle = lane.comes()  # it joins both
    middle_view = lane.taken(middle)
    lane.clock.passed = 51
    lane.read(waiting, (HOME, 0.99))
    lane.read(middle_view, (HOME, 0.99))
    assert rows(database, "SELECT count(*) FROM sightings") == [(1,)]
    sighting = rows(database, "SELECT key FROM sightings")[0][0]
    assert {row[0] for row in rows(database, "SELECT sighting_key FROM decisions")} >= {sighting}
    opening = [made for made in lane.made if made.verdict is Verdict.ALLOW and made.live]
    assert len(opening) == 1


def test_a_reading_that_comes_late_or_from_an_earlier_run_is_not_live(store: Store) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    passage = lane.comes()
    waits = lane.taken(passage)
    lane.goes(passage)
    lane.clock.passed = 3600
    lane.read(waits, (HOME, 0.99))
    assert [(made.verdict, made.live) for made in lane.made] == [(Verdict.ALLOW, False)]

    passage = lane.comes()
    view = lane.taken(passage)
    lane.restart()  # at the same moment, by the clock
    lane.recorder.resume([passage.key])
    lane.read(view, (HOME, 0.99))
    assert [(made.verdict, made.live) for made in lane.made[1:]] == [(Verdict.ALLOW, False)]


def test_a_recording_never_opens(store: Store) -> None:
    lane = Lane(store, lane_settings(cameras={"gate": {"source": "sample"}}))
    lane.permit(HOME)
    assert [(made.verdict, made.live) for made in lane.sees(HOME)] == [(Verdict.ALLOW, False)]


def test_a_clock_that_was_set_back_makes_nothing_live(store: Store) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    passage = lane.comes()
    view = lane.taken(passage)
    lane.clock.passed = -5
    lane.read(view, (HOME, 0.99))
    assert [made.live for made in lane.made] == [False]


def test_a_paid_reading_that_the_local_engine_contradicts_opens_nothing(store: Store) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    passage = lane.comes()
    view = lane.taken(passage)
    text = PlateText(HOME, 0.93, None)
    lane.recorder.record(PlatesRead(view, Engine.OCRCARS, (text,), None))
    other = PlateText("粤B8M5K7", 0.9, None)
    lane.recorder.record(PlatesCrossChecked(view, (other,), (text,)))
    second = lane.taken(passage)
    lane.read(second, (HOME, 0.94), engine=Engine.OCRCARS)
    assert all(made.verdict is Verdict.ASK for made in lane.made)


def test_what_the_calls_of_a_sighting_cost_is_stored(store: Store, database: Database) -> None:
    lane = Lane(store, lane_settings(calls={"price": 0.05}))
    passage = lane.comes()
    view = lane.taken(passage)
    lane.recorder.record(CallStarted("c1", view.key, Engine.OCRCARS, 1, START, view.jpeg))
    lane.recorder.record(CallEnded("c1", CallResult(CallOutcome.READ, True, 2, 0.3), START))
    lane.recorder.record(PlatesRead(view, Engine.OCRCARS, (PlateText(HOME, 0.99, None),), "c1"))
    assert rows(database, "SELECT price, engine FROM decisions") == [(0.1, "ocrcars")]


def test_a_use_counts_only_when_it_opened_and_a_once_permit_opens_once(store: Store, database: Database) -> None:
    lane = Lane(store)
    lane.permit(HOME, kind=PermitKind.VISITOR)
    (first,) = lane.sees(HOME)
    assert first.verdict is Verdict.ALLOW
    assert rows(database, "SELECT uses_left FROM permits") == [(1,)]
    lane.settings = lane_settings(cameras={"gate": {"source": "rtsp://camera.invalid/1", "dedup": {"window": 1}}})
    lane.clock.passed += 5
    assert [made.reason for made in lane.sees(HOME)] == [DecisionReason.USED_UP]  # the barrier may be opening now
    lane.clock.passed += 30
    (third,) = lane.sees(HOME)
    assert third.verdict is Verdict.ALLOW  # it did not open
    open_by(store, third, OpeningState.UNKNOWN)  # it may have
    assert rows(database, "SELECT uses_left FROM permits") == [(0,)]
    lane.clock.passed += 60
    assert [made.reason for made in lane.sees(HOME)] == [DecisionReason.USED_UP]


@pytest.mark.parametrize("state", [OpeningState.FAILED, OpeningState.WITHHELD])
def test_an_opening_that_failed_let_nobody_through(store: Store, database: Database, state: OpeningState) -> None:
    lane = Lane(store)
    lane.permit(HOME, kind=PermitKind.VISITOR)
    (made,) = lane.sees(HOME)
    open_by(store, made, state)
    assert rows(database, "SELECT uses_left FROM permits") == [(1,)]
    assert not store.decisions.inside([HOME])


def test_who_is_inside_follows_the_openings_of_the_ways_in_and_out(store: Store) -> None:
    lane = Lane(store, lane_settings(access={"max_opens": 0}))
    lane.permit(HOME)
    (came,) = lane.sees(HOME)
    assert not store.decisions.inside([HOME])
    open_by(store, came)
    assert store.decisions.inside([HOME, "粤B00000"]) == {HOME}
    lane.clock.passed += 60
    (left,) = lane.sees(HOME, camera="way_out")
    open_by(store, left)
    assert not store.decisions.inside([HOME])


def test_a_lane_without_a_barrier_lets_through_by_the_decision_alone(store: Store) -> None:
    lanes = {"entry": {"cameras": ["gate"]}, "exit": {"cameras": ["way_out"], "way": "out"}}
    lane = Lane(store, lane_settings(lanes=lanes))
    lane.permit(HOME)
    lane.sees(HOME)
    lane.sees("粤B00000")
    assert store.decisions.inside([HOME, "粤B00000"]) == {HOME}
    question = lane.made[-1]
    assert store.decisions.answer(question.key, Answer.OPENED, "guard", START, passes=True)
    assert store.decisions.inside([HOME, "粤B00000"]) == {HOME, "粤B00000"}
    lane.sees(HOME, camera="way_out")
    assert store.decisions.inside([HOME]) == frozenset()


def test_one_household_with_one_space_for_three_vehicles(store: Store) -> None:
    lane = Lane(store)
    lane.permit(HOME, "粤B11111", "粤B22222", spaces=1)
    (made,) = lane.sees(HOME)
    open_by(store, made)
    assert [made.reason for made in lane.sees("粤B11111")] == [DecisionReason.FULL]
    lane.clock.passed += 60
    (left,) = lane.sees(HOME, camera="way_out")
    open_by(store, left)
    assert [made.verdict for made in lane.sees("粤B22222")] == [Verdict.ALLOW]


def test_the_same_plate_again_and_again_is_asked_within_the_time(store: Store) -> None:
    lane = Lane(store, lane_settings(access={"max_opens": 2, "opens_within": "5m"}))
    lane.permit(HOME)
    for _ in range(2):
        (made,) = lane.sees(HOME)
        open_by(store, made)
        lane.clock.passed += 60
    assert [made.reason for made in lane.sees(HOME)] == [DecisionReason.OPENED_OFTEN]
    lane.clock.passed += 300
    assert [made.verdict for made in lane.sees(HOME)] == [Verdict.ALLOW]


def test_a_changed_list_counts_at_once(store: Store) -> None:
    lane = Lane(store)
    assert [made.reason for made in lane.sees(HOME)] == [DecisionReason.UNKNOWN]
    key = lane.permit(HOME)
    lane.clock.passed += 60
    assert [made.verdict for made in lane.sees(HOME)] == [Verdict.ALLOW]
    lane.clock.passed += 60
    store.permits.end(key, lane.clock.now())
    assert [made.reason for made in lane.sees(HOME)] == [DecisionReason.EXPIRED]


def test_a_list_that_was_not_written_for_long_opens_nothing(store: Store) -> None:
    lane = Lane(store, lane_settings(access={"list_max_age": "1d"}))
    lane.permit(HOME)
    assert [made.verdict for made in lane.sees(HOME)] == [Verdict.ALLOW]
    lane.clock.passed += timedelta(days=2).total_seconds()
    assert [made.reason for made in lane.sees(HOME)] == [DecisionReason.OLD_LIST]


def test_old_decisions_and_openings_are_deleted(store: Store, database: Database) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    (old,) = lane.sees(HOME)
    open_by(store, old)
    lane.clock.passed += timedelta(days=100).total_seconds()
    lane.sees(HOME)
    keep = Keep(rows_age=timedelta(days=90))
    while store.retention.retain(lane.clock.now() + timedelta(days=1), keep).more:
        pass
    assert rows(database, "SELECT count(*) FROM decisions") == [(1,)]
    assert rows(database, "SELECT count(*) FROM openings") == [(0,)]


def test_near_permits_are_stored_for_people(store: Store, database: Database) -> None:
    lane = Lane(store)
    key = lane.permit(HOME)
    (made,) = lane.sees("粤B3M5K1")
    assert (made.reason, made.wants_second_view) == (DecisionReason.INEXACT, True)
    (near,) = rows(database, "SELECT near FROM decisions")[0]
    import json

    assert (json.loads(near) if isinstance(near, str) else near) == [{"permit": key, "plate": HOME, "distance": 0.5}]


def test_a_way_is_kept_as_it_was_when_it_was_decided(store: Store, database: Database) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    lane.sees(HOME)
    assert rows(database, "SELECT way FROM decisions") == [(Way.IN.value,)]


def test_two_sightings_that_turn_out_to_be_one_keep_the_decision_that_has_opened(
    store: Store, database: Database
) -> None:
    lane = Lane(store)
    lane.permit(HOME)
    (opened,) = lane.sees(HOME)
    open_by(store, opened)
    (heir,) = lane.sees("沪B8K219")
    assert heir.verdict is Verdict.ASK
    lane.clock.passed += 8
    with store.together():
        store.sightings.remove(opened.sighting, heir.sighting)
        lane.gatekeeper.removed(opened.sighting, heir.sighting)
    found = store.decisions.of_sighting(heir.sighting, "entry")
    assert found is not None
    assert (found.key, found.is_settled) == (opened.key, True)
    assert rows(database, "SELECT count(*) FROM decisions") == [(2,)]


def test_a_second_camera_of_a_lane_opens_no_second_time_for_the_same_vehicle(store: Store) -> None:
    cameras = {name: {"source": f"rtsp://camera.invalid/{name}"} for name in ("gate", "rear")}
    entry = {"cameras": ["gate", "rear"], "mode": "automatic", "barrier": "front"}
    lane = Lane(store, lane_settings(cameras=cameras, lanes={"entry": entry}))
    lane.permit(HOME)
    (first,) = lane.sees(HOME)
    assert first.live
    open_by(store, first)
    lane.clock.passed += 8
    assert [(made.verdict, made.again) for made in lane.sees(HOME, camera="rear")] == [(Verdict.ALLOW, True)]
    lane.clock.passed += 40
    assert [(made.verdict, made.again) for made in lane.sees(HOME)] == [(Verdict.ALLOW, False)]
