"""SIGKILL around openings: none opens twice, none after the restart, each has its row (200: benchmarks)."""

from pathlib import Path

from opening_kills import kill_around_openings


def test_six_kills_open_nothing_twice_and_nothing_late(tmp_path: Path) -> None:
    found = kill_around_openings(tmp_path / "daemon", kills=6)
    assert found.bad == 0, found
    assert found.orders > 6, found
    assert found.rows["done"] > 0, found
