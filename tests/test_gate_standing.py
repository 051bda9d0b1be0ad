"""Vehicles that stand there from the first picture on."""

from datetime import timedelta

import cv2
import numpy as np
import pytest
from test_gate import PLATE, ROAD, START, VEHICLE, Scene, Stay, texture, vehicle

from streamwatch.gate import Closed, FindPlates, Gate, Opened, Remembered, Shot, Why
from streamwatch.model import Corners, Picture

HERE = Stay(vehicle(1, 1), -5.0, 100.0, x=160)


def plates_of(*stays: Stay) -> FindPlates:
    """A finder that knows where vehicles with these pictures show their plates; it looks for their marks."""
    marks = []
    for stay in stays:
        x, y, w, h = PLATE
        marks.append(stay.picture[y : y + h, x : x + w])

    def find(bgr: Picture) -> list[Corners]:
        grey = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        found: list[Corners] = []
        for mark in marks:
            for scale in (1.0, 0.75, 0.5):
                small = cv2.resize(mark, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                if grey.shape[0] <= small.shape[0] or grey.shape[1] <= small.shape[1]:
                    continue
                likeness = cv2.matchTemplate(grey, small, cv2.TM_CCOEFF_NORMED)
                _, best, _, (x, y) = cv2.minMaxLoc(likeness)
                if best > 0.75:
                    h, w = small.shape
                    found.append(((x, y), (x + w, y), (x + w, y + h), (x, y + h)))
                    break
        return found

    return find


def gate_for(*stays: Stay) -> Gate:
    return Gate(find_plates=plates_of(*stays))


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
    assert len(scene.shots) <= 1


def test_a_standing_thing_without_a_plate_costs_nothing() -> None:
    scene = Scene([HERE], Gate(find_plates=lambda bgr: [])).play(8).finish()
    assert scene.events == []


def test_without_a_finder_edges_tell_a_plate() -> None:
    def signs(picture: Picture, t: float) -> None:
        picture[80:240, 400:404] = 220  # a post and its shadow are none
        picture[240:244, 300:500] = 30
        letters(picture, 100, 150)

    scene = Scene([], extra=signs).play(5).finish()
    (shot,) = [e for e in scene.events if isinstance(e, Shot)]
    assert shot.crop.x <= 100
    assert shot.crop.x + shot.crop.width >= 220


def test_a_plate_that_is_missed_at_one_size_is_seen_at_another() -> None:
    see = plates_of(HERE)
    short_sighted = Gate(find_plates=lambda bgr: see(bgr) if bgr.shape[0] * bgr.shape[1] < 70_000 else [])
    assert Scene([HERE], short_sighted).play(5).finish().read() == [0]


def test_what_only_edges_take_for_a_plate_is_looked_at_nearer() -> None:
    def middle(bgr: Picture) -> list[Corners]:
        height, width = bgr.shape[:2]
        left, top, right, bottom = 0.4 * width, 0.55 * height, 0.6 * width, 0.75 * height
        near = height * width < 40_000
        return [((left, top), (right, top), (right, bottom), (left, bottom))] * near

    sign = lambda picture, t: letters(picture, 260, 150)  # noqa: E731
    for extra, shots in ((sign, 1), (lambda picture, t: None, 0)):
        scene = Scene([], Gate(find_plates=middle), extra=extra).play(5).finish()
        assert len([e for e in scene.events if isinstance(e, Shot)]) == shots


def letters(picture: Picture, x: int, y: int) -> None:
    """A plate: light characters on a dark ground."""
    plate = np.full((28, 140), 60, np.uint8)
    cv2.putText(plate, "A7K3R58", (4, 25), cv2.FONT_HERSHEY_SIMPLEX, 1.0, 230, 3)
    picture[y : y + 38, x : x + 120] = cv2.resize(plate, (120, 38))


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


def test_a_doubted_reading_of_one_that_stands_is_checked_once_in_a_smaller_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamwatch.gate.sight.READABLE", 8)
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
    number = gate.remember(Remembered(START, START, luma.copy(), crop, corners))
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
    gate.remember(Remembered(START, START, luma.copy(), crop, first.corners(0, 2.0)))
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

    def find(bgr: Picture) -> list[Corners]:
        asked.append(bgr.shape)
        return [] if len(asked) < 3 else plates_of(coming)(bgr)

    scene = Scene([coming], Gate(find_plates=find)).play(12)
    assert scene.read() == [0]
    assert 3 <= len(asked) <= 8


def test_a_vehicle_without_a_plate_in_sight_is_paid_once_because_it_came_nearer() -> None:
    bare = Stay(texture(7, *VEHICLE, 25, 20, 240), 1.0, 6.0)
    scene = Scene([bare], Gate(find_plates=lambda bgr: [])).play(9).finish()
    (shot,) = [e for e in scene.events if isinstance(e, Shot)]
    assert "nearer" in shot.reason
    assert scene.gate.counts[Why.NO_PLATE] >= 1


def test_what_shows_no_plate_and_does_not_come_nearer_is_only_recorded() -> None:
    def door(picture: Picture, t: float) -> None:
        if 3 < t < 7:
            picture[60:300, 400:560] = np.arange(160, dtype=np.uint8)[None]

    scene = Scene([], Gate(find_plates=lambda bgr: []), extra=door).play(10).finish()
    assert [type(e) for e in scene.events] == [Opened, Closed]
    counts = scene.gate.counts
    assert counts[Why.NO_PLATE] > 3 * counts[Why.BETTERING] > 0, "while it is looked at again its view gets no better"


def test_a_vehicle_that_came_a_little_nearer_and_stopped_is_paid_once_though_its_plate_is_not_seen() -> None:
    class LateSeen(Stay):
        def place(self, t: float) -> tuple[float, float, float] | None:
            place = super().place(t)
            return place and (place[0], place[1] if t > self.go else 200, min(1.0, max(0.75, place[2])))

    bare = LateSeen(texture(7, *VEHICLE, 25, 20, 240), 1.0, 8.0)
    scene = Scene([bare], Gate(find_plates=lambda bgr: [])).play(11).finish()
    assert len([e for e in scene.events if isinstance(e, Shot)]) == 1
    upright = LateSeen(cv2.resize(bare.picture, (100, 200)), 1.0, 8.0)
    scene = Scene([upright], Gate(find_plates=lambda bgr: []))
    upright.box = lambda t: (b := LateSeen.box(upright, t)) and (b[0], b[1], b[2] // 2, b[3])  # type: ignore[method-assign]
    scene.play(11).finish()
    assert not [e for e in scene.events if isinstance(e, Shot)], "a person"


def test_who_walks_after_a_leaving_vehicle_did_not_come_nearer_as_it_did() -> None:
    coming = Stay(vehicle(1, 1), 1.0, 5.0)
    coat = texture(9, 50, 190, 25, 20, 90)

    def walker(picture: Picture, t: float) -> None:
        left = round(150 + 60 * (t - 4.6))
        if t > 4.6 and left < 580:
            picture[120:310, left : left + 50] = coat

    scene = Scene([coming], gate_for(coming), extra=walker).play(15).finish()
    assert scene.read() == [0]


@pytest.mark.parametrize(("width", "calls"), [(170, 0), (250, 1)])
def test_what_only_edges_take_for_a_plate_counts_on_a_vehicle_and_not_on_a_person(width: int, calls: int) -> None:
    body = texture(9, width, 230, 40, 40, 60)

    def comes_in(picture: Picture, t: float) -> None:
        left = min(200, round(150 * (t - 1)) - width)
        if left > 0 and t < 8:
            picture[70:300, left : left + width] = body
            letters(picture, left + 5, 200)

    scene = Scene([], Gate(find_plates=lambda bgr: []), extra=comes_in).play(11).finish()
    assert len([e for e in scene.events if isinstance(e, Shot)]) == calls


@pytest.mark.parametrize("left", [130, 200, 330, 420])
@pytest.mark.parametrize("come", [8.0, 20.0, 50.0])
def test_a_thing_that_was_left_before_the_camera_hides_no_vehicle(left: int, come: float) -> None:
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
def test_who_stops_so_close_to_one_that_was_read_that_both_are_one_region_costs_one_call(
    y: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamwatch.gate.residents.READABLE", 60)
    first = Stay(vehicle(1, 1), 2.0, 26.0, x=150)
    stays = [first, Stay(vehicle(2, 2), 6.0, 11.0, x=355, y=y), Stay(vehicle(3, 3), 16.0, 21.0, x=355, y=y)]
    scene = Scene(stays, gate_for(*stays)).play(31)
    assert scene.read() == [0, 1, 2], "and the first one is not paid for again"
    closed = [e.last_seen - START for e in scene.events if isinstance(e, Closed)]
    assert len(closed) == 3
    assert timedelta(seconds=10) <= closed[0] <= timedelta(seconds=12), "when it left, and not with the first one"


def test_what_stands_beside_one_that_was_read_and_shows_no_plate_is_looked_at_now_and_then() -> None:
    first = Stay(vehicle(1, 1), 2.0, 60.0, x=150)
    asked = []

    def find(bgr: Picture) -> list[Corners]:
        asked.append(bgr.shape)
        return plates_of(first)(bgr)

    def bin_(picture: Picture, t: float) -> None:
        if t > 6:
            picture[130:270, 255:400] = texture(9, 145, 140, 10, 20, 240)

    scene = Scene([first], Gate(find_plates=find), extra=bin_).play(6)
    before = len(asked)
    scene.play(30, since=6)
    assert scene.read() == [0]
    assert 2 <= len(asked) - before <= 20
