"""The packets of a stream that are kept undecoded."""

from dataclasses import replace
from pathlib import Path

from numbered import clip
from test_selective_decoding import packets_of

from streamwatch.capture.packets import PacketBuffer


def test_what_is_kept_is_bounded_and_what_nobody_came_for_is_counted(tmp_path: Path) -> None:
    packets, _ = packets_of(clip(tmp_path / "clip.mp4", 200, gop=25))
    buffer = PacketBuffer(seconds=3.0)
    for packet in packets:
        buffer.add(packet)
    first = buffer.after(0)
    assert first is not None
    assert first.i_frame
    assert packets[-1].at - first.at <= 3.0
    assert buffer.dropped == first.number


def test_a_group_without_end_keeps_what_is_not_decoded_yet(tmp_path: Path) -> None:
    packets, _ = packets_of(clip(tmp_path / "clip.mp4", 200, gop=200))
    buffer = PacketBuffer(seconds=3.0)
    for packet in packets:
        buffer.add(packet)
        buffer.decoded(packet.serial - 10)
    first = buffer.after(0)
    assert first is not None
    assert packets[-1].number - first.number <= 75
    assert buffer.dropped == 0
    stuck = PacketBuffer(seconds=3.0)
    for packet in packets:
        stuck.add(packet)
    assert stuck.dropped >= 75
    assert stuck.after(0) is None, "decoding cannot begin in the middle"


def test_the_first_picture_of_a_group_is_whole_at_once_unless_pictures_come_in_parts(tmp_path: Path) -> None:
    packets, _ = packets_of(clip(tmp_path / "clip.mp4", 51, gop=25))
    whole, parts = PacketBuffer(), PacketBuffer()
    for packet in packets[:26]:
        whole.add(packet)
    assert whole.whole_i_frame(1) is packets[25]
    for packet in [packets[0], replace(packets[1], number=0), *packets[2:26]]:
        parts.add(packet)
    assert parts.whole_i_frame(1) is None, "more of it may come"
    parts.add(packets[26])
    assert parts.whole_i_frame(1) is packets[25]


def test_the_very_first_picture_is_whole_when_the_next_one_begins(tmp_path: Path) -> None:
    packets, _ = packets_of(clip(tmp_path / "clip.mp4", 3))
    buffer = PacketBuffer()
    buffer.add(packets[0])
    assert buffer.whole_i_frame(0) is None, "more of it may come"
    buffer.add(packets[1])
    assert buffer.whole_i_frame(0) is packets[0]
