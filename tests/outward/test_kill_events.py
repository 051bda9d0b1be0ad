"""SIGKILL loses no event, gives none a second id, changes no order. 200 of them: tests/benchmarks/kill_events.py."""

from pathlib import Path

from killing_events import kill_events


def test_a_killed_program_loses_no_event_and_sends_none_under_another_id(tmp_path: Path) -> None:
    found = kill_events(tmp_path / "victim", 6)
    assert (found.lost, found.other_ids, found.in_order, found.signed) == (0, 0, True, True)
    assert found.events == found.written == found.delivered > 5
