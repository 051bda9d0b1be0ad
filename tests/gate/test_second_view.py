"""A second view of a plate that was read already, because an opening depends on it."""

from test_gate import Scene, Stay, gate_for, vehicle

from streamwatch.core.codes import ViewReason
from streamwatch.core.model import Corners
from streamwatch.gate import Closed, Shot

HERE = Stay(vehicle(1, 1), 2.0, 8.0)


def shots(scene: Scene) -> list[Shot]:
    return [event for event in scene.events if isinstance(event, Shot)]


def read_once() -> Scene:
    """Return a scene in which a vehicle stands and was read."""
    scene = Scene([HERE], gate_for(HERE)).play(5)
    assert len(shots(scene)) == 1
    return scene


def test_the_next_frame_is_sent_at_once_and_only_one() -> None:
    scene = read_once()
    passage = shots(scene)[0].passage
    assert scene.gate.want_second_view(passage)
    assert not scene.gate.want_second_view(passage), "it comes already"
    scene.take(scene.gate.look(scene.frame(5.0)), 5.0)
    first, second = shots(scene)
    assert (second.passage, second.reason) == (passage, ViewReason.BEFORE_OPENING)
    assert second.frame.captured_at > first.frame.captured_at
    assert not scene.gate.want_second_view(passage), "one passage has one"
    scene.play(2, since=5.1)
    assert len(shots(scene)) == 2


def test_it_may_be_wanted_before_the_gate_has_heard_of_the_reading_that_needs_it() -> None:
    scene = Scene([HERE], gate_for(HERE))
    heard = scene.answer

    def answer(shot: Shot) -> None:
        assert scene.gate.want_second_view(shot.passage) is (shot.reason is not ViewReason.BEFORE_OPENING)
        heard(shot)

    scene.answer = answer  # type: ignore[method-assign]
    scene.play(7)
    assert [shot.reason for shot in shots(scene)][1:] == [ViewReason.BEFORE_OPENING]


def test_none_is_sent_when_the_vehicle_has_gone() -> None:
    scene = read_once()
    passage = shots(scene)[0].passage
    scene.play(3.6, since=5)
    scene.gate.want_second_view(passage)
    scene.play(5, since=8.6).finish()
    assert len(shots(scene)) == 1
    assert isinstance(scene.events[-1], Closed)
    assert not scene.gate.want_second_view(passage)


def test_none_is_sent_of_what_was_not_read() -> None:
    scene = Scene([HERE], gate_for(HERE)).play(2.2)
    assert not scene.gate.want_second_view(1)


def test_a_second_view_in_which_nothing_is_read_leaves_the_vehicle_known() -> None:
    scene = read_once()
    answers: list[list[tuple[bool, Corners | None]] | None] = [None, []]
    scene.gate.want_second_view(shots(scene)[0].passage)
    scene.answer = lambda shot: scene.gate.answered(shot.passage, answers.pop())  # type: ignore[method-assign]
    scene.play(5, since=5).finish()
    assert len(shots(scene)) == 2
