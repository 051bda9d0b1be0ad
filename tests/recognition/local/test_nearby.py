"""The part of a picture that is examined for a plate whose place is named, and places that no plate can have."""

import numpy as np
import pytest

from streamwatch.core.model import Box, Corners
from streamwatch.recognition.local.nearby import lies_there, surroundings

NAN = float("nan")


def place(left: float, top: float, width: float, height: float) -> Corners:
    return (left, top), (left + width, top), (left + width, top + height), (left, top + height)


def test_half_a_plate_is_left_around_it() -> None:
    assert surroundings(place(300, 200, 100, 30), 960, 540) == Box(250, 150, 200, 130)


def test_at_the_edge_the_part_ends_with_the_picture() -> None:
    assert surroundings(place(-10, 500, 100, 30), 960, 540) == Box(0, 450, 140, 90)


@pytest.mark.parametrize(
    "named",
    [
        pytest.param(place(1200, 200, 100, 30), id="outside"),
        pytest.param(place(300, 200, 0, 0), id="a point"),
        pytest.param(place(300, 200, 100, 3), id="a line"),
        pytest.param(place(300, 200, 30, 100), id="upright"),
        pytest.param(place(-500, 200, 1900, 300), id="wider than the picture"),
        pytest.param(((NAN, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)), id="no numbers"),
    ],
)
def test_what_can_be_no_plate_is_no_place(named: Corners) -> None:
    assert surroundings(named, 960, 540) is None


@pytest.mark.parametrize(("x", "there"), [(350, True), (405, True), (480, False)])
def test_a_plate_counts_whose_middle_is_on_the_place(x: float, there: bool) -> None:
    plate = np.array([(x - 50, 205), (x + 50, 205), (x + 50, 225), (x - 50, 225)], np.float32)
    assert lies_there(plate, place(300, 200, 100, 30)) is there
