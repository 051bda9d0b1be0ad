"""Cameras over real sockets and files: the newest frame first, never blocked, back by themselves."""

import logging
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from cameras import Make, closed_in_the_end
from numbered import clip, number_in
from rtsp_server import Mode, RtspServer

from streamwatch.capture import LiveCamera, Source, open_source
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CameraState
from streamwatch.core.errors import SourceUnreadable


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "gate.mp4", 250, gop=10)


def of(server: RtspServer, transport: str = "tcp", timeout: float = 0.5) -> Callable[[], Source]:
    return lambda: open_source(
        "gate", server.url, transport=transport, loop=False, timeout=timeout, clock=SystemClock()
    )


def watch(camera: LiveCamera, until: Callable[[], bool], other: LiveCamera | None = None) -> int:
    """Pull from the camera, and from another one in turn, until something is true; return the number of its frames."""
    ends, seen = time.monotonic() + 60, 0
    while not until():
        assert time.monotonic() < ends, camera.status()
        camera.next_frame(0.05)
        seen += other is not None and other.next_frame(0.05) is not None
    return seen


def state(camera: LiveCamera, wanted: CameraState) -> Callable[[], bool]:
    return lambda: camera.status().state is wanted


@pytest.mark.parametrize(
    ("mode", "transport"),
    [(mode, "tcp") for mode in ("frozen", "silent", "garbage", "noise", "hangup", "killed")]
    + [("frozen", "udp"), ("killed", "udp")],
)
def test_a_fault_is_survived(
    mode: str, transport: str, gate: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with RtspServer(gate, user="admin", password="hunter2") as server, RtspServer(gate) as well:
        camera, other = make(of(server, transport)), make(of(well, timeout=5), name="other", deadline=5)
        watch(camera, state(camera, CameraState.ONLINE), other)
        watch(other, state(other, CameraState.ONLINE))
        if mode == "killed":
            server.stop()
        else:
            server.misbehave(mode)  # type: ignore[arg-type]
        seen = watch(camera, state(camera, CameraState.RECONNECTING), other)
        assert camera.status().last_error
        if mode == "killed":
            server.restart()
        server.misbehave("well")
        seen += watch(camera, state(camera, CameraState.ONLINE), other)
        assert seen > 0
        assert other.status().state is CameraState.ONLINE
    lines = [line for line in caplog.messages if "Camera gate" in line]
    assert "is online, 320 x 192 pixels" in lines[0]
    assert "is lost" in lines[1]
    assert "is back after" in lines[-1]
    assert len(lines) == 3 or mode == "hangup"
    assert [line for line in caplog.messages if "Camera other" in line] == ["Camera other is online, 320 x 192 pixels."]
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("mode", ["401", "404", "silent", "frozen", "garbage"])
def test_a_camera_that_is_wrong_from_the_start_is_tried_until_it_works(
    mode: Mode, gate: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with RtspServer(gate, user="admin", password="hunter2") as server:
        server.misbehave(mode)
        camera = make(of(server))
        watch(camera, lambda: camera.status().attempts >= 2)
        assert camera.status().state is CameraState.CONNECTING
        assert len(caplog.messages) == 1
        server.misbehave("well")
        watch(camera, state(camera, CameraState.ONLINE))
    assert ["cannot be reached yet: " in line for line in caplog.messages] == [True, False]
    assert "is online after" in caplog.messages[1]
    assert camera.status().attempts == 0
    assert "hunter2" not in caplog.text
    assert "hunter2" not in repr(camera.status())


def test_a_slow_consumer_gets_the_newest_frame(gate: Path, make: Make) -> None:
    with RtspServer(gate) as server:
        camera = make(of(server, timeout=5), deadline=5)
        numbers, lags, ends = list[int](), list[float](), time.monotonic() + 60
        while len(numbers) < 20:
            assert time.monotonic() < ends
            frame = camera.next_frame(1)
            if frame is not None:
                numbers.append(number_in(frame.luma))
                lags.append((server.playing - numbers[-1]) % 250 / 25)
            time.sleep(0.2)
    gaps = [(later - earlier) % 250 for earlier, later in pairwise(numbers)]
    assert min(gaps) >= 3, "five are sent meanwhile"
    assert min(lags[10:]) < 1, "what waits does not grow old"
    assert camera.status().dropped > 2 * len(numbers)


def test_what_a_slow_machine_leaves_out_is_told_once(gate: Path, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    with RtspServer(gate) as server:
        camera = make(of(server, timeout=5), deadline=5)
        assert camera.next_frame(5) is not None
        for pause in (3.0, 2.0, 0.1):
            time.sleep(pause)
            assert camera.next_frame(1) is not None
            assert (camera.status().dropped >= 100) == ("cannot follow" in caplog.text)
    (told,) = [line for line in caplog.messages if "cannot follow" in line]
    assert told.startswith("Camera gate: this machine cannot follow, and pictures are left out (1")


def test_a_played_recording_ends_after_its_last_frame(tmp_path: Path, make: Make) -> None:
    path = str(clip(tmp_path / "clip.mp4", 10))
    camera = make(lambda: open_source("gate", path, transport="tcp", loop=False, timeout=1, clock=SystemClock()))
    numbers = []
    while not camera.ended:
        frame = camera.next_frame(1)
        if frame is not None:
            numbers.append(number_in(frame.luma))
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 9
    assert camera.status().state is CameraState.ENDED
    assert camera.next_frame(0.01) is None


def test_what_can_never_work_is_raised_now_and_later(tmp_path: Path, make: Make) -> None:
    path = str(tmp_path / "nothing.mp4")
    camera = make(lambda: open_source("gate", path, transport="tcp", loop=False, timeout=1, clock=SystemClock()))
    for _ in range(2):
        with pytest.raises(SourceUnreadable, match="There is no file"):
            camera.next_frame(5)
    assert camera.status().state is CameraState.FAILED
