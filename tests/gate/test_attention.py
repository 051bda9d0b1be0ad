"""How closely the gate wants to watch, and that nothing is missed if no more is given."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import cv2
import numpy as np
import pytest
from test_gate import FPS, HEIGHT, START, WIDTH, Scene, Stay, vehicle

from streamwatch.core.model import Attention, Box, Corners, Frame, Picture
from streamwatch.gate import Closed, Shot, Why
from streamwatch.gate.attention import AttentionEstimator
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.tracking.track import State, Track
from streamwatch.gate.tracking.views import PaidView, view_of

EVERY = 2.0
"""Seconds between two frames while the camera is watched loosely."""


class Thrifty(Scene):
    """A scene as capture shows it: frames are skipped while it is quiet, and looked at again when something happens."""

    def play(self, seconds: float, since: float = 0.0) -> "Thrifty":
        self.looked: list[float] = []
        attention, n, last = Attention.ALL, round(since * FPS), round(since * FPS) - 1
        while n < round((since + seconds) * FPS):
            frame = self.frame(n / FPS)
            needed = self.gate.attention(frame)
            if attention is Attention.QUIET and needed is Attention.ALL:
                attention, n = needed, last + 1
                continue
            attention = needed
            self.take(self.gate.look(frame), n / FPS)
            self.looked.append(n / FPS)
            last = n
            n = n + 1 if needed is Attention.ALL else (n // round(EVERY * FPS) + 1) * round(EVERY * FPS)
        return self

    def part(self, since: float, until: float) -> float:
        """Return the part of the frames of a time that were looked at."""
        return len([t for t in self.looked if since <= t < until]) / ((until - since) * FPS)


def sent(scene: Scene) -> list[tuple[int, float]]:
    """Return passage and time of each shot."""
    at = [(e.passage, e.frame.captured_at - START) for e in scene.events if isinstance(e, Shot)]
    return [(passage, time / timedelta(seconds=1)) for passage, time in at]


@pytest.mark.parametrize("come", [4.0, 4.5, 5.1, 5.9])
def test_the_same_is_sent_as_if_every_frame_was_looked_at(come: float) -> None:
    stays = [Stay(vehicle(1, 1), come, come + 2.0), Stay(vehicle(2, 2), come + 8, come + 30)]
    full, thrifty = Scene(stays).play(50).finish(), Thrifty(stays).play(50)
    thrifty.finish()
    assert sent(thrifty) == sent(full)
    assert thrifty.read() == [0, 1]
    ends = [[e.last_seen for e in scene.events if isinstance(e, Closed)] for scene in (thrifty, full)]
    assert len(ends[0]) == len(ends[1]) == 2
    assert all(abs(one - other) <= timedelta(seconds=EVERY) for one, other in zip(*ends, strict=True))


def test_a_vehicle_that_is_not_in_view_for_longer_than_the_blindness_is_found() -> None:
    for come in np.arange(4, 6, 0.2):
        assert Thrifty([Stay(vehicle(1, 1), float(come), float(come) + 1.6)]).play(14).read() == [0]


def test_an_empty_scene_and_a_parked_car_need_little() -> None:
    scene = Thrifty([Stay(vehicle(1, 1), 10, 300)]).play(130)
    assert scene.part(3, 8) <= 0.1
    assert scene.part(20, 130) <= 0.06
    assert scene.read() == [0]


def test_a_car_whose_plate_cannot_be_read_well_rests_too() -> None:
    scene = Thrifty([Stay(vehicle(1, 1), 10, 300)], readable=lambda call: False).play(130)
    assert scene.part(40, 130) <= 0.1


def test_a_light_step_is_nothing() -> None:
    scene = Thrifty([], light=lambda t: 1.3 if t > 20 else 1.0).play(60)
    assert scene.part(3, 60) <= 0.1


def test_something_before_a_parked_car_has_all_attention() -> None:
    def walker(picture: Picture, t: float) -> None:
        if 30 <= t < 36:
            x = round((t - 30) * 100)
            picture[150:330, x : x + 50] = 20

    stays = [Stay(vehicle(1, 1), 10, 300)]
    full, scene = Scene(stays, extra=walker).play(60), Thrifty(stays, extra=walker).play(60)
    assert scene.part(31, 36) == 1
    assert scene.part(45, 60) <= 0.06
    assert sent(scene) == sent(full)


def test_another_car_at_the_place_of_the_parked_one_is_seen() -> None:
    stays = [Stay(vehicle(1, 1), 10, 30.1), Stay(vehicle(2, 2), 31.0, 300)]
    assert Thrifty(stays).play(60).read() == [0, 1]


class Crossing(Stay):
    """A vehicle that goes from left to right at 40 px a second."""

    def place(self, t: float) -> tuple[float, float, float] | None:
        return (-100 + 40 * (t - self.come), self.y, 1.0) if self.come <= t < self.go else None


def test_one_that_was_read_may_drive_on_with_few_looks() -> None:
    scene = Thrifty([Crossing(vehicle(1, 1), 4, 25)]).play(30)
    scene.finish()
    assert scene.read() == [0]
    assert scene.part(14, 18) <= 0.1
    assert scene.gate.counts[Why.KNOWN] <= 80, "and it is known again in each"


@pytest.mark.parametrize("behind", [5.6, 6.0, 7.0])
def test_another_one_close_behind_is_seen(behind: float) -> None:
    scene = Thrifty([Crossing(vehicle(1, 1), 4, 25), Crossing(vehicle(2, 2), 4 + behind, 25 + behind)]).play(40)
    scene.finish()
    assert scene.read() == [0, 1]


def spot(share: float) -> Callable[[Picture], None]:
    """Return a function that draws a dark square; share: of the least area of a vehicle."""
    side = round((share * 0.015 * WIDTH * HEIGHT) ** 0.5)

    def draw(picture: Picture) -> None:
        picture[100 : 100 + side, 300 : 300 + side] = 20

    return draw


def needs(shares: Callable[[float], float], times: Sequence[float]) -> list[Attention]:
    """Return the attention that the gate asks for at times. shares: gives the share of a vehicle in view."""
    scene = Scene([], extra=lambda picture, t: spot(shares(t))(picture)).play(times[0])
    found = []
    for t in times:
        frame = scene.frame(t)
        found.append(scene.gate.attention(frame))
        scene.take(scene.gate.look(frame), t)
    return found


def test_a_vehicle_far_away_needs_all_attention() -> None:
    assert needs(lambda t: 0.25 * (t > 5.95), [6.0]) == [Attention.ALL]
    assert needs(lambda t: 0.06 * (t > 5.95), [6.0]) == [Attention.QUIET]


def test_activity_is_watched_until_next_to_nothing_is_left() -> None:
    times = [6 + n / FPS for n in range(12)]
    assert needs(lambda t: 0.3 * (5.95 < t < 6.05) + 0.06 * (t > 6.05), times[:4]) == [Attention.ALL] * 4
    assert needs(lambda t: 0.3 * (5.95 < t < 6.05) + 0.02 * (t > 6.05), times)[-6:] == [Attention.QUIET] * 6


def test_other_activity_before_a_later_one_ends_nothing() -> None:
    scene = Scene([Stay(vehicle(1, 1), 7, 30)], extra=lambda picture, t: spot(0.4 * (4.4 < t < 4.7))(picture)).play(4)
    assert scene.gate.attention(scene.frame(8.0)) is Attention.ALL
    for n in range(40, 80):
        frame = scene.frame(n / FPS)
        assert scene.gate.attention(frame) is Attention.ALL, n / FPS
        scene.take(scene.gate.look(frame), n / FPS)


PLACE: Corners = ((260.0, 200.0), (380.0, 200.0), (380.0, 238.0), (260.0, 238.0))


@pytest.mark.parametrize(
    ("state", "stood", "needed"),
    [
        (State.TENTATIVE, 0.2, Attention.ALL),
        (State.WAITING, 0.2, Attention.ALL),
        (State.WAITING, 6.0, Attention.QUIET),
        (State.ASKED, 0.2, Attention.QUIET),
        (State.SETTLED, 0.2, Attention.ALL),
        (State.SETTLED, 1.0, Attention.QUIET),
    ],
)
def test_a_plate_out_of_sight_is_watched_for_while_something_may_be_told_of_it(
    state: State, stood: float, needed: Attention
) -> None:
    """stood: seconds for which it had not moved."""
    frame, watch, small = Scene([]).frame(0), AttentionEstimator(0.015), np.zeros((180, 320), np.uint8)
    track = Track(1, PLACE, START, START, 7.9, 0.9, state)
    track.views.best, track.course.moved_at = view_of(frame, 7.0, PLACE), 7.9 - stood
    if state is State.ASKED:
        track.views.paid.append(PaidView(7.0, PLACE, small, 120.0, 500.0, Box(0, 0, 80, 60), 1.0))
    geometry = Geometry((360, 640), None)
    watch.begin(geometry, 0.0)
    watch.looked(small, 8.4)
    motion = Motion(frame, 8.44, 8.44, small, small, 0.0, None, geometry, [])
    assert watch.needed(motion, [track]) is needed


def test_asking_changes_nothing() -> None:
    asked, plain = Scene([Stay(vehicle(1, 1), 3, 6)]), Scene([Stay(vehicle(1, 1), 3, 6)])
    for n in range(12 * FPS):
        asked.gate.attention(asked.frame((n + 17) / FPS))
        for scene in (asked, plain):
            scene.take(scene.gate.look(scene.frame(n / FPS)), n / FPS)
    assert sent(asked) == sent(plain)
    assert asked.gate.counts == plain.gate.counts


def test_pictures_of_another_size_have_all_attention_as_soon_as_one_comes() -> None:
    class Resized(Thrifty):
        def frame(self, t: float) -> Frame:
            frame = super().frame(t)
            return frame if t < 9 else replace(frame, luma=cv2.resize(frame.luma, None, fx=0.75, fy=0.75))

    scene = Resized([Stay(vehicle(1, 1), 11.0, 14.0)]).play(20)
    assert scene.part(4, 8) < 0.2
    assert scene.part(8.1, 10.5) == pytest.approx(1), (
        "the rest of the group of pictures in which it changed, and the new scene"
    )
    assert {passage for passage, _ in sent(scene)} == {1}
