"""An existing parking program is asked before a barrier opens, over real sockets and with a real database."""

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from lanes import JPEG, Lane, lane_settings
from parking_programs import Program, drips, hangs, program, says, sends
from records import Database

from streamwatch.app.lane_openers import LaneOpeners
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.persistence import Persistence
from streamwatch.app.program_answers import ABOUT_PERMITS, ProgramAnswers
from streamwatch.app.write_queue import WriteQueue
from streamwatch.core.barrier_state import OpeningOutcome
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import Answer, DecisionReason, OpeningCause, OpeningState, PermitKind, Verdict
from streamwatch.core.events import DecisionMade
from streamwatch.pipeline import ChannelClosed
from streamwatch.store import Store, open_store
from streamwatch.system.heartbeat import Heartbeats
from streamwatch.system.threads import spawn

HOME, BLOCKED, STRANGER = "京A12345", "苏EK3P82", "川B57K21"
WAIT = 60.0


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(database.url, tmp_path)
    yield opened
    opened.close()


class Booth:
    """A lane whose decisions go to its opener. opened: the decisions for which the barrier was to open."""

    def __init__(self, store: Store, url: str, mode: str, deadline: float) -> None:
        asks = {"url": url, "deadline": deadline, "serial": "the-serial"}
        entry = {"cameras": ["gate"], "mode": mode, "barrier": "front", "bar": 0.98, "ask_program": asks}
        self.store, self.opened = store, list[DecisionMade]()
        self.lane = Lane(store, lane_settings(lanes={"entry": entry}))
        self.lane.permit(HOME)
        self.lane.permit(BLOCKED, kind=PermitKind.BLOCKED)
        clock, lifecycle = SystemClock(), Lifecycle(threading.Event())
        heartbeats = Heartbeats(clock.monotonic)
        self.writer = WriteQueue(store, clock, Persistence(clock, lifecycle, heartbeats), heartbeats)
        program = ProgramAnswers(
            lambda: self.lane.settings, store.keyframes.load_keyframe, self.writer, store, self.lane.clock
        )
        self.openers = LaneOpeners(
            lambda: self.lane.settings, self._request, self.writer, store, self.lane.clock, program
        )
        self._done = threading.Event()

    def _request(self, lane: str, cause: OpeningCause, made: DecisionMade) -> OpeningOutcome:
        self.opened.append(made)
        self._done.set()
        return OpeningOutcome("key", OpeningState.DONE)

    def sees(self, plate: str, confidence: float = 0.99, while_asked: Callable[[str], None] = lambda _: None) -> None:
        """Let a vehicle come, and hand its decision to the thread of the lane, which then ends.

        while_asked: gets the key of the decision before that.
        """
        (made,) = self.lane.sees(plate, confidence)
        while_asked(made.key)
        threads = [spawn(self._write, "recorder")]

        def start(target: Callable[[], None], name: str) -> threading.Thread:
            threads.append(spawn(partial(_quiet, target), name))
            return threads[-1]

        self.openers.start(start)
        self.openers.hear(made)
        channel = self.openers._channels["entry"]
        until = time.monotonic() + WAIT
        while channel._items:
            assert time.monotonic() < until
            time.sleep(0.005)
        for each in self.openers._channels.values():
            each.close()
        for thread in threads[1:]:
            thread.join(WAIT)
        self.openers.stop()
        self.writer.close()
        threads[0].join(WAIT)

    def _write(self) -> None:
        _quiet(self.writer.run)


def _quiet(work: Callable[[], None]) -> None:
    with suppress(ChannelClosed):
        work()


@contextmanager
def booth(
    store: Store,
    answer: Callable[[BaseHTTPRequestHandler], None],
    mode: str = "automatic",
    deadline: float = 2.0,
) -> Iterator[tuple[Booth, Program]]:
    with program(answer) as one:
        yield Booth(store, one.url, mode, deadline), one


def decided(database: Database) -> tuple[Any, ...]:
    (row,) = database.rows("SELECT verdict, reason, revised FROM decisions")
    return tuple(row)


def test_the_program_is_asked_as_a_camera_asks_it(store: Store) -> None:
    with booth(store, says("ok")) as (one, asked):
        one.sees(HOME)
    (alarm,) = asked.asked
    result = alarm["result"]["PlateResult"]
    assert (alarm["deviceName"], alarm["serialno"]) == ("entry", "the-serial")
    assert (result["license"], result["confidence"], result["isoffline"]) == (HOME, 99, 0)
    assert base64.b64decode(result["imageFile"]) == JPEG
    assert 0 <= result["plateid"] < 2**31
    assert result["timeStamp"]["Timeval"]["sec"] == int(one.lane.clock.now().timestamp())


def test_what_both_say_changes_nothing(store: Store, database: Database) -> None:
    with booth(store, says("ok")) as (one, _):
        one.sees(HOME)
    assert decided(database) == ("allow", "permitted", 0)
    assert [made.plate for made in one.opened] == [HOME]


def test_it_lets_in_whom_the_own_list_does_not_know(store: Store, database: Database) -> None:
    with booth(store, says("ok")) as (one, _):
        one.sees(STRANGER)
    assert decided(database) == ("allow", "program_allowed", 1)
    assert [(made.verdict, made.reason) for made in one.opened] == [(Verdict.ALLOW, DecisionReason.PROGRAM_ALLOWED)]


def test_it_refuses_whom_the_own_list_lets_in(store: Store, database: Database) -> None:
    with booth(store, says("no")) as (one, _):
        one.sees(HOME)
    assert decided(database) == ("deny", "program_denied", 1)
    assert one.opened == []


def test_the_outside_is_told_of_both(store: Store, database: Database) -> None:
    store.events.set_receivers(["one"])
    with booth(store, says("no")) as (one, _):
        one.sees(HOME)
    told = [row for row in database.rows("SELECT type FROM events ORDER BY id") if "decision" in row["type"]]
    assert len(told) == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(hangs, id="hangs"),
        pytest.param(drips, id="drips"),
        pytest.param(says("ok", 500), id="500"),
        pytest.param(says("maybe"), id="neither"),
        pytest.param(sends(b"<html>"), id="no JSON"),
        pytest.param(sends(b"[" * 60_000), id="nested"),
        pytest.param(sends(b'{"Response_AlarmInfoPlate": 1}'), id="another form"),
        pytest.param(sends(b"", 302, Location="http://127.0.0.1:9/"), id="redirects"),
        pytest.param(lambda handler: handler.connection.close(), id="hangs up"),
    ],
)
@pytest.mark.parametrize("plate", [HOME, STRANGER])
def test_without_an_answer_the_own_decision_holds(
    store: Store,
    database: Database,
    answer: Callable[[BaseHTTPRequestHandler], None],
    plate: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with booth(store, answer, deadline=0.3) as (one, _):
        one.sees(plate)
    own = ("allow", "permitted", 0) if plate == HOME else ("ask", "unknown", 0)
    assert decided(database) == own
    assert [made.plate for made in one.opened] == ([HOME] if plate == HOME else [])
    assert "the parking program is silent, so the own decision holds" in caplog.text
    assert "invented" not in caplog.text


def test_nobody_is_there(store: Store, database: Database) -> None:
    with program(says("ok")) as gone:
        pass
    one = Booth(store, gone.url, "automatic", 0.5)
    one.sees(HOME)
    assert decided(database) == ("allow", "permitted", 0)
    assert len(one.opened) == 1


def test_a_blocked_vehicle_is_not_even_asked_about(store: Store, database: Database) -> None:
    with booth(store, says("ok")) as (one, asked):
        one.sees(BLOCKED)
    assert decided(database)[0] == "deny"
    assert asked.asked == []
    assert one.opened == []


@pytest.mark.parametrize("plate", [HOME, STRANGER])
def test_a_reading_below_the_bar_is_not_asked_about(store: Store, plate: str) -> None:
    with booth(store, says("ok")) as (one, asked):
        one.sees(plate, 0.96)
    assert asked.asked == []
    assert one.opened == []


@pytest.mark.parametrize(("mode", "asks"), [("manual", False), ("suggest", True)])
def test_a_lane_that_does_not_open_by_itself_opens_nothing(
    store: Store, database: Database, mode: str, asks: bool
) -> None:
    with booth(store, says("ok"), mode) as (one, asked):
        one.sees(STRANGER)
    assert len(asked.asked) == asks
    assert decided(database)[1] == ("program_allowed" if asks else "unknown")
    assert one.opened == []


def test_a_person_who_has_refused_meanwhile_is_right(store: Store, database: Database) -> None:
    with booth(store, says("ok")) as (one, _):
        at = one.lane.clock.now()
        one.sees(STRANGER, while_asked=lambda key: store.decisions.answer(key, Answer.REFUSED, "guard", at) and None)
    assert decided(database)[1] == "unknown"
    assert one.opened == []


def test_it_does_not_let_in_a_plate_that_comes_too_often(store: Store, database: Database) -> None:
    with booth(store, says("ok")) as (one, asked):
        for _ in range(3):
            (made,) = one.lane.sees(STRANGER)
            store.decisions.let_through(made.key, one.lane.clock.now())
            one.lane.clock.passed += 100
        one.sees(STRANGER)
    assert len(asked.asked) == 1
    (last,) = database.rows("SELECT verdict, reason FROM decisions ORDER BY id DESC LIMIT 1")
    assert tuple(last) == ("ask", "unknown")
    assert one.opened == []


def test_what_the_program_said_is_final(store: Store, database: Database) -> None:
    with booth(store, says("no")) as (one, _):
        one.sees(HOME)
    one.lane.clock.passed += 1
    assert one.lane.sees(HOME, 0.999) == [], "a better reading decides nothing anew"
    assert decided(database) == ("deny", "program_denied", 1)


def test_only_what_rests_on_the_list_can_be_overruled() -> None:
    never = {
        DecisionReason.BLOCKED,
        DecisionReason.HELD,
        DecisionReason.MAYBE_BLOCKED,
        DecisionReason.MAYBE_HELD,
        DecisionReason.UNSURE_READING,
        DecisionReason.CLOCK_UNTRUSTED,
        DecisionReason.OPENED_OFTEN,
        DecisionReason.PROGRAM_ALLOWED,
        DecisionReason.PROGRAM_DENIED,
    }
    assert set(DecisionReason) - ABOUT_PERMITS == never
