"""The background model where vehicles stand and go, and the gate that watches with it from the middle of that on."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from clips import Vehicle, frames

from streamwatch.core.model import Frame, Picture
from streamwatch.detection import PlateDetector
from streamwatch.gate import Gate, Kept, Shot
from streamwatch.gate.motion.background import Background

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
FPS, STAND, PAUSE = 10, 2.0, 1.4
PLATES = ("京AF0236", "苏EK3P82")


@pytest.fixture(scope="module")
def loop() -> list[Picture]:
    """Draw two vehicles that look alike and stand at one place in turn, each for two seconds, as a clip that loops."""
    every = STAND + PAUSE
    cars = [Vehicle(p, enter=PAUSE + every * n, approach=0, stop=STAND, leave=0) for n, p in enumerate(PLATES)]
    return [
        np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
        for _, picture in frames(cars, PAUSE + every * len(PLATES), FPS, (640, 360))
    ]


@pytest.mark.parametrize("begins", [1.0, 1.1, 1.9, 3.1, 4.5])
def test_each_vehicle_is_read_wherever_in_their_coming_and_going_watching_begins(
    loop: list[Picture], begins: float
) -> None:
    gate = Gate(find_plates=PlateDetector().look)
    shots, kept = list[float](), list[float]()
    for n in range(40 * FPS):
        luma = loop[(n + round(begins * FPS)) % len(loop)]
        frame = Frame("gate", START + timedelta(seconds=n / FPS), luma, lambda: np.empty(0, np.uint8))
        for decision in gate.look(frame):
            if isinstance(decision, Shot):
                shots.append(n / FPS)
                gate.answered(decision.passage, [(True, None)])
            elif isinstance(decision, Kept):
                kept.append(n / FPS)
    assert len(shots) >= 9, "ten come in this time"
    assert [at for at in kept if at > 6] == []


def test_a_place_that_flickers_is_no_change() -> None:
    calm, waving = np.full((90, 160), 100, np.uint8), np.full((90, 160), 100, np.uint8)
    waving[20:70, 40:120] = 160
    background = Background(22)
    background.start(calm, 0.0)
    for n in range(1, 300):
        picture = waving if n % 2 else calm
        background.change(picture, None)
        background.learn(picture, None, 0.2 * n)
    assert all(cv2.countNonZero(background.change(picture, None)) == 0 for picture in (calm, waving))
