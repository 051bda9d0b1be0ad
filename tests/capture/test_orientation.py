"""Turned pictures: as the stream says and as the config says, in every way of decoding."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from cameras import Make, closed_in_the_end
from numbered import clip, number_in
from rtsp_server import RtspServer

from streamwatch.capture import Recording, open_source
from streamwatch.capture.orientation import UPRIGHT, Orientation
from streamwatch.core.clock import SystemClock
from streamwatch.core.model import Attention, Frame, Picture

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTERS = [0, 90, 180, 270]


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


def frames(path: Path, attention: Attention, rotate: int = 0) -> list[Frame]:
    """Return all frames at all attention, a few at little attention."""
    with Recording("gate", path, max_blind=2.0, rotate=rotate) as recording:
        found = []
        for frame in recording.frames(START):
            assert not recording.attend(attention)
            found.append(frame)
    return found


def lying(clip: Picture, clockwise: int) -> Picture:
    """Return the picture of a camera that is mounted turned, as it would be if it were not."""
    return np.rot90(clip, clockwise // 90)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", QUARTERS)
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_i_frames_decoded_alone_are_turned_as_all_others(
    codec: str, degrees: int, mirrored: bool, tmp_path: Path
) -> None:
    path = clip(tmp_path / "clip.mp4", 60, codec=codec, gop=20, turned=degrees, mirrored=mirrored)
    plain = frames(clip(tmp_path / "plain.mp4", 60, codec=codec, gop=20), Attention.ALL)
    every, few = frames(path, Attention.ALL), frames(path, Attention.QUIET)
    assert len(every) == 60
    assert len(few) < 10
    for shown in (every, few):
        for frame in shown:
            number = round((frame.captured_at - START).total_seconds() * 25)
            turned = np.rot90(plain[number].luma, degrees // 90)
            turned = turned[:, ::-1] if mirrored else turned
            assert frame.luma.shape == turned.shape
            # An I-frame that is decoded alone is decoded without loop filter, so pixels differ a little.
            assert np.abs(frame.luma.astype(int) - turned).mean() < 1
            assert frame.to_bgr().shape == (*frame.luma.shape, 3)


@pytest.mark.parametrize("turned", [0, 90])
@pytest.mark.parametrize("rotate", QUARTERS)
def test_a_camera_that_hangs_turned_is_turned_once(rotate: int, turned: int, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 30, turned=turned)
    for attention in Attention:
        for plain, frame in zip(frames(path, attention), frames(path, attention, rotate), strict=True):
            assert np.array_equal(plain.luma, lying(frame.luma, rotate))
            assert np.array_equal(plain.to_bgr(), lying(frame.to_bgr(), rotate))


def test_a_substream_that_is_only_decoded_roughly_is_turned_too(make: Make, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 100, turned=90)
    source = open_source("gate", str(path), transport="tcp", loop=True, timeout=1, clock=SystemClock(), rotate=90)
    camera = make(lambda: source, max_blind=2.0, rough=True)
    frame = camera.next_frame(20)
    assert frame is not None
    assert number_in(frame.luma) % 25 == 0


@pytest.mark.parametrize("max_blind", [None, 2.0])
def test_a_network_stream_is_turned(max_blind: float | None, make: Make, tmp_path: Path) -> None:
    with RtspServer(clip(tmp_path / "clip.mp4", 50, gop=10, rate=50)) as server:
        camera = make(
            lambda: open_source(
                "gate", server.url, transport="tcp", loop=False, timeout=5, clock=SystemClock(), rotate=270
            ),
            max_blind=max_blind,
            deadline=10.0,
        )
        for attention in (Attention.QUIET, Attention.ALL):
            frame = camera.next_frame(20)
            assert frame is not None
            assert frame.luma.shape == (320, 192)
            assert 0 <= number_in(lying(frame.luma, 270)) < 50
            camera.attend(attention)


def test_a_webcam_is_turned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = cv2.VideoCapture(str(clip(tmp_path / "clip.mp4", 5)))
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: capture)
    source = open_source("gate", "0", transport="tcp", loop=False, timeout=1, clock=SystemClock(), rotate=180)
    seen = [frame for frame in islice(source.frames(), 5) if frame]
    source.close()
    assert [number_in(lying(frame.luma, 180)) for frame in seen] == [0, 1, 2, 3, 4]
    assert np.array_equal(cv2.cvtColor(seen[0].to_bgr(), cv2.COLOR_BGR2GRAY), seen[0].luma)


def test_a_matrix_that_says_nothing_turns_nothing() -> None:
    assert Orientation.of_matrix(bytes(36)) == UPRIGHT
