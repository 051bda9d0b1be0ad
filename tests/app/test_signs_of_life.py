"""When the daemon gives a sign of life."""

from dataclasses import replace

import pytest
from snapshots import NOW, WELL, camera

from streamwatch.app.signs_of_life import is_well
from streamwatch.health import CameraHealth, DatabaseHealth, Snapshot


@pytest.mark.parametrize(
    ("snapshot", "well"),
    [
        (WELL, True),
        (replace(WELL, stalled=("recorder",)), False),
        (replace(WELL, database=DatabaseHealth(NOW, "locked")), False),
        (replace(WELL, cameras=()), False),
    ],
)
def test_the_daemon_itself(snapshot: Snapshot, well: bool) -> None:
    assert is_well(snapshot) is well


@pytest.mark.parametrize(
    ("cameras", "well"),
    [
        ((camera("a", "reconnecting", 3600), camera("b")), True),
        ((camera("a", "reconnecting", 3600), camera("b", "frozen", 3600)), False),
        ((camera("a", "failed"),), False),
        ((camera("a", "connecting", 10),), True),
        ((camera("a", "reconnecting", 61),), False),
    ],
)
def test_one_camera_that_is_watched_is_enough(cameras: tuple[CameraHealth, ...], well: bool) -> None:
    assert is_well(replace(WELL, cameras=cameras)) is well
