"""Vehicles that are parked before the camera from the first picture on."""

from collections.abc import Sequence
from datetime import timedelta

import cv2
import numpy as np
import pytest
from test_gate import ROAD, START, Scene, Stay, gate_for, plates_of, texture, vehicle

from streamwatch.core.model import Corners, Picture
from streamwatch.detection import Detection
from streamwatch.gate import Closed, Gate, Kept, Opened, ParkedVehicle, Shot, Why

HERE = Stay(vehicle(1, 1), -5.0, 100.0, x=160)


def test_a_vehicle_that_stands_there_from_the_first_picture_on_costs_one_call() -> None:
    scene = Scene([HERE], gate_for(HERE)).play(12).finish()
    assert scene.read() == [0]
    opened, shot, closed = scene.events
    assert isinstance(opened, Opened)
    assert isinstance(shot, Shot)
    assert isinstance(closed, Closed)
    assert opened.at == START
    assert closed.last_seen - START >= timedelta(seconds=11)


def test_it_costs_one_call_through_light_people_and_others_that_pass_and_are_read() -> None:
    other = Stay(vehicle(2, 2), 9.0, 12.0, x=460)

    def walker(picture: Picture, t: float) -> None:
        if 3 < t < 7:
            x = round((t - 3) * 160)
            picture[90:330, max(0, x - 25) : x + 25] = 200

    light = lambda t: 0.5 if 14 < t < 16 else 1.0  # noqa: E731
    scene = Scene([HERE, other], gate_for(HERE, other), light=light, extra=walker).play(18).finish()
    assert sorted(s for s in scene.read() if s is not None) == [0, 1]
    assert len(scene.shots) == 2


def test_when_it_leaves_its_passage_ends_and_the_hole_costs_nothing() -> None:
    leaving = Stay(vehicle(1, 1), -5.0, 6.0, x=160)
    scene = Scene([leaving], gate_for(leaving)).play(14)
    assert scene.read() == [0]
    (closed,) = [e for e in scene.events if isinstance(e, Closed)]
    assert timedelta(seconds=5) <= closed.last_seen - START <= timedelta(seconds=7)


def test_what_passes_while_watching_begins_is_none_that_stands() -> None:
    passing = Stay(vehicle(1, 1), -0.3, 0.7)
    scene = Scene([passing], gate_for(passing)).play(6).finish()
    assert scene.read() == [0], "it is paid for once, as one that passes"


def test_a_parked_object_without_a_plate_costs_nothing() -> None:
    scene = Scene([HERE], Gate(find_plates=lambda luma: [])).play(8).finish()
    assert scene.events == []


def test_a_call_without_an_answer_is_made_again_and_one_without_a_plate_is_not() -> None:
    scene = Scene([HERE], gate_for(HERE))
    answers: list[list[tuple[bool, Corners | None]] | None] = [None, []]
    shots = []

    def answer(shot: Shot) -> None:
        shots.append(shot)
        scene.gate.answered(shot.passage, answers[len(shots) - 1])

    scene.answer = answer  # type: ignore[method-assign]
    scene.play(12)
    assert len(shots) == 2
    assert shots[0].passage == shots[1].passage
    assert isinstance(scene.events[-1], Closed)


def test_a_doubted_reading_of_one_that_stands_is_checked_once_in_a_smaller_picture() -> None:
    scene = Scene([HERE], gate_for(HERE))
    shots = []

    def answer(shot: Shot) -> None:
        shots.append(shot)
        corners = scene.corners(0, 2.0)
        scene.gate.answered(shot.passage, [(False, corners)] if len(shots) == 1 else [])

    scene.answer = answer  # type: ignore[method-assign]
    scene.play(8)
    assert [shot.scale for shot in shots] == [1.0, 0.85]
    assert [type(e) for e in scene.events] == [Opened, Shot, Shot], "it still stands there, whatever was read"


@pytest.mark.parametrize("plate_known", [True, False])
def test_a_vehicle_paid_by_an_earlier_run_goes_on_with_its_passage(plate_known: bool) -> None:
    first = Scene([HERE], gate_for(HERE)).play(5)
    (shot,) = [e for e in first.events if isinstance(e, Shot)]
    crop = shot.crop
    luma = shot.frame.luma[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    gate = gate_for(HERE)
    corners = first.corners(0, 2.0) if plate_known else None
    number = gate.remember(ParkedVehicle(START, START, luma.copy(), crop, corners))
    scene = Scene([HERE], gate)
    for n in range(60, 120):
        scene.take(gate.look(scene.frame(n / 10)), n / 10)
    assert scene.shots == []
    (closed,) = gate.finish()
    assert isinstance(closed, Closed)
    assert (closed.passage, closed.opened_at) == (number, START)
    assert closed.last_seen - START >= timedelta(seconds=11)


def test_another_vehicle_at_that_place_is_paid() -> None:
    first = Scene([HERE], gate_for(HERE)).play(5)
    (shot,) = [e for e in first.events if isinstance(e, Shot)]
    crop = shot.crop
    luma = shot.frame.luma[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    other = Stay(vehicle(1, 2), -5.0, 100.0, x=160)
    gate = gate_for(HERE, other)
    gate.remember(ParkedVehicle(START, START, luma.copy(), crop, first.corners(0, 2.0)))
    scene = Scene([other], gate).play(8)
    assert scene.read() == [0]
    assert [type(e) for e in scene.events] == [Opened, Shot]


def test_a_camera_that_sends_another_size_of_picture_costs_no_second_call() -> None:
    scene = Scene([HERE], gate_for(HERE)).play(4)
    for n in range(40, 90):
        frame = scene.frame(n / 10)
        small = np.ascontiguousarray(cv2.resize(frame.luma, (512, 288), interpolation=cv2.INTER_AREA))
        bgr = cv2.cvtColor(small, cv2.COLOR_GRAY2BGR)
        scene.take(scene.gate.look(type(frame)("gate", frame.captured_at, small, lambda bgr=bgr: bgr)), n / 10)
    assert len([e for e in scene.events if isinstance(e, Shot)]) == 1


def test_nothing_is_paid_before_a_plate_is_seen_and_then_at_once() -> None:
    coming = Stay(vehicle(1, 1), 1.0, 20.0)
    asked = []

    def find(luma: Picture) -> Sequence[Detection]:
        asked.append(luma.shape)
        return [] if len(asked) < 3 else plates_of(coming)(luma)

    scene = Scene([coming], Gate(find_plates=find)).play(12)
    assert scene.read() == [0]
    assert 3 <= len(asked) <= 25


def test_what_shows_no_plate_and_does_not_come_nearer_is_only_recorded() -> None:
    def door(picture: Picture, t: float) -> None:
        if 3 < t < 7:
            picture[60:300, 400:560] = np.arange(160, dtype=np.uint8)[None]

    scene = Scene([], Gate(find_plates=lambda luma: []), extra=door).play(10).finish()
    assert [type(e) for e in scene.events] == [Opened, Kept, Closed]
    assert scene.gate.counts[Why.NO_PLATE] > 30


def test_somebody_who_walks_after_a_leaving_vehicle_costs_nothing() -> None:
    coming = Stay(vehicle(1, 1), 1.0, 5.0)
    coat = texture(9, 50, 190, 25, 20, 90)

    def walker(picture: Picture, t: float) -> None:
        left = round(150 + 60 * (t - 4.6))
        if t > 4.6 and left < 580:
            picture[120:310, left : left + 50] = coat

    scene = Scene([coming], gate_for(coming), extra=walker).play(15).finish()
    assert scene.read() == [0]


@pytest.mark.parametrize("left", [130, 200, 330, 420])
@pytest.mark.parametrize("come", [8.0, 20.0, 50.0])
def test_an_object_that_was_left_before_the_camera_hides_no_vehicle(left: int, come: float) -> None:
    body = texture(4242, 90, 110, 10, 20, 240)

    def thing(picture: Picture, t: float) -> None:
        if t >= 3.0:
            place = (slice(120, 230), slice(left, left + 90))
            ground = picture[place] == ROAD[place]
            picture[place][ground] = body[ground]

    stays = [Stay(vehicle(1, 1), come, come + 3), Stay(vehicle(2, 2), come + 6, come + 9)]
    scene = Scene(stays, gate_for(*stays), extra=thing).play(come + 13).finish()
    assert scene.read() == [0, 1]


@pytest.mark.parametrize("y", [200, 225])
def test_two_vehicles_that_form_one_region_cost_one_call_each(y: int) -> None:
    first = Stay(vehicle(1, 1), 2.0, 26.0, x=150)
    stays = [first, Stay(vehicle(2, 2), 6.0, 11.0, x=355, y=y), Stay(vehicle(3, 3), 16.0, 21.0, x=355, y=y)]
    scene = Scene(stays, gate_for(*stays)).play(31)
    assert scene.read() == [0, 1, 2], "and the first one is not paid for again"
    closed = [e.last_seen - START for e in scene.events if isinstance(e, Closed)]
    assert len(closed) == 3
    assert timedelta(seconds=10) <= closed[0] <= timedelta(seconds=12), "when it left, and not with the first one"


@pytest.mark.parametrize(("letters", "view"), [(True, Shot), (False, Kept)])
def test_a_large_vehicle_without_a_plate_is_paid_for_once_if_that_is_wanted_and_it_shows_letters(
    letters: bool, view: type
) -> None:
    bare = Stay(cv2.resize(texture(7, 200, 150, 25, 20, 240), (280, 210)), 1.0, 6.0)
    bare.box = lambda t: (b := Stay.box(bare, t)) and (b[0] - 60, b[1] - 30, round(1.5 * b[2]), b[3])  # type: ignore[method-assign]
    asked: list[tuple[int, ...]] = []

    def sees_letters(bgr: Picture) -> bool:
        asked.append(bgr.shape)
        return letters

    gate = Gate(find_plates=lambda luma: [], sees_letters=sees_letters)
    scene = Scene([bare], gate).play(9).finish()
    assert len(asked) == 1
    assert [type(e) for e in scene.events] == [Opened, view, Closed]
