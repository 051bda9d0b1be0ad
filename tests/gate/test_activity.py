"""The detector of activity in a substream."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from streamwatch.core.model import Frame, Picture
from streamwatch.gate import Activity, ActivityDetector

RNG = np.random.default_rng(1)
SCENE = np.kron(RNG.integers(70, 150, (18, 32), dtype=np.uint8), np.ones((20, 20), np.uint8))


def frame(number: int, *, car: int | None = None, light: float = 1.0, scene: Picture = SCENE) -> Frame:
    """Return frame n, of five a second. car: left edge of a bright object."""
    luma = scene.astype(np.float64) * light + RNG.normal(0, 2.5, scene.shape)
    if car is not None:
        luma[150:250, car : car + 120] = 230
    grey = luma.clip(0, 255).astype(np.uint8)
    at = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=number / 5)
    return Frame("gate", at, grey, lambda: np.dstack([grey] * 3))


def detector(zone: list[tuple[float, float]] | None = None) -> ActivityDetector:
    """Return the detector after two seconds of the empty scene."""
    watcher = ActivityDetector(threshold=22, min_area=0.015, zone=zone)
    for number in range(10):
        watcher.look(frame(number))
    return watcher


def told(watcher: ActivityDetector, frames: Iterable[Frame]) -> set[Activity]:
    return {watcher.look(one) for one in frames}


def test_noise_and_a_light_step_are_nothing_and_a_car_is() -> None:
    watcher = detector()
    assert told(watcher, (frame(10 + n) for n in range(20))) == {Activity.NONE}
    assert watcher.look(frame(30, light=1.25)) is Activity.NONE
    assert watcher.look(frame(31, car=100)) is Activity.NEW


@pytest.fixture
def known() -> ActivityDetector:
    """Return the detector after the gate has learned of a car that has just stopped."""
    watcher = detector()
    assert watcher.look(frame(10, car=100)) is Activity.NEW
    watcher.settle()
    assert watcher.look(frame(11, car=100)) is Activity.NONE
    return watcher


def test_what_the_gate_knows_may_drive_on_and_leave(known: ActivityDetector) -> None:
    assert told(known, (frame(12 + n, car=100 + 40 * n) for n in range(1, 12))) == {Activity.KNOWN}
    assert told(known, (frame(30 + n) for n in range(10))) == {Activity.NONE}
    assert known.look(frame(50, car=100)) is Activity.NEW


def test_an_earlier_frame_tells_whether_it_was_new_then(known: ActivityDetector) -> None:
    frames = [frame(12 + n, car=100 + 10 * n) for n in range(4)]
    for shown in frames[2:]:
        shown.luma[20:120, 450:600] = 230
    assert known.look(frames[3]) is Activity.NEW
    assert [known.is_active(one) for one in frames] == [False, False, True, True]
    assert known.look(frame(16, car=120)) is Activity.KNOWN, "nothing was taken in"


def test_another_object_is_new_while_a_known_one_moves(known: ActivityDetector) -> None:
    shown = frame(12, car=120)
    shown.luma[20:120, 450:600] = 230
    assert known.look(shown) is Activity.NEW


def test_what_has_stood_for_long_belongs_to_the_scene(known: ActivityDetector) -> None:
    assert told(known, (frame(12 + n, car=100) for n in range(600))) == {Activity.NONE}
    assert known.look(frame(700, car=160)) is Activity.NEW
    assert known.look(frame(701)) is Activity.NEW


def test_only_what_lies_in_the_zone_counts() -> None:
    watcher = detector(zone=[(0.5, 0), (1, 0), (1, 1), (0.5, 1)])
    assert watcher.look(frame(10, car=100)) is Activity.NONE
    assert watcher.look(frame(11, car=400)) is Activity.NEW


def test_a_stream_that_changes_its_size_begins_anew() -> None:
    watcher = detector()
    small = SCENE[:240, :320]
    assert watcher.look(frame(10, scene=small)) is Activity.NEW, "the detector cannot know what is there now"
    assert watcher.look(frame(11, scene=small)) is Activity.NONE
