"""The drawn scenes say the truth about themselves, and the sample that ships is the one that is drawn."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import Person, Vehicle, draw_plate, frames, render
from draw_sample import ACTORS, SAMPLE, SECONDS

SMALL = (640, 360)


@pytest.mark.parametrize(("kind", "shape"), [("blue", (140, 440)), ("green", (128, 440)), ("two-line", (220, 440))])
def test_a_plate_has_its_kinds_proportions_and_ink(kind: str, shape: tuple[int, int]) -> None:
    plate = draw_plate("京AD12345" if kind == "green" else "京A12345", kind)
    assert plate.shape == (*shape, 3)
    assert 0.1 < np.mean(np.ptp(plate.astype(int) - plate[shape[0] // 2, 4], axis=2) > 60) < 0.6


def test_plates_of_other_text_look_different() -> None:
    assert np.abs(draw_plate("京A12345").astype(int) - draw_plate("津A12345")).max() > 100


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_truth_tells_when_each_actor_was_there(tmp_path: Path, codec: str) -> None:
    clip = tmp_path / "clip.mp4"
    actors = [Vehicle("京A12345", enter=1, approach=1, stop=1, leave=0.5), Person(enter=0.5, cross=2)]
    person, car = render(clip, actors, 4, fps=10, size=SMALL, codec=codec)
    assert (person.plate, person.readable_from) == ("", None)
    assert car.plate == "京A12345"
    assert car.seen_from == 1
    assert 1.5 < car.readable_from < 2.2 < 3 <= car.readable_until <= car.seen_until < 3.5
    with av.open(str(clip)) as box:
        stream = box.streams.video[0]
        assert (stream.codec_context.name, stream.format.name, stream.frames) == (codec, "yuv420p", 40)
        shown = [frame.to_ndarray(format="gray") for frame in box.decode(stream)]
    change = [np.mean(cv2.absdiff(shown[0], picture) > 20) for picture in shown]
    assert max(change[:5]) < 0.001
    assert change[25] > 0.1
    assert change[-1] < 0.001


def test_the_same_actors_give_the_same_pictures() -> None:
    once, again = ([picture for _, picture in frames([Vehicle("京A12345")], 1, 5, SMALL)] for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


def test_the_sample_is_as_promised() -> None:
    assert SAMPLE.stat().st_size <= 2_000_000
    assert len({actor.kind for actor in ACTORS if isinstance(actor, Vehicle)}) >= 4
    assert any(isinstance(actor, Person) for actor in ACTORS)
    with av.open(str(SAMPLE)) as box:
        stream = box.streams.video[0]
        assert (stream.codec_context.name, stream.format.name, stream.width, stream.height) == (
            "h264",
            "yuv420p",
            1280,
            720,
        )
        assert float(stream.duration * stream.time_base) == pytest.approx(SECONDS, abs=0.1)
        times = {0, 5, 13, 21, 29, 36, SECONDS - 1}
        shown = {
            t: _thin(frame.to_ndarray(format="bgr24")) for frame in box.decode(stream) if (t := frame.time) in times
        }
    drawn = {t: _thin(picture) for t, picture in frames(ACTORS, SECONDS, 1) if t in times}
    assert np.abs(shown[0] - shown[SECONDS - 1]).mean() < 2
    for t in (5, 13, 21, 29, 36):
        assert np.abs(shown[t] - drawn[t]).mean() < 4
        assert np.abs(shown[t] - shown[0]).mean() > 3


def _thin(picture: np.ndarray) -> np.ndarray:
    return picture[::4, ::4].astype(int)
