"""The tracker on drawn plates, with a detector that is told what to see."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import cv2
import numpy as np
import pytest
from clips import draw_plate

from streamwatch.core.model import Box, Corners, Frame
from streamwatch.detection import Detection
from streamwatch.gate.plates.appearance import upright
from streamwatch.gate.plates.shapes import centre, plate_width
from streamwatch.gate.tracking.track import Memory, State, Track
from streamwatch.gate.tracking.tracker import MISSES, MOST_TRACKS, STARTS, TENTATIVE_FOR, Tracker

WIDTH, HEIGHT = 1280, 720
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
ALL = [Box(0, 0, WIDTH, HEIGHT)]
ELSEWHERE = [Box(0, 600, 200, 100)]
ONE, OTHER = "京AF0236", "浙B7C289"
ROAD = cv2.resize(
    np.random.default_rng(3).integers(80, 130, (45, 80), np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
)
Place = tuple[int, int, int]
"""Left, top and width of a plate."""


def corners(place: Place) -> Corners:
    x, y, width = place
    height = round(width * 140 / 440)
    return (x, y), (x + width, y), (x + width, y + height), (x, y + height)


def frame(at: float, plates: dict[str, Place]) -> Frame:
    luma = ROAD.copy()
    for x, y, width in plates.values():
        luma[max(0, y - width // 3) : y + 2 * width // 3, max(0, x - width) : x + 2 * width] = 60
    for text, (x, y, width) in plates.items():
        plate = cv2.cvtColor(draw_plate(text, width=width), cv2.COLOR_BGR2GRAY)
        luma[y : y + len(plate), x : x + width] = plate
    luma = cv2.add(luma, np.random.default_rng(round(at * 100)).normal(0, 2, luma.shape).round(), dtype=cv2.CV_8U)
    return Frame("gate", BEGIN + timedelta(seconds=at), luma, lambda: cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR))


class Seen:
    """A tracker that is shown frames. Times are seconds."""

    def __init__(self) -> None:
        self.tracker = Tracker()

    def follow(self, at: float, plates: dict[str, Place], *, still: bool = False) -> Frame:
        """Show a frame between two looks of the detector."""
        shown = frame(at, plates)
        self.tracker.follow(shown, at, lambda plate: still)
        self._count(at)
        return shown

    def look(
        self, at: float, plates: dict[str, Place], *, score: float = 0.9, blind: bool = False, parts: list[Box] = ALL
    ) -> list[Track]:
        """Show a frame at which the detector sees all plates, or none if `blind`; return the tracks that it begins."""
        shown = frame(at, plates)
        self.tracker.follow(shown, at, lambda plate: False)
        found = [] if blind else [Detection(corners(place), score) for place in plates.values()]
        born = self.tracker.detected(shown, at, found, parts)
        self._count(at)
        return born

    def _count(self, at: float) -> None:
        """Count the frames in which a track is not seen, as the gate does after each frame."""
        for track in self.tracker.tracks:
            track.unseen = 0 if track.course.seen_at == at else track.unseen + 1

    @property
    def only(self) -> Track:
        (track,) = self.tracker.tracks
        return track


def met(text: str = ONE, place: Place = (400, 300, 120)) -> Seen:
    """Return a tracker that has seen a plate twice; the plate stands still."""
    seen = Seen()
    for at in (0.0, 0.1):
        seen.look(at, {text: place})
    assert seen.only.state is State.WAITING
    return seen


def away(track: Track, place: Place) -> float:
    """Return the pixels between the plate of a track and a place."""
    return float(np.hypot(*np.subtract(centre(track.course.plate), centre(corners(place)))))


def test_a_plate_seen_once_is_a_guess_and_seen_twice_it_is_a_plate() -> None:
    seen = Seen()
    (born,) = seen.look(0.0, {ONE: (400, 300, 120)})
    assert (born.state, born.evidence.hits) == (State.TENTATIVE, 1)
    assert seen.look(0.1, {ONE: (402, 304, 121)}) == []
    assert seen.only is born
    assert (born.state, born.evidence.hits, born.evidence.misses) == (State.WAITING, 2, 0)


def test_what_the_detector_is_not_sure_of_begins_no_track_but_goes_on_with_one() -> None:
    seen = Seen()
    assert seen.look(0.0, {ONE: (400, 300, 120)}, score=STARTS - 0.05) == []
    seen = met()
    seen.look(0.3, {ONE: (410, 310, 120)}, score=STARTS - 0.05)
    assert seen.only.evidence.hits == 3


def test_a_plate_that_moves_is_one_track_whose_next_place_is_expected() -> None:
    seen = Seen()
    for n in range(8):
        seen.look(n / 5, {ONE: (200 + 50 * n, 200 + 20 * n, 100 + 4 * n)})
    track = seen.only
    assert (track.evidence.hits, track.course.travelled) == (8, True)
    assert track.course.velocity == pytest.approx((260, 103), rel=0.25)
    assert track.course.expected(1.6) == pytest.approx(centre(corners((600, 360, 132))), abs=25)


@pytest.mark.parametrize(
    "there", [(400 + 6 * 120, 300, 120), (400, 60, 120), (360, 290, 200)], ids=["far", "above", "larger"]
)
def test_a_detection_out_of_reach_or_of_another_size_is_another_plate(there: Place) -> None:
    seen = met()
    track = seen.only
    (born,) = seen.look(0.3, {OTHER: there})
    assert born is not track
    assert track.evidence.hits == 2


def test_a_look_that_does_not_see_it_is_a_miss_and_one_elsewhere_is_none() -> None:
    seen = met()
    seen.look(0.3, {}, parts=ELSEWHERE)
    assert seen.only.evidence.misses == 0
    seen.look(0.5, {})
    seen.look(0.7, {})
    assert seen.only.evidence.misses == 2
    seen.look(0.9, {ONE: (400, 300, 120)})
    assert (seen.only.evidence.misses, seen.only.evidence.hits) == (0, 3)


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "still there"])
def test_a_plate_seen_once_is_dropped_after_looks_that_do_not_see_it(gone: bool) -> None:
    seen = Seen()
    text: dict[str, Place] = {ONE: (400, 300, 120)}
    seen.look(0.0, text)
    for n in range(MISSES):
        assert len(seen.tracker.tracks) == 1
        seen.look(0.2 * (n + 1), {} if gone else text, blind=True)
    assert seen.tracker.tracks == []


def test_or_when_no_look_comes_for_long() -> None:
    seen = Seen()
    seen.look(0.0, {ONE: (400, 300, 120)})
    seen.look(TENTATIVE_FOR + 0.1, {}, parts=ELSEWHERE)
    assert seen.tracker.tracks == []


def test_a_confirmed_plate_is_not_dropped() -> None:
    seen = met()
    for n in range(1, 20):
        seen.look(n / 2, {})
    assert seen.only.state is State.WAITING


def test_between_looks_a_plate_is_followed_by_its_own_pixels() -> None:
    seen = met()
    for n in range(1, 8):
        place = (400 + 12 * n, 300 + 8 * n, 120 + 2 * n)
        seen.follow(0.1 + n / 10, {ONE: place})
        assert seen.tracker.visible(0.1 + n / 10) == [seen.only]
        assert away(seen.only, place) <= 6
        assert plate_width(seen.only.course.plate) == pytest.approx(place[2], rel=0.08)
    assert seen.only.evidence.hits == 2, "the detector has not seen it"


def test_a_plate_that_stands_is_in_view_as_long_as_nothing_moves_there_or_its_pixels_are_there() -> None:
    seen = met()
    seen.follow(0.3, {}, still=True)
    assert seen.tracker.visible(0.3) == [seen.only], "nothing moved, so nothing is compared"
    for n in range(4, 30):
        seen.follow(n / 10, {ONE: (400, 300, 120)})
    assert seen.only.course.stands(2.9) == pytest.approx(2.9, abs=0.11)
    seen.follow(3.0, {})
    assert seen.tracker.visible(3.0) == []


def test_stillness_alone_is_not_believed_for_ever() -> None:
    seen = met()
    for n in range(2, 20):
        seen.follow(n / 10, {}, still=True)
    assert seen.tracker.visible(1.9) == [], "it has long gone, and no frame showed a change"


def test_a_plate_that_was_hidden_where_it_stood_is_found_there_again() -> None:
    seen = met()
    for n in range(2, 40):
        seen.follow(n / 10, {} if n < 36 else {ONE: (400, 300, 120)})
    assert seen.tracker.visible(3.9) == [seen.only]
    assert away(seen.only, (400, 300, 120)) <= 3


def test_a_plate_that_was_hidden_is_known_elsewhere_by_its_picture() -> None:
    seen = met()
    track = seen.only
    seen.look(0.3, {})
    assert seen.look(3.0, {ONE: (800, 420, 150)}) == []
    assert seen.only is track
    assert away(track, (800, 420, 150)) <= 3


def test_another_plate_that_comes_instead_is_another_track() -> None:
    seen = met()
    seen.look(0.3, {})
    (born,) = seen.look(3.0, {OTHER: (800, 420, 150)})
    assert born is not seen.tracker.tracks[0]
    assert len(seen.tracker.tracks) == 2


@pytest.mark.parametrize("after", [0.6, 1.2, 5.0])
def test_another_plate_at_the_very_place_is_another_track(after: float) -> None:
    seen = met()
    track = seen.only
    seen.follow(0.3, {})
    (born,) = seen.look(after, {OTHER: (402, 301, 120)})
    assert born is not track
    assert track.course.seen_at == 0.1


@pytest.mark.parametrize("after", [0.6, 1.2, 5.0])
def test_the_same_plate_at_the_very_place_is_the_same_track(after: float) -> None:
    seen = met()
    seen.look(0.3, {}, blind=True)
    assert seen.look(after, {ONE: (402, 301, 120)}) == []
    assert seen.only.course.seen_at == after


@pytest.mark.parametrize("every", [1, 2], ids=["each frame is looked at", "every other one is"])
def test_two_plates_that_pass_each_other_stay_themselves(every: int) -> None:
    """Two plates on two lanes, less than the width of a plate above each other."""
    seen = Seen()
    for n in range(24):
        at, plates = n / 10, {ONE: (300 + 20 * n, 300, 120), OTHER: (780 - 20 * n, 345, 120)}
        if n % every == 0 or n < 2:
            seen.look(at, plates)
        else:
            seen.follow(at, plates)
    one, other = sorted(seen.tracker.tracks, key=lambda track: -centre(track.course.plate)[0])
    last = frame(2.3, plates)
    assert one.appearance.shows(upright(last.luma, corners(plates[ONE])))
    assert other.appearance.shows(upright(last.luma, corners(plates[OTHER])))
    assert one.course.velocity[0] > 100
    assert other.course.velocity[0] < -100


def test_of_two_detections_the_nearer_one_is_the_plate() -> None:
    seen = met()
    track = seen.only
    (born,) = seen.look(0.3, {ONE: (405, 302, 120), OTHER: (405, 380, 120)})
    assert away(track, (405, 302, 120)) <= 3
    assert away(born, (405, 380, 120)) <= 3


def test_two_detections_of_one_plate_are_one_track() -> None:
    seen = met()
    shown = frame(0.3, {ONE: (402, 301, 120)})
    found = [Detection(corners((402, 301, 120)), 0.9), Detection(corners((406, 306, 112)), 0.6)]
    assert seen.tracker.detected(shown, 0.3, found, ALL) == []
    assert seen.only.evidence.hits == 3


def test_there_are_only_so_many_tracks() -> None:
    seen = Seen()
    shown = frame(0.0, {})
    found = [Detection(corners((10 + 150 * (n % 8), 20 + 120 * (n // 8), 100)), 0.9) for n in range(MOST_TRACKS + 8)]
    assert len(seen.tracker.detected(shown, 0.0, found, ALL)) == MOST_TRACKS


def test_no_passage_has_the_number_of_another() -> None:
    seen = Seen()
    numbers = [seen.tracker.next_passage()]
    numbers += [born.passage for n in range(4) for born in seen.look(2.0 * n, {ONE: (100 + 300 * n, 300, 120)})]
    assert all(before < after for before, after in pairwise(numbers))


@pytest.mark.parametrize("factor", [0.75, 1.5])
def test_frames_of_another_size_and_the_same_view_change_no_track(factor: float) -> None:
    seen = met()
    track = seen.only
    seen.tracker.resized((HEIGHT, WIDTH), (round(HEIGHT * factor), round(WIDTH * factor)))
    assert plate_width(track.course.plate) == pytest.approx(120 * factor)
    assert track.memory is None


def test_frames_of_other_proportions_show_another_view_and_forget_guesses() -> None:
    seen = met()
    seen.look(0.3, {ONE: (400, 300, 120), OTHER: (800, 420, 150)})
    seen.tracker.resized((HEIGHT, WIDTH), (480, 640))
    assert [track.memory for track in seen.tracker.tracks] == [Memory.OTHER_VIEW]


@pytest.mark.parametrize("gap", [0.3, 0.8, 1.2])
def test_a_plate_that_grew_while_no_frame_came_is_the_same(gap: float) -> None:
    """A vehicle that approaches doubles the width of its plate in some 0.8 s."""
    seen = Seen()
    (track,) = seen.look(0, {ONE: (500, 300, 60)})
    seen.look(0.1, {ONE: (502, 302, 62)})
    width = round(62 * 2 ** (gap / 0.8))
    assert seen.look(0.1 + gap, {ONE: (515, 320, width)}) == []
    assert track.course.seen_at == pytest.approx(0.1 + gap)
