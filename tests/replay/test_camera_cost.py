"""The verb `bench`: what a camera costs on this machine, and how many such cameras it can carry."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Vehicle, render
from daemons import verb, without_local
from rtsp_server import RtspServer

from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import SourceLost, SourceUnreadable
from streamwatch.replay.camera_cost import CameraCost, Share, bench, opened, report

PASSWORD = "invented-password-of-the-bench"


def measured(
    quiet: Share | None = None, busy: Share | None = None, reading: float | None = 0.25, name: str = "gate.mp4"
) -> CameraCost:
    return CameraCost(name, 1920, 1080, quiet or Share(), busy or Share(), reading)


QUIET = Share(seconds=10, pictures=250, decoding=0.7, gate=0.1)  # 0.08 cores
BUSY = Share(seconds=5, pictures=125, decoding=0.35, gate=0.4, reading=0.2)  # 0.19 cores


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of six quiet seconds and a vehicle."""
    path = tmp_path_factory.mktemp("clip") / "gate.mp4"
    render(path, [Vehicle("京AF0236", enter=6, approach=1.5, stop=2)], 10, fps=10, size=(640, 360), preset="ultrafast")
    return path


def measure(source: object, seconds: float = 60) -> CameraCost:
    clock = SystemClock()
    with opened(str(source), clock) as camera:
        return bench(camera, seconds, clock, lambda done, length: None)


def test_quiet_and_busy_time_are_told_apart(clip: Path) -> None:
    found = measure(clip)
    assert (found.width, found.height) == (640, 360)
    assert found.quiet.seconds == pytest.approx(4, abs=1), "the two seconds in which the gate starts do not count"
    assert found.busy.seconds == pytest.approx(4, abs=1)
    assert found.quiet.pictures < 15, "while nothing is in view few pictures are decoded"
    assert found.busy.pictures == pytest.approx(40, abs=12)
    assert min(found.quiet.decoding, found.quiet.gate, found.busy.decoding, found.busy.gate) > 0
    assert found.quiet.reading == 0 < found.busy.reading
    assert found.reading is not None
    assert found.reading > 0


def test_it_ends_after_the_seconds_that_were_asked_for(clip: Path) -> None:
    told: list[tuple[float, float]] = []
    with opened(str(clip), SystemClock()) as camera:
        found = bench(camera, 2, SystemClock(), lambda done, length: told.append((done, length)))
    assert found.quiet.seconds + found.busy.seconds == pytest.approx(2, abs=0.11)
    assert not found.busy.measured
    assert told[-1] == (pytest.approx(2, abs=0.11), 2)
    assert found.reading is not None, "without a vehicle the last picture is read"


def test_cameras_fit_into_seventy_percent_of_the_cores() -> None:
    text = report(measured(QUIET, BUSY), 2)
    rows = {line[:18].strip(): line[18:].split() for line in text.splitlines()}
    assert rows["nothing in view"] == ["4.20", "0.60", "0.00", "4.80", "17"]
    assert rows["a vehicle in view"] == ["4.20", "4.80", "2.40", "11.40", "7"]
    # A quarter of the time at 0.19 cores, else at 0.08: 0.1075 of 1.4 cores.
    verdict = (
        "13 such cameras fit on this machine (2 cores, at most 70 % of them), with a vehicle in view 25 % of the time."
    )
    assert text.endswith(verdict)
    assert "With nothing in view a picture takes 2.8 ms to decode and 0.4 ms in the gate.\n" in text
    assert "The local engine takes 250 ms to read a picture.\n" in text
    assert all(len(line) <= 80 for line in text.splitlines()[:-1])


@pytest.mark.parametrize(
    ("found", "cores", "verdict"),
    [
        (measured(quiet=QUIET), 1, "8 such cameras fit on this machine (1 core, at most 70 % of them), while nothing"),
        (measured(busy=BUSY), 2, "7 such cameras fit on this machine (2 cores, at most 70 % of them), with a vehicle"),
        (measured(busy=Share(5, 125, 4.0)), 1, "Not one such camera fits on this machine (1 core,"),
        (measured(busy=Share(5, 125, 3.0)), 1, "1 such camera fits on this machine"),
    ],
)
def test_what_was_not_seen_is_not_counted(found: CameraCost, cores: int, verdict: str) -> None:
    text = report(found, cores)
    assert f"\n{verdict}" in text
    assert ("nothing in view " in text, "a vehicle in view " in text) == (found.quiet.measured, found.busy.measured)


def test_a_live_camera_is_measured_at_its_own_pace(clip: Path) -> None:
    with RtspServer(clip, user="viewer", password=PASSWORD) as server:
        found = measure(server.url, 7)
        assert found.name == f"127.0.0.1:{server.port}"
        assert PASSWORD not in report(found, 2) + repr(found)
    assert found.quiet.pictures < 5 * found.quiet.seconds, (
        "as of a video, few pictures are decoded while nothing is in view"
    )
    assert found.busy.pictures / found.busy.seconds == pytest.approx(10, rel=0.3)


def test_a_camera_that_hangs_up_is_a_loss(clip: Path) -> None:
    with RtspServer(clip) as server:
        server.misbehave("hangup")
        with pytest.raises(SourceLost, match=f"127.0.0.1:{server.port} ended the stream"):
            measure(server.url, 20)


def test_pictures_that_cannot_be_decoded_are_not_waited_for_for_ever(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamwatch.replay.camera_cost.PATIENCE", 1.0)
    with RtspServer(clip) as server:
        server.misbehave("noise")
        with pytest.raises(SourceLost, match="sends data, but no picture can be decoded"):
            measure(server.url)


def test_a_video_of_two_seconds_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "short.mp4"
    render(path, [], 2, fps=5, size=(160, 90), preset="ultrafast")
    with pytest.raises(SourceUnreadable, match=r"short\.mp4 is too short: 3 s of pictures are needed"):
        measure(path)


def test_it_works_without_config_and_leaves_nothing_behind(clip: Path, tmp_path: Path) -> None:
    done = verb(tmp_path, "bench", clip)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"640 x 360, \d\.\d pictures a second looked at, for 8 s\n", done.stdout)
    assert "fit" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_so(clip: Path, tmp_path: Path) -> None:
    environment = without_local(tmp_path)
    done = verb(tmp_path, "bench", "--seconds", "3", clip, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The local engine is not installed. In the clone of streamwatch run: pip install '.[local]'" in done.stdout


def test_without_an_argument_it_takes_the_sample(tmp_path: Path) -> None:
    done = verb(tmp_path, "bench", "--seconds", "2")
    assert re.match(r"the sample: 1280 x 720, (7|1\d)\.\d pictures a second looked at, for [2-4] s\n", done.stdout)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("nothing.mp4", "There is no file nothing.mp4."),
        (f"rtsp://viewer:{PASSWORD}@127.0.0.1:9/live", "127.0.0.1:9 refuses the connection."),
        (f"gopher://viewer:{PASSWORD}@127.0.0.1/live", "An address with gopher:// cannot be opened."),
        (f"rtsp://viewer:{PASSWORD}@:port/live", "The camera's address cannot be understood."),
        (".", ". is a folder, not a video."),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_1(tmp_path: Path, source: str, sentence: str) -> None:
    done = verb(tmp_path, "bench", source)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"streamwatch: {sentence}")
    assert len(done.stderr.splitlines()) == 1
    assert PASSWORD not in done.stderr


def test_it_counts_only_the_cores_it_may_use() -> None:
    bind = "import os; os.sched_setaffinity(0, {0})"
    ask = f"{bind}; from streamwatch.replay.camera_cost import own_cores; print(own_cores())"
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system binds no process to cores")
    assert subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout == "1\n"
