"""The rules of supervision. The sources follow a script, and the clock is moved by hand."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import pytest
from cameras import Make, closed_in_the_end

from streamwatch.capture import LiveCamera, Source
from streamwatch.capture.backoff import Backoff
from streamwatch.capture.outages import MOST
from streamwatch.capture.supervisor import FIRST_PICTURE, MOST_ABANDONED
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import SourceLost
from streamwatch.core.model import Frame

T = TypeVar("T")


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Script:
    """A source that does what the test says. A Frame or None is yielded, an exception is raised, `end` ends it.

    deaf: it cannot be stopped, like a read of FFmpeg.
    """

    end = object()

    def __init__(self, *, live: bool = True, deaf: bool = False) -> None:
        self.live, self.deaf = live, deaf
        self.steps: queue.Queue[object] = queue.Queue()
        self.closed = threading.Event()

    def frames(self) -> Iterator[Frame | None]:
        while (step := self.steps.get()) is not self.end:
            if isinstance(step, Exception):
                raise step
            assert step is None or isinstance(step, Frame)
            yield step

    def stop(self) -> None:
        if not self.deaf:
            self.steps.put(self.end)

    def close(self) -> None:
        self.closed.set()


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


def picture(number: int = 0) -> Frame:
    luma = np.full((4, 6), number, np.uint8)
    return Frame("gate", datetime(2026, 3, 1, tzinfo=UTC), luma, lambda: np.dstack([luma] * 3))


def test_the_newest_frame_replaces_older_ones_and_they_are_counted(make: Make) -> None:
    source = Script()
    camera = make(lambda: source)
    for number in range(5):
        source.steps.put(picture(number))
    camera.next_frame(0)
    eventually(lambda: camera.status().dropped == 4)
    frame = camera.next_frame(0)
    assert frame is not None
    assert frame.luma[0, 0] == 4
    assert camera.next_frame(0) is None
    assert camera.status().frames == 1


def test_a_hanging_reader_is_abandoned_and_its_late_frames_ignored(make: Make) -> None:
    clock, sources = HandClock(), [Script(deaf=True), Script()]
    opened = iter(sources)
    camera = make(lambda: next(opened), clock=clock, deadline=10, reopen=(1, 1))
    camera.next_frame(0)
    sources[0].steps.put(picture(1))
    eventually(lambda: camera.next_frame(0) is not None)
    clock.seconds = 9.9
    camera.next_frame(0)
    assert camera.status().state is CameraState.ONLINE
    clock.seconds = 10.1
    camera.next_frame(0)
    assert camera.status().state is CameraState.RECONNECTING
    sources[0].steps.put(picture(2))
    clock.seconds = 11.2
    camera.next_frame(0)
    sources[1].steps.put(picture(3))
    frame = eventually(lambda: camera.next_frame(0))
    assert frame.luma[0, 0] == 3
    assert sources[0].closed.wait(5)


def test_only_a_few_readers_may_hang_at_the_same_time(make: Make) -> None:
    clock, hang, opened = HandClock(), threading.Event(), []

    def open() -> Source:
        opened.append(1)
        hang.wait(10)
        raise SourceLost("no answer")

    camera = make(open, clock=clock, deadline=10, reopen=(1, 1))
    for _ in range(20):
        camera.next_frame(0)
        clock.seconds += 11
    assert len(opened) == 1 + MOST_ABANDONED
    hang.set()
    pull(camera, lambda: len(opened) > 1 + MOST_ABANDONED)


def test_data_without_pictures_is_life_but_not_for_ever(make: Make) -> None:
    """A stream that is joined in the middle of a long group of pictures must not be given up after one deadline."""
    clock, source = HandClock(), Script()
    camera = make(lambda: source, clock=clock, deadline=10, reopen=(1, 1))
    camera.next_frame(0)
    for second in range(10 * FIRST_PICTURE):
        clock.seconds = second
        source.steps.put(None)
        eventually(source.steps.empty)
        time.sleep(0.005)
        camera.next_frame(0)
        assert camera.status().last_error == ""
    clock.seconds = 10 * FIRST_PICTURE + 0.1
    camera.next_frame(0)
    assert "no picture can be decoded" in camera.status().last_error


def test_a_file_is_never_overdue(make: Make) -> None:
    clock, source = HandClock(), Script(live=False)
    camera = make(lambda: source, clock=clock, deadline=10)
    camera.next_frame(0)
    source.steps.put(picture())
    eventually(lambda: camera.next_frame(0) is not None)
    clock.seconds = 1_000
    camera.next_frame(0)
    assert camera.status().state is CameraState.ONLINE


def test_waiting_for_a_file_costs_no_cpu(make: Make) -> None:
    source = Script(live=False)
    camera = make(lambda: source, deadline=0.05)
    source.steps.put(picture())
    assert camera.next_frame(10) is not None
    began = time.thread_time()
    assert camera.next_frame(0.5) is None
    assert time.thread_time() - began < 0.2


def test_who_waits_for_a_frame_can_be_nudged(make: Make) -> None:
    camera = make(lambda: Script())
    threading.Timer(0.3, camera.nudge).start()
    assert camera.next_frame(86400) is None
    camera.nudge()
    assert camera.next_frame(86400) is None, "a consumer that was not waiting does not wait then"


def test_the_outage_is_told_in_two_lines(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock, sources = HandClock(), [Script() for _ in range(4)]
    opened = iter(sources)
    camera = make(lambda: next(opened), clock=clock, deadline=10, reopen=(1, 1))
    camera.next_frame(0)
    sources[0].steps.put(picture())
    eventually(lambda: camera.next_frame(0) is not None)
    for number, reason in enumerate(["first.", "second.", "third."]):
        sources[number].steps.put(SourceLost(reason))
        pull(camera, lambda reason=reason: camera.status().last_error == reason)
        clock.seconds += 30
        camera.next_frame(0)
    sources[3].steps.put(picture())
    eventually(lambda: camera.next_frame(0) is not None)
    assert caplog.messages == [
        "Camera gate is online, 6 x 4 pixels.",
        "Camera gate is lost: first. It is tried again until it is back.",
        "Camera gate is back after 1 m 30 s, at attempt 3.",
    ]


def test_a_camera_that_comes_and_goes_is_told_once_an_hour(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clock, opened = HandClock(), []

    def open() -> Source:
        opened.append(Script())
        opened[-1].steps.put(picture())
        return opened[-1]

    camera = make(open, clock=clock, deadline=10, reopen=(1, 1), frozen_after=1e6)

    def flap(seconds: float) -> None:
        frames = camera.status().frames
        pull(camera, lambda: camera.status().frames > frames)
        opened[-1].steps.put(SourceLost("hung up."))
        pull(camera, lambda: camera.status().state is CameraState.RECONNECTING)
        clock.seconds += seconds

    for _ in range(20):
        flap(4)
    assert [line.split(" times")[0] for line in caplog.messages] == [
        *["Camera gate is lost: hung up. It is tried again until it is back."] * MOST,
        f"Camera gate comes and goes, {MOST + 1}",
    ]
    caplog.clear()
    clock.seconds += 3600
    flap(4)
    assert caplog.messages == ["Camera gate comes and goes, 20 times in 1 h 1 m: hung up."]
    caplog.clear()
    flap(3600)
    flap(4)
    assert len(caplog.messages) == 1, "it has become rare again"
    assert "is lost" in caplog.messages[0]


def test_a_camera_that_comes_and_goes_and_then_stays_away_is_told(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clock, opened = HandClock(), []

    def open() -> Source:
        opened.append(Script())
        if len(opened) > 8:
            raise SourceLost("no answer.")
        opened[-1].steps.put(picture())
        opened[-1].steps.put(SourceLost("hung up."))
        return opened[-1]

    camera = make(open, clock=clock, deadline=10, reopen=(1, 1))
    while len(opened) < 8 or "is lost" not in caplog.messages[-1]:
        assert clock.seconds < 200, caplog.messages
        pull(camera, lambda: camera.status().state is CameraState.RECONNECTING)
        clock.seconds += 1.5
        camera.next_frame(0)
        time.sleep(0.005)
    assert caplog.messages[-1] == "Camera gate is lost: no answer. It is tried again until it is back."


def test_closing_ends_the_reader_and_gives_back_its_source(make: Make) -> None:
    source = Script()
    camera = make(lambda: source)
    camera.next_frame(0)
    source.steps.put(picture())
    eventually(lambda: camera.next_frame(0) is not None)
    camera.close()
    assert source.closed.wait(5)
    assert camera.next_frame(0.01) is None


def test_closing_wakes_a_waiting_consumer(make: Make) -> None:
    camera = make(Script)
    waiting = threading.Thread(target=camera.next_frame, args=(86400,), daemon=True)
    waiting.start()
    camera.close()
    waiting.join(60)
    assert not waiting.is_alive()


def test_waits_grow_up_to_the_longest_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    backoff = Backoff(1, 10)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next() == 1


def test_waits_are_jittered() -> None:
    drawn = [Backoff(8, 8).next() for _ in range(200)]
    assert all(0 <= pause <= 8 for pause in drawn)
    assert max(drawn) - min(drawn) > 4


@pytest.mark.parametrize(("pictures", "pause"), [(3, 1), (2, 4)])
def test_only_a_healthy_stream_makes_the_waits_short_again(
    pictures: int, pause: float, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.uniform", lambda low, high: high)
    clock, sources = HandClock(), [Script() for _ in range(4)]
    opened: list[Script] = []

    def open() -> Source:
        opened.append(sources[len(opened)])
        return opened[-1]

    camera = make(open, clock=clock, deadline=10, reopen=(1, 60))
    for number in range(2):
        sources[number].steps.put(SourceLost(f"{number}."))
        pull(camera, lambda number=number: camera.status().last_error == f"{number}.")
        clock.seconds += 5
    pull(camera, lambda: len(opened) == 3)
    for count in range(pictures):
        clock.seconds += 5
        sources[2].steps.put(picture())
        pull(camera, lambda count=count: camera.status().frames == count + 1)
    sources[2].steps.put(SourceLost("gone."))
    pull(camera, lambda: camera.status().last_error == "gone.")
    clock.seconds += pause - 0.1
    camera.next_frame(0)
    assert camera.status().attempts == 0
    clock.seconds += 0.2
    camera.next_frame(0)
    assert camera.status().attempts == 1


def pull(camera: LiveCamera, until: Callable[[], bool]) -> None:
    """Pull from the camera, without waiting for frames, until something is true."""
    ends = time.monotonic() + 10
    while not until():
        assert time.monotonic() < ends, camera.status()
        camera.next_frame(0)
        time.sleep(0.002)


def eventually(look: Callable[[], T | None]) -> T:
    ends = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < ends, "it never came true"
        time.sleep(0.002)
    return found
