"""Cameras with two streams, over real RTSP connections."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from cameras import Make, closed_in_the_end
from numbered import clip, number_in
from rtsp_server import RtspServer

from streamwatch.app.cameras import camera_of
from streamwatch.app.substream import UNSEEN
from streamwatch.app.substream_camera import Camera, SubstreamCamera
from streamwatch.capture import LiveCamera, open_source
from streamwatch.config.loading import load
from streamwatch.core.clock import Clock, SystemClock
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Attention, Frame
from streamwatch.gate import Activity
from streamwatch.system.threads import spawn


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "main.mp4", 1000, gop=25)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "small.mp4", 200, size=(256, 128), rate=5, gop=10)


class Told:
    """A activity with the news that the test sets. Activity that the gate has settled is known."""

    def __init__(self) -> None:
        self.news = Activity.NONE
        self.looked: list[int] = []
        self.settled, self.new_from = 0, 0
        self.asked: list[int] = []

    def look(self, frame: Frame) -> Activity:
        self.looked.append(number_in(frame.luma))
        return self.news

    def is_active(self, frame: Frame) -> bool:
        self.asked.append(number_in(frame.luma))
        return self.asked[-1] >= self.new_from

    def settle(self) -> None:
        self.settled += 1
        self.news = min(self.news, Activity.KNOWN)


def stream(make: Make, url: str, name: str, max_blind: float, rough: bool = False, deadline: float = 2) -> LiveCamera:
    return make(
        lambda: open_source("gate", url, transport="tcp", loop=False, timeout=deadline / 2, clock=SystemClock()),
        name=name,
        deadline=deadline,
        max_blind=max_blind,
        rough=rough,
    )


class Hastened(SystemClock):
    """A clock that the test sets ahead. ahead: seconds."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


def two(
    make: Make, main: RtspServer, small: RtspServer, activity: Told, deadline: float = 2, clock: Clock | None = None
) -> SubstreamCamera:
    big = stream(make, main.url, "gate", 1.0)
    little = stream(make, small.url, "gate (substream)", 1.0, rough=True, deadline=deadline)
    return SubstreamCamera("gate", big, little, activity, clock or SystemClock())  # type: ignore[arg-type]


def pull(camera: Camera, seconds: float, attention: Attention = Attention.QUIET) -> list[int]:
    """Return the numbers of the frames that are looked at within some seconds."""
    numbers, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        frame = camera.next_frame(0.1)
        if frame is not None and not camera.attend(attention):
            numbers.append(number_in(frame.luma))
    return numbers


def pull_until(camera: Camera, reached: Callable[[], bool], patience: float = 30) -> list[int]:
    """Pull until something is true; return the numbers of the frames that are looked at. patience: seconds."""
    numbers, ends = list[int](), time.monotonic() + patience
    while not reached():
        assert time.monotonic() < ends
        numbers += pull(camera, 0.05)
    return numbers


def pull_until_it_rests(camera: Camera) -> None:
    """Pull until the substream is relied upon, and the main stream rests."""
    assert isinstance(camera, SubstreamCamera)
    pull_until(camera, lambda: camera._health.relied_upon and camera._watch.rests)


def shown_at_rest(camera: Camera, seconds: float) -> int:
    """Return the number of frames that are looked at within some seconds, in which pictures must have come."""
    before = camera.status().last_frame_at
    shown = len(pull(camera, seconds))
    status = camera.status()
    assert status.state is CameraState.ONLINE
    assert before is not None
    assert status.last_frame_at is not None
    assert status.last_frame_at > before, "it is not dead"
    return shown


def test_the_main_stream_rests_until_something_moves_in_the_small_one(main: Path, small: Path, make: Make) -> None:
    activity = Told()
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, activity)
        pull_until_it_rests(camera)
        assert activity.settled >= 1
        assert shown_at_rest(camera, 2) <= 1
        activity.news, woken = Activity.NEW, big.playing
        numbers, caught_up = pull(camera, 1.3), big.playing - 8
        activity.news = Activity.NONE
        assert woken - 40 <= numbers[0] < woken, "also what came shortly before"
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert numbers[-1] >= caught_up
        pull_until_it_rests(camera)
        assert shown_at_rest(camera, 2) <= 1, "it rests again"
        assert camera.status().dropped == 0
        assert 15 < camera.status().fps < 35
        assert activity.looked == sorted(activity.looked)


def test_what_the_substream_passed_over_tells_when_it_began(main: Path, small: Path, make: Make) -> None:
    activity = Told()
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, activity)
        pull_until_it_rests(camera)
        looks = len(activity.looked)
        while len(activity.looked) == looks:
            pull(camera, 0.02)
        time.sleep(0.9)
        activity.news, activity.new_from = Activity.NEW, little.playing - 1
        numbers = pull(camera, 1.3)
        first = 5 * activity.new_from
        # How far the playing clip was is seen with some delay; what is earlier than a whole second came by mistake.
        assert first - 25 <= numbers[0] <= first - 5, "0.2 s before the last quiet frame"


def test_of_a_fast_substream_few_frames_are_kept(main: Path, make: Make, tmp_path: Path) -> None:
    activity, fast = Told(), clip(tmp_path / "fast.mp4", 400, size=(256, 128), gop=400)
    with RtspServer(main) as big, RtspServer(fast) as little:
        camera = two(make, big, little, activity)
        pull_until_it_rests(camera)
        looks = len(activity.looked)
        activity.news, activity.new_from = Activity.NEW, 10_000
        pull(camera, 1.3)
    asked = [number for number in activity.asked if number <= activity.looked[looks]]
    assert 2 <= len(asked) <= 8
    assert asked[-1] == activity.looked[looks]


def test_the_substream_is_looked_at_when_a_group_begins(main: Path, small: Path, make: Make) -> None:
    activity = Told()
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, activity)
        pull_until_it_rests(camera)
        activity.looked.clear()
        pull(camera, 8.5)
    first_ones = [number // 10 for number in activity.looked if number % 10 <= 1]
    assert len(set(first_ones)) >= 4, "of groups of two seconds"
    assert len(activity.looked) <= 10


def test_a_main_stream_that_comes_later_has_time_to_show_what_the_small_one_still_shows(
    main: Path, small: Path, make: Make
) -> None:
    activity = Told()
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, activity)
        pull_until_it_rests(camera)
        activity.news, looks = Activity.NEW, len(activity.looked)
        numbers = pull(camera, 4.8)
        woken_at = 5 * activity.looked[looks]
        lasted = [n for n in numbers if woken_at <= n < woken_at + 70]
        assert 40 <= len(lasted) <= 65, "two seconds, where the gate has seen nothing"
        activity.news = Activity.NONE
        pull_until_it_rests(camera)
        activity.news = Activity.NEW
        while not pull(camera, 0.05):
            pass
        pull(camera, 0.2, Attention.ALL)
        seen = big.playing
        lasted = [n for n in pull(camera, 3) if seen <= n < seen + 40]
        assert len(lasted) <= 20, "what it has seen needs no more time"


def test_while_a_known_thing_moves_the_main_stream_is_looked_at_now_and_then(
    main: Path, small: Path, make: Make
) -> None:
    activity = Told()
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, activity)
        pull_until_it_rests(camera)
        activity.news = Activity.KNOWN
        numbers = pull(camera, 4)
        assert 2 <= len(numbers) <= 3
        assert all(number % 25 <= 1 for number in numbers), "first pictures of groups"
        activity.news = Activity.NONE
        assert shown_at_rest(camera, 4) <= 2


def test_when_the_substream_fails_the_main_one_serves_alone(
    main: Path, small: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with RtspServer(main) as big, RtspServer(small, user="u", password="hunter2") as little:
        camera = two(make, big, little, Told())
        pull_until_it_rests(camera)
        little.stop()
        pull_until(camera, lambda: camera.status().unwatched != "")
        looked_at = set[int]()
        pull_until(camera, lambda: looked_at.update(pull(camera, 0.5)) or len(looked_at) >= 2)
        little.restart()
        pull_until_it_rests(camera)
        assert not camera.status().unwatched
        assert shown_at_rest(camera, 2) <= 1
    own = [line for line in caplog.messages if line.startswith("Camera gate:")]
    assert own == [
        "Camera gate: its substream cannot be watched; only the main stream is.",
        "Camera gate: its substream is watched again.",
    ]
    assert "hunter2" not in caplog.text


def test_a_substream_that_can_never_work_is_no_end(main: Path, make: Make) -> None:
    with RtspServer(main) as big:
        gone = stream(make, "nowhere.mp4", "gate (substream)", 1.0, rough=True)
        camera = SubstreamCamera("gate", stream(make, big.url, "gate", 1.0), gone, Told(), SystemClock())  # type: ignore[arg-type]
        numbers = pull(camera, 0.5)
        pull_until(camera, lambda: numbers.extend(pull(camera, 0.5)) or len(numbers) >= 3)


def test_what_came_while_the_substream_was_not_known_to_be_silent_is_looked_at(
    main: Path, small: Path, make: Make
) -> None:
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, Told(), deadline=20)
        pull_until_it_rests(camera)
        pull(camera, 1)
        rests_from = big.playing
        little.misbehave("silent")
        numbers = pull(camera, 6)
    woken_for = next(n for n, following in pairwise(numbers) if following == n + 1)
    assert woken_for <= rests_from + 8, "the substream may have been heard a moment before it was made to hang"
    missed = numbers[numbers.index(woken_for) :]
    assert missed[:90] == list(range(woken_for, woken_for + 90)), "SILENT and a look"


def test_one_more_frame_is_no_reason_to_rely_on_the_substream(
    main: Path, small: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, Told(), deadline=20)
        pull_until_it_rests(camera)
        little.misbehave("silent")
        pull_until(camera, lambda: camera.status().unwatched != "")
        little.misbehave("well")
        pull(camera, 0.3)
        little.misbehave("silent")
        pull(camera, 3)
    assert [line for line in caplog.messages if line.startswith("Camera gate:")] == [
        "Camera gate: its substream cannot be watched; only the main stream is."
    ]


def test_while_a_person_looks_the_main_stream_shows_more_although_nothing_moves(
    main: Path, small: Path, make: Make
) -> None:
    with RtspServer(main) as one, RtspServer(small) as other:
        looks = [False]
        big = stream(make, one.url, "gate", 1.0)
        little = stream(make, other.url, "gate (substream)", 1.0, rough=True)
        camera = SubstreamCamera("gate", big, little, Told(), SystemClock(), lambda: looks[0])  # type: ignore[arg-type]
        pull_until_it_rests(camera)
        looks[0] = True
        shown, ends = list[int](), time.monotonic() + 30
        while len(shown) < 3:  # at rest, that would take a minute and a half
            assert time.monotonic() < ends
            shown += pull(camera, 0.05)
        assert camera._watch.rests
        camera.close()


def test_the_newest_picture_of_a_camera_that_rests_is_one_of_the_substream(main: Path, small: Path, make: Make) -> None:
    with RtspServer(main) as big, RtspServer(small) as little:
        camera = two(make, big, little, Told())
        pull_until_it_rests(camera)
        pull(camera, 3.5)
        seen = camera.status().last_frame_at
    assert seen is not None
    assert (SystemClock().now() - seen).total_seconds() < 2.5


def test_of_a_substream_that_never_was_there_it_is_said_what_is_watched(
    main: Path, small: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = Hastened()
    with RtspServer(main) as big, RtspServer(small) as little:
        little.stop()
        camera = two(make, big, little, Told(), clock=clock)
        clock.ahead = UNSEEN - 2
        pull(camera, 1)
        assert "substream cannot be watched" not in caplog.text
        clock.ahead = UNSEEN
        pull_until(camera, lambda: "refuses the connection" in camera.status().unwatched)
        assert "Camera gate: its substream cannot be watched; only the main stream is." in caplog.messages
        little.restart()
        pull_until(camera, lambda: "Camera gate: its substream is watched." in caplog.messages)
    told = caplog.messages
    assert told.index("Camera gate: its substream is watched.") > told.index(
        "Camera gate: its substream cannot be watched; only the main stream is."
    )


def test_a_substream_that_hangs_on_one_picture_is_not_relied_upon(main: Path, small: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    with RtspServer(main) as big, RtspServer(small) as little, ExitStack() as ends:
        config.write_text(
            f"cameras: {{gate: {{source: '{big.url}', watch: '{little.url}'}}}}\ncapture: {{frozen_after: 4s}}\n"
        )
        camera = camera_of(load(config), "gate", SystemClock(), spawn)
        ends.callback(camera.close)
        pull_until_it_rests(camera)
        little.misbehave("stuck")
        pull_until(camera, lambda: camera.status().unwatched == "It sends the same picture.")
        looked_at = set[int]()
        pull_until(camera, lambda: looked_at.update(pull(camera, 0.5)) or len(looked_at) >= 2)
        little.misbehave("well")
        pull_until(camera, lambda: not camera.status().unwatched)
