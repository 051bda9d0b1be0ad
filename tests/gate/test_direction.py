"""The direction of a vehicle: from the first and the last place of its plate, and in the database after a replay."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from clips import Vehicle, render
from fakes import FakeOcrCars, plate
from records import plain_sqlite
from test_cli import START, paid, streamwatch

from streamwatch.core.model import Box, Direction
from streamwatch.gate.tracking.direction import direction

FIRST = Box(600, 300, 100, 32)


@pytest.mark.parametrize(
    ("last", "way"),
    [
        (Box(610, 400, 130, 42), Direction.COMING),
        (Box(200, 310, 130, 42), Direction.CROSSING),
        (Box(200, 310, 160, 51), Direction.COMING),
        (Box(590, 250, 80, 26), Direction.GOING),
        (Box(900, 320, 104, 33), Direction.CROSSING),
        (Box(300, 280, 96, 30), Direction.CROSSING),
        (Box(600, 420, 110, 35), Direction.COMING),
        (Box(610, 180, 95, 30), Direction.GOING),
        (Box(602, 301, 101, 32), Direction.UNKNOWN),
        (Box(680, 330, 105, 33), Direction.UNKNOWN),
        (FIRST, Direction.UNKNOWN),
    ],
    ids=lambda value: value.value if isinstance(value, Direction) else "",
)
def test_the_way_of_a_plate(last: Box, way: Direction) -> None:
    assert direction(FIRST, last) is way


@pytest.mark.parametrize(
    ("last", "way"), [(Box(610, 400, 130, 42), Direction.GOING), (Box(900, 320, 104, 33), Direction.CROSSING)]
)
def test_the_way_back_is_the_other_one(last: Box, way: Direction) -> None:
    assert direction(last, FIRST) is way


@dataclass(frozen=True)
class Leaver(Vehicle):
    """A vehicle that backs away from the line, as a camera above the exit sees it."""

    def pose(self, t: float) -> tuple[float, float, float, float] | None:
        return super().pose(2 * self.enter + self.approach + self.stop - t)


@dataclass(frozen=True)
class Crosser(Vehicle):
    """A vehicle that drives from left to right in `approach` seconds."""

    def pose(self, t: float) -> tuple[float, float, float, float] | None:
        part = (t - self.enter) / self.approach
        return (-200 + 1700 * part, 560, 0.8, 0.0) if 0 <= part < 1 else None


def test_the_database_knows_the_way_of_each_passage(tmp_path: Path) -> None:
    actors = [
        Vehicle("京AF0236", enter=1.0, approach=2.0, stop=1.5),
        Crosser("浙B7C289", enter=8.0, approach=3.5),
        Leaver("川A572F4", enter=14.0, approach=3.0, stop=1.5),
    ]
    render(tmp_path / "ways.mp4", actors, 22, fps=10, preset="veryfast")
    with FakeOcrCars(*(plate(actor.plate) for actor in actors)) as service:
        paid(tmp_path, service)
        done = streamwatch("replay", "--camera", "gate", "--start", START, "ways.mp4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with plain_sqlite(tmp_path / "data" / "streamwatch.db") as database:
        ways = [row["direction"] for row in database.execute("SELECT direction FROM passages ORDER BY opened_at")]
    assert ways == ["coming", "crossing", "going"]
