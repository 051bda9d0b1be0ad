"""Selective decoding: from files in their own time, and over a real RTSP connection."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from cameras import Make, closed_in_the_end
from numbered import clip, number_in
from rtsp_server import RtspServer

from streamwatch.capture import LiveCamera, Recording, open_source
from streamwatch.capture.av_source import Decoder, open_file
from streamwatch.capture.frames import DecodedPicture
from streamwatch.capture.groups import SLACK
from streamwatch.capture.packets import AccessUnitParser, CodedPacket
from streamwatch.capture.selective_decoding import SelectiveDecoder
from streamwatch.core.clock import SystemClock
from streamwatch.core.codes import CameraState
from streamwatch.core.model import Attention

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def make() -> Iterator[Make]:
    with closed_in_the_end() as one:
        yield one


def played(path: Path, wanted: Iterable[int] = (), calm: Iterable[int] = (), max_blind: float = 2.0) -> list[int]:
    """Return the numbers of the frames that were looked at. wanted: ask for all attention. calm: end that."""
    numbers, attention = [], Attention.QUIET
    with Recording("gate", path, max_blind) as recording:
        for frame in recording.frames(START):
            number = number_in(frame.luma)
            attention = Attention.ALL if number in wanted else Attention.QUIET if number in calm else attention
            if not recording.attend(attention):
                assert frame.captured_at == START + timedelta(seconds=number / 25)
                numbers.append(number)
    return numbers


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_of_a_quiet_recording_only_first_pictures_of_groups_are_decoded(codec: str, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 110, codec=codec, gop=25)
    assert played(path) == [0, 25, 50, 75, 100, 109]


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_activity_brings_back_what_was_passed_over(codec: str, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 110, codec=codec, gop=25)
    assert played(path, wanted=[50], calm=[60]) == [0, *range(25, 61), 75, 100, 109]


def test_activity_soon_after_another_brings_nothing_twice(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 110, gop=25)
    assert played(path, wanted=[50, 75], calm=[60, 80]) == [0, *range(25, 81), 100, 109]


def test_the_end_of_a_recording_is_looked_at(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 70, gop=50)
    assert played(path, wanted=[69]) == [0, *range(50, 70)]


def test_pictures_that_come_in_another_order_than_they_are_shown(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 110, codec="mpeg4", gop=12)
    reordered = clip(tmp_path / "reordered.mp4", 110, gop=25, bframes=2)
    assert played(path, wanted=[0]) == list(range(110))
    assert played(reordered, wanted=[0]) == list(range(110))
    numbers = played(reordered, wanted=[50], calm=[60])
    assert numbers == sorted(set(numbers))
    assert set(range(26, 61)) <= set(numbers)


def test_without_time_stamps_the_time_is_right_too(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.h264", 110, gop=25)
    assert played(path, wanted=[50], calm=[60]) == [0, *range(25, 61), 75, 100, 109]


class Counting(Decoder):
    """Counts the packets that it and its rough decoder are given."""

    def __init__(self, context: VideoCodecContext) -> None:
        super().__init__(context)
        self.packets = self.roughly = 0

    def decode(self, packet: "Packet[VideoStream] | None") -> list[DecodedPicture]:
        self.packets += packet is not None
        return super().decode(packet)

    def rough(self) -> Decoder:
        rough = super().rough()
        decode = rough.decode

        def count(packet: "Packet[VideoStream] | None") -> list[av.VideoFrame]:
            self.roughly += packet is not None
            return decode(packet)

        rough.decode = count  # type: ignore[method-assign]
        return rough


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize(
    ("gop", "looks", "decoded"),
    [
        (60, [0, 58, 67, 120, 127, 180, 187, 240, 247, 300, 307, 360, 367], 59 + 6 * 8 + 6),
        (100, [0, 58, 100, 147, 200, 247, 300, 347], 59 + 3 * 48 + 4),
        (125, [0, 58, 116, 147, 197, 250, 272, 322, 375, 397], 117 + 73 + 73 + 23 + 3),
        (250, [0, 58, 116, 174, 232, 250, 297, 347, 397], 233 + 148 + 2),
    ],
)
def test_of_long_groups_no_more_is_decoded_than_the_last_look_needs(
    codec: str, gop: int, looks: list[int], decoded: int, tmp_path: Path
) -> None:
    """The first group tells how long they last."""
    packets, whole = packets_of(clip(tmp_path / "clip.mp4", 400, gop=gop, codec=codec))
    decoder, seen = Counting(whole._context), []
    camera = SelectiveDecoder(decoder, max_blind=2)
    camera.attend(Attention.QUIET)
    for packet in packets:
        camera.add(packet)
        while (viewed := camera.next(packet.at)) is not None:
            camera.attend(Attention.QUIET)
            seen.append(viewed.packet.number)
    assert all(abs(a - b) <= 1 for a, b in zip(seen, looks, strict=True)), seen
    assert max(b - a for a, b in pairwise(seen)) <= (2 + SLACK) * 25 + 1
    assert abs(decoder.roughly - decoded) <= 8
    assert decoder.packets == 0
    assert not camera.every_picture


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_activity_within_a_long_group_brings_back_all_since_the_last_look(codec: str, tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 500, codec=codec, gop=100)
    assert played(path, wanted=[247], calm=[260]) == [0, 58, 100, 147, *range(200, 261), 300, 347, 400, 447, 499]
    assert played(path, wanted=[300], calm=[330]) == [0, 58, 100, 147, 200, 247, *range(248, 331), 347, 400, 447, 499]


def test_activity_within_a_long_group_decodes_it_anew_in_full_quality(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 400, gop=400)
    quiet = [n for n in played(path) if n < 300]
    last = quiet[-1]
    numbers = played(path, wanted=[last])
    assert numbers == [*quiet[:-1], *range(quiet[-2] + 1, 400)]


def test_short_groups_after_long_ones_are_noticed(tmp_path: Path) -> None:
    pts = {n: n if n < 100 else 100 + (n - 100) for n in range(300)}
    path = clip(tmp_path / "clip.mp4", 300, gop=50, pts=pts)
    assert played(path, max_blind=1.0)[:5] == [0, 33, 50, 72, 100]
    assert played(path, max_blind=2.0) == [0, 50, 100, 150, 200, 250, 299]


def test_where_each_picture_stands_alone_a_few_a_second_are_looked_at(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.avi", 100, codec="mjpeg", gop=1, pixels="yuvj420p")
    numbers = played(path)
    assert all(8 <= b - a <= 12 for a, b in pairwise(numbers[:-1]))


def packets_of(path: Path) -> tuple[list[CodedPacket], Decoder]:
    container, stream = open_file(path)
    parser = AccessUnitParser()
    packets = [parser.parse(p, n / 25, START, p.pts) for n, p in enumerate(container.demux(stream)) if p.size]
    return packets, Decoder(stream.codec_context)


def test_who_comes_late_skips_to_the_newest_group_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    packets, decoder = packets_of(clip(tmp_path / "clip.mp4", 110, gop=25))
    camera = SelectiveDecoder(decoder, max_blind=2, latest=0.7)
    for packet in packets:
        camera.add(packet)
    viewed = camera.next(110 / 25)
    assert viewed is not None
    assert viewed.packet.number == 100
    assert camera.dropped == 100


def test_who_is_a_little_late_gets_the_oldest_that_is_new_enough(tmp_path: Path) -> None:
    packets, decoder = packets_of(clip(tmp_path / "clip.mp4", 50, gop=50))
    camera = SelectiveDecoder(decoder, max_blind=2, latest=0.7)
    for packet in packets:
        camera.add(packet)
    viewed = camera.next(50 / 25)
    assert viewed is not None
    assert 50 / 25 - 0.7 <= viewed.packet.at <= 50 / 25 - 0.66
    assert camera.dropped == viewed.packet.number


def test_where_only_the_newest_picture_counts_older_groups_are_not_decoded(tmp_path: Path) -> None:
    container, stream = open_file(clip(tmp_path / "clip.mp4", 110, gop=25))
    parser, decoder = AccessUnitParser(), Counting(stream.codec_context)
    packets = [packet for packet in container.demux(stream) if packet.size]
    camera, seen = SelectiveDecoder(decoder, max_blind=2, only_newest=True), []
    for begin, end in ((0, 30), (30, 45), (45, 110)):
        for number in range(begin, end):
            camera.add(parser.parse(packets[number], number / 25, START, packets[number].pts))
        while (viewed := camera.next(end / 25)) is not None:
            seen.append(viewed.packet.number)
            camera.attend(Attention.ALL)
    assert seen == [*range(25, 45), *range(100, 110)]
    assert decoder.packets == len(seen)
    assert camera.dropped == 0


def test_a_frame_of_a_substream_is_worth_asking_for_when_a_group_begins(tmp_path: Path) -> None:
    container, stream = open_file(clip(tmp_path / "clip.mp4", 110, gop=25))
    parser = AccessUnitParser()
    camera, worth = SelectiveDecoder(Decoder(stream.codec_context), max_blind=2, only_newest=True), []
    for number, packet in enumerate(p for p in container.demux(stream) if p.size):
        if camera.add(parser.parse(packet, number / 25, START, packet.pts)):
            worth.append(number)
            while camera.next(number / 25) is not None:
                camera.attend(Attention.ALL)
    assert worth == [1, 25, 50, 75, 100], "the second picture shows that the first one is whole"


def woken(path: Path, rests_from: int, wakes_at: int, since: int) -> tuple[list[int], int]:
    """Return the numbers of the pictures seen from a wake on, after a rest, and the number decoded for them."""
    container, stream = open_file(path)
    parser, decoder = AccessUnitParser(), Counting(stream.codec_context)
    camera, seen = SelectiveDecoder(decoder, max_blind=2.0), []
    for number, packet in enumerate(p for p in container.demux(stream) if p.size):
        camera.add(parser.parse(packet, number / 25, START + timedelta(seconds=number / 25), packet.pts))
        if number == wakes_at:
            decoder.packets = 0
            camera.wake(START + timedelta(seconds=since / 25))
        while (viewed := camera.next(number / 25)) is not None:
            camera.attend(Attention.QUIET if rests_from <= number < wakes_at else Attention.ALL)
            camera.rest(10.0 if rests_from <= number < wakes_at else None)
            seen += [viewed.packet.number] * (number >= wakes_at)
    return seen, decoder.packets


def test_woken_soon_after_it_rested_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    seen, decoded = woken(clip(tmp_path / "clip.mp4", 60, gop=50), rests_from=30, wakes_at=45, since=35)
    assert seen == list(range(35, 60))
    assert decoded == 29


def test_woken_for_what_was_looked_at_it_shows_only_what_came_after(tmp_path: Path) -> None:
    seen, _ = woken(clip(tmp_path / "clip.mp4", 60, gop=50), rests_from=30, wakes_at=45, since=20)
    assert seen == list(range(31, 60))


def test_woken_long_after_it_rested_it_begins_with_the_group(tmp_path: Path) -> None:
    seen, decoded = woken(clip(tmp_path / "clip.mp4", 110, gop=25), rests_from=30, wakes_at=95, since=90)
    assert seen == list(range(90, 110))
    assert decoded == 35


def of(server: RtspServer, make: Make, **more: object) -> LiveCamera:
    return make(
        lambda: open_source("gate", server.url, transport="tcp", loop=False, timeout=5, clock=SystemClock()),
        deadline=5,
        max_blind=1.0,
        **more,
    )


def pull(camera: LiveCamera) -> int:
    ends = time.monotonic() + 10
    while (frame := camera.next_frame(0.5)) is None:
        assert time.monotonic() < ends, camera.status()
    return number_in(frame.luma)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_over_rtsp_activity_brings_back_what_was_passed_over(codec: str, tmp_path: Path, make: Make) -> None:
    with RtspServer(clip(tmp_path / "gate.mp4", 250, codec=codec, gop=25)) as server:
        camera = of(server, make)
        for _ in range(3):
            pull(camera)
            assert not camera.attend(Attention.QUIET)
        quiet = [pull(camera)]
        camera.attend(Attention.QUIET)
        quiet.append(pull(camera))
        assert [number % 25 for number in quiet] == [0, 0]
        lag = (server.playing - quiet[-1]) % 250
        assert lag < 15
        assert camera.attend(Attention.ALL)
        every = []
        for _ in range(60):
            every.append(pull(camera))
            assert not camera.attend(Attention.ALL)
        assert every == [(quiet[0] + 1 + n) % 250 for n in range(60)]
        assert (server.playing - every[-1]) % 250 < 15, "it has caught up"
        assert camera.status().dropped == 0
        assert 15 < camera.status().fps < 35


def test_a_quiet_camera_that_is_lost_is_found_quiet_again(tmp_path: Path, make: Make) -> None:
    with RtspServer(clip(tmp_path / "gate.mp4", 250, gop=25)) as server:
        camera = of(server, make)
        pull(camera)
        camera.attend(Attention.QUIET)
        server.stop()
        ends = time.monotonic() + 10
        while camera.status().state is not CameraState.RECONNECTING:
            assert time.monotonic() < ends
            camera.next_frame(0.05)
        server.restart()
        assert pull(camera) % 25 == 0
        camera.attend(Attention.QUIET)
        assert pull(camera) % 25 == 0
        assert camera.status().state is CameraState.ONLINE


def test_what_would_make_it_cheaper_is_said_once(tmp_path: Path, make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with RtspServer(clip(tmp_path / "gate.mp4", 250, gop=100)) as server:
        camera = of(server, make)
        first = pull(camera)
        numbers = [first]
        for _ in range(10):
            camera.attend(Attention.QUIET)
            numbers.append(pull(camera))
        assert first % 100 == 0
        assert (server.playing - numbers[-1]) % 250 < 15
    assert len([line for line in caplog.messages if "I-frame interval is at most 1 s" in line]) == 1


@pytest.mark.parametrize("attention", Attention)
def test_a_played_file_is_looked_at_to_its_end(attention: Attention, tmp_path: Path, make: Make) -> None:
    path = str(clip(tmp_path / "clip.mp4", 30))
    camera = make(
        lambda: open_source("gate", path, transport="tcp", loop=False, timeout=1, clock=SystemClock()), max_blind=2.0
    )
    numbers = []
    while not camera.ended:
        frame = camera.next_frame(1)
        if frame is not None and not camera.attend(attention):
            numbers.append(number_in(frame.luma))
    assert numbers == (list(range(30)) if attention is Attention.ALL else [0, 25, 29])


@pytest.mark.parametrize("ending", ["avi", "h264"])
def test_nothing_is_left_out_where_time_stamps_do_not_tell_the_order(ending: str, tmp_path: Path) -> None:
    path = clip(tmp_path / f"clip.{ending}", 110, gop=25, bframes=3)
    with Recording("gate", path, 2.0) as recording:
        numbers = [number_in(frame.luma) for frame in recording.frames(START)]
    assert numbers == list(range(110))
    numbers, attention = [], Attention.QUIET
    with Recording("gate", path, 2.0) as recording:
        for frame in recording.frames(START):
            attention = Attention.ALL if number_in(frame.luma) == 50 else attention
            if not recording.attend(attention):
                numbers.append(number_in(frame.luma))
    assert numbers[-85:] == list(range(25, 110))[-85:]
    assert len(numbers) <= 87


def test_a_group_too_long_to_be_kept_is_decoded_though_another_stream_is_watched(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 700, gop=500)
    seen, _ = woken(path, rests_from=30, wakes_at=450, since=440)
    assert seen[0] <= 450
    assert seen == list(range(seen[0], 700))


def test_it_is_not_well_that_nothing_can_be_decoded_alone(tmp_path: Path) -> None:
    packets, decoder = packets_of(clip(tmp_path / "clip.mp4", 300, gop=25))
    camera = SelectiveDecoder(Damaged(decoder, {n for n in range(300) if n % 25 == 0 and n >= 50}), max_blind=2)
    camera.attend(Attention.QUIET)
    camera.rest(1.0)
    content, seen = [], []
    for packet in packets:
        camera.add(packet)
        while (viewed := camera.next(packet.at)) is not None:
            camera.attend(Attention.QUIET)
            seen.append(viewed.packet.number)
        content.append(camera.content)
    assert content[40]
    assert not any(content[110:])
    assert [n for n in seen if n > 110], "so all is decoded"


class Damaged(Decoder):
    """Cannot decode some I-frames if they come first after a restart."""

    def __init__(self, whole: Decoder, numbers: set[int]) -> None:
        self._whole, self._numbers, self._first = whole, numbers, True

    @property
    def damaged(self) -> int:  # type: ignore[override]
        return self._whole.damaged

    def decode(self, packet: "Packet[VideoStream] | None") -> list[DecodedPicture]:
        first, self._first = self._first, False
        return [] if first and packet is not None and packet.pts in self._numbers else self._whole.decode(packet)

    def rough(self) -> Decoder:
        return Damaged(self._whole.rough(), self._numbers)

    def restart(self) -> None:
        self._first = True
        self._whole.restart()


def test_after_damage_on_the_way_first_pictures_are_decoded_alone_again(tmp_path: Path) -> None:
    packets, decoder = packets_of(clip(tmp_path / "clip.mp4", 2300, gop=50))
    camera, costly = SelectiveDecoder(Damaged(decoder, {500, 550}), max_blind=2), []
    camera.attend(Attention.QUIET)
    for packet in packets:
        camera.add(packet)
        while camera.next(packet.at) is not None:
            camera.attend(Attention.QUIET)
        costly += [packet.number] * camera.every_picture
    assert costly[0] == 550
    assert 550 + 59 * 25 <= costly[-1] <= 550 + 64 * 25


def test_what_is_paid_for_is_not_decoded_roughly_in_a_group_without_end(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4", 500, codec="libx265", gop=500)
    with av.open(str(path)) as container:
        whole = [frame.to_ndarray(format="yuv420p")[:192] for frame in container.decode(video=0)]
    shown, attention = list[int](), Attention.QUIET
    with Recording("gate", path, 2.0) as recording:
        for frame in recording.frames(START):
            number = number_in(frame.luma)
            attention = Attention.ALL if number >= 400 else Attention.QUIET
            if not recording.attend(attention) and number > 400:
                assert np.array_equal(frame.luma, whole[number])
                shown.append(number)
    assert shown == list(range(shown[0], 500))
    assert shown[0] <= 406


def test_the_time_for_catching_up_begins_with_what_is_wanted(tmp_path: Path) -> None:
    packets, decoder = packets_of(clip(tmp_path / "clip.mp4", 400, gop=100))
    packets = [replace(packet, arrived_at=START + timedelta(seconds=packet.at)) for packet in packets]
    camera = SelectiveDecoder(decoder, max_blind=4, latest=0.7)
    camera.attend(Attention.QUIET)
    camera.rest(30.0)
    for packet in packets[:196]:
        camera.add(packet)
    assert camera.next(195 / 25) is not None
    camera.attend(Attention.QUIET)
    camera.wake(START + timedelta(seconds=190 / 25))
    for packet in packets[196:]:
        camera.add(packet)
    seen = []
    for step in range(210):
        viewed = camera.next(195 / 25 + 4.0 + step / 100)
        assert viewed is not None
        camera.attend(Attention.ALL)
        seen.append(viewed.packet.number)
    assert seen == list(range(190, 400))
    assert camera.dropped == 0


def test_catching_up_goes_on_where_pictures_are_shown_in_another_order(tmp_path: Path) -> None:
    packets, decoder = packets_of(clip(tmp_path / "clip.mp4", 320, gop=25, bframes=2))
    camera, seen, attention = SelectiveDecoder(decoder, max_blind=2, latest=0.7), [], Attention.QUIET
    for packet in packets:
        camera.add(packet)
        while (viewed := camera.next(packet.at)) is not None:
            number = number_in(viewed.picture.picture.to_ndarray(format="gray"))
            attention = Attention.ALL if number >= 250 else attention
            if not camera.attend(attention):
                seen.append(number)
    assert seen[seen.index(226) :] == list(range(226, seen[-1] + 1))
    assert camera.dropped == 0


def test_new_parameters_of_a_stream_reach_every_decoder(tmp_path: Path) -> None:
    small = clip(tmp_path / "a.flv", 100, gop=25)
    large = clip(tmp_path / "b.flv", 100, gop=25, size=(640, 384), pts={n: n + 100 for n in range(100)})
    (tmp_path / "both.flv").write_bytes(small.read_bytes() + large.read_bytes()[13:])
    seen, attention = [], Attention.QUIET
    with Recording("gate", tmp_path / "both.flv", 2.0) as recording:
        for frame in recording.frames(START):
            if frame.captured_at >= START + timedelta(seconds=5.5):
                attention = Attention.ALL
            if not recording.attend(attention):
                seen.append((frame.luma.shape[1], number_in(frame.luma)))
        assert recording.damaged == 0
    assert seen[-73:] == [(640, n) for n in range(27, 100)]
