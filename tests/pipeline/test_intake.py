"""The intake with a real gate: which events its decisions become, and which answers reach it."""

from dataclasses import replace

import numpy as np
import pytest
from test_gate import Scene, Stay, gate_for, vehicle

from streamwatch.core.codes import ViewReason
from streamwatch.core.events import Event, KeyframeKept, KeyframeTaken, PassageClosed, PassageOpened
from streamwatch.core.model import JudgedPlate, Picture, PlateText, Trust
from streamwatch.gate import Gate
from streamwatch.pipeline import intake as intake_module
from streamwatch.pipeline.intake import Intake, JpegLimits

LEFT, RIGHT = Stay(vehicle(1, 1), -5.0, 100.0, x=160), Stay(vehicle(2, 2), -5.0, 100.0, x=460)
LIMITS = JpegLimits(1920, 88, 1_500_000)


class Player:
    """Shows an intake a scene of vehicles that stand there from the first picture on; nobody answers."""

    def __init__(self, *stays: Stay) -> None:
        self.scene, self.frames = Scene(list(stays)), 0
        self.intake = Intake("gate", gate_for(*stays), LIMITS, 0.85)
        self.taken: list[KeyframeTaken] = []

    def first_events(self) -> list[Event]:
        """Return the events of the first frame that has any."""
        while True:
            self.frames += 1
            if events := self.intake.look(self.scene.frame(self.frames / 10)):
                return events

    def play(self, seconds: float) -> list[KeyframeTaken]:
        """Return the keyframes that are taken within so many seconds."""
        before = len(self.taken)
        for _ in range(round(seconds * 10)):
            events = self.intake.look(self.scene.frame(self.frames / 10))
            self.taken += [event for event in events if isinstance(event, KeyframeTaken)]
            self.frames += 1
        return self.taken[before:]


def test_a_vehicle_becomes_a_passage_with_a_keyframe() -> None:
    player = Player(LEFT)
    opened, taken = player.first_events()
    assert isinstance(opened, PassageOpened)
    assert isinstance(taken, KeyframeTaken)
    assert taken.keyframe.passage == opened.passage.key
    frame = player.intake.frame_of(taken.keyframe.key)
    assert frame is not None
    assert frame.captured_at == taken.keyframe.captured_at
    player.play(0.1)
    assert player.intake.frame_of(taken.keyframe.key) is None, "it is kept for one look only"
    (closed,) = player.intake.finish()
    assert isinstance(closed, PassageClosed)
    assert closed.passage.key == opened.passage.key


def test_a_call_without_an_answer_is_made_again_and_only_the_first_answer_counts() -> None:
    player = Player(LEFT)
    (first,) = player.play(2)
    assert player.play(4) == [], "it waits for the answer"
    player.intake.answered(first.keyframe, None)
    (second,) = player.play(4)
    assert second.keyframe.passage == first.keyframe.passage
    player.intake.answered(second.keyframe, ())
    player.intake.answered(first.keyframe, None)
    assert player.play(4) == []


def test_in_a_long_outage_the_answer_to_the_oldest_keyframe_is_not_awaited_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(intake_module, "ASKED", 1)
    player = Player(LEFT, RIGHT)
    first, second = player.play(2)
    player.intake.answered(first.keyframe, None)
    assert player.play(4) == []
    player.intake.answered(second.keyframe, None)
    (again,) = player.play(4)
    assert again.keyframe.passage == second.keyframe.passage


def test_when_no_frame_comes_any_more_the_best_view_so_far_is_taken() -> None:
    player = Player(Stay(vehicle(1, 1), -0.3, 0.7))
    assert player.intake.report is None
    assert player.play(0.5) == []
    assert player.intake.report is not None
    opened, taken = player.intake.last_calls()
    assert isinstance(opened, PassageOpened)
    assert isinstance(taken, KeyframeTaken)
    assert player.intake.last_calls() == []


def test_what_shows_no_plate_is_kept_and_not_read() -> None:
    def door(picture: Picture, t: float) -> None:
        if 3 < t < 7:
            picture[60:300, 400:560] = np.arange(160, dtype=np.uint8)[None]

    scene = Scene([], Gate(find_plates=lambda luma: []), extra=door)
    intake = Intake("gate", scene.gate, LIMITS, 0.85)
    events = [event for n in range(100) for event in intake.look(scene.frame(n / 10))] + intake.finish()
    assert [type(event) for event in events] == [PassageOpened, KeyframeKept, PassageClosed]


def test_a_vehicle_that_an_earlier_run_has_sent_goes_on_with_its_passage() -> None:
    first = Player(LEFT)
    opened, taken = first.first_events()
    assert isinstance(opened, PassageOpened)
    assert isinstance(taken, KeyframeTaken)
    again = Player(LEFT)
    again.intake.remember(opened.passage, taken.keyframe, None)
    assert again.play(6) == [], "it was paid for"
    (closed,) = again.intake.finish()
    assert isinstance(closed, PassageClosed)
    assert closed.passage.key == opened.passage.key


def test_a_vehicle_whose_picture_cannot_be_decoded_is_paid_for_again() -> None:
    first = Player(LEFT)
    opened, taken = first.first_events()
    assert isinstance(opened, PassageOpened)
    assert isinstance(taken, KeyframeTaken)
    again = Player(LEFT)
    again.intake.remember(opened.passage, replace(taken.keyframe, jpeg=b"no JPEG"), None)
    (paid,) = again.play(6)
    assert paid.keyframe.passage != opened.passage.key


def test_a_second_view_of_a_passage_is_taken_at_the_next_look() -> None:
    player = Player(LEFT)
    opened, taken = player.first_events()
    assert isinstance(opened, PassageOpened)
    assert isinstance(taken, KeyframeTaken)
    assert player.intake.want_second_view(opened.passage.key)
    player.intake.answered(taken.keyframe, (JudgedPlate(PlateText("京A12345", 0.9, None), Trust.CONFIRMED),))
    (second,) = player.play(0.5)
    assert (second.keyframe.passage, second.keyframe.reason) == (opened.passage.key, ViewReason.BEFORE_OPENING)
    assert not player.intake.want_second_view("another one")
