"""Blobs: regions that differ from the empty scene, followed by their place."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np
import pytest
from test_gate import Scene, Stay, texture

from streamwatch.core.model import Direction, Picture
from streamwatch.gate import Closed, Gate, Kept, Opened
from streamwatch.gate.motion.blobs import MOST_BLOBS, STILL_STEP, Blob, BlobTracker, stillness
from streamwatch.gate.motion.regions import Region

BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
SMALL = np.full((180, 320), 100, np.uint8)
MEMORY = 1.0


def region(left: int, top: int = 60, width: int = 60, height: int = 40) -> Region:
    return Region(left, top, left + width, top + height, width * height)


class Watch:
    """A blob tracker, and the time, in tenths of a second."""

    def __init__(self) -> None:
        self._numbers: Iterator[int] = count(1)
        self.blobs = BlobTracker(lambda: next(self._numbers))
        self.at = 0.0

    def look(self, *regions: Region, small: Picture = SMALL, passed: float = 0.1) -> list[Blob]:
        """Take in the next frame; return the blobs that have gone."""
        self.at += passed
        return self.blobs.look(list(regions), small, BEGIN + timedelta(seconds=self.at), self.at, MEMORY)

    @property
    def only(self) -> Blob:
        (blob,) = self.blobs.now
        return blob


def test_what_moves_on_is_one_blob() -> None:
    watch = Watch()
    for n in range(20):
        watch.look(region(10 + 8 * n))
    assert (watch.only.passage, watch.only.frames) == (1, 20)
    assert watch.only.first == region(10)
    assert watch.only.region == region(162)
    assert watch.only.last_seen - watch.only.opened_at == timedelta(seconds=1.9)


def test_two_that_do_not_touch_are_two_and_a_jump_makes_another_one() -> None:
    watch = Watch()
    watch.look(region(10), region(200))
    assert [blob.passage for blob in watch.blobs.now] == [1, 2]
    watch.look(region(14), region(204))
    assert [blob.passage for blob in watch.blobs.now] == [1, 2]
    watch.look(region(100), region(208))
    assert sorted(blob.passage for blob in watch.blobs.now) == [2, 3]


def test_pieces_of_one_blob_are_one() -> None:
    watch = Watch()
    watch.look(region(100, 40, 80, 100))
    watch.look(region(104, 44, 70, 30), region(104, 100, 70, 30))
    assert watch.only.region == Region(104, 44, 174, 130, 2 * 70 * 30)


def test_one_beside_a_blob_is_another_one() -> None:
    watch = Watch()
    watch.look(region(100, 40, 80, 100))
    watch.look(region(100, 40, 30, 100), region(134, 40, 40, 100))
    assert len(watch.blobs.now) == 2


def test_it_is_told_once_that_a_blob_has_gone_and_not_while_it_flickers() -> None:
    watch = Watch()
    watch.look(region(100))
    assert [watch.look() for _ in range(8)] == [[]] * 8
    assert watch.blobs.now == []
    watch.look(region(104))
    assert watch.only.passage == 1
    gone = [blob for _ in range(20) for blob in watch.look()]
    assert [blob.passage for blob in gone] == [1]


def test_it_knows_how_long_a_blob_stands_and_how_large_it_was() -> None:
    watch = Watch()
    noisy = np.random.default_rng(1)
    for n in range(10):
        small = SMALL.copy()
        small[60:100, 10 + 8 * n : 70 + 8 * n] = texture(n, 60, 40, 4, 0, 255)
        watch.look(region(10 + 8 * n), small=small)
        assert watch.only.stands(watch.at) == 0
    for _ in range(20):
        grain = np.clip(small + noisy.normal(0, 2, small.shape), 0, 255).astype(np.uint8)
        watch.look(region(82, width=56), small=grain)
    assert watch.only.stands(watch.at) == pytest.approx(1.9)
    assert watch.only.largest == 60 * 40


def test_a_part_of_it_that_moves_ends_its_rest() -> None:
    watch = Watch()
    for _ in range(10):
        watch.look(region(100))
    assert watch.only.stands(watch.at) > 0
    door = SMALL.copy()
    door[62:80, 102:120] = 200
    watch.look(region(100), small=door)
    assert watch.only.stands(watch.at) == 0


@pytest.mark.parametrize(("step", "part"), [(STILL_STEP, 1.0), (STILL_STEP + 1, 0.75)])
def test_stillness_is_the_part_that_has_not_moved(step: int, part: float) -> None:
    now = SMALL.copy()
    now[60:70, 100:160] += step
    assert stillness(now, SMALL, region(100), STILL_STEP) == part


def test_there_are_only_so_many_and_all_are_forgotten_with_the_scene() -> None:
    watch = Watch()
    watch.look(*(region(32 * n, width=20) for n in range(10)))
    assert len(watch.blobs.now) == MOST_BLOBS
    watch.blobs.clear()
    assert watch.blobs.now == []
    assert [watch.look() for _ in range(20)] == [[]] * 20


def test_what_becomes_a_part_of_the_scene_is_forgotten_and_not_gone() -> None:
    watch = Watch()
    watch.look(region(100))
    watch.blobs.forget(watch.only)
    assert watch.blobs.now == []
    assert [watch.look() for _ in range(20)] == [[]] * 20


class Through(Stay):
    """A vehicle without a plate that drives from left to right in three seconds."""

    def place(self, t: float) -> tuple[float, float, float] | None:
        return (-160 + 320 * (t - self.come), self.y, 1.0) if self.come <= t < self.go else None


def test_a_vehicle_without_a_plate_is_a_passage_with_its_direction_and_no_call() -> None:
    scene = Scene([Through(texture(7, 200, 150, 25, 20, 240), 3.0, 6.0)], Gate(find_plates=lambda luma: [])).play(9)
    opened, kept, closed = scene.events
    assert isinstance(opened, Opened)
    assert isinstance(kept, Kept)
    assert isinstance(closed, Closed)
    assert timedelta(seconds=2) <= closed.last_seen - closed.opened_at <= timedelta(seconds=3)
    assert closed.direction is Direction.CROSSING


def test_what_is_smaller_than_a_vehicle_or_soon_gone_is_no_passage() -> None:
    small = Through(texture(7, 200, 150, 25, 20, 240), 3.0, 6.0)
    small.box = lambda t: (b := Stay.box(small, t)) and (b[0], b[1], 70, 90)  # type: ignore[method-assign]
    assert Scene([small], Gate(find_plates=lambda luma: [])).play(9).finish().events == []

    def flash(picture: Picture, t: float) -> None:
        if 4.0 <= t < 4.5:
            picture[60:300, 200:500] = texture(8, 300, 240, 25, 20, 240)

    assert Scene([], Gate(find_plates=lambda luma: []), extra=flash).play(9).finish().events == []
