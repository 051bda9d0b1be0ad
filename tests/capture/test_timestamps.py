"""Time stamps that leap: a leap is left out, and reported if it stays."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import av
import pytest
from numbered import clip, number_in

from streamwatch.capture import Recording
from streamwatch.capture.recording import PlayedRecording
from streamwatch.capture.timestamps import ClockJumpDetector, Jump, TimestampCorrector
from streamwatch.core.clock import SystemClock
from streamwatch.core.model import Attention

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = 3600.0, 86400.0
RATE = 25


@dataclass
class Stamped:
    """The parts of a packet that are looked at."""

    pts: int | None
    dts: int | None


def corrected(stamps: Sequence[int | None], rate: float = RATE) -> tuple[list[int], list[Jump]]:
    """Return the corrected stamps and the jumps of packets. stamps: in hundredths of a second."""
    corrector, packets = TimestampCorrector(0.01, rate), [Stamped(stamp, stamp) for stamp in stamps]
    found: Any = list(corrector.correct(packets))  # type: ignore[arg-type]
    assert [packet for packet, _, _ in found] == packets
    assert [shown for _, shown, _ in found] == [decoded for _, _, decoded in found]
    return [shown for _, shown, _ in found], corrector.jumps


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([900, 903, 906], [900, 903, 906]),
        ([-6, -3, 0], [-6, -3, 0]),
        ([None, None, None], [0, 4, 8]),
        ([100, None, 108], [100, 104, 108]),
        ([0, 4, 2, 8], [0, 4, 2, 8]),
        ([0, 4, 3004, 3008], [0, 4, 3004, 3008]),
        ([0, 4, 504, 508, 12, 16], [0, 4, 6, 9, 12, 16]),
    ],
    ids=["starts late", "negative", "missing", "one missing", "out of order", "a gap", "a gap that is taken back"],
)
def test_what_is_no_jump_is_no_jump(stamps: list[int | None], expected: list[int]) -> None:
    assert corrected(stamps) == (expected, [])


@pytest.mark.parametrize("by", [5.0, 13 * HOUR, 30 * DAY, -13 * HOUR, -5.0])
@pytest.mark.parametrize("count", [1, 10, 200])
def test_a_jump_that_is_taken_back_is_left_out(count: int, by: float) -> None:
    right = list(range(0, 3000, 4))
    wrong = [stamp + round(by * 100) * (50 <= n < 50 + count) for n, stamp in enumerate(right)]
    assert corrected(wrong) == (right, [])


def test_jumps_to_several_places_that_are_taken_back_are_left_out() -> None:
    right = list(range(0, 3000, 4))
    wrong = [
        stamp + 100 * round(HOUR) * {20: 5, 21: -3, 22: 13, 23: 13, 60: 1}.get(n, 0) for n, stamp in enumerate(right)
    ]
    assert corrected(wrong) == (right, [])


@pytest.mark.parametrize("by", [13 * HOUR, -13 * HOUR, 30 * DAY, 90.0])
def test_after_a_jump_that_stays_time_goes_on_from_where_it_was(by: float) -> None:
    right = list(range(0, 4000, 4))
    wrong = [stamp + round(by * 100) * (n >= 500) for n, stamp in enumerate(right)]
    assert corrected(wrong) == (right, [Jump(pytest.approx(20.0), pytest.approx(by))])


def test_first_stamps_that_are_wrong_do_not_count() -> None:
    right = list(range(0, 4000, 4))
    stamps, jumps = corrected([stamp + round(DAY * 100) * (n < 10) for n, stamp in enumerate(right)])
    assert [stamp - stamps[0] for stamp in stamps] == right
    assert len(jumps) == 1


def test_pictures_that_are_rare_do_not_jump() -> None:
    assert corrected(list(range(0, 100_000, 500)), rate=25) == (list(range(0, 100_000, 500)), [])


def restamped(path: Path, to: Path, stamp: Callable[[int], float]) -> Path:
    """Write a copy whose time stamps are ahead. ahead: gives the seconds for the number of a packet."""
    with av.open(str(path)) as whole, av.open(str(to), "w") as copy:
        stream = copy.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(p for p in whole.demux(video=0) if p.size):
            assert packet.pts is not None
            assert packet.time_base
            packet.pts += round(stamp(number) / packet.time_base)
            packet.stream = stream
            copy.mux(packet)
    return to


def times(path: Path, attention: Attention) -> list[tuple[int, timedelta]]:
    """Return number and time of the frames that are looked at."""
    with Recording("gate", path, max_blind=2.0) as recording:
        found = []
        for frame in recording.frames(START):
            recording.attend(attention)
            found.append((number_in(frame.luma), frame.captured_at - START))
    return found


@pytest.mark.parametrize("attention", list(Attention))
@pytest.mark.parametrize("bframes", [0, 3])
def test_pictures_that_are_stamped_hours_ahead_leave_no_trace(
    bframes: int, attention: Attention, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = clip(tmp_path / "plain.mp4", 100, bframes=bframes)
    ahead = restamped(plain, tmp_path / "ahead.ts", lambda n: 13 * HOUR * (5 <= n < 15))
    with caplog.at_level(logging.WARNING):
        found = times(ahead, attention)
    assert found
    assert all(abs(time - timedelta(seconds=number / 25)) < timedelta(seconds=0.3) for number, time in found)
    assert all(time == timedelta(seconds=number / 25) for number, time in found if number > 20)
    assert caplog.messages == []


@pytest.mark.parametrize("attention", list(Attention))
def test_a_clock_that_is_set_is_told_and_left_out(
    attention: Attention, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = restamped(
        clip(tmp_path / "plain.mp4", 100), tmp_path / "set.mkv", lambda n: 13 * HOUR * (n >= 30) + DAY * (n >= 70)
    )
    found = times(path, attention)
    assert all(
        time == pytest.approx(timedelta(seconds=number / 25), abs=timedelta(milliseconds=2)) for number, time in found
    )
    [line] = caplog.messages
    assert line.endswith(
        "its clock was set 2 times, first by +13 h 0 m after 1.2 s of the video; the times go on from where they were."
    )


def test_a_file_played_as_a_camera_does_not_wait_for_hours(tmp_path: Path) -> None:
    path = restamped(clip(tmp_path / "plain.mp4", 40), tmp_path / "set.mkv", lambda n: 13 * HOUR * (n >= 10))
    source = PlayedRecording("gate", path, loop=False, clock=SystemClock())
    assert len([frame for frame in source.frames() if frame]) == 40
    source.close()


def test_a_live_jump_is_told_once_it_stays() -> None:
    watch = ClockJumpDetector()
    ahead = [0.0] * 50 + [13 * HOUR] * 10 + [0.0] * 50 + [-2 * HOUR] * 400
    told = [watch.look(n / 25 + 100 + by, n / 25) for n, by in enumerate(ahead)]
    assert [(n, by) for n, by in enumerate(told) if by is not None] == [(235, pytest.approx(-2 * HOUR))]


def test_a_live_stream_that_drifts_does_not_jump() -> None:
    watch = ClockJumpDetector()
    assert all(watch.look(1.001 * n, n) is None for n in range(100_000))
