"""The last look for a plate before a view is given up."""

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from clips import draw_plate

from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.regions import Region
from streamwatch.gate.sight import Sight
from streamwatch.gate.track import Track
from streamwatch.model import Box, Frame
from streamwatch.recognition.presence import Presence

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def sight() -> Sight:
    return Sight(Presence().plates, [])


def faded(kind: str, light: int) -> np.ndarray:
    """A large view with a plate that hardly stands out, at 345 to 510 across and 450 to 500 down."""
    bgr = np.full((750, 960, 3), 120, np.uint8)
    plate = draw_plate("皖Q06417", kind, width=165)
    bgr[450 : 450 + plate.shape[0], 345:510] = plate
    faint = (cv2.GaussianBlur(bgr, (0, 0), 3.0) - 120.0) * 0.1 + light
    noise = np.random.default_rng(1).normal(0, 2, bgr.shape)
    return np.clip(faint + noise, 0, 255).astype(np.uint8)


def looked_hard(sight: Sight, bgr: np.ndarray, box: Box) -> Candidate:
    track = Track(1, Region(0, 0, 40, 30, 900), AT, AT, 0.0, False)
    frame = Frame("gate", AT, cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), lambda: bgr)
    view = Candidate(frame, 0.0, box, box, 1.0, True)
    sight.look_hard(track, view)
    return view


@pytest.mark.parametrize("kind", ["blue", "yellow"])
@pytest.mark.parametrize("light", [40, 100])
def test_a_plate_that_hardly_stands_out_is_seen_at_last(sight: Sight, kind: str, light: int) -> None:
    view = looked_hard(sight, faded(kind, light), Box(0, 0, 960, 750))
    assert view.plate is not None
    assert np.abs(np.mean(view.plate, axis=0) - (427, 475)).max() < 20


def test_where_nothing_is_nothing_is_seen(sight: Sight) -> None:
    noise = np.random.default_rng(1).normal(100, 4, (750, 960, 3))
    assert looked_hard(sight, np.clip(noise, 0, 255).astype(np.uint8), Box(0, 0, 960, 750)).plate is None
