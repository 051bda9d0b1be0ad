"""The gate on drawn pictures in which the place of every vehicle and plate is known."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest

from streamwatch.core.model import Box, Corners, Frame, Picture
from streamwatch.detection import Detection
from streamwatch.gate import Closed, Decision, FindPlates, Gate, Kept, Opened, Shot, Why
from streamwatch.imaging.jpeg import encode

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
WIDTH, HEIGHT, FPS = 640, 360, 10
VEHICLE = (200, 150)
PLATE = (40, 92, 120, 38)  # x y w h inside the vehicle


def texture(seed: int, width: int, height: int, grain: int, low: int, high: int) -> Picture:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(low, high, (height // grain + 1, width // grain + 1), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


ROAD = texture(0, WIDTH, HEIGHT, 8, 90, 120)
GRAINS = [np.random.default_rng(n).normal(0, 2, (HEIGHT, WIDTH)).round().astype(np.int16) for n in range(16)]
"""Noise of the sensor, used in turn: drawing new noise for every frame would cost more than the gate."""


def vehicle(model: int, plate: int) -> Picture:
    """Return a vehicle: the body depends on the number of the model, the plate on the number of the plate."""
    body = texture(1000 + model, *VEHICLE, 10, 20, 240)
    x, y, w, h = PLATE
    marks = np.random.default_rng(plate).integers(0, 2, (3, 14), np.uint8) * 200 + 30
    body[y - 3 : y + h + 3, x - 3 : x + w + 3] = 128
    body[y : y + h, x : x + w] = cv2.resize(marks, (w, h), interpolation=cv2.INTER_NEAREST)
    return body


HALF = 0.5  # scale of the picture in which the fake detector looks
SIZES = tuple(float(0.22 * 1.1**n) for n in range(20))  # scales of a plate that it knows


def plates_of(*stays: "Stay", blind: Callable[[], bool] = lambda: False) -> FindPlates:
    """Return a fake plate detector that knows the marks of these vehicles and looks for them at many sizes.

    blind: True while it sees nothing.
    """
    x, y, w, h = PLATE
    marks = [cv2.blur(stay.picture[y : y + h, x : x + w], (3, 3)) for stay in stays]

    def find(luma: Picture) -> list[Detection]:
        small = cv2.resize(luma, None, fx=HALF, fy=HALF, interpolation=cv2.INTER_AREA)
        return [] if blind() else [one for mark in marks if (one := _best(small, mark)) is not None]

    def _best(small: Picture, mark: Picture) -> Detection | None:
        best, place = 0.7, None
        for size in SIZES:
            width, height = round(HALF * size * w), round(HALF * size * h)
            if height >= small.shape[0] or width >= small.shape[1] or width < 10:
                continue
            template = cv2.resize(mark, (width, height), interpolation=cv2.INTER_AREA)
            _, likeness, _, (left, top) = cv2.minMaxLoc(cv2.matchTemplate(small, template, cv2.TM_CCOEFF_NORMED))
            if likeness > best:
                best, place = likeness, (left, top, width, height)
        if place is None:
            return None
        left, top, right, bottom = (v / HALF for v in (*place[:2], place[0] + place[2], place[1] + place[3]))
        return Detection(((left, top), (right, top), (right, bottom), (left, bottom)), 0.9)

    return find


@dataclass
class Stay:
    """A vehicle that grows for a second from `come` on, stands at x, y (its centre) and drives out in half a second."""

    picture: Picture
    come: float
    go: float
    x: int = 320
    y: int = 200

    def place(self, t: float) -> tuple[float, float, float] | None:
        """Return centre and scale at time t; None when it is away."""
        if not self.come <= t < self.go + 1.0:
            return None
        if t < self.come + 1.0:
            u = t - self.come
            return self.x, 60 + (self.y - 60) * u, 0.3 + 0.7 * u
        u = max(0.0, t - self.go) / 0.5
        return self.x, self.y + 280 * u * u, 1 + 0.3 * u

    def box(self, t: float) -> tuple[int, int, int, int] | None:
        """Return left, top, width and height in the frame at time t."""
        place = self.place(t)
        if place is None:
            return None
        x, y, k = place
        w, h = round(VEHICLE[0] * k), round(VEHICLE[1] * k)
        return round(x - w / 2), round(y - h / 2), w, h


@dataclass
class Scene:
    """A scene with vehicles, and what the gate decides about it."""

    stays: list[Stay]
    gate: Gate = None  # type: ignore[assignment]
    light: Callable[[float], float] = lambda t: 1.0
    extra: Callable[[Picture, float], None] = lambda picture, t: None
    readable: Callable[[int], bool] = lambda call: True
    events: list[Decision] = field(default_factory=list)
    shots: list[tuple[float, int | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate = self.gate or gate_for(*self.stays)

    def play(self, seconds: float, since: float = 0.0) -> "Scene":
        for n in range(round(since * FPS), round((since + seconds) * FPS)):
            self.take(self.gate.look(self.frame(n / FPS)), n / FPS)
        return self

    def finish(self) -> "Scene":
        self.take(self.gate.finish(), 1e6)
        return self

    def frame(self, t: float) -> Frame:
        picture = ROAD.copy()
        for stay in sorted(self.stays, key=lambda s: -s.come):
            box = stay.box(t)
            if box is not None:
                paste(picture, stay.picture, *box)
        self.extra(picture, t)
        gain = self.light(t)
        lit = picture if gain == 1.0 else cv2.convertScaleAbs(picture, alpha=gain, beta=16 * (1 - gain))
        luma = cv2.add(lit, GRAINS[round(t * FPS) % len(GRAINS)], dtype=cv2.CV_8U)
        return Frame("gate", START + timedelta(seconds=t), luma, lambda: cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR))

    def take(self, decisions: Iterable[Decision], t: float) -> None:
        for decision in decisions:
            self.events.append(decision)
            if isinstance(decision, Shot):
                self.answer(decision)

    def answer(self, shot: Shot) -> None:
        """Answer as an honest service does: with the widest plate that lies wholly inside the crop."""
        at = (shot.frame.captured_at - START).total_seconds()
        plates = [(stay, self.corners(stay, at)) for stay in range(len(self.stays))]
        seen = [(stay, c) for stay, c in plates if c and inside(shot.crop, c, shot.frame.luma.shape)]
        found = max(seen, key=lambda item: item[1][1][0] - item[1][0][0], default=None)
        self.shots.append((at, None if found is None else found[0]))
        good = found is not None and self.readable(len(self.shots))
        self.gate.answered(shot.passage, [(good, found[1])] if found else [])

    def corners(self, stay: int, t: float) -> Corners | None:
        box = self.stays[stay].box(t)
        if box is None:
            return None
        k = box[2] / VEHICLE[0]
        x, y, w, h = (v * k for v in PLATE)
        x, y = box[0] + x, box[1] + y
        return (x, y), (x + w, y), (x + w, y + h), (x, y + h)

    def read(self) -> list[int | None]:
        return [stay for _, stay in self.shots]


def gate_for(*stays: Stay, **settings: Any) -> Gate:
    """Return a gate whose detector sees the plates of these vehicles."""
    return Gate(find_plates=plates_of(*stays), **settings)


def paste(picture: Picture, sprite: Picture, left: int, top: int, width: int, height: int) -> None:
    small = cv2.resize(sprite, (width, height), interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + width), min(HEIGHT, top + height)
    if x1 > x0 and y1 > y0:
        picture[y0:y1, x0:x1] = small[y0 - top : y1 - top, x0 - left : x1 - left]


def inside(crop: Box, corners: Corners, shape: tuple[int, ...]) -> bool:
    return all(
        crop.x <= x <= crop.x + crop.width
        and crop.y <= y <= crop.y + crop.height
        and 0 <= x < shape[1]
        and 0 <= y < shape[0]
        for x, y in corners
    )


def test_a_vehicle_is_one_passage_and_one_call_of_its_best_view() -> None:
    scene = Scene([Stay(vehicle(1, 1), 2.0, 6.0)]).play(9).finish()
    assert scene.read() == [0]
    opened, shot, closed = scene.events
    assert isinstance(opened, Opened)
    assert isinstance(shot, Shot)
    assert isinstance(closed, Closed)
    assert timedelta(seconds=2) <= opened.at - START <= timedelta(seconds=2.5)
    assert shot.frame.captured_at - START >= timedelta(seconds=2.8), "not the first view but the largest"
    assert timedelta(seconds=6) <= closed.last_seen - START <= timedelta(seconds=7)
    assert shot.crop.width >= VEHICLE[0]
    assert shot.crop.width < WIDTH, "the crop leaves the empty road out"


def test_an_empty_scene_costs_nothing() -> None:
    scene = Scene([]).play(10).finish()
    assert scene.events == []


def test_light_that_steps_and_drifts_costs_nothing() -> None:
    scene = Scene([], light=lambda t: 0.45 if 3 < t < 6 else 0.45 + 0.05 * t if t >= 6 else 1.0).play(12).finish()
    assert scene.events == []


def test_light_steps_while_a_vehicle_stands_cost_one_call() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 9.0)], light=lambda t: 0.5 if int(t) % 2 else 1.0).play(12).finish()
    assert scene.read() == [0]


def test_a_vehicle_that_stands_for_a_minute_costs_one_call() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 60.0)]).play(63).finish()
    assert scene.read() == [0]
    assert [type(e) for e in scene.events] == [Opened, Shot, Closed]


def test_a_parked_vehicle_is_not_paid_again_after_somebody_walked_before_it() -> None:
    def walker(picture: Picture, t: float) -> None:
        if 5 < t < 9:
            x = round((t - 5) * 160)
            picture[90:330, max(0, x - 25) : x + 25] = 200

    scene = Scene([Stay(vehicle(1, 1), 1.0, 12.0)], extra=walker).play(15).finish()
    assert scene.read().count(0) == 1


def test_a_queue_costs_one_call_each_also_of_cars_of_one_model() -> None:
    stays = [Stay(vehicle(7, 1), 1.0, 5.0), Stay(vehicle(7, 2), 5.0, 10.0), Stay(vehicle(7, 3), 10.0, 14.0)]
    scene = Scene(stays).play(17).finish()
    assert sorted(s for s in scene.read() if s is not None) == [0, 1, 2]
    assert len(scene.shots) == 3
    assert len([e for e in scene.events if isinstance(e, Opened)]) == len(
        [e for e in scene.events if isinstance(e, Closed)]
    )


def test_two_side_by_side_are_both_read() -> None:
    stays = [Stay(vehicle(1, 1), 1.0, 8.0, x=160), Stay(vehicle(2, 2), 2.5, 9.0, x=480)]
    scene = Scene(stays).play(12).finish()
    assert sorted(s for s in scene.read() if s is not None) == [0, 1]
    assert len(scene.shots) == 2


def test_one_that_drives_through_without_stopping_is_read() -> None:
    scene = Scene([Stay(vehicle(3, 3), 2.0, 3.0)]).play(7).finish()
    assert scene.read() == [0]


def test_an_unread_view_is_paid_again_only_when_a_clearly_better_one_comes() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 20.0)])
    scene.answer = lambda shot: scene.gate.answered(shot.passage, [])  # type: ignore[method-assign]
    scene.play(23).finish()
    assert len([e for e in scene.events if isinstance(e, Shot)]) == 1

    class Nearing(Stay):
        def place(self, t: float) -> tuple[float, float, float] | None:
            place = super().place(t)
            nearer = 1.0 if t > 6 else 0.5
            return place and (place[0], place[1], place[2] * nearer)

    nearing = Nearing(vehicle(1, 1), 1.0, 12.0)
    scene = Scene([nearing], readable=lambda call: call > 1).play(15).finish()
    assert scene.read() == [0, 0]


def test_a_doubted_reading_is_checked_with_views_of_other_sizes() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 20.0)], readable=lambda call: False).play(23).finish()
    shots = [e for e in scene.events if isinstance(e, Shot)]
    assert 2 <= len(shots) <= 3
    assert {shot.passage for shot in shots} == {shots[0].passage}
    widths = sorted(shot.scale * shot.crop.width for shot in shots)
    assert all(wider >= 1.08 * narrower for narrower, wider in pairwise(widths))
    assert all(0.6 * shots[0].score <= shot.score for shot in shots)
    read_at_once = Scene([Stay(vehicle(1, 1), 1.0, 20.0)], readable=lambda call: call > 1).play(23).finish()
    assert read_at_once.read() == [0, 0], "one that is believed ends it"


def test_a_doubted_reading_of_a_vehicle_that_has_gone_is_checked_with_an_earlier_view() -> None:
    scene = Scene(
        [passing := Stay(vehicle(3, 3), 2.0, 3.0)], gate=gate_for(passing, patience=9.0), readable=lambda call: call > 1
    )
    scene.play(7).finish()
    assert scene.read() == [0, 0]
    (opened, first, second, closed) = scene.events
    assert isinstance(first, Shot)
    assert isinstance(second, Shot)
    assert second.frame.captured_at <= first.frame.captured_at
    assert isinstance(closed, Closed)
    assert {opened.passage, first.passage, second.passage, closed.passage} == {opened.passage}


def test_a_doubted_reading_of_a_vehicle_that_is_hidden_now_is_checked_with_an_earlier_view() -> None:
    lorry = texture(5, 560, 330, 10, 150, 240)

    def comes_before_it(picture: Picture, t: float) -> None:
        if t > 2.8:
            picture[10:340, : 190 if t < 3.2 else 560] = lorry[:, : 190 if t < 3.2 else 560]

    scene = Scene([Stay(vehicle(1, 1), 1.0, 20.0)], extra=comes_before_it)
    scene.answer = lambda shot: None  # type: ignore[method-assign]
    scene.play(3.6)
    opened, shot = scene.events
    assert isinstance(shot, Shot)
    scene.gate.answered(opened.passage, [(False, scene.corners(0, 2.5))])
    scene.play(2, since=3.6)
    again = [e for e in scene.events[2:] if isinstance(e, Shot) and e.passage == opened.passage]
    assert [e.frame.captured_at <= shot.frame.captured_at for e in again] == [True]


@pytest.mark.parametrize("latency", [2.0, None])
def test_a_passage_stays_open_for_the_last_answer_but_not_for_ever(latency: float | None) -> None:
    scene = Scene([passing := Stay(vehicle(3, 3), 2.0, 3.0)], gate=gate_for(passing, patience=9.0))
    scene.answer = lambda shot: None  # type: ignore[method-assign]
    scene.play(5.5)
    opened, shot = scene.events
    assert isinstance(shot, Shot)
    if latency is not None:
        scene.gate.answered(opened.passage, [(True, None)])
        scene.play(0.2, since=5.5)
    else:
        scene.play(3.0, since=5.5)
        assert len(scene.events) == 2
        scene.play(2.0, since=8.5)
    closed = scene.events[-1]
    assert isinstance(closed, Closed)
    assert closed.last_seen < START + timedelta(seconds=4.5)


def test_a_vehicle_that_has_gone_when_its_view_gets_no_answer_is_sent_in_earlier_ones_and_never_twice_in_one() -> None:
    scene = Scene([passing := Stay(vehicle(3, 3), 2.0, 3.0)], gate=gate_for(passing, patience=9.0))
    scene.answer = lambda shot: scene.gate.answered(shot.passage, None)  # type: ignore[method-assign]
    scene.play(7).finish()
    views = [event.frame.captured_at for event in scene.events if isinstance(event, Shot)]
    assert len(views) > 1
    assert len(set(views)) == len(views)
    assert max(views) == views[0]


def test_when_no_frame_comes_any_more_a_doubted_reading_gets_another_view() -> None:
    scene = Scene(
        [passing := Stay(vehicle(3, 3), 2.0, 30.0)],
        gate=gate_for(passing, patience=9.0),
        readable=lambda call: call > 1,
    )
    scene.play(4)
    assert scene.shots == []
    while decisions := scene.gate.last_calls():
        scene.take(decisions, 4.0)
    scene.finish()
    assert scene.read() == [0, 0]
    assert [type(event) for event in scene.events] == [Opened, Shot, Shot, Closed]


def test_a_passage_has_an_allowance_of_calls() -> None:
    class Growing(Stay):
        def place(self, t: float) -> tuple[float, float, float] | None:
            place = super().place(t)
            return place and (place[0], place[1], 0.25 * 1.4 ** int(t / 3))

    scene = Scene(
        [growing := Growing(vehicle(1, 1), 1.0, 12.0)], gate=gate_for(growing, max_calls=2), readable=lambda call: False
    )
    scene.play(15).finish()
    assert len(scene.shots) == 2


def test_one_that_turns_round_too_far_away_to_be_read_is_recorded_by_its_widest_view() -> None:
    class Turning(Stay):
        def place(self, t: float) -> tuple[float, float, float] | None:
            if not self.come <= t < self.go:
                return None
            near = 1 - abs(2 * (t - self.come) / (self.go - self.come) - 1)
            return 320, 60 + 160 * near, 0.25 + 0.2 * near

    scene = Scene([Turning(vehicle(1, 1), 2.0, 8.0)]).play(11).finish()
    assert [type(e) for e in scene.events] == [Opened, Kept, Closed]
    assert scene.gate.counts[Why.FAR] > 20


def test_while_no_answer_comes_nothing_more_is_paid() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 8.0)])
    scene.answer = lambda shot: None  # type: ignore[method-assign]
    scene.play(11).finish()
    assert len([e for e in scene.events if isinstance(e, Shot)]) == 1


def test_a_view_that_never_gets_an_answer_is_followed_by_another_one() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 8.0)])
    answer, shots = scene.answer, []

    def fail_first(shot: Shot) -> None:
        shots.append(shot)
        if len(shots) == 1:
            scene.gate.answered(shot.passage, None)
        else:
            answer(shot)

    scene.answer = fail_first  # type: ignore[method-assign]
    scene.play(11).finish()
    assert len(shots) == 2
    assert scene.read() == [0]
    assert shots[0].frame.captured_at < shots[1].frame.captured_at
    assert shots[0].passage == shots[1].passage


def test_what_happens_outside_the_zone_costs_nothing() -> None:
    zone = [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)]
    stays = [Stay(vehicle(1, 1), 1.0, 5.0, x=140), Stay(vehicle(2, 2), 7.0, 11.0, x=480)]
    scene = Scene(stays, gate=gate_for(*stays, zone=zone)).play(14).finish()
    assert scene.read() == [1]


def test_a_passage_open_at_the_end_is_sent_and_closed() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 60.0)]).play(2.2).finish()
    assert [type(e) for e in scene.events] == [Opened, Shot, Closed]


def test_a_camera_that_was_moved_starts_anew() -> None:
    def moved(picture: Picture, t: float) -> None:
        if t > 4:
            picture[picture == ROAD] = (255 - ROAD)[picture == ROAD] + 60

    scene = Scene([Stay(vehicle(5, 5), 10.0, 14.0)], extra=moved).play(17).finish()
    assert scene.read() == [0]


def test_another_picture_size_starts_anew() -> None:
    scene = Scene([Stay(vehicle(1, 1), 1.0, 30.0)]).play(4)
    luma = np.full((240, 320), 100, np.uint8)
    later = Frame("gate", START + timedelta(seconds=5), luma, lambda: cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR))
    decisions = [
        scene.gate.look(replace(later, captured_at=later.captured_at + timedelta(seconds=n / 10))) for n in range(60)
    ]
    assert [type(e) for few in decisions for e in few] == [Closed]


def test_every_frame_has_one_counted_reason() -> None:
    scene = Scene([Stay(vehicle(1, 1), 2.0, 6.0)]).play(9)
    counts = scene.gate.counts
    assert counts.total() == 9 * FPS
    assert counts[Why.SENT] == 1
    assert counts[Why.LEARNING] in (6, 7)
    assert 15 <= counts[Why.QUIET] <= 40
    assert counts[Why.BETTERING] >= 10
    assert counts[Why.KNOWN] >= 20
    report = scene.gate.report
    assert report is not None
    assert (report.at - START, report.why, report.followed) == (timedelta(seconds=8.9), Why.QUIET, ())


def test_a_frame_is_reported_with_what_is_followed() -> None:
    stay = Stay(vehicle(1, 1), 1.0, 20.0)
    gate = gate_for(stay)
    assert gate.report is None
    report = Scene([stay], gate).play(5).gate.report
    assert report is not None
    (followed,) = report.followed
    assert followed.why is report.why is Why.KNOWN
    assert followed.plate is not None
    assert abs(followed.plate[1][0] - followed.plate[0][0] - PLATE[2]) <= 8
    assert followed.state == "settled"
    assert inside(followed.box, followed.plate, (HEIGHT, WIDTH))
    assert 0.05 < report.change < 0.25


def test_the_same_frames_give_the_same_decisions() -> None:
    def run() -> list[tuple[str, str]]:
        stays = [Stay(vehicle(1, 1), 1.0, 4.0), Stay(vehicle(2, 2), 4.5, 8.0)]
        events = Scene(stays).play(10).finish().events
        return [(type(e).__name__, str(getattr(e, "crop", ""))) for e in events]

    assert run() == run()


@pytest.mark.parametrize(("long_side", "size"), [(1920, (640, 360)), (320, (320, 180))])
def test_jpegs_keep_their_limits(long_side: int, size: tuple[int, int]) -> None:
    frame = Scene([Stay(vehicle(1, 1), 0.0, 5.0)]).frame(2.0)
    jpeg = encode(frame, Box(0, 0, WIDTH, HEIGHT), long_side=long_side, quality=90, max_bytes=1_000_000)
    assert (jpeg.width, jpeg.height) == size
    assert jpeg.scale == pytest.approx(size[0] / WIDTH)
    assert jpeg.data[:2] == b"\xff\xd8"
    assert b"Exif" not in jpeg.data
    decoded = cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (size[1], size[0], 3)


def test_a_jpeg_that_would_be_too_large_gives_way_in_quality_then_in_size() -> None:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    frame = Frame("gate", START, noise[:, :, 0], lambda: noise)
    whole = Box(0, 0, WIDTH, HEIGHT)
    large = encode(frame, whole, long_side=1920, quality=95, max_bytes=10_000_000)
    medium = encode(frame, whole, long_side=1920, quality=95, max_bytes=len(large.data) * 2 // 3)
    small = encode(frame, whole, long_side=1920, quality=95, max_bytes=20_000)
    assert medium.width == WIDTH
    assert len(medium.data) <= len(large.data) * 2 // 3
    assert small.width < WIDTH
    assert len(small.data) <= 20_000
