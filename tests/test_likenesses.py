"""Small measures of the gate: likeness of two pictures of one place, and regions of change."""

import cv2
import numpy as np
import pytest
from test_gate import vehicle

from streamwatch.gate.background import Background
from streamwatch.gate.likeness import fills, same_vehicle, view_of
from streamwatch.gate.regions import Region, find_regions
from streamwatch.gate.track import PaidView, correlation
from streamwatch.model import Box, Corners, Picture

SHAPE = (180, 320)
RNG = np.random.default_rng(4)


def noise(low: int, high: int) -> Picture:
    return RNG.integers(low, high, (40, 60), dtype=np.uint8)


@pytest.mark.parametrize("mix", [0.0, 0.3, 0.9, 1.0])
def test_correlation_is_the_coefficient(mix: float) -> None:
    one = noise(0, 256)
    other = (mix * one + (1 - mix) * noise(0, 256)).astype(np.uint8)
    assert correlation(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-9)


def test_correlation_does_not_mind_light_and_contrast() -> None:
    one = noise(0, 200)
    assert correlation(one, one // 2 + 30) > 0.999
    assert correlation(one, 255 - one) == pytest.approx(-1)


def test_plain_pictures_are_like_each_other_and_like_nothing_else() -> None:
    plain = np.full((40, 60), 90, np.uint8)
    assert correlation(plain, np.full((40, 60), 20, np.uint8)) == 1
    assert correlation(plain, noise(0, 256)) == 0


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


PLATE: Corners = ((260, 300), (340, 300), (340, 324), (260, 324))


def seen(*, plate: int = 1, moved: int = 0, behind: bool = False) -> Picture:
    """A vehicle of 200x150 px at 200, 200, so many pixels further down; maybe with another one behind it."""
    picture = np.full((480, 640), 110, np.uint8)
    picture[200 + moved : 350 + moved, 200:400] = vehicle(1, plate)
    if behind:
        picture[150 + moved : 200 + moved, 200:400] = vehicle(2, 2)[:50]
    return picture


@pytest.mark.parametrize("top", [200, 290, 303])
def test_a_vehicle_is_known_again_also_where_its_paid_view_ends_at_the_plate(top: int) -> None:
    paid = view_of(seen(), Box(200, top, 200, 350 - top), PLATE)
    assert same_vehicle(paid, view_of(seen(moved=40), Box(200, 240, 200, 150)))
    assert not same_vehicle(paid, view_of(seen(plate=2), Box(200, 200, 200, 150)))


def test_a_vehicle_fills_its_place_and_not_one_that_shows_another_behind_it() -> None:
    paid = view_of(seen(), Box(200, 200, 200, 150), PLATE)
    assert fills(paid, view_of(seen(moved=60), Box(200, 260, 200, 150)))
    assert fills(paid, view_of(seen(moved=60), Box(190, 255, 220, 160))), "a little shadow does not matter"
    both = view_of(seen(moved=60, behind=True), Box(200, 210, 200, 200))
    assert same_vehicle(paid, both)
    assert not fills(paid, both)
    pushed_out = view_of(seen(moved=60, behind=True), Box(200, 210, 200, 150))
    assert not fills(paid, pushed_out), "of the same size, but the first one leaves it below"


PLACE = Region(100, 60, 200, 120, 6000)


def road(*, line: bool, blur: bool) -> Picture:
    """Ground, maybe with a white line across it; maybe with what remains in the mean of a vehicle that drove there."""
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
    one, other = (PaidView(1, 2.0, np.zeros((4, 4), np.uint8), Box(0, 0, 4, 4), 1.0, None, None) for _ in range(2))
    assert other not in [one]
    assert other in [one, other]
