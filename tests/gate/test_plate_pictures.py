"""Likeness, sharpness and template matching of plates, on drawn plates whose place is known."""

from collections.abc import Callable
from itertools import combinations

import cv2
import numpy as np
import pytest
from clips import draw_plate

from streamwatch.core.model import Corners, Picture
from streamwatch.gate.plates.appearance import HEIGHT, WIDTH, crispness, likeness, sharpness, upright
from streamwatch.gate.plates.shapes import bounds, centre, is_whole, overlap, plate_width, vehicle_around
from streamwatch.gate.plates.template import StillPatch, Template
from streamwatch.gate.tracking.track import MAYBE, SAME

TEXTS = ("京AF0236", "京AF0238", "京AF8236", "京AE0236", "浙B7C289", "粤B12345", "苏EK3P82", "川A572F4")
ROAD = np.random.default_rng(3).integers(80, 130, (45, 80), np.uint8)


def plate_at(x: float, y: float, width: float, height: float) -> Corners:
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def scene(text: str | None, x: int = 400, y: int = 300, width: int = 140, noise: int = 0) -> tuple[Picture, Corners]:
    """Return a luma picture of 1280 x 720 with a plate at a place, and the corners of the plate."""
    luma = cv2.resize(ROAD, (1280, 720), interpolation=cv2.INTER_CUBIC)
    luma[y - width // 2 : y + width, x - width : x + 2 * width] = 60
    plate = cv2.cvtColor(draw_plate(text or "京AF0236", width=width), cv2.COLOR_BGR2GRAY)
    if text is not None:
        luma[y : y + len(plate), x : x + width] = plate
    grain = np.random.default_rng(noise).normal(0, 3, luma.shape)
    return np.clip(luma + grain, 0, 255).astype(np.uint8), plate_at(x, y, width, len(plate))


def shaken(plate: Corners, seed: int, by: float = 0.03) -> Corners:
    """Return corners that are off by a part of the width of the plate, as those of a detector are."""
    off = np.random.default_rng(seed).uniform(-by, by, (4, 2)) * plate_width(plate)
    a, b, c, d = ((float(x + dx), float(y + dy)) for (x, y), (dx, dy) in zip(plate, off, strict=True))
    return a, b, c, d


def test_a_plate_is_cut_out_upright_however_it_lies() -> None:
    luma, plate = scene("京AF0236")
    straight = upright(luma, plate, 0.0)
    assert straight.shape == (HEIGHT, WIDTH)
    turn = cv2.getRotationMatrix2D((470, 320), 20, 1.0)
    turned = cv2.warpAffine(luma, turn, (1280, 720))
    corners = [tuple(turn @ (x, y, 1)) for x, y in plate]
    again = upright(turned, (corners[0], corners[1], corners[2], corners[3]), 0.0)
    assert np.corrcoef(straight.ravel(), again.ravel())[0, 1] > 0.95


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "darker": lambda p: np.clip(p * 0.4 + 5, 0, 255).astype(np.uint8),
    "brighter": lambda p: np.clip(p * 1.3 + 20, 0, 255).astype(np.uint8),
    "blurred": lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 1.6), np.uint8),
    "moving": lambda p: np.asarray(cv2.blur(p, (1, 5)), np.uint8),
    "shadowed": lambda p: (p * np.linspace(0.5, 1.2, p.shape[1])).clip(0, 255).astype(np.uint8),
}


@pytest.mark.parametrize(("width", "least"), [(70, MAYBE), (100, SAME), (200, SAME)])
@pytest.mark.parametrize("change", CHANGES)
def test_a_plate_is_known_again_at_another_place_size_and_light(width: int, least: float, change: str) -> None:
    before, plate = scene("京AF0236", noise=1)
    now, there = scene("京AF0236", 600, 350, width, noise=2)
    one, other = upright(before, shaken(plate, 1)), upright(CHANGES[change](now), shaken(there, 2))
    assert likeness(one, other) >= least


def test_other_plates_are_others() -> None:
    pictures = {text: upright(*scene(text, width=160, noise=n)) for n, text in enumerate(TEXTS)}
    alike = {(a, b): likeness(pictures[a], pictures[b]) for a, b in combinations(TEXTS, 2)}
    different = [pair for pair in alike if sum(x != y for x, y in zip(*pair, strict=True)) >= 3]
    assert different
    assert max(alike[pair] for pair in different) < SAME


def test_what_shows_nothing_is_like_nothing() -> None:
    plain = np.full(upright(*scene("京AF0236")).shape, 100, np.uint8)
    assert likeness(plain, upright(*scene("京AF0236"))) < MAYBE


def test_a_sharp_view_counts_more_than_a_blurred_one_and_motion_takes_edges_of_one_direction() -> None:
    luma, plate = scene("京AF0236")
    blurred = np.asarray(cv2.GaussianBlur(luma, (0, 0), 2), np.uint8)
    assert sharpness(luma, plate) > 1.5 * sharpness(blurred, plate)
    moving = np.asarray(cv2.blur(luma, (1, 13)), np.uint8)
    assert crispness(luma, plate) > 1.5 * crispness(moving, plate)


@pytest.mark.parametrize(("x", "y", "width"), [(420, 310, 140), (380, 330, 150), (410, 290, 132), (400, 300, 140)])
def test_a_plate_is_followed_to_where_it_is(x: int, y: int, width: int) -> None:
    before, plate = scene("京AF0236", noise=1)
    now, there = scene("京AF0236", x, y, width, noise=2)
    template = Template.of(before, plate)
    assert template is not None
    found = template.find(now, plate, centre(plate))
    assert found is not None
    assert np.hypot(*np.subtract(centre(found), centre(there))) <= 5
    assert plate_width(found) == pytest.approx(width, rel=0.08)


def test_it_is_followed_while_it_grows_to_twice_its_size() -> None:
    luma, last = scene("京AF0236", 500, 200, 80)
    template = Template.of(luma, last)
    assert template is not None
    for n, width in enumerate(range(86, 161, 6)):
        now, there = scene("京AF0236", 500 - 3 * n, 200 + 12 * n, width, noise=n)
        found = template.find(now, last, centre(last))
        assert found is not None, width
        assert plate_width(found) == pytest.approx(width, rel=0.1)
        last = found
        assert overlap(found, there) > 0.7


def test_nothing_is_taken_for_it_where_it_is_not() -> None:
    before, plate = scene("京AF0236", noise=1)
    template = Template.of(before, plate)
    assert template is not None
    assert template.find(scene(None, noise=2)[0], plate, centre(plate)) is None


def test_a_parked_plate_is_known_by_its_very_pixels_and_another_one_in_its_place_is_not() -> None:
    before, plate = scene("京AF0236", width=180, noise=1)
    place = StillPatch.of(before, plate)
    assert place is not None
    assert place.shows_it(scene("京AF0236", width=180, noise=2)[0])
    darker = np.asarray(scene("京AF0236", width=180, noise=3)[0] * 0.5, np.uint8)
    assert place.shows_it(darker)
    assert not place.shows_it(scene(None, width=180, noise=4)[0])
    assert not place.shows_it(scene("浙B7C289", 320, 340, 180, noise=5)[0])


def test_a_plate_at_the_edge_is_not_whole() -> None:
    shape = (720, 1280)
    assert is_whole(plate_at(100, 100, 120, 40), shape)
    assert not is_whole(plate_at(2, 100, 120, 40), shape)
    assert not is_whole(plate_at(100, 690, 120, 40), shape)


def test_the_vehicle_around_a_plate_lies_in_the_picture() -> None:
    box = vehicle_around(plate_at(20, 680, 120, 40), (720, 1280))
    left, top, right, bottom = bounds(plate_at(20, 680, 120, 40))
    assert (box.x, box.y + box.height) == (0, 720)
    assert box.x <= left < right <= box.x + box.width
    assert box.y <= top
    assert bottom <= box.y + box.height
