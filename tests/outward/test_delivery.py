"""Delivery to one receiver: in order, at least once, with growing pauses; what is refused waits for a person."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from records import Database

from streamwatch.core.codes import EventType, ReceiverState
from streamwatch.core.errors import DeliveryError, EventsRefused, ReceiverAway, ReceiverUnusable
from streamwatch.core.event_data import TrialData
from streamwatch.outward.delivery import LONGEST_PAUSE, LOOK_EVERY, Delivery, pause_after
from streamwatch.store import DatabaseReader, EventRow, ReceiverRow, Store, open_reader, open_store

FOR_EVER = float("inf")


@dataclass
class Box:
    """A sender that raises what `faults` holds next, and takes what comes then."""

    most: int = 1
    faults: list[DeliveryError] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)
    tried: list[list[str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)

    def send(self, events: Sequence[EventRow]) -> str:
        texts = [event.data["text"] for event in events]
        self.tried.append(texts)
        if self.faults:
            raise self.faults.pop(0)
        if self.refuses.intersection(texts):
            raise EventsRefused("127.0.0.1 answers 422.")
        self.taken += texts
        return "taken"

    def close(self) -> None: ...


class Time:
    def __init__(self) -> None:
        self.wall, self._looks = datetime(2026, 11, 28, 12, tzinfo=UTC), 0

    def pass_by(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)

    def monotonic(self) -> float:
        """Return seconds that grow with each look so far that all is noted and looked at each time."""
        self._looks += 1
        return self._looks * LOOK_EVERY


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(database.url, tmp_path / "data", sole=True)) as opened:
        opened.events.set_receivers(["hook"])
        yield opened


@pytest.fixture
def reader(store: Store, database: Database, tmp_path: Path) -> Iterator[DatabaseReader]:
    with closing(open_reader(database.url, tmp_path / "data")) as opened:
        yield opened


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def delivery(store: Store, reader: DatabaseReader, box: Box, time: Time) -> Delivery:
    return make(store, reader, box, time)


def make(
    store: Store, reader: DatabaseReader, box: Box, time: Time, wants: Callable[[EventRow], bool] = lambda _: True
) -> Delivery:
    return Delivery(
        "hook",
        box,
        reader.events,
        store.events,
        lambda: time.wall,
        time.monotonic,
        wants,
        chance=lambda: 0.5,
    )


def tell(store: Store, *texts: str) -> None:
    with store.together():
        for text in texts:
            store.events.add(EventType.TEST, "x", TrialData(text, ""), None, datetime(2026, 11, 28, tzinfo=UTC))


def state(reader: DatabaseReader) -> ReceiverRow:
    row = reader.events.receiver("hook")
    assert row is not None
    return row


def settle(delivery: Delivery) -> float:
    """Step until there is nothing more to do now; return what the last step said."""
    while (wait := delivery.step()) == 0.0:
        pass
    return wait


def test_events_come_in_order_and_the_place_is_kept_over_a_restart(
    store: Store, reader: DatabaseReader, box: Box, time: Time, delivery: Delivery
) -> None:
    tell(store, *(f"{n}" for n in range(450)))
    assert settle(delivery) == FOR_EVER
    assert box.taken == [f"{n}" for n in range(450)]
    assert (state(reader).state, state(reader).failures, reader.events.standings()[0].waiting) == ("ok", 0, 0)
    tell(store, "after")
    settle(make(store, reader, box, time))
    assert box.taken[450:] == ["after"]


def test_the_place_is_written_once_for_many_events(store: Store, reader: DatabaseReader, box: Box, time: Time) -> None:
    saved: list[ReceiverRow] = []

    class Counting:
        give_up, delivered = store.events.give_up, store.events.delivered

        def save_receiver(self, row: ReceiverRow) -> None:
            saved.append(row)
            store.events.save_receiver(row)

    tell(store, *(f"{n}" for n in range(250)))
    delivery = Delivery("hook", box, reader.events, Counting(), lambda: time.wall, lambda: 0.0)
    settle(delivery)
    assert len(box.taken) == 250
    assert len(saved) == 1
    delivery.note()
    assert [row.taken for row in saved] == [1, 250]
    settle(make(store, reader, box, time))
    assert len(box.taken) == 250


def test_failures_make_growing_pauses_and_nothing_overtakes(
    store: Store, reader: DatabaseReader, box: Box, time: Time, delivery: Delivery
) -> None:
    box.faults = [ReceiverAway("127.0.0.1 answers 500.") for _ in range(14)]
    tell(store, "first", "second")
    pauses = []
    while box.faults:
        pauses.append(round(settle(delivery), 3))
        if len(pauses) == 3:
            assert state(reader).state is ReceiverState.FAILING
            assert state(reader).error == "127.0.0.1 answers 500."
        time.pass_by(pauses[-1])
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600, 600][: len(pauses)]
    assert state(reader).state is ReceiverState.PAUSED  # said, and tried on
    settle(delivery)
    time.pass_by(LONGEST_PAUSE)
    settle(delivery)
    assert box.taken == ["first", "second"]
    assert {tuple(one) for one in box.tried[:14]} == {("first",)}
    assert (state(reader).state, state(reader).failing_since, state(reader).error) == ("ok", None, "")


def test_pauses_are_spread_and_bounded() -> None:
    assert pause_after(1, 0.0) == 0.75
    assert pause_after(1, 1.0) == 1.25
    assert pause_after(10_000, 1.0) == 1.25 * LONGEST_PAUSE


def test_a_receiver_that_says_when_to_come_back_is_heeded(
    store: Store, box: Box, time: Time, delivery: Delivery
) -> None:
    box.faults = [ReceiverAway("busy", after=120.0), ReceiverAway("busy", after=1e9)]
    tell(store, "one")
    assert settle(delivery) == 120
    time.pass_by(120)
    assert settle(delivery) == LONGEST_PAUSE


def test_what_only_a_person_can_mend_pauses_at_once_and_keeps_everything(
    store: Store, reader: DatabaseReader, box: Box, time: Time, delivery: Delivery
) -> None:
    box.faults = [ReceiverUnusable("127.0.0.1 answers 401.", "Check its secret.")]
    tell(store, "one")
    assert settle(delivery) == LONGEST_PAUSE
    assert state(reader).state is ReceiverState.PAUSED
    assert reader.events.dead_letters(9) == []
    store.events.hurry("hook")  # a person has mended it
    settle(delivery)
    assert box.taken == ["one"]


def test_what_is_refused_for_good_becomes_a_dead_letter_and_can_be_sent_again(
    store: Store, reader: DatabaseReader, box: Box, delivery: Delivery
) -> None:
    box.refuses = {"bad", "worse"}
    tell(store, "good", "bad", "better", "worse")
    settle(delivery)
    assert box.taken == ["good", "better"]
    letters = reader.events.dead_letters(9, "hook")
    assert [letter.event.data["text"] for letter in letters] == ["worse", "bad"]
    assert letters[0].error == "127.0.0.1 answers 422."
    box.refuses = {"worse"}
    store.events.send_again("hook")
    settle(delivery)
    assert box.taken == ["good", "better", "bad"]
    (left,) = reader.events.dead_letters(9, "hook")
    assert (left.event.data["text"], left.again) == ("worse", False)


def test_one_bad_event_does_not_condemn_its_batch(store: Store, reader: DatabaseReader, time: Time) -> None:
    box = Box(most=3, refuses={"bad"})
    tell(store, "a", "bad", "b", "c", "d")
    settle(make(store, reader, box, time))
    assert box.tried == [["a", "bad", "b"], ["a"], ["bad"], ["b"], ["c", "d"]]
    assert box.taken == ["a", "b", "c", "d"]


def test_a_filter_passes_over_what_a_receiver_does_not_want(
    store: Store, reader: DatabaseReader, box: Box, time: Time
) -> None:
    delivery = make(store, reader, box, time, lambda event: event.data["text"] != "no")
    box.faults = [ReceiverAway("later")]
    tell(store, "no", "yes", "no", "no")
    settle(delivery)
    assert reader.events.standings()[0].waiting == 3  # all before the one that failed are done with
    time.pass_by(10)
    settle(delivery)
    assert box.taken == ["yes"]
    assert reader.events.standings()[0].waiting == 0


def test_a_day_without_network_loses_nothing_and_keeps_the_order(
    store: Store, reader: DatabaseReader, box: Box, time: Time, delivery: Delivery
) -> None:
    for hour in range(24):
        tell(store, *(f"{hour}:{n}" for n in range(50)))
        box.faults = [ReceiverAway("no network")] * 1000
        for _ in range(6):
            settle(delivery)
            time.pass_by(600)
    assert box.taken == []
    assert state(reader).state is ReceiverState.PAUSED
    assert (time.wall - (state(reader).failing_since or time.wall)) > timedelta(hours=23)
    box.faults = []
    time.pass_by(1000)
    settle(delivery)
    assert box.taken == [f"{hour}:{n}" for hour in range(24) for n in range(50)]


def test_a_clock_that_was_far_ahead_does_not_hold_up_events_for_years(
    store: Store, reader: DatabaseReader, box: Box, time: Time, delivery: Delivery
) -> None:
    box.faults = [ReceiverAway("no")]
    time.wall += timedelta(days=3650)
    tell(store, "one")
    settle(delivery)
    time.wall -= timedelta(days=3650)
    settle(delivery)
    assert box.taken == ["one"]


def test_a_receiver_that_was_removed_is_sent_nothing(store: Store, box: Box, delivery: Delivery) -> None:
    tell(store, "one")
    store.events.set_receivers([])
    assert settle(delivery) == FOR_EVER
    assert box.tried == []


def test_nothing_is_begun_once_the_program_ends(store: Store, reader: DatabaseReader, box: Box, time: Time) -> None:
    delivery = make(store, reader, box, time)
    delivery.stopping = lambda: len(box.taken) >= 2
    tell(store, "a", "b", "c", "d")
    delivery.step()
    assert box.taken == ["a", "b"]
    assert reader.events.standings()[0].waiting == 2
