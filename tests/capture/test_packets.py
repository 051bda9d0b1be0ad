"""What is kept of a stream, undecoded."""

from dataclasses import replace
from pathlib import Path

from numbered import clip
from test_on_demand import pieces_of

from streamwatch.capture.packets import PacketBuffer


def test_what_is_kept_is_bounded_and_what_nobody_came_for_is_counted(tmp_path: Path) -> None:
    pieces, _ = pieces_of(clip(tmp_path / "clip.mp4", 200, gop=25))
    buffer = PacketBuffer(seconds=3.0)
    for piece in pieces:
        buffer.add(piece)
    first = buffer.after(0)
    assert first is not None
    assert first.key
    assert pieces[-1].at - first.at <= 3.0
    assert buffer.dropped == first.number


def test_a_group_without_end_keeps_what_is_not_decoded_yet(tmp_path: Path) -> None:
    pieces, _ = pieces_of(clip(tmp_path / "clip.mp4", 200, gop=200))
    buffer = PacketBuffer(seconds=3.0)
    for piece in pieces:
        buffer.add(piece)
        buffer.decoded(piece.serial - 10)
    first = buffer.after(0)
    assert first is not None
    assert pieces[-1].number - first.number <= 75
    assert buffer.dropped == 0
    stuck = PacketBuffer(seconds=3.0)
    for piece in pieces:
        stuck.add(piece)
    assert stuck.dropped >= 75
    assert stuck.after(0) is None, "nobody can begin in the middle"


def test_the_first_picture_of_a_group_is_whole_at_once_unless_pictures_come_in_parts(tmp_path: Path) -> None:
    pieces, _ = pieces_of(clip(tmp_path / "clip.mp4", 51, gop=25))
    whole, parts = PacketBuffer(), PacketBuffer()
    for piece in pieces[:26]:
        whole.add(piece)
    assert whole.whole_key(1) is pieces[25]
    for piece in [pieces[0], replace(pieces[1], number=0), *pieces[2:26]]:
        parts.add(piece)
    assert parts.whole_key(1) is None, "more of it may come"
    parts.add(pieces[26])
    assert parts.whole_key(1) is pieces[25]


def test_the_very_first_picture_is_whole_when_the_next_one_begins(tmp_path: Path) -> None:
    pieces, _ = pieces_of(clip(tmp_path / "clip.mp4", 3))
    buffer = PacketBuffer()
    buffer.add(pieces[0])
    assert buffer.whole_key(0) is None, "more of it may come"
    buffer.add(pieces[1])
    assert buffer.whole_key(0) is pieces[0]
