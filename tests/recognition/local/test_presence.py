"""The cheap look before a call: it finds plates of all kinds, and none on people and in empty scenes."""

import cv2
import numpy as np
import pytest
from clips import Person, Vehicle, draw_plate, frames

from streamwatch.recognition.local.presence import Presence


@pytest.fixture(scope="module")
def presence() -> Presence:
    return Presence()


def scene(*actors: Vehicle | Person) -> np.ndarray:
    return list(frames(actors, 3.1, 10))[-1][1]


@pytest.mark.parametrize(
    ("plate", "kind"), [("京A12345", "blue"), ("粤BDK4821", "green"), ("川A0638警", "white"), ("粤ZK38R港", "black")]
)
def test_a_vehicle_has_something_like_a_plate(presence: Presence, plate: str, kind: str) -> None:
    assert presence.plates(scene(Vehicle(plate, kind, enter=0)))


@pytest.mark.parametrize("width", [90, 220])
def test_says_where_in_the_region(presence: Presence, width: int) -> None:
    region = np.full((700, 900, 3), 120, np.uint8)
    plate = draw_plate("京A12345", width=width)
    region[400 : 400 + plate.shape[0], 300 : 300 + width] = plate
    [found] = presence.plates(region)
    expected = [(300, 400), (300 + width, 400), (300 + width, 400 + plate.shape[0]), (300, 400 + plate.shape[0])]
    assert np.abs(np.array(found) - expected).max() < 0.15 * width


def test_an_empty_gate_and_a_person_hold_no_plate(presence: Presence) -> None:
    road = np.s_[150:720, 200:1100]
    assert presence.plates(scene()[road]) == []
    assert presence.plates(scene(Person(enter=0))[road]) == []


def test_letters_as_high_as_the_region_are_no_plate(presence: Presence) -> None:
    region = np.full((300, 900, 3), 200, np.uint8)
    cv2.putText(region, "EXIT 12", (60, 220), (20, 20, 20), cv2.FontFace("uni"), 160)
    assert presence.plates(region) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (10, 300, 3), (1080, 1920, 3)])
def test_any_size_of_region_will_do(presence: Presence, shape: tuple[int, int, int]) -> None:
    assert presence.plates(np.zeros(shape, np.uint8)) == []
