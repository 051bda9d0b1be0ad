"""Decoded pictures as frames: luma, colours, turning, and that they stay valid."""

from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from numbered import clip, number_in, pictures

from streamwatch.capture import Recording
from streamwatch.core.model import Frame

START = datetime(2026, 3, 1, tzinfo=UTC)


def first_frame(path: Path) -> Frame:
    with Recording("gate", path) as recording:
        return next(iter(recording.frames(START)))


@pytest.mark.parametrize("colours", [(2, 0), (6, 1), (1, 1), (6, 2), (1, 2)])
def test_colours_come_out_as_opencv_shows_them(colours: tuple[int, int], tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 1, colours=colours)
    bgr = first_frame(path).to_bgr()
    capture = cv2.VideoCapture(str(path))
    _, theirs = capture.read()
    capture.release()
    truth = next(pictures(1, 320, 192))[:, :, ::-1]
    assert bgr.dtype == np.uint8
    assert np.abs(bgr.astype(int) - theirs).max() <= 3
    assert np.abs(bgr.astype(int) - truth)[32:].mean() < 4


@pytest.mark.parametrize(
    ("codec", "pixels"),
    [("libx264", "yuv420p10le"), ("libx264", "yuv444p"), ("libx264rgb", "rgb24"), ("mjpeg", "yuvj422p")],
)
def test_unusual_pixel_formats_have_a_luma_of_eight_bits(codec: str, pixels: str, tmp_path: Path) -> None:
    frame = first_frame(clip(tmp_path / "clip.mkv", 1, codec=codec, pixels=pixels))
    grey = cv2.cvtColor(next(pictures(1, 320, 192)), cv2.COLOR_RGB2GRAY)
    assert frame.luma.shape == (192, 320)
    assert frame.luma.dtype == np.uint8
    # 16 to 235 or 0 to 255, whichever the stream has: the shape of the picture must be the same.
    assert np.corrcoef(frame.luma[32:].ravel(), grey[32:].ravel())[0, 1] > 0.99
    assert frame.to_bgr().shape == (192, 320, 3)


def test_a_width_that_fills_no_whole_line_of_the_decoder(tmp_path: Path) -> None:
    frame = first_frame(clip(tmp_path / "clip.mp4", 1, size=(306, 150)))
    assert frame.luma.shape == (150, 306)
    assert frame.to_bgr().shape == (150, 306, 3)
    grey = cv2.cvtColor(frame.to_bgr(), cv2.COLOR_BGR2GRAY)
    assert np.corrcoef(frame.luma.ravel(), grey.ravel())[0, 1] > 0.99


def test_luma_is_a_view_that_nobody_can_write(tmp_path: Path) -> None:
    luma = first_frame(clip(tmp_path / "clip.mp4", 1)).luma
    assert luma.base is not None
    with pytest.raises(ValueError, match="read-only"):
        luma[0, 0] = 1


def test_kept_frames_stay_what_they_were(tmp_path: Path) -> None:
    with Recording("gate", clip(tmp_path / "clip.mp4", 60)) as recording:
        kept = list(recording.frames(START))
    assert [number_in(frame.luma) for frame in kept] == list(range(60))
    assert [number_in(frame.to_bgr()[:, :, 1]) for frame in kept] == list(range(60))


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_phone_videos_stand_upright(degrees: int, tmp_path: Path) -> None:
    frame = first_frame(clip(tmp_path / "clip.mp4", 1, turned=degrees))
    capture = cv2.VideoCapture(str(tmp_path / "clip.mp4"))
    _, theirs = capture.read()
    capture.release()
    assert np.abs(frame.to_bgr().astype(int) - theirs).max() <= 3
