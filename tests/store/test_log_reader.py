"""Lists of the log are narrowed by each condition, and by the cameras that may be seen."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from records import ANSWER, NOON, Database, reading, saved_call, saved_view

from streamwatch.core.codes import CallOutcome
from streamwatch.core.model import Engine
from streamwatch.store import LogFilter, LogReader, open_reader, open_store

FAILED = replace(ANSWER, outcome=CallOutcome.FAILED, plates=())
GATE, EXIT = frozenset({"gate"}), frozenset({"exit"})


@pytest.fixture
def log(database: Database, tmp_path: Path) -> Iterator[LogReader]:
    """One minute apart: a view at the gate that two engines read, and one at the exit that none could read."""
    store = open_store(database.url, tmp_path)
    gate, exit_ = saved_view(store, "gate"), saved_view(store, "exit", NOON + timedelta(minutes=1))
    saved_call(store, gate)
    saved_call(store, exit_, FAILED, NOON + timedelta(minutes=1))
    store.keyframes.answered(gate.key, [reading(gate), replace(reading(gate, "京A12346"), engine=Engine.LOCAL)])
    store.close()
    reader = open_reader(database.url, tmp_path)
    yield reader.log
    reader.close()


@pytest.mark.parametrize(
    ("wanted", "scope", "plates", "outcomes"),
    [
        (LogFilter(), None, ["京A12346", "京A12345"], ["failed", "read"]),
        (LogFilter(engines=frozenset({Engine.LOCAL})), None, ["京A12346"], []),
        (LogFilter(engines=frozenset({Engine.OCRCARS})), None, ["京A12345"], ["failed", "read"]),
        (LogFilter(outcomes=frozenset({CallOutcome.READ})), None, ["京A12346", "京A12345"], ["read"]),
        (LogFilter(outcomes=frozenset({CallOutcome.NO_PLATE})), None, ["京A12346", "京A12345"], []),
        (LogFilter(cameras=EXIT), None, [], ["failed"]),
        (LogFilter(cameras=EXIT), GATE, [], []),
        (LogFilter(), GATE, ["京A12346", "京A12345"], ["read"]),
        (LogFilter(since=NOON + timedelta(seconds=1)), None, [], ["failed"]),
        (LogFilter(until=NOON), None, ["京A12346", "京A12345"], ["read"]),
    ],
)
def test_conditions(
    log: LogReader, wanted: LogFilter, scope: frozenset[str] | None, plates: list[str], outcomes: list[str]
) -> None:
    assert [row.plate for row in log.readings(wanted, scope, None, 10).rows] == plates
    assert [row.outcome for row in log.calls(wanted, scope, None, 10).rows] == outcomes
