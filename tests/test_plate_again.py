"""A plate that was found once is followed, and the finder asked again only when that promises something."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from clips import draw_plate

from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.plate_again import seen_again
from streamwatch.gate.plate_box import bounds, enlarged, middle, moved, plate_width
from streamwatch.gate.regions import Region
from streamwatch.gate.sight import ENOUGH, LOOK_PIXELS, Sight, good_enough
from streamwatch.gate.track import Track
from streamwatch.model import Box, Corners, Frame, Picture

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
CAR = np.random.default_rng(4).integers(60, 200, (30, 40), np.uint8)
PLATE = draw_plate("京AF0236", "blue", width=100)


def view(scale: float, x: int, y: int, text: Picture | None = PLATE) -> tuple[Candidate, Corners]:
    """A car at a place, and where its plate is; text None: a car without one."""
    car = cv2.cvtColor(cv2.resize(CAR, (400, 300), interpolation=cv2.INTER_CUBIC), cv2.COLOR_GRAY2BGR)
    if text is not None:
        car[200 : 200 + len(text), 150:250] = text
    width, height = round(400 * scale), round(300 * scale)
    bgr = np.full((720, 1280, 3), 110, np.uint8)
    bgr[y : y + height, x : x + width] = cv2.resize(car, (width, height), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(x + y).normal(0, 3, bgr.shape)
    bgr = np.clip(bgr + noise, 0, 255).astype(np.uint8)
    frame = Frame("gate", AT, cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), lambda: bgr)
    left, top, right, bottom = (v * scale for v in (150, 200, 250, 200 + len(PLATE)))
    plate = ((x + left, y + top), (x + right, y + top), (x + right, y + bottom), (x + left, y + bottom))
    box = Box(x, y, width, height)
    return Candidate(frame, 0.0, box, box, 1.0, True), plate


def found(scale: float, x: int, y: int) -> Candidate:
    candidate, candidate.plate = view(scale, x, y)
    return candidate


@pytest.mark.parametrize(("scale", "x", "y"), [(0.8, 300, 200), (0.88, 330, 215), (0.95, 260, 240), (0.76, 305, 196)])
def test_a_plate_is_seen_again_where_it_is(scale: float, x: int, y: int) -> None:
    sample = found(0.8, 300, 200)
    assert sample.plate is not None
    now, plate = view(scale, x, y)
    again = seen_again(sample, sample.box, sample.plate, now)
    assert again is not None
    assert np.hypot(*np.subtract(middle(again), middle(plate))) <= 4
    assert plate_width(again) == pytest.approx(plate_width(plate), rel=0.06)


def test_it_is_followed_while_it_grows_to_twice_its_size() -> None:
    sample = found(0.6, 300, 150)
    box, last = sample.box, sample.plate
    for scale in np.arange(0.64, 1.21, 0.04):
        now, plate = view(float(scale), round(400 - 166 * scale), round(60 + 150 * scale))
        assert last is not None
        box, last = now.box, seen_again(sample, box, last, now)
        assert last is not None, scale
        assert plate_width(last) == pytest.approx(plate_width(plate), rel=0.1)


def test_nothing_is_taken_for_it_where_it_is_not() -> None:
    sample = found(1.0, 300, 200)
    assert sample.plate is not None
    now, _ = view(1.0, 300, 200, None)
    assert seen_again(sample, sample.box, sample.plate, now) is None


def test_at_the_edge_of_the_picture_it_is_seen_as_long_as_it_is_whole() -> None:
    sample = found(1.0, 300, 360)
    assert sample.plate is not None
    now, plate = view(1.0, 300, 415)
    again = seen_again(sample, sample.box, sample.plate, now)
    assert again is not None
    assert np.hypot(*np.subtract(middle(again), middle(plate))) <= 4
    gone, _ = view(1.0, 300, 200, None)
    below = replace(gone, box=Box(300, 600, 400, 120))
    assert seen_again(sample, sample.box, sample.plate, below) is None


NEAR: Sequence[tuple[float, float]] = ((0.353, 0.635), (0.647, 0.635), (0.647, 0.76), (0.353, 0.76))
WHOLE: Sequence[tuple[float, float]] = ((0.353, 0.6), (0.9, 0.6), (0.9, 0.76), (0.353, 0.76))
"""Where a plate is in what is looked at around it, in fractions; and where it is if only its half was followed."""


class Finder:
    """Says where plates are, as told: in pixels or in fractions. asked: sizes of the pictures it was shown."""

    def __init__(self, *answers: Sequence[Sequence[tuple[float, float]]]) -> None:
        self.answers, self.asked = list(answers), list[tuple[int, int]]()

    def __call__(self, bgr: Picture) -> Sequence[Corners]:
        height, width = bgr.shape[:2]
        self.asked.append((width, height))
        plates = self.answers.pop(0)
        return [tuple((x * width, y * height) for x, y in p) if p in (NEAR, WHOLE) else p for p in plates]  # type: ignore[misc]


def glimpses(sight: Sight, views: Sequence[Candidate]) -> Track:
    track = Track(1, Region(0, 0, 40, 30, 900), AT, AT, 0.0, False)
    for one in views:
        track.best = one
        sight.glimpse(track)
    return track


def growing(*scales: float) -> list[Candidate]:
    return [view(scale, round(400 - 166 * scale), round(60 + 150 * scale))[0] for scale in scales]


def inside_of(one: Candidate) -> list[Corners]:
    """Where its plate is in its own box, as the finder is shown that."""
    scale = size_of_a_look(one)[0] / 400
    left, top, right, bottom = (v * scale for v in (150, 200, 250, 200 + len(PLATE)))
    return [((left, top), (right, top), (right, bottom), (left, bottom))]


def size_of_a_look(one: Candidate) -> tuple[int, int]:
    scale = min(1.0, (LOOK_PIXELS / (one.box.width * one.box.height)) ** 0.5)
    return round(one.box.width * scale), round(one.box.height * scale)


def test_the_finder_is_asked_when_it_is_new_and_when_it_is_large_enough() -> None:
    views = growing(0.95, 1.0, 1.05, 1.1, 1.16)
    finder = Finder(inside_of(views[0]), [NEAR])
    track = glimpses(Sight(finder, []), views)
    first, second = finder.asked
    assert first == size_of_a_look(views[0])
    assert second[0] * second[1] < 0.3 * first[0] * first[1], "where it is known, a small picture is enough"
    assert track.best is not None
    assert good_enough(track.best)
    assert (track.hits, track.looks) == (2, 2)
    followed = [one.plate for one in views[1:5]]
    assert all(plate is not None and bounds(plate)[2] - bounds(plate)[0] <= 1.06 * ENOUGH for plate in followed)


def test_what_the_finder_does_not_see_again_is_not_believed_and_looked_for_anew() -> None:
    views = growing(0.95, 1.0, 1.05, 1.1, 1.16)
    finder = Finder(inside_of(views[0]), [], inside_of(views[-1]))
    track = glimpses(Sight(finder, []), views)
    assert len(finder.asked) == 3
    assert finder.asked[2] == size_of_a_look(views[-1])
    assert (track.hits, track.looks) == (2, 3)
    refuted = Finder(inside_of(views[0]), [], [])
    track = glimpses(Sight(refuted, []), growing(0.95, 1.0, 1.05, 1.1, 1.16))
    assert track.best is not None
    assert track.best.plate is None
    assert (track.hits, track.looks) == (1, 3)


def test_one_that_was_found_when_it_was_wide_enough_is_not_looked_for_again() -> None:
    views = growing(1.18, 1.22, 1.26)
    finder = Finder(inside_of(views[0]))
    track = glimpses(Sight(finder, []), views)
    assert len(finder.asked) == 1
    assert track.best is not None
    assert good_enough(track.best)


def test_a_half_found_plate_is_looked_at_again_when_it_has_grown() -> None:
    views = growing(0.6, 0.64, 0.68, 0.72, 0.76, 0.8)
    ((left, top), (right, _), (_, bottom), _) = inside_of(views[0])[0]
    half = (left + right) / 2
    finder = Finder([((left, top), (half, top), (half, bottom), (left, bottom))], [WHOLE])
    track = glimpses(Sight(finder, []), views)
    assert len(finder.asked) == 2
    assert track.best is not None
    assert track.best.plate is not None
    assert plate_width(track.best.plate) > 60


def blurred(strength: int) -> Candidate:
    """A large plate in a view that motion has blurred so much, downwards."""
    one, one.plate = view(1.3, 300, 150)
    luma = cv2.blur(one.frame.luma, (1, strength))
    return replace(one, frame=Frame("gate", AT, luma, lambda: cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)))


def clear(*strengths: int) -> list[bool]:
    """Whether it counts as clear, view by view, where the finder sees it in each."""
    track, found = Track(1, Region(0, 0, 40, 30, 900), AT, AT, 0.0, False), []
    for strength in strengths:
        one = blurred(strength)
        assert one.plate is not None
        own = enlarged(moved(one.plate, -one.box.x, -one.box.y), size_of_a_look(one)[0] / one.box.width)
        Sight(Finder([own]), []).look(track, one)
        found.append(good_enough(one))
    return found


def test_a_plate_that_becomes_crisper_is_waited_for() -> None:
    assert clear(1) == [True]
    assert clear(25, 25) == [False, False], "so much is never clear"
    assert clear(13, 9, 3) == [False, False, True], "it brakes"
    assert clear(6, 6) == [False, True], "it does not"
