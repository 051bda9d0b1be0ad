"""Regions of change, and the gaps that vehicles leave."""

import cv2
import numpy as np
import pytest

from streamwatch.core.model import Box, Picture
from streamwatch.gate.motion.background import Background
from streamwatch.gate.motion.regions import Region, find_regions
from streamwatch.gate.tracking.views import PaidView

SHAPE = (180, 320)


def pieces(*boxes: tuple[int, int, int, int]) -> Picture:
    change = np.zeros(SHAPE, np.uint8)
    for x, y, width, height in boxes:
        cv2.rectangle(change, (x, y), (x + width - 1, y + height - 1), 255, -1)
    return change


@pytest.mark.parametrize(("x", "y"), [(0, 0), (20, 130), (100, 60), (250, 0), (260, 140)])
def test_a_region_is_found_where_it_is(x: int, y: int) -> None:
    assert find_regions(pieces((x, y, 60, 40)), 0.01) == [Region(x, y, x + 60, y + 40, 2400)]


def test_a_gap_is_bridged_and_a_wide_one_is_not() -> None:
    near = find_regions(pieces((20, 20, 60, 40), (86, 20, 60, 40)), 0.01)
    assert [(r.left, r.right) for r in near] == [(20, 146)]
    far = find_regions(pieces((20, 20, 60, 40), (96, 20, 60, 40)), 0.01)
    assert [(r.left, r.right) for r in far] == [(20, 80), (96, 156)]


def test_specks_are_no_region() -> None:
    assert find_regions(pieces(*((x, y, 2, 2) for x in range(4, 318, 8) for y in range(4, 178, 8))), 0.0) == []
    assert find_regions(np.zeros(SHAPE, np.uint8), 0.01) == []


PLACE = Region(100, 60, 200, 120, 6000)


def road(*, line: bool, blur: bool) -> Picture:
    """Return ground. line: with a white line across it; blur: with what a vehicle left in the mean."""
    picture = np.full(SHAPE, 110, np.uint8)
    if line:
        picture[84:88] = 230
    if blur:
        picture[60:120, 100:200] = 50
        picture[54:126, 94:206] = cv2.blur(picture, (5, 5))[54:126, 94:206]
    return picture


def scene_of(picture: Picture) -> Background:
    background = Background(22)
    background.start(picture, 0.0)
    return background


@pytest.mark.parametrize("line", [False, True])
def test_ground_that_a_vehicle_left_has_its_outline_in_the_remembered_scene(line: bool) -> None:
    background, now = scene_of(road(line=line, blur=True)), road(line=line, blur=False)
    background.change(now, None)
    assert background.outlined_before(now, PLACE)
    assert background.uncovered(now, PLACE) is not line, "a line has more edges than the blur"


@pytest.mark.parametrize("line", [False, True])
def test_what_has_come_has_its_outline_in_the_picture_of_now(line: bool) -> None:
    background, now = scene_of(road(line=line, blur=False)), road(line=line, blur=True)
    background.change(now, None)
    assert not background.outlined_before(now, PLACE)
    assert not background.uncovered(now, PLACE)


def test_two_views_of_one_moment_are_two() -> None:
    """A vehicle of one size is sent once more in a smaller picture of the same frame."""
    plate = ((0.0, 0.0), (3.0, 0.0), (3.0, 1.0), (0.0, 1.0))
    one, other = (PaidView(2.0, plate, np.zeros((4, 4), np.uint8), 3.0, 1.0, Box(0, 0, 4, 4), 1.0) for _ in range(2))
    assert other not in [one]
    assert other in [one, other]
