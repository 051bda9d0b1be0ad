"""Automatic lanes ask for openings in their own threads; what is too late or too much has its row and opens nothing."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lanes import Lane, lane_settings
from sqlalchemy import select

from streamwatch.app.lane_openers import LaneOpeners
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.app.program_answers import ProgramAnswers
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import DecisionReason, OpeningCause, OpeningState, Verdict, WithheldReason
from streamwatch.core.events import DecisionMade
from streamwatch.pipeline import ChannelClosed
from streamwatch.store import Store, open_store
from streamwatch.store.tables import StoredOpening
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn


class Yard:
    """Lanes with a writer and barriers that take as long as the test lets them."""

    def __init__(self, tmp_path: Path, settings: Settings) -> None:
        self.settings = settings
        self.store: Store = open_store(f"sqlite:///{tmp_path}/streamwatch.db", tmp_path)
        self.asked: list[DecisionMade] = []
        self.go, self.began = threading.Event(), threading.Event()
        clock = SystemClock()
        lifecycle = Lifecycle(threading.Event())
        heartbeats = Heartbeats(time.monotonic)
        self.writer = WriteQueue(self.store, clock, Persistence(clock, lifecycle, heartbeats), heartbeats)
        load = self.store.keyframes.load_keyframe
        program = ProgramAnswers(lambda: self.settings, load, self.writer, self.store, clock)
        self.openers = LaneOpeners(lambda: self.settings, self.request, self.writer, self.store, clock, program)
        self.threads = [spawn(quietly(self.writer.run), "recorder")]
        self.openers.start(self.spawn)

    def spawn(self, target: Callable[[], None], name: str) -> threading.Thread:
        self.threads.append(spawn(quietly(target), name))
        return self.threads[-1]

    def request(self, lane: str, cause: OpeningCause, made: DecisionMade) -> OpeningOutcome:
        self.asked.append(made)
        self.began.set()
        assert self.go.wait(60)
        return OpeningOutcome(uuid4().hex, OpeningState.DONE, WithheldReason.NONE)

    def close(self) -> None:
        self.go.set()
        self.openers.stop()
        self.writer.ask(lambda: None)
        self.writer.close()
        for thread in self.threads:
            thread.join(60)
        self.store.close()

    def openings(self) -> list[StoredOpening]:
        return self.writer.ask(self._openings)

    def _openings(self) -> list[StoredOpening]:
        with self.store.transaction() as session:
            found = list(session.scalars(select(StoredOpening).order_by(StoredOpening.id.desc())))
            session.expunge_all()
            return found


def quietly(target: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with suppress(ChannelClosed):
            target()

    return run


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path, lane_settings())
    yield made
    made.close()


def decision(**changes: Any) -> DecisionMade:
    values: dict[str, Any] = {
        "key": uuid4().hex,
        "lane": "entry",
        "camera": "gate",
        "verdict": Verdict.ALLOW,
        "reason": DecisionReason.PERMITTED,
        "plate": "粤B3M5K7",
        "sighting": "s",
        "passage": "p",
        "keyframe": "k",
        "captured_at": datetime.now(UTC),
        "read_at": time.monotonic(),
        "live": True,
    }
    return DecisionMade(**{**values, **changes})


def test_an_automatic_lane_opens_for_allow_and_for_nothing_else(yard: Yard) -> None:
    yard.go.set()
    for verdict in Verdict:
        yard.openers.hear(decision(verdict=verdict))
        assert yard.began.wait(60)
    assert [made.verdict for made in yard.asked] == [Verdict.ALLOW]


@pytest.mark.parametrize("mode", ["manual", "suggest"])
def test_another_lane_opens_nothing_by_itself(yard: Yard, mode: str) -> None:
    yard.settings = lane_settings(lanes={"entry": {"cameras": ["gate"], "mode": mode, "barrier": "front"}})
    yard.openers.hear(decision())
    yard.openers.hear(decision(lane="no such lane"))
    assert not yard.openings()
    assert not yard.asked


def test_what_is_not_live_is_not_even_asked_for(yard: Yard) -> None:
    yard.openers.hear(decision(live=False))
    assert [(row.state, row.reason) for row in yard.openings()] == [(OpeningState.WITHHELD, WithheldReason.NOT_LIVE)]
    assert not yard.asked


def test_what_a_second_camera_sees_of_the_same_vehicle_opens_nothing(yard: Yard) -> None:
    yard.openers.hear(decision(again=True))
    assert [(row.state, row.reason) for row in yard.openings()] == [(OpeningState.WITHHELD, WithheldReason.OVERTAKEN)]
    assert not yard.asked


def test_nothing_queues_before_a_barrier_that_hangs(yard: Yard) -> None:
    yard.openers.hear(decision())
    assert yard.began.wait(60)  # the first one is under way and does not come back
    yard.openers.hear(decision())  # the second one waits
    yard.openers.hear(decision())
    yard.openers.hear(decision(lane="exit"))  # another lane is not held up
    assert [(row.lane, row.reason) for row in yard.openings()] == [("entry", WithheldReason.BUSY)]
    yard.openers.stop()
    assert {(row.lane, row.reason) for row in yard.openings()} >= {("entry", WithheldReason.STOPPING)}


def test_a_lane_that_is_new_after_a_reload_gets_its_thread(yard: Yard) -> None:
    yard.go.set()
    lanes = {"side": {"cameras": ["yard"], "mode": "automatic", "barrier": "front"}}
    yard.settings = lane_settings(lanes=lanes, cameras={"yard": {"source": "rtsp://camera.invalid/3"}})
    yard.openers.start(yard.spawn)
    yard.openers.start(yard.spawn)
    yard.openers.hear(decision(lane="side"))
    assert yard.began.wait(60)
    assert [thread.name for thread in yard.threads].count("lane side") == 1


def test_the_gatekeepers_decisions_reach_the_openers(yard: Yard) -> None:
    yard.go.set()

    def comes() -> None:
        lane = Lane(yard.store, yard.settings)
        lane.gatekeeper.listeners.append(yard.openers.hear)
        lane.permit("粤B3M5K7")
        lane.sees("粤B3M5K7")

    yard.writer.ask(comes)
    assert yard.began.wait(60)
    assert [made.plate for made in yard.asked] == ["粤B3M5K7"]
