"""Pictures that do not show the scene, and scenes that change: the gate must recover."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from test_gate import FPS, HEIGHT, ROAD, WIDTH, Scene, Stay, plates_of, texture, vehicle

from streamwatch.core.model import Picture
from streamwatch.gate import Gate, Shot, Why

STREET = texture(78, WIDTH, HEIGHT, 40, 40, 180)
ELSEWHERE = texture(77, WIDTH, HEIGHT, 40, 40, 180)

Change = Callable[[Picture, float], None]


def black(picture: Picture, t: float) -> None:
    """Make a picture limited-range black with a caption, as cameras and decoders send it."""
    picture[:] = 16
    picture[10:30, 10:200] = 235


def grey(picture: Picture, t: float) -> None:
    picture[:] = 128


def street(picture: Picture, t: float) -> None:
    """Draw light and shadow on the ground; vehicles are not changed."""
    ground = picture == ROAD
    picture[ground] = STREET[ground]


def elsewhere(begin: float, within: float) -> Change:
    """Return a scene whose ground changes from a time on, within some seconds."""

    def change(picture: Picture, t: float) -> None:
        part = min(1.0, max(0.0, (t - begin) / within))
        ground = picture == ROAD
        picture[ground] = ((1 - part) * STREET + part * ELSEWHERE)[ground].astype(np.uint8)

    return change


def at_times(change: Change, *times: float) -> Change:
    """Return a street whose pictures are changed in these tenths of a second."""
    return lambda picture, t: change(picture, t) if round(t, 1) in times else street(picture, t)


def between(change: Change, begin: float, end: float) -> Change:
    """Return a street whose pictures are changed between two times in seconds."""
    return lambda picture, t: change(picture, t) if begin <= t < end else street(picture, t)


@pytest.mark.parametrize("odd", [black, grey])
@pytest.mark.parametrize("lasts", [0.1, 1.0, 3.0])
def test_pictures_that_show_nothing_cost_no_call_and_no_vehicle(odd: Change, lasts: float) -> None:
    stays = [Stay(vehicle(1, 1), 10.0, 13.0), Stay(vehicle(2, 2), 16.0, 19.0)]
    scene = Scene(stays, extra=between(odd, 3.0, 3.0 + lasts)).play(22).finish()
    assert scene.read() == [0, 1]
    assert all(e.crop.width < WIDTH for e in scene.events if isinstance(e, Shot))


@pytest.mark.parametrize("odd", [black, grey])
def test_the_first_picture_after_an_outage_may_show_nothing(odd: Change) -> None:
    stays = [Stay(vehicle(1, 1), 1.0, 3.0), Stay(vehicle(2, 2), 32.0, 35.0), Stay(vehicle(3, 3), 38.0, 41.0)]
    scene = Scene(stays, extra=between(odd, 26.0, 26.1))
    scene.play(6).play(16, since=26).finish()
    assert scene.read() == [0, 1, 2]


def test_pictures_that_show_nothing_do_not_make_a_vehicle_another_one() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 9.0)], extra=at_times(black, 2.5, 4.0, 6.0, 6.1, 8.0)).play(12).finish()
    assert scene.read() == [0]


def test_a_blank_picture_is_no_part_of_a_large_vehicle() -> None:
    big = cv2.resize(vehicle(1, 1), None, fx=2.0, fy=2.0, interpolation=cv2.INTER_CUBIC)

    def large(picture: Picture, t: float) -> None:
        if 2.0 <= t < 9.0:
            picture[40:340, 120:520] = big
        if round(t, 1) in (2.8, 4.0, 5.5, 5.6):
            black(picture, t)

    scene = Scene([], extra=large)
    for n in range(120):
        scene.take(scene.gate.look(scene.frame(n / 10)), n / 10)
        assert scene.gate.report is not None
        assert all(thing.box.width < 500 for thing in scene.gate.report.followed)
        assert round(n / 10, 1) not in (2.8, 4.0, 5.5, 5.6) or scene.gate.report.why is Why.QUIET


def test_a_camera_that_comes_back_with_another_view_starts_anew() -> None:
    stays = [Stay(vehicle(1, 1), 1.0, 3.0), Stay(vehicle(5, 5), 34.0, 37.0)]
    scene = Scene(stays, extra=elsewhere(20.0, 1.0))
    scene.play(6).play(14, since=26).finish()
    assert scene.read() == [0, 1]


def test_a_scene_that_was_not_looked_at_for_long_is_still_the_same() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 3.0)], extra=street)
    quiet = scene.play(6).gate.counts[Why.QUIET]
    scene.play(4, since=26)
    assert scene.gate.counts[Why.QUIET] == quiet + 4 * FPS


def test_a_scene_that_slowly_becomes_another_one_is_learned() -> None:
    stays = [Stay(vehicle(1, 1), 1.0, 3.0), Stay(vehicle(5, 5), 20.0, 23.0), Stay(vehicle(6, 6), 26.0, 29.0)]
    scene = Scene(stays, extra=elsewhere(6.0, 2.0))
    scene.play(32).finish()
    assert scene.read() == [0, 1, 2]


def test_what_fills_the_zone_is_waited_for_until_its_plate_is_seen() -> None:
    now = 0.0

    def tells(picture: Picture, t: float) -> None:
        nonlocal now
        now = t

    large = Stay(vehicle(1, 1), 2.0, 30.0)
    zone = [(0.36, 0.35), (0.64, 0.35), (0.64, 0.75), (0.36, 0.75)]
    gate = Gate(zone=zone, find_plates=plates_of(large, blind=lambda: now < 12.0))
    scene = Scene([large], gate, extra=tells).play(33).finish()
    assert scene.read() == [0]
    assert scene.shots[0][0] >= 12.0
