"""The barriers of a daemon: an opening has its row before the relay hears of it, and a fault stays at its barrier."""

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from records import Database
from relays import hangs, http_relay, modbus_relay, status, wait_until
from sites import FIRE, Moving, lane, relayed, site

from streamwatch.app import barrier_worker, sensor_worker
from streamwatch.core.codes import OpeningCause, OpeningState, Position, Verdict, WithheldReason
from streamwatch.system.kill_switch import KILL_FILE
from streamwatch.system.threads import spawn


def test_the_relay_hears_of_an_opening_that_is_written(database: Database, tmp_path: Path) -> None:
    written: list[Any] = []
    with http_relay() as relay:

        def look(handler: Any) -> None:
            written.extend(tuple(row) for row in database.rows("SELECT state, who, note FROM openings"))
            status(200)(handler)

        relay.behaviour = look
        with site(database, tmp_path, relayed(relay)) as gate:
            outcome = gate.by_hand()
            assert outcome.opened
            assert written == [("requested", "ann", FIRE)]
            assert gate.rows() == [("by_hand", "done", "")]
            assert relay.orders == ["GET /open"]
            assert gate.state().openings == {"done": 1}


def test_an_allowed_vehicle_opens_an_automatic_lane_only(database: Database, tmp_path: Path) -> None:
    lanes = {"entry": lane(), "manual": lane(cameras=["back"], mode="manual")}
    with http_relay() as relay, site(database, tmp_path, relayed(relay), lanes=lanes, access={"cool_down": 0}) as gate:
        assert gate.allowed().opened
        wait_until(lambda: not gate.state().busy)
        for expected, more in (
            (WithheldReason.NOT_AUTOMATIC, {"lane": "manual"}),
            (WithheldReason.NOT_ALLOWED, {"verdict": Verdict.ASK}),
            (WithheldReason.NOT_LIVE, {"live": False}),
            (WithheldReason.TOO_LATE, {"read_at": gate.clock.monotonic() - 60}),
            (WithheldReason.NO_BARRIER, {"lane": "nowhere"}),
        ):
            assert gate.allowed(**more).reason is expected  # type: ignore[arg-type]
        assert len(relay.orders) == 1
        assert [state for _, state, _ in gate.rows()] == ["done"] + 5 * ["withheld"]


def test_the_kill_switch_beats_every_cause(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, site(database, tmp_path, relayed(relay)) as gate:
        (gate.settings.data_dir / KILL_FILE).touch()
        for cause in OpeningCause:
            assert gate.barriers.request("entry", cause, None, "ann", FIRE).state is OpeningState.WITHHELD
        assert {reason for _, _, reason in gate.rows()} == {"killed"}
        assert relay.orders == []
        assert gate.state().killed
        gate.barriers.unkill("ann")
        assert gate.open() is OpeningState.DONE
        gate.barriers.kill("ann")
        assert gate.open() is OpeningState.WITHHELD
        assert len(relay.orders) == 1


def test_an_opening_by_hand_needs_a_reason(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, site(database, tmp_path, relayed(relay)) as gate:
        with pytest.raises(ValueError, match="needs a reason"):
            gate.barriers.request("entry", OpeningCause.BY_HAND, who="ann", note=" ")
        assert relay.orders == gate.rows() == []


@pytest.mark.errors_expected
def test_a_relay_that_hangs_delays_no_other_barrier_and_is_asked_once(database: Database, tmp_path: Path) -> None:
    with http_relay(behaviour=hangs) as stuck, http_relay() as relay:
        barriers = {"front": relayed(stuck), "back": relayed(relay)}
        lanes = {"entry": lane(), "exit": lane(cameras=["back"], barrier="back", way="out")}
        with site(database, tmp_path, {}, barriers=barriers, lanes=lanes) as gate:
            outcomes: list[Any] = []
            first = spawn(lambda: outcomes.append(gate.by_hand()), "a")
            stuck.until(1)
            assert gate.open("exit") is OpeningState.DONE
            assert gate.by_hand().reason is WithheldReason.BUSY
            first.join(20)
            assert outcomes[0].state is OpeningState.UNKNOWN
            assert "did not answer" in outcomes[0].detail
            assert len(stuck.orders) == 1
            assert "did not answer" in gate.state().fault
            assert not gate.state("back").fault
            stuck.behaviour = None
            wait_until(lambda: not gate.state().busy)
            assert gate.open() is OpeningState.DONE
            assert not gate.state().fault


@pytest.mark.errors_expected
def test_a_relay_that_says_no_has_failed(database: Database, tmp_path: Path) -> None:
    with http_relay(behaviour=status(404)) as relay, site(database, tmp_path, relayed(relay)) as gate:
        outcome = gate.by_hand()
        assert (outcome.state, len(relay.orders)) == (OpeningState.FAILED, 1)
        ((detail,),) = gate.database.rows("SELECT detail FROM openings")
        assert detail == outcome.detail == "127.0.0.1 answered with status 404. Check the address."


@pytest.mark.errors_expected
def test_a_driver_with_a_bug_ends_nothing(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamwatch.outward.barriers.http_barrier import HttpBarrier

    def fails(_: object) -> None:
        raise ZeroDivisionError

    with http_relay() as relay, site(database, tmp_path, relayed(relay)) as gate:
        monkeypatch.setattr(HttpBarrier, "open", fails)
        assert gate.open() is OpeningState.UNKNOWN
        monkeypatch.undo()
        wait_until(lambda: not gate.state().busy)
        assert gate.open() is OpeningState.DONE


def test_a_relay_that_does_not_time_itself_is_released(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay:
        ours = relayed(relay, timed_by="program", release_url=f"{relay.url}/release")
        with site(database, tmp_path, ours) as gate:
            relay.until(1)
            assert relay.orders == ["GET /release"]  # an earlier run may have died between on and off
            wait_until(lambda: not gate.state().busy)
            assert gate.open() is OpeningState.DONE
            relay.until(3)
            assert relay.orders[1:] == ["GET /open", "GET /release"]


@pytest.mark.errors_expected
def test_releasing_is_tried_until_the_relay_says_yes(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with http_relay() as relay:
        ours = relayed(relay, timed_by="program", release_url=f"{relay.url}/release")
        with site(database, tmp_path, ours) as gate:
            wait_until(lambda: relay.orders and not gate.state().busy)

            def only_open(handler: Any) -> None:
                status(200 if handler.path == "/open" else 500)(handler)

            relay.behaviour = only_open
            assert gate.open() is OpeningState.DONE
            relay.until(5)
            assert gate.state().unreleased
            assert "could not be released" in gate.state().fault
            assert gate.open() is OpeningState.WITHHELD  # busy: it stands open in any case
            assert sum("could not be released" in line for line in caplog.messages) == 1
            relay.behaviour = None
            wait_until(lambda: not gate.state().busy)
            assert not gate.state().unreleased
            assert [order for order in relay.orders if order == "GET /open"] == ["GET /open"]


@pytest.mark.errors_expected
def test_without_the_database_only_a_person_opens(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The row of what a person did follows; what was withheld has its row, too."""
    from streamwatch.core.errors import StorageFailed
    from streamwatch.store.openings import Openings

    away = threading.Event()
    away.set()
    for name in ("requested", "ended"):
        whole = getattr(Openings, name)

        def broken(self: Openings, *told: Any, whole: Callable[..., None] = whole) -> None:
            if away.is_set():
                raise StorageFailed("The disk is full.")
            whole(self, *told)

        monkeypatch.setattr(Openings, name, broken)
    with http_relay() as relay, site(database, tmp_path, relayed(relay), access={"cool_down": 0}) as gate:
        assert gate.allowed().reason is WithheldReason.NOT_WRITTEN
        assert relay.orders == []
        assert gate.open() is OpeningState.DONE
        assert len(relay.orders) == 1
        assert any("ann opens barrier front (fire brigade) without its row" in line for line in caplog.messages)
        away.clear()
        wait_until(lambda: len(database.rows("SELECT id FROM openings")) == 2)
        assert gate.rows() == [("automatic", "withheld", "not_written"), ("by_hand", "done", "")]


def test_a_writer_that_is_busy_for_too_long_opens_nothing(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, site(database, tmp_path, relayed(relay), access={"max_age": "500ms"}) as gate:
        busy = threading.Event()
        waiting = gate.writer.offer(lambda: bool(busy.wait(30)) and None)
        outcomes: list[Any] = []
        asking = spawn(lambda: outcomes.append(gate.allowed()), "gatekeeper")
        asking.join(30)
        assert outcomes[0].reason is WithheldReason.NOT_WRITTEN
        busy.set()
        assert waiting is not None
        assert gate.rows() == [("automatic", "withheld", "not_written")]
        assert relay.orders == []


def test_a_kill_switch_that_comes_while_the_row_is_written_is_heeded(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamwatch.store.openings import Openings

    whole = Openings.requested

    def killed_meanwhile(self: Openings, terms: Any) -> bool:
        (tmp_path / "data" / KILL_FILE).touch()
        return whole(self, terms)

    monkeypatch.setattr(Openings, "requested", killed_meanwhile)
    with http_relay() as relay, site(database, tmp_path, relayed(relay)) as gate:
        assert gate.open() is OpeningState.WITHHELD
        assert gate.rows() == [("by_hand", "withheld", "killed")]
        assert relay.orders == []


HOLD = [{"days": ["mon"], "begin": "07:00", "end": "09:00"}]


def monday(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute).astimezone(UTC)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(barrier_worker, "LOOK_EVERY", 0.02)


@pytest.mark.usefixtures("often")
def test_a_schedule_holds_open_until_its_end(database: Database, tmp_path: Path) -> None:
    with modbus_relay() as relay:
        barrier = {"driver": "modbus", "host": "127.0.0.1", "port": relay.port}
        with site(database, tmp_path, barrier, lanes={"entry": lane(mode="manual", hold_open=HOLD)}) as gate:
            wait_until(lambda: relay.told == [(1, 5, 0, 0)])  # an earlier run may have left it held
            gate.clock.wall = monday(7, 30)
            wait_until(lambda: gate.state().held_until == monday(9))
            assert relay.told[1:] == [(1, 5, 0, 0xFF00)]
            assert gate.by_hand().reason is WithheldReason.HELD_OPEN
            gate.clock.wall = monday(9)
            wait_until(lambda: gate.state().held_until is None and not gate.state().busy)
            assert relay.told[2:] == [(1, 5, 0, 0)]
            assert gate.rows()[0] == ("schedule", "done", "")


@pytest.mark.usefixtures("often")
def test_the_kill_switch_ends_holding_open_at_once_and_for_this_time(database: Database, tmp_path: Path) -> None:
    with modbus_relay() as relay:
        barrier = {"driver": "modbus", "host": "127.0.0.1", "port": relay.port, "pulse": "100ms"}
        with site(database, tmp_path, barrier, lanes={"entry": lane(hold_open=HOLD)}) as gate:
            gate.clock.wall = monday(7, 30)
            wait_until(lambda: gate.state().held_until is not None)
            gate.barriers.kill("ann")
            wait_until(lambda: relay.told[2:] == [(1, 5, 0, 0)])
            gate.barriers.unkill("ann")
            assert gate.open() is OpeningState.DONE  # looked at the schedule many times by then
            wait_until(lambda: not gate.state().busy)
            assert gate.state().held_until is None
            assert [cause for cause, _, _ in gate.rows()] == ["schedule", "by_hand"]


@pytest.mark.usefixtures("often")
def test_a_stop_ends_holding_open(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay:
        barrier = {"driver": "shelly", "address": relay.url}
        with site(database, tmp_path, barrier, lanes={"entry": lane(hold_open=HOLD)}) as gate:
            gate.clock.wall = monday(7, 30)
            wait_until(lambda: gate.state().held_until is not None)
        assert relay.orders == [
            "GET /rpc/Switch.Set?id=0&on=true&toggle_after=60",
            "GET /rpc/Switch.Set?id=0&on=false",
        ]


@pytest.mark.usefixtures("often")
@pytest.mark.errors_expected
def test_holding_open_that_fails_is_not_tried_again(database: Database, tmp_path: Path) -> None:
    with http_relay(behaviour=status(404)) as relay:
        barrier = {"driver": "shelly", "address": relay.url}
        with site(database, tmp_path, barrier, lanes={"entry": lane(hold_open=HOLD)}) as gate:
            gate.clock.wall = monday(7, 30)
            relay.until(1)
            relay.behaviour = None
            wait_until(lambda: len(relay.orders) >= 2 and not gate.state().busy)
            assert gate.open() is OpeningState.DONE
            assert [order for order in relay.orders if "toggle_after=60" in order] == relay.orders[:1]


@pytest.mark.usefixtures("often")
@pytest.mark.errors_expected
def test_a_driver_with_a_bug_ends_holding_open_and_nothing_else(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamwatch.outward.barriers.http_barrier import HttpBarrier

    monkeypatch.setattr(barrier_worker, "HELD_FOR", 0.06)
    whole, times = HttpBarrier.hold, iter(range(1000))

    def fails_later(self: HttpBarrier) -> None:
        if next(times):
            raise ZeroDivisionError
        whole(self)

    monkeypatch.setattr(HttpBarrier, "hold", fails_later)
    with http_relay() as relay:
        barrier = {"driver": "shelly", "address": relay.url}
        with site(database, tmp_path, barrier, lanes={"entry": lane(hold_open=HOLD)}) as gate:
            gate.clock.wall = monday(7, 30)
            wait_until(lambda: "held open" in gate.state().fault and not gate.state().busy)
            assert relay.orders[-1] == "GET /rpc/Switch.Set?id=0&on=false"
            assert gate.open() is OpeningState.DONE


@pytest.mark.usefixtures("often")
def test_an_untrusted_clock_holds_nothing_open(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Moving, "trusted", False)
    with http_relay() as relay:
        barrier = {"driver": "shelly", "address": relay.url, "pulse": "100ms"}
        with site(database, tmp_path, barrier, lanes={"entry": lane(hold_open=HOLD)}) as gate:
            gate.clock.wall = monday(7, 30)
            assert gate.open() is OpeningState.DONE
            assert relay.orders == ["GET /rpc/Switch.Set?id=0&on=true&toggle_after=0.1"]


def test_only_a_sensor_tells_where_a_barrier_is(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, modbus_relay() as inputs:
        found = {"driver": "modbus", "host": "127.0.0.1", "port": inputs.port, "every": "200ms"}
        with site(database, tmp_path, relayed(relay, sensor=found)) as gate:
            wait_until(lambda: gate.state().position is Position.CLOSED)
            inputs.inputs[0] = True
            wait_until(lambda: gate.state().position is Position.OPEN)
            inputs.fault = 4
            wait_until(lambda: gate.state().position is None)
            assert "The sensor does not answer" in gate.state().fault
            assert gate.state().sensed
            inputs.fault = 0
            wait_until(lambda: not gate.state().fault)
            assert gate.open() is OpeningState.DONE
        with site(database, tmp_path, relayed(relay)) as gate:
            assert (gate.state().position, gate.state().sensed) == (None, False)


def test_after_the_end_nothing_is_taken(database: Database, tmp_path: Path) -> None:
    with http_relay() as relay, site(database, tmp_path, relayed(relay)) as gate:
        gate.barriers.stop()
        assert gate.open() is OpeningState.WITHHELD
        assert gate.rows() == [("by_hand", "withheld", "stopping")]
        assert relay.orders == []


def test_a_relay_that_is_gone_is_known_before_a_vehicle_comes(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensor_worker, "REACHED_EVERY", 0.02)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    barrier = {"driver": "shelly", "address": f"http://127.0.0.1:{port}"}
    with site(database, tmp_path, barrier) as gate:
        wait_until(lambda: "127.0.0.1 cannot be reached: Connection refused." in gate.state().fault)
        with socket.create_server(("127.0.0.1", port)):
            wait_until(lambda: not gate.state().fault)
        assert gate.rows() == []
