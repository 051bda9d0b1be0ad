"""Recorded files: their own time, damage, and playing them as if they were cameras."""

import shutil
import threading
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from numbered import clip, number_in

from streamwatch.capture import Recording, open_source
from streamwatch.capture.recording import PlayedRecording
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import SourceUnreadable
from streamwatch.core.model import Attention

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("clips") / "whole.mkv", 100)


def cut(path: Path, to: Path, share: float) -> Path:
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to


def seconds(recording: Recording) -> list[float]:
    return [(frame.captured_at - START).total_seconds() for frame in recording.frames(START)]


def test_every_frame_comes_in_the_videos_own_time(whole: Path) -> None:
    with Recording("gate", whole) as recording:
        frames = list(recording.frames(START))
    assert [number_in(frame.luma) for frame in frames] == list(range(100))
    assert [frame.captured_at for frame in frames] == [START + timedelta(seconds=n / 25) for n in range(100)]
    assert {frame.camera for frame in frames} == {"gate"}
    assert recording.fps == 25
    assert recording.duration == pytest.approx(4.0, abs=0.05)
    assert recording.damaged == 0


@pytest.mark.parametrize("ending", ["mp4", "avi", "ts", "h264"])
def test_containers_with_and_without_time_stamps_agree(ending: str, tmp_path: Path) -> None:
    with Recording("gate", clip(tmp_path / f"clip.{ending}", 10)) as recording:
        assert seconds(recording) == pytest.approx([n / 25 for n in range(10)], abs=0.002)


def test_uneven_time_stamps_are_kept(tmp_path: Path) -> None:
    late = {n: 50 + n for n in range(5, 10)}
    with Recording("gate", clip(tmp_path / "clip.mp4", 10, pts=late)) as recording:
        assert seconds(recording) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16, 2.2, 2.24, 2.28, 2.32, 2.36])


@pytest.mark.parametrize(("ending", "codec"), [("h264", "libx264"), ("h265", "libx265")])
def test_a_bare_stream_says_itself_how_many_pictures_a_second_it_has(ending: str, codec: str, tmp_path: Path) -> None:
    with Recording("gate", clip(tmp_path / f"clip.{ending}", 30, codec=codec, rate=15)) as recording:
        assert seconds(recording) == pytest.approx([n / 15 for n in range(30)], abs=0.002)
        assert recording.fps == 15


def test_a_recording_knows_when_it_was_made(tmp_path: Path) -> None:
    told = clip(tmp_path / "told.mp4", 5, metadata={"creation_time": "2026-02-03T04:05:06+08:00"})
    assert Recording("gate", told).started == datetime(2026, 2, 2, 20, 5, 6, tzinfo=UTC)
    clockless = clip(tmp_path / "clockless.mp4", 5, metadata={"creation_time": "1970-01-01T00:00:10Z"})
    assert Recording("gate", clockless).started is None
    assert Recording("gate", clip(tmp_path / "silent.mp4", 5)).started is None


def test_a_cut_off_file_gives_what_it_has_and_one_warning(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Recording("gate", cut(whole, tmp_path / "cut.mkv", 0.5)) as recording:
        frames = list(recording.frames(START))
    assert 30 < len(frames) < 70
    assert [number_in(frame.luma) for frame in frames] == list(range(len(frames)))
    [line] = caplog.messages
    assert f"breaks off at {recording.file.ended_at:.1f} s of 4.0 s" in line


def test_damage_in_the_middle_is_left_out_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = clip(tmp_path / "clip.mkv", 60, gop=1)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 600] = bytes(600)
    path.write_bytes(data)
    with Recording("gate", path) as recording:
        numbers = [number_in(frame.luma) for frame in recording.frames(START)]
    assert numbers[0] == 0
    assert numbers[-1] == 59
    assert recording.damaged > 0
    assert any("is damaged" in line for line in caplog.messages)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.mp4", None, "There is no file"),
        ("empty.mp4", b"", "is empty"),
        ("junk.mp4", b"no video at all " * 100, "is not a video, or it was cut off"),
        ("notes.txt", b"remember the milk\n" * 100, "is a text, not a video"),
        ("folder.mp4", ..., "is a folder, not a video"),
    ],
)
def test_what_is_no_video_is_refused_in_one_sentence(name: str, content: object, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is ...:
        path.mkdir()
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(SourceUnreadable, match=message) as refused:
        Recording("gate", path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("meant", ["rtsp:/u:geheim@h/x", "u:geheim@h/x", "//u:geheim@h/x"])
def test_an_address_in_the_place_of_a_file_is_told_and_its_password_is_not(meant: str) -> None:
    with pytest.raises(SourceUnreadable, match=r"\*\*\*@h/x. The address of a camera begins with rtsp://") as refused:
        Recording("gate", Path(meant))
    assert "geheim" not in str(refused.value)


def test_a_file_without_its_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="cut off before its index"):
        Recording("gate", cut(clip(tmp_path / "clip.mp4", 50), tmp_path / "cut.mp4", 0.6))


def test_a_file_of_sound_only_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 16_000
        container.mux([*stream.encode(frame), *stream.encode()])
    with pytest.raises(SourceUnreadable, match="holds no video"):
        Recording("gate", path)


def test_names_that_look_like_patterns_or_protocols_are_files(whole: Path, tmp_path: Path) -> None:
    odd = tmp_path / "gate:1 %03d?.mkv"
    shutil.copy(whole, odd)
    with Recording("gate", odd) as recording:
        assert recording.fps == 25


def test_a_played_file_keeps_its_pace_and_the_clocks_time(tmp_path: Path) -> None:
    clock = SystemClock()
    source = PlayedRecording("gate", clip(tmp_path / "clip.mp4", 15), loop=False, clock=clock)
    before = clock.now()
    times = [frame.captured_at for frame in source.frames() if frame]
    source.close()
    assert not source.live
    assert len(times) == 15
    assert before <= times[0]
    assert times == sorted(times)
    assert (times[-1] - times[0]).total_seconds() >= 14 / 25 - 0.02


def test_a_played_file_hands_out_at_once_what_is_due_when_attention_rises(tmp_path: Path) -> None:
    clock = SystemClock()
    source = PlayedRecording("gate", clip(tmp_path / "clip.mp4", 60), loop=False, clock=clock)
    source.attend(Attention.QUIET)
    began = clock.monotonic()
    threading.Timer(0.3, source.attend, (Attention.ALL,)).start()
    came = [(clock.monotonic() - began, packet.at - began) for packet in source.packets()]
    source.close()
    sooner = came[0][0]
    first = [due for at, due in came if at < sooner + 0.1]
    assert 0.29 <= sooner < 0.79
    assert abs(len(first) - (1 + 25 * sooner)) <= 1.5
    assert all(due - 0.02 <= at < due + 0.6 for at, due in came)
    assert len(came) == 60


def test_a_looped_file_starts_again_until_it_is_stopped(tmp_path: Path) -> None:
    path = str(clip(tmp_path / "clip.mp4", 5))
    source = open_source("gate", path, transport="tcp", loop=True, timeout=1, clock=SystemClock())
    numbers = []
    for frame in source.frames():
        assert frame is not None
        numbers.append(number_in(frame.luma))
        if len(numbers) == 12:
            source.stop()
    source.close()
    assert numbers == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]


def test_stopping_is_no_damage(whole: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = PlayedRecording("gate", whole, loop=False, clock=SystemClock())
    for _ in source.frames():
        source.stop()
    source.close()
    assert caplog.messages == []


def test_the_sample_ships_with_the_package() -> None:
    source = open_source("gate", "sample", transport="tcp", loop=False, timeout=1, clock=SystemClock())
    frame = next(iter(source.frames()))
    source.close()
    assert frame is not None
    assert frame.luma.shape[0] >= 480


def test_the_sample_always_loops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.capture.source.SAMPLE", clip(tmp_path / "clip.mp4", 3))
    source = open_source("gate", "sample", transport="tcp", loop=False, timeout=1, clock=SystemClock())
    numbers = [number_in(frame.luma) for frame in islice(source.frames(), 7) if frame]
    source.close()
    assert numbers == [0, 1, 2, 0, 1, 2, 0]
