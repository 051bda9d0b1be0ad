"""The outbox: newest first, and what gives way when it is full."""

from datetime import UTC, datetime, timedelta

from streamwatch.core.codes import StateReason
from streamwatch.pipeline import Outbox
from streamwatch.pipeline.outbox import Entry, EntryState
from streamwatch.store import WaitingKeyframe

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


def waiting(
    key: str, at: float, passage: str = "", score: float = 1.0, size: int = 100, first: bool = True
) -> WaitingKeyframe:
    time = START + timedelta(seconds=at)
    return WaitingKeyframe(key, passage or f"p-{key}", "gate", time, size, score, first)


def keys(outbox: Outbox) -> list[str]:
    return [item.key for item in outbox.newest_first()]


def test_the_newest_capture_comes_first_and_of_one_frame_the_better_view() -> None:
    outbox = Outbox(10, 10_000, 3600)
    views = (waiting("old", 1), waiting("new", 9), waiting("mid", 5, score=1), waiting("mid better", 5, score=2))
    for n, item in enumerate(views):
        assert outbox.put(Entry(item, 7.0 - n)) == []
    assert keys(outbox) == ["new", "mid better", "mid", "old"]
    assert (len(outbox), outbox.bytes, outbox.oldest) == (4, 400, 4.0)


def test_when_full_a_second_view_gives_way_before_the_only_view_of_a_passage() -> None:
    outbox = Outbox(3, 10_000, 3600)
    outbox.put(Entry(waiting("only, oldest", 0), 0.0))
    outbox.put(Entry(waiting("worse", 5, "p", score=1), 0.0))
    outbox.put(Entry(waiting("better", 6, "p", score=2), 0.0))
    (dropped,) = outbox.put(Entry(waiting("newest", 9), 0.0))
    assert dropped.waiting.key == "worse"
    assert dropped.reason is StateReason.OUTBOX_ITEMS
    (dropped,) = outbox.put(Entry(waiting("newer still", 10), 0.0))
    assert dropped.waiting.key == "only, oldest"


def test_a_view_of_a_passage_that_was_read_is_a_second_view() -> None:
    outbox = Outbox(2, 10_000, 3600)
    outbox.put(Entry(waiting("a", 5, "p"), 0.0))
    outbox.put(Entry(waiting("b", 1, "q"), 0.0))
    outbox.answered("p")
    assert [d.waiting.key for d in outbox.put(Entry(waiting("c", 9), 0.0))] == ["a"]


def test_the_new_one_itself_may_be_the_least_valuable() -> None:
    outbox = Outbox(1, 10_000, 3600)
    outbox.put(Entry(waiting("new", 9), 0.0))
    assert [d.waiting.key for d in outbox.put(Entry(waiting("older", 1), 0.0))] == ["older"]
    assert keys(outbox) == ["new"]


def test_the_bound_of_bytes_holds() -> None:
    outbox = Outbox(100, 250, 3600)
    outbox.put(Entry(waiting("a", 1), 0.0))
    outbox.put(Entry(waiting("b", 2), 0.0))
    dropped = outbox.put(Entry(waiting("c", 3, size=200), 0.0))
    assert [d.waiting.key for d in dropped] == ["a", "b"]
    assert outbox.bytes == 200
    assert dropped[0].reason is StateReason.OUTBOX_BYTES


def test_what_has_waited_too_long_expires_whenever_it_was_captured() -> None:
    outbox = Outbox(10, 10_000, 60)
    outbox.put(Entry(waiting("first", 500), 0.0))
    outbox.put(Entry(waiting("second", 0), 50.0))
    (expired,) = outbox.expire(61.0)
    assert expired.waiting.key == "first"
    assert keys(outbox) == ["second"]
    assert outbox.bytes == 100


def test_what_is_held_back_does_not_wait_and_comes_out_when_its_passage_closes() -> None:
    outbox = Outbox(10, 10_000, 60)
    entry = Entry(waiting("a", 1, "p"), 0.0, EntryState.UNSURE)
    assert not outbox.hold(entry), "its passage is not open"
    outbox.opened("p")
    assert outbox.hold(entry)
    assert (len(outbox), outbox.bytes, outbox.oldest, keys(outbox)) == (0, 0, None, [])
    assert outbox.expire(9999.0) == []
    (back,) = outbox.closed("p")
    assert (back.key, back.state, back.since) == ("a", EntryState.LAST_CALL, 0.0)
    assert outbox.closed("p") == []


def test_what_is_held_back_is_dropped_when_another_view_is_read() -> None:
    outbox = Outbox(10, 10_000, 60)
    outbox.opened("p")
    assert outbox.hold(Entry(waiting("a", 1, "p"), 0.0))
    assert [dropped.waiting.key for dropped in outbox.answered("p")] == ["a"]
    assert outbox.closed("p") == []


def test_one_on_which_an_opening_depends_comes_before_newer_ones() -> None:
    outbox = Outbox(10, 10_000, 3600)
    outbox.put(Entry(waiting("urgent", 1), 0.0, EntryState.URGENT))
    outbox.put(Entry(waiting("newer", 9), 0.0))
    assert keys(outbox) == ["urgent", "newer"]
