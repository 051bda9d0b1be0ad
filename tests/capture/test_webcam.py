"""Webcams. No machine of the tests has one, so OpenCV opens a file in its place."""

from datetime import UTC
from itertools import islice
from pathlib import Path

import cv2
import pytest
from numbered import clip, number_in
from test_supervision import HandClock

from streamwatch.capture import open_source
from streamwatch.capture.webcam import Webcam
from streamwatch.core.clock import SystemClock
from streamwatch.core.errors import SourceLost
from streamwatch.core.model import Attention, Frame


@pytest.mark.parametrize(
    ("device", "opened"), [("0", (0,)), ("/dev/video7", (7,)), ("/dev/camera", ("/dev/camera", cv2.CAP_V4L2))]
)
def test_pictures_come_until_the_webcam_is_unplugged(
    device: str, opened: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = cv2.VideoCapture
    asked: list[tuple[object, ...]] = []

    def plugged_in(*arguments: object) -> cv2.VideoCapture:
        asked.append(arguments)
        return capture(str(clip(tmp_path / "clip.mp4", 5)))

    monkeypatch.setattr(cv2, "VideoCapture", plugged_in)
    source = open_source("gate", device, transport="tcp", loop=False, timeout=1, clock=SystemClock())
    frames: list[Frame | None] = []
    with pytest.raises(SourceLost, match=f"webcam {device} gives no more pictures"):
        frames.extend(source.frames())
    source.close()
    assert source.live
    assert asked == [opened]
    assert [number_in(frame.luma) for frame in frames if frame] == [0, 1, 2, 3, 4]
    assert all(frame and frame.captured_at.tzinfo is UTC for frame in frames)
    assert all(frame and frame.to_bgr().shape == (*frame.luma.shape, 3) for frame in frames)


def test_at_little_attention_few_pictures_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: capture(str(clip(tmp_path / "clip.mp4", 20))))
    clock = HandClock()
    source = Webcam("gate", "0", clock=clock)
    numbers: list[int | None] = []
    for frame in islice(source.frames(), 20):
        numbers.append(None if frame is None else number_in(frame.luma))
        clock.seconds += 1 / 8
        source.attend(Attention.ALL if len(numbers) in range(11, 14) else Attention.QUIET)
    source.close()
    assert [number for number in numbers if number is not None] == [0, 2, 4, 6, 8, 10, 11, 12, 13, 15, 17, 19]
    assert len(numbers) == 20


@pytest.mark.parametrize("device", ["97", "/dev/video97"])
def test_a_missing_webcam_is_worth_another_try(device: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceLost, match=f"webcam {device} cannot be opened") as lost:
        open_source("gate", device, transport="tcp", loop=False, timeout=1, clock=SystemClock())
    assert "plugged in" in lost.value.what_to_do
    assert capfd.readouterr().err == ""
