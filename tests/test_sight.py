"""The last look for a plate before a view is given up, and what becomes of such a view."""

from collections.abc import Sequence
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from clips import draw_plate

from streamwatch.gate.background import Background
from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.decisions import Shot
from streamwatch.gate.follow import Follower
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.judge import Judge
from streamwatch.gate.regions import Region
from streamwatch.gate.sight import Sight, believed
from streamwatch.gate.track import Track
from streamwatch.model import Box, Corners, Frame
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


def test_a_plate_that_was_missed_often_is_looked_for_again_where_it_is_followed_to() -> None:
    bgr = np.full((750, 960, 3), 120, np.uint8)
    plate = draw_plate("皖Q06417", "blue", width=165)
    bgr[450 : 450 + plate.shape[0], 345:510] = plate
    frame = Frame("gate", AT, cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), lambda: bgr)
    track, asked, presence = Track(1, Region(0, 0, 40, 30, 900), AT, AT, 0.0, False), [], Presence()

    def find(part: np.ndarray) -> Sequence[Corners]:
        asked.append(part.shape)
        return [] if len(asked) <= 3 else presence.plates(part)

    for n, width in enumerate((360, 430, 510, 610, 620)):
        box = Box(427 - width // 2, 475 - width // 3, width, 2 * width // 3)
        track.best = Candidate(frame, n / 10, box, box, 1.0 + n, True)
        assert not believed(track)
        Sight(find, []).glimpse(track)
    assert len(asked) == 5
    assert believed(track)


def test_where_nothing_is_nothing_is_seen(sight: Sight) -> None:
    noise = np.random.default_rng(1).normal(100, 4, (750, 960, 3))
    assert looked_hard(sight, np.clip(noise, 0, 255).astype(np.uint8), Box(0, 0, 960, 750)).plate is None


@pytest.mark.parametrize(("right", "bottom", "seen"), [(600, 740, True), (600, 765, False), (1010, 500, False)])
def test_a_plate_that_reaches_beyond_the_picture_is_none(sight: Sight, right: int, bottom: int, seen: bool) -> None:
    plate = draw_plate("皖Q06417", "blue", width=240)
    bgr = np.full((900, 1200, 3), 120, np.uint8)
    bgr[bottom - plate.shape[0] : bottom, right - plate.shape[1] : right] = plate
    shown = np.ascontiguousarray(bgr[:750, :960])
    assert (looked_hard(sight, shown, Box(0, 0, 960, 750)).plate is not None) is seen


def test_a_vehicle_that_came_nearer_and_goes_is_paid_with_the_view_that_was_given_up() -> None:
    bgr = np.full((720, 960, 3), 120, np.uint8)
    small, blind = np.zeros((180, 240), np.uint8), Sight(lambda _: [], [])
    judge = Judge(Follower(), Background(22), blind, [], patience=0.6, close_after=1.0, max_calls=3)
    judge.begin(Geometry(bgr.shape[:2], None))
    judge.let_go(small, 1.0)
    box = Box(0, 0, 960, 720)
    frame = Frame("gate", AT, bgr[:, :, 0], lambda: bgr)
    track = Track(1, Region(0, 0, 240, 180, 900), AT, AT, 0.0, False, confirmed=True, came_nearer=True)
    track.best = Candidate(frame, 0.5, box, box, 1.0, True)
    track.no_plate(1.0)
    [shot] = [decision for decision in judge.finish(track) if isinstance(decision, Shot)]
    assert shot.frame is frame
