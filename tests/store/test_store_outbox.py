"""The outbox, and the recovery of what a crash left in flight."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from records import (
    ANSWER,
    JPEG,
    NOON,
    Database,
    keyframe,
    new_key,
    passage,
    reading,
    rows,
    saved_call,
    saved_view,
    sighting,
)

from streamwatch.core.codes import CallOutcome, StateReason
from streamwatch.core.errors import StorageFailed, StoreError
from streamwatch.core.model import CallResult, Engine, Keyframe
from streamwatch.store import KeyframeState, PassageOutcome, PassageStanding, Recovery, Store, open_store

NO_PLATE = replace(ANSWER, outcome=CallOutcome.NO_PLATE, plates=())
NOT_SENT = CallResult(CallOutcome.NOT_SENT, False, 0, 0.1, error="No connection.")
DOUBTFUL = CallResult(CallOutcome.DOUBTFUL, None, 0, 35.0, error="The answer never came.")
CHARGED_FAILURE = CallResult(
    CallOutcome.PICTURE_BROKEN, True, 1, 0.4, 200, error="The service could not parse the picture."
)


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    store = open_store(database.url, tmp_path / "data")
    yield store
    store.close()


def state_of(database: Database, view: Keyframe) -> tuple[str, str]:
    (row,) = rows(database, f"SELECT state, state_reason FROM keyframes WHERE key = '{view.key}'")
    return row["state"], row["state_reason"]


# ---- what waits -----------------------------------------------------------------------------------------------------


def test_the_outbox_is_what_waits_oldest_first(store: Store) -> None:
    late, early = saved_view(store, "exit", NOON + timedelta(minutes=1)), saved_view(store, jpeg=JPEG * 3)
    done = saved_view(store)
    store.keyframes.answered(done.key, [])
    first, second = store.keyframes.waiting()
    assert (first.key, first.passage, first.camera) == (early.key, early.passage, "gate")
    assert (first.captured_at, first.bytes, first.score) == (NOON, 3 * len(JPEG), 3.25)
    assert (second.key, second.camera) == (late.key, "exit")


@pytest.mark.parametrize(
    ("other", "is_first"),
    [
        (KeyframeState.WAITING, True),
        (KeyframeState.FAILED, True),
        (KeyframeState.DROPPED, True),
        (KeyframeState.KEPT, True),
        (KeyframeState.SENT, False),
        (KeyframeState.DOUBTFUL, False),
        (KeyframeState.ANSWERED, False),
    ],
)
def test_a_first_view_is_one_of_whose_passage_nothing_was_tried(
    store: Store, other: KeyframeState, is_first: bool
) -> None:
    stay = passage()
    store.passages.save(stay)
    view, beside = keyframe(stay), keyframe(stay)
    for one in (view, beside, saved_view(store)):
        if one.passage == stay.key:
            store.keyframes.save(one)
    store.keyframes.set_state(beside.key, other)
    (item,) = (item for item in store.keyframes.waiting() if item.key == view.key)
    assert item.first_view is is_first


def test_keyframes_in_other_states_can_be_listed(store: Store) -> None:
    view = saved_view(store)
    store.keyframes.set_state(view.key, KeyframeState.DOUBTFUL, StateReason.DOUBTFUL)
    assert [item.key for item in store.keyframes.waiting(KeyframeState.DOUBTFUL)] == [view.key]
    assert store.keyframes.waiting() == []


def test_what_was_saved_comes_back_equal(store: Store) -> None:
    stay = passage(closed=True)
    store.passages.save(stay)
    view = keyframe(stay, JPEG * 100)
    store.keyframes.save(view)
    assert store.keyframes.load_keyframe(view.key) == view
    assert store.passages.load(stay.key) == stay


def test_a_keyframe_without_its_picture_is_refused(store: Store, database: Database, tmp_path: Path) -> None:
    view = saved_view(store)
    picture = tmp_path / "data" / rows(database, "SELECT path FROM keyframes")[0]["path"]
    picture.write_bytes(JPEG[:-1])
    with pytest.raises(StoreError, match="is damaged: it is not the one that was stored"):
        store.keyframes.load_keyframe(view.key)
    picture.unlink()
    with pytest.raises(StoreError, match="is gone") as caught:
        store.keyframes.load_keyframe(view.key)
    assert not isinstance(caught.value, StorageFailed)
    picture.mkdir()
    with pytest.raises(StorageFailed, match="cannot be read"):
        store.keyframes.load_keyframe(view.key)
    with pytest.raises(StoreError, match="keyframes has no row"):
        store.keyframes.load_keyframe(new_key())


# ---- what a crash left ----------------------------------------------------------------------------------------------


def test_a_keyframe_that_only_waited_still_waits(store: Store, database: Database) -> None:
    view = saved_view(store)
    assert store.keyframes.recover() == Recovery()
    assert state_of(database, view) == ("waiting", "")


def test_a_call_in_flight_is_doubtful_and_so_is_its_keyframe(store: Store, database: Database) -> None:
    view = saved_view(store)
    saved_call(store, view, None)
    assert store.keyframes.recover() == Recovery(doubtful=[view.key])
    (call,) = rows(database, "SELECT * FROM calls")
    assert (call["outcome"], call["charged"], call["ended_at"]) == ("doubtful", None, None)
    assert call["error"] == "streamwatch was stopped before the answer came; it may have been charged."
    assert state_of(database, view) == ("doubtful", "doubtful")
    assert store.keyframes.recover() == Recovery()


def test_a_call_that_ended_in_doubt_makes_its_keyframe_doubtful(store: Store, database: Database) -> None:
    view = saved_view(store)
    saved_call(store, view, DOUBTFUL)
    assert store.keyframes.recover() == Recovery(doubtful=[view.key])
    assert state_of(database, view) == ("doubtful", "doubtful")


def test_doubt_is_not_forgotten_by_a_later_call_that_was_not_sent(store: Store) -> None:
    view = saved_view(store)
    saved_call(store, view, DOUBTFUL)
    saved_call(store, view, NOT_SENT)
    assert store.keyframes.recover().doubtful == [view.key]


@pytest.mark.parametrize("result", [ANSWER, NO_PLATE])
def test_an_answer_whose_readings_were_not_saved_is_handed_out_until_they_are(
    store: Store, database: Database, result: CallResult
) -> None:
    view = saved_view(store)
    saved_call(store, view, NOT_SENT)
    call = saved_call(store, view, result)
    for _ in range(2):
        found = store.keyframes.recover()
        assert found == Recovery(answered=[(view.key, call, result.plates, Engine.OCRCARS)])  # type: ignore[list-item]
    store.keyframes.answered(view.key, [reading(view)], call)
    assert store.keyframes.recover() == Recovery()
    assert state_of(database, view) == ("answered", "")


def test_answers_are_stored_as_people_can_read_them(store: Store, database: Database) -> None:
    for result in (ANSWER, NO_PLATE, NOT_SENT):
        saved_call(store, saved_view(store), result)
    first, second, third = (row["answer"] for row in rows(database, "SELECT answer FROM calls ORDER BY id"))
    assert '"confidence": 0.97, "corners": [[1.0, 2.0]' in first
    assert (second, third) == ("[]", None)


def test_an_answer_that_an_older_version_did_not_keep_is_never_paid_again(store: Store, database: Database) -> None:
    view = saved_view(store)
    saved_call(store, view, replace(ANSWER, plates=None))
    assert store.keyframes.recover() == Recovery(doubtful=[view.key])
    assert state_of(database, view) == ("doubtful", "answer_not_kept")


MANY = json.dumps([{"text": f"京A{n:05d}", "confidence": 0.9, "corners": None} for n in range(80_000)])


@pytest.mark.parametrize(
    "answer",
    [
        MANY,
        '[{"text": "京A\\u000012345", "confidence": 0.9, "corners": null}]',
        '[{"text": "京A12345", "confidence": NaN, "corners": null}]',
        '[{"text": "京A12345", "confidence": 7, "corners": null}]',
        '[{"text": "京A12345", "confidence": "0.9", "corners": null}]',
        '[{"text": "京A12345", "confidence": 0.9, "corners": [[1, 2]]}]',
        '[{"text": "京A12345", "confidence": 0.9, "corners": [[1, 2], [3, 4], [5, 6], [7, Infinity]]}]',
        '[{"text": 5, "confidence": null, "corners": null}]',
        '[{"plate": "京A12345"}]',
        '{"text": "京A12345"}',
        '"5"',
    ],
)
def test_a_stored_answer_that_can_be_no_reading_is_set_aside_once(
    store: Store, database: Database, answer: str
) -> None:
    if database.kind == "postgresql" and ("NaN" in answer or "Infinity" in answer):
        pytest.skip("PostgreSQL's json column refuses what is no JSON")
    view, other = saved_view(store), saved_view(store)
    saved_call(store, view)
    call = saved_call(store, other)
    database.execute(f"UPDATE calls SET answer = '{answer}' WHERE id = 1")
    found = store.keyframes.recover()
    assert (found.unusable, [one.call for one in found.answered]) == ([view.key], [call])
    assert state_of(database, view) == ("failed", "answer_unusable")
    assert store.keyframes.recover().unusable == []
    assert rows(database, "SELECT answer FROM calls WHERE id = 1")[0]["answer"] == answer
    assert store.calls.answer_to("gate", JPEG) == ANSWER.plates


@pytest.mark.parametrize("result", [NOT_SENT, CallResult(CallOutcome.THROTTLED, False, 0, 0.1, 429)])
def test_what_was_surely_not_charged_waits_again(store: Store, database: Database, result: CallResult) -> None:
    view = saved_view(store)
    saved_call(store, view, result)
    assert store.keyframes.recover() == Recovery(unsent=[view.key])
    assert state_of(database, view)[0] == "waiting"
    assert [item.key for item in store.keyframes.waiting()] == [view.key]


def test_a_keyframe_marked_as_sent_without_a_call_waits_again(store: Store) -> None:
    view = saved_view(store)
    store.keyframes.set_state(view.key, KeyframeState.SENT)
    assert store.keyframes.recover() == Recovery(unsent=[view.key])


def test_a_charged_failure_is_not_paid_again(store: Store, database: Database) -> None:
    view = saved_view(store)
    saved_call(store, view, CHARGED_FAILURE)
    assert store.keyframes.recover() == Recovery(failed=[view.key])
    assert state_of(database, view) == ("failed", "picture_broken")


def test_settled_keyframes_and_calls_by_hand_are_left_alone(store: Store, database: Database) -> None:
    settled = (KeyframeState.FAILED, KeyframeState.DROPPED, KeyframeState.DOUBTFUL, KeyframeState.KEPT)
    views = [saved_view(store) for _ in settled]
    for view, state in zip(views, settled, strict=True):
        saved_call(store, view, DOUBTFUL)
        store.keyframes.set_state(view.key, state, StateReason.OTHER)
    saved_call(store, None, None)
    assert store.keyframes.recover() == Recovery()
    assert {state_of(database, view)[1] for view in views} == {"other"}
    assert len(rows(database, "SELECT * FROM calls WHERE outcome IS NULL")) == 1


def test_recovery_is_all_or_nothing(store: Store, database: Database) -> None:
    views = [saved_view(store) for _ in range(2)]
    for view in views:
        saved_call(store, view, None)

    def interrupted() -> None:
        with store.together():
            assert len(store.keyframes.recover().doubtful) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {state_of(database, view)[0] for view in views} == {"sent"}
    assert len(store.keyframes.recover().doubtful) == 2


# ---- passages -------------------------------------------------------------------------------------------------------


def test_passages_whose_fate_is_open_oldest_first(store: Store) -> None:
    late, early = passage(at=NOON + timedelta(minutes=1), closed=True), passage(closed=True)
    read, still_there = passage(closed=True), passage()
    for stay in (late, early, read, still_there):
        store.passages.save(stay)
    store.passages.set_outcome(read.key, PassageOutcome.READ)
    assert store.passages.pending() == [early.key, late.key]


def test_how_far_the_reading_of_a_passage_has_come(store: Store) -> None:
    stay = passage()
    store.passages.save(stay)
    assert store.passages.standing(stay.key) == PassageStanding(0, 0, 0, 0, 0)
    saved_view(store)
    views = {state: keyframe(stay) for state in KeyframeState}
    for state, view in views.items():
        store.keyframes.save(view, state)
    view = views[KeyframeState.DROPPED]
    found = [reading(view), reading(view, "沪B0")]
    store.keyframes.answered(view.key, found)
    store.sightings.save(sighting(view), [found[0].key], "")
    standing = store.passages.standing(stay.key)
    assert standing == PassageStanding(unsettled=2, unanswered=2, answered=2, readings=2, sighted=1)


# ---- the clock ------------------------------------------------------------------------------------------------------


def test_rows_say_whether_the_clock_was_trusted(store: Store, database: Database) -> None:
    good = saved_view(store)
    saved_call(store, good)
    store.clock_trusted = False
    bad = saved_view(store)
    saved_call(store, bad)
    store.passages.save(replace(passage(), key=good.passage))
    store.clock_trusted = True
    store.passages.save(replace(passage(), key=bad.passage, closed=True))
    for table in ("keyframes", "calls"):
        assert [row["clock_trusted"] for row in rows(database, f"SELECT * FROM {table} ORDER BY id")] == [1, 0]
    assert [row["clock_trusted"] for row in rows(database, "SELECT * FROM passages ORDER BY id")] == [0, 0]
