"""A camera that sends one and the same picture is found, logged and reopened; a still scene is not taken for one."""

import io
import logging
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from cameras import Make, closed_in_the_end
from numbered import clip
from rtsp_server import RtspServer
from test_supervision import HandClock, Script, eventually, picture

from streamwatch.capture import LiveCamera, Source, open_source
from streamwatch.capture.frozen import LOOKS, MOVES, REMEMBERED, FreezeDetector
from streamwatch.capture.rate import Rate
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Picture

RNG = np.random.default_rng(3)


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


def plain(value: int) -> Picture:
    return np.full((64, 96), value, np.uint8)


def test_the_same_picture_is_a_freeze_after_its_time_and_not_before() -> None:
    watch, luma = FreezeDetector(120), RNG.integers(0, 255, (1080, 1920), np.uint8)
    said = [watch.look(n / 25, luma) for n in range(25 * 125)]
    assert said.index(True) == 25 * 120
    assert all(said[25 * 120 :])


def test_one_new_picture_is_enough_to_be_alive() -> None:
    watch = FreezeDetector(120)
    assert not any(watch.look(second, plain(second // 100 % 200)) for second in range(2000))


def test_noise_of_one_grey_level_is_life() -> None:
    still = RNG.integers(16, 235, (1080, 1920), np.uint8)
    watch = FreezeDetector(3)
    assert not any(
        watch.look(second, still + (RNG.random(still.shape) < 0.01).astype(np.uint8)) for second in range(30)
    )


def test_a_camera_that_rarely_sends_needs_more_than_two_pictures() -> None:
    watch = FreezeDetector(120)
    said = [watch.look(minute * 300, plain(1)) for minute in range(LOOKS + 1)]
    assert said == [False] * LOOKS + [True]


def test_an_encoder_that_repeats_its_group_of_pictures_is_frozen() -> None:
    watch = FreezeDetector(20)
    assert any(watch.look(second, plain(second % REMEMBERED)) for second in range(60))


def test_a_recording_served_in_a_loop_is_not() -> None:
    watch = FreezeDetector(20)
    assert not any(watch.look(second, plain(second % (REMEMBERED + 1))) for second in range(200))


def test_a_few_new_pictures_in_a_row_end_a_freeze() -> None:
    watch = FreezeDetector(20)
    assert any(watch.look(second, plain(0)) for second in range(30))
    assert [watch.look(30 + n, plain(100 + n)) for n in range(MOVES)] == [True] * (MOVES - 1) + [False]


def test_fewer_are_the_same_scene_coded_anew() -> None:
    watch = FreezeDetector(20)
    for second in range(30):
        watch.look(second, plain(0))
    assert all(watch.look(30 + n, plain(0 if n % 3 == 0 else 50 + n)) for n in range(60))


def test_another_size_is_another_picture() -> None:
    watch = FreezeDetector(20)
    for second in range(30):
        watch.look(second, np.zeros((64, 96), np.uint8))
    assert watch.frozen
    assert not [watch.look(30 + n, np.zeros((96, 64 + 8 * n), np.uint8)) for n in range(MOVES)][-1]


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_a_real_encoder_tells_a_hanging_sensor_from_a_still_scene(noise: float) -> None:
    """Write ninety seconds of x264 at a low rate with long groups of pictures, as cameras use them."""
    scene = RNG.integers(0, 255, (12, 16), np.uint8).repeat(20, 0).repeat(20, 1).astype(np.float32)
    watch, found = FreezeDetector(60), False
    for number, luma in enumerate(coded(scene, noise, 90 * 5)):
        found = watch.look(number / 5, luma) or found
    assert found is (noise == 0.0)


def coded(scene: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", noise: float, count: int) -> Iterator[Picture]:
    """Return the scene with a sensor's noise, coded at 5 pictures a second in groups of 50, and decoded again."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "28", "g": "50"}
        stream = container.add_stream("libx264", rate=5, options=options)
        stream.width, stream.height, stream.pix_fmt = scene.shape[1], scene.shape[0], "gray"
        for number in range(count):
            noisy = np.clip(scene + RNG.normal(0, noise, scene.shape) + 0.5, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, "gray")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        for decoded in container.decode(video=0):
            yield decoded.to_ndarray(format="gray")


def test_pictures_a_second() -> None:
    rate = Rate(5)
    assert rate.value(3) == 0
    for number in range(26):
        rate.add(number / 5)
    assert rate.value(5.1) == pytest.approx(5)
    assert rate.value(9) == pytest.approx(5)
    assert rate.value(100) < 0.1


def test_the_rate_is_known_before_the_first_window_is_over() -> None:
    rate = Rate(5)
    for number in range(11):
        rate.add(100 + number / 10)
    assert rate.value(101) == pytest.approx(10)


def test_a_frozen_camera_over_rtsp_is_said_once_and_goes_on(
    tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with RtspServer(clip(tmp_path / "gate.mp4", 250, gop=10), user="admin", password="hunter2") as server:
        camera = make(of(server), frozen_after=0.5, deadline=5)
        watch(camera, lambda: camera.status().state is CameraState.ONLINE)
        server.misbehave("stuck")
        watch(camera, lambda: camera.status().state is CameraState.FROZEN)
        frames, connections = camera.status().frames, server.connections
        watch(camera, lambda: server.connections >= connections + 1 and camera.status().frames > frames + 20)
        assert camera.status().state is CameraState.FROZEN
        assert camera.status().attempts >= 1
        server.misbehave("well")
        watch(camera, lambda: camera.status().state is CameraState.ONLINE)
        assert camera.status().attempts == 0
        watch(camera, lambda: 5 < camera.status().fps < 60)
    assert ["is online" in caplog.messages[0], "is frozen" in caplog.messages[1]] == [True, True]
    assert "moves again after" in caplog.messages[2]
    assert len(caplog.messages) == 3
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING", "INFO"]


def test_it_is_reopened_with_growing_pauses(make: Make) -> None:
    clock, sources = HandClock(), [Script() for _ in range(8)]
    opened: list[float] = []

    def open() -> Source:
        opened.append(clock.seconds)
        return sources[len(opened) - 1]

    camera = make(open, clock=clock, frozen_after=100, deadline=1e6)
    for second in range(0, 1700, 10):
        clock.seconds = second
        pull_one(camera, lambda: sources[len(opened) - 1])
    # A look is due only every second, and the camera is reopened when the next frame is asked for.
    assert [round(time, -2) for time in opened] == [0, 100, 200, 400, 800, 1600]
    assert camera.status().state is CameraState.FROZEN


def test_one_that_is_lost_while_frozen_comes_back_frozen(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    clock, sources = HandClock(), [Script() for _ in range(4)]
    opened: list[Script] = []

    def open() -> Source:
        opened.append(sources[len(opened)])
        return opened[-1]

    camera = make(open, clock=clock, frozen_after=100, deadline=50)
    for second in range(0, 120, 10):
        clock.seconds = second
        pull_one(camera, lambda: opened[-1])
    assert camera.status().state is CameraState.FROZEN
    clock.seconds = 180
    eventually(lambda: camera.next_frame(0) is None and camera.status().state is CameraState.RECONNECTING)
    clock.seconds = 182
    pull_one(camera, lambda: opened[-1])
    assert camera.status().state is CameraState.FROZEN
    assert [line for line in caplog.messages if "is frozen" in line] == caplog.messages[:1]


def test_a_recording_is_never_frozen(make: Make) -> None:
    clock, source = HandClock(), Script(live=False)
    camera = make(lambda: source, clock=clock, frozen_after=100)
    for second in range(0, 300, 10):
        clock.seconds = second
        pull_one(camera, lambda: source)
    assert camera.status().state is CameraState.ONLINE


def of(server: RtspServer) -> Callable[[], Source]:
    return lambda: open_source("gate", server.url, transport="tcp", loop=False, timeout=5, clock=SystemClock())


def watch(camera: LiveCamera, until: Callable[[], bool]) -> None:
    ends = time.monotonic() + 15
    while not until():
        assert time.monotonic() < ends, camera.status()
        camera.next_frame(0.05)


def pull_one(camera: LiveCamera, source: Callable[[], Script]) -> None:
    """Let the newest source send the picture until it was handed out."""
    count = camera.status().frames

    def came() -> bool:
        if camera.next_frame(0) is None:
            newest = source()
            if newest.steps.empty():
                newest.steps.put(picture())
        return camera.status().frames > count

    camera.next_frame(0)
    eventually(came)
