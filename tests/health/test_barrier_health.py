"""What is said of barriers: sentences, metrics, the table of `status`, and the way through the status file."""

from dataclasses import replace
from datetime import timedelta

from snapshots import NOW, SECRET, WELL

from streamwatch.core.barrier_state import BarrierState
from streamwatch.core.codes import Position
from streamwatch.health import health, notices, render_metrics
from streamwatch.health.remarks import in_english
from streamwatch.health.snapshot import as_json, from_json
from streamwatch.health.status import Status, status_table

SINCE = NOW - timedelta(minutes=3)
FRONT = BarrierState(
    "front",
    ("entry",),
    Position.OPEN,
    sensed=True,
    fault=f"http://u:{SECRET}@192.0.2.9 did not answer within 1.5 s.",
    fault_since=SINCE,
    holds=True,
    openings={"done": 7, "failed": 1},
)
BACK = BarrierState("back", ("exit", "yard"), held_until=NOW + timedelta(hours=1), killed=True)
BARRED = replace(WELL, barriers=(FRONT, BACK), killed=True)


def test_barriers_come_through_the_status_file_unchanged() -> None:
    assert from_json(as_json(BARRED)) == BARRED
    assert SECRET not in str(as_json(BARRED))


def test_a_fault_is_a_trouble_and_the_kill_switch_a_notice() -> None:
    well, reasons = health(BARRED)
    assert not well
    (reason,) = reasons
    assert reason.startswith("Barrier front has not worked since ")
    assert "did not answer" in reason
    assert [in_english(notice, NOW) for notice in notices(BARRED)] == ["The kill switch is on: no barrier opens."]
    unreleased = replace(WELL, barriers=(replace(FRONT, unreleased=True),))
    assert health(unreleased)[1][0].startswith("Barrier front may stand open since ")
    assert health(replace(BARRED, barriers=(BACK,)))[0]


def test_the_table_says_how_barriers_stand() -> None:
    table = status_table(Status(BARRED, NOW, 1.0, held=True))
    assert "barrier front" in table
    assert "position not reported, held open until" in table
    assert "kill switch" in table
    assert "kill switch" not in status_table(Status(WELL, NOW, 1.0, held=True))


def test_prometheus_hears_of_them() -> None:
    text = render_metrics(BARRED)
    for line in (
        'streamwatch_barrier_fault{barrier="front"} 1',
        'streamwatch_barrier_fault{barrier="back"} 0',
        'streamwatch_barrier_position{barrier="front",position="open"} 1',
        'streamwatch_barrier_position{barrier="front",position="closed"} 0',
        'streamwatch_barrier_held_open{barrier="back"} 1',
        'streamwatch_openings_total{barrier="front",state="done"} 7',
        "streamwatch_kill_switch 1",
    ):
        assert f"{line}\n" in text
    assert 'position="open"' not in text.replace('barrier="front",position', "")
    assert "kill_switch" not in render_metrics(WELL)
