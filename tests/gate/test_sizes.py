"""The pictures change their size while a camera runs."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import av
import cv2
import pytest
from cameras import Make, closed_in_the_end
from numbered import clip, number_in
from rtsp_server import RtspServer
from test_gate import Scene, Stay, vehicle

from streamwatch.capture import Recording, open_source
from streamwatch.core.clock import SystemClock
from streamwatch.core.model import Attention, Corners, Frame
from streamwatch.gate import Closed
from streamwatch.gate.plates.shapes import scaled

START = datetime(2026, 3, 1, tzinfo=UTC)
SIZES = [(320, 192), (384, 240), (240, 144)]


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


def joined(folder: Path, codec: str = "libx264") -> Path:
    """Return a clip of 60 pictures of each size, one after the other, in groups of 20."""
    ending = {"libx264": "h264", "libx265": "h265"}[codec]
    parts = [clip(folder / f"{n}.{ending}", 60, codec=codec, size=size, gop=20) for n, size in enumerate(SIZES)]
    whole, to = folder / f"whole.{ending}", folder / "whole.ts"
    whole.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(whole)) as bare, av.open(str(to), "w") as box:
        stream = box.add_stream_from_template(bare.streams.video[0])
        for number, packet in enumerate(p for p in bare.demux(video=0) if p.size):
            assert packet.time_base
            packet.pts = packet.dts = round(number / 25 / packet.time_base)
            packet.stream = stream
            box.mux(packet)
    return to


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("attention", list(Attention))
def test_every_size_of_a_recording_is_decoded(attention: Attention, codec: str, tmp_path: Path) -> None:
    with Recording("gate", joined(tmp_path, codec), max_blind=2.0) as recording:
        seen = []
        for frame in recording.frames(START):
            assert not recording.attend(attention)
            seen.append((round((frame.captured_at - START).total_seconds() * 25), frame))
    assert {frame.luma.shape for _, frame in seen} == {(height, width) for width, height in SIZES}
    for number, frame in seen:
        assert frame.luma.shape == SIZES[number // 60][::-1]
        assert number_in(frame.luma) == number % 60
        assert frame.to_bgr().shape == (*frame.luma.shape, 3)


@pytest.mark.parametrize("attention", list(Attention))
def test_every_size_of_a_live_stream_is_decoded(attention: Attention, make: Make, tmp_path: Path) -> None:
    with RtspServer(joined(tmp_path)) as server:
        camera = make(
            lambda: open_source("gate", server.url, transport="tcp", loop=False, timeout=10, clock=SystemClock()),
            max_blind=2.0,
            deadline=10.0,
        )
        shapes: set[tuple[int, ...]] = set()
        clock = SystemClock()
        until = clock.monotonic() + 60
        while len(shapes) < len(SIZES) and clock.monotonic() < until:
            if (frame := camera.next_frame(1)) is not None:
                shapes.add(frame.luma.shape)
                camera.attend(attention)
        assert shapes == {(height, width) for width, height in SIZES}
        assert camera.status().attempts == 0


class Resized(Scene):
    """A scene whose pictures have another size from `at` on."""

    at, factor = 0.0, 1.0

    def frame(self, t: float) -> Frame:
        frame = super().frame(t)
        if t < self.at:
            return frame
        return replace(
            frame,
            luma=cv2.resize(frame.luma, None, fx=self.factor, fy=self.factor),
            to_bgr=lambda: cv2.resize(frame.to_bgr(), None, fx=self.factor, fy=self.factor),
        )

    def corners(self, stay: int, t: float) -> Corners | None:
        found = super().corners(stay, t)
        return found if found is None or t < self.at else scaled(found, self.factor)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
@pytest.mark.parametrize("at", [5.0, 6.0, 8.2])
def test_a_vehicle_is_followed_on_when_the_size_changes(at: float, factor: float) -> None:
    stays = [Stay(vehicle(1, 1), 4.0, 8.0)]
    plain, scene = Scene(stays).play(12).finish(), Resized(stays)
    scene.at, scene.factor = at, factor
    scene.play(12).finish()
    assert [vehicle for _, vehicle in scene.shots] == [vehicle for _, vehicle in plain.shots] == [0]
    assert len([event for event in scene.events if isinstance(event, Closed)]) == 1
