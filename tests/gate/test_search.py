"""When and where the plate detector looks, and when it does not look."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from test_gate import FPS, Scene, Stay, plates_of, texture, vehicle

from streamwatch.core.model import Box, Corners, Frame, Picture
from streamwatch.detection import Detection
from streamwatch.gate import Gate
from streamwatch.gate.motion.blobs import Blob
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import Region
from streamwatch.gate.part_detector import Part, PartDetector
from streamwatch.gate.search import EVERY, EVERY_KNOWN, FIRST_TRY, LONGEST_TRY, SOON, SURVEYS, VAIN, Search
from streamwatch.gate.tracking.track import State, Track
from streamwatch.gate.tracking.views import view_of

BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)
SMALL = np.full((180, 320), 100, np.uint8)
NOTHING = np.zeros((180, 320), np.uint8)
PLATE: Corners = ((200.0, 200.0), (320.0, 200.0), (320.0, 240.0), (200.0, 240.0))
MIN_AREA = 0.015


def frame(at: float, shape: tuple[int, int] = (360, 640)) -> Frame:
    luma = texture(3, shape[1], shape[0], 8, 60, 160)
    return Frame("gate", BEGIN + timedelta(seconds=at), luma, lambda: np.dstack([luma] * 3))


class Seeker:
    """The search of one camera, asked about single pictures."""

    def __init__(
        self,
        find: Callable[[Picture], list[Detection]] = lambda luma: [],
        shape: tuple[int, int] = (360, 640),
        zone: list[tuple[float, float]] | None = None,
    ) -> None:
        self.detector, self._shape, self._geometry = PartDetector(find), shape, Geometry(shape, zone)
        self.search = Search(self.detector, MIN_AREA)
        self.detector.begin(self._geometry)
        self.search.begin(self._geometry, 0.0)

    def due(
        self, small: Picture, change: Picture, at: float, blobs: Sequence[Blob] = (), tracks: Sequence[Track] = ()
    ) -> list[Part]:
        return self.search.due(self._motion(small, change, at, blobs), tracks)

    def look(self, small: Picture, at: float, parts: Sequence[Part]) -> list[Detection]:
        return self.search.look(self._motion(small, NOTHING, at), parts)

    def survey(self, at: float) -> list[Detection]:
        """Return what a search of the whole picture finds."""
        return self.look(SMALL, at, self.due(SMALL, NOTHING, at))

    def _motion(self, small: Picture, change: Picture, at: float, blobs: Sequence[Blob] = ()) -> Motion:
        return Motion(frame(at, self._shape), at, at, small, change, 0.0, None, self._geometry, blobs)


def surveyed(find: Callable[[Picture], list[Detection]] = lambda luma: []) -> Seeker:
    """Return a search after ten seconds of watching."""
    seeker = Seeker(find)
    seeker.survey(10.0)
    assert seeker.search.surveyed
    return seeker


def moving_object(left: int, top: int = 60, side: int = 60) -> tuple[Picture, Picture]:
    """Return a small picture with an object in it, and where it differs from the empty scene."""
    small, change = SMALL.copy(), NOTHING.copy()
    small[top : top + side, left : left + side] = texture(left, side, side, 4, 0, 255)
    change[top : top + side, left : left + side] = 255
    return small, change


def track(state: State = State.WAITING, seen_at: float = 10.0, **more: object) -> Track:
    one = Track(1, PLATE, BEGIN, BEGIN, seen_at, 0.9, state)
    for name, value in more.items():
        part = next(part for part in (one, one.course, one.evidence) if hasattr(part, name))
        setattr(part, name, value)
    return one


def blob(left: int, **more: object) -> Blob:
    region = Region(left, 60, left + 60, 120, 3600)
    one = Blob(9, region, region, BEGIN, BEGIN, 9.0, 10.0)
    for name, value in more.items():
        setattr(one, name, value)
    return one


def looks(search: Seeker, seconds: float, tracks: Callable[[float], list[Track]] = lambda at: []) -> list[float]:
    """Return the times at which an object that always moves is looked at, 25 frames a second from 10 s on."""
    found = []
    for n in range(1, round(seconds * 25) + 1):
        at = 10.0 + n / 25
        small, change = moving_object(100 + n)
        parts = search.due(small, change, at, [], tracks(at))
        if parts:
            search.look(small, at, parts)
            found.append(at)
    return found


def test_what_moves_is_looked_at_five_times_a_second_at_most() -> None:
    times = looks(surveyed(), 4.0)
    assert len(times) == pytest.approx(4.0 / EVERY, abs=1)
    assert min(later - at for at, later in pairwise(times)) >= EVERY - 0.011


def test_it_is_looked_at_twice_a_second_while_all_that_moves_carries_a_plate_that_is_followed() -> None:
    def followed(at: float) -> list[Track]:
        x = 2 * (100 + 25 * (at - 10))
        plate = ((x + 10, 190.0), (x + 110, 190.0), (x + 110, 222.0), (x + 10, 222.0))
        return [track(plate=plate, seen_at=at, hits=3)]

    times = looks(surveyed(), 4.0, followed)
    assert len(times) == pytest.approx(4.0 / EVERY_KNOWN, abs=1)


def test_a_plate_in_view_for_half_a_second_is_looked_at_twice() -> None:
    assert len(looks(surveyed(), 0.5)) >= 2


def test_what_has_not_changed_since_the_last_look_is_not_looked_at() -> None:
    search, (small, change) = surveyed(), moving_object(100)
    parts = search.due(small, change, 10.4, [], [])
    search.look(small, 10.4, parts)
    assert len(parts) == 1
    assert search.due(small, change, 11.0, [], []) == []
    assert search.due(*moving_object(130), 11.2, [], []) != []


def test_what_is_too_small_for_a_vehicle_and_an_empty_scene_are_not_looked_at() -> None:
    search = surveyed()
    assert search.due(SMALL, NOTHING, 12.0, [], []) == []
    assert search.due(*moving_object(100, side=8), 12.0, [], []) == []


def test_it_looks_at_what_changed_and_a_little_around_it() -> None:
    (part,) = surveyed().due(*moving_object(100), 10.4, [], [])
    assert part.box.x <= 200
    assert part.box.y <= 120
    assert part.box.x + part.box.width >= 320
    assert part.box.width * part.box.height <= 2 * 120 * 120
    assert part.scale is None


def test_it_looks_at_a_whole_blob_if_a_part_of_it_has_changed() -> None:
    lorry = blob(100)
    lorry.region = Region(60, 40, 200, 160, 9000)
    (part,) = surveyed().due(*moving_object(100), 10.4, [lorry], [])
    assert part.box.x <= 120
    assert part.box.x + part.box.width >= 400


def test_parts_that_overlap_are_looked_at_as_one() -> None:
    small, change = moving_object(30, side=90)
    for left in (130, 260):
        more, where = moving_object(left, side=90 if left == 130 else 50)
        small[where > 0], change[where > 0] = more[where > 0], 255
    boxes = [part.box for part in surveyed().due(small, change, 10.4, [], [])]
    assert len(boxes) == 2


def test_a_plate_that_was_seen_once_is_looked_at_closely_soon() -> None:
    search = surveyed()
    once = track(State.TENTATIVE, seen_at=10.0 + SOON)
    assert search.due(SMALL, NOTHING, 10.05, [], [track(State.TENTATIVE, seen_at=10.05)]) == []
    (part,) = search.due(SMALL, NOTHING, 10.0 + SOON, [], [once])
    assert part.box.width < 4 * 120
    assert part.scale is not None
    assert search.due(SMALL, NOTHING, 10.0 + SOON, [], [track(seen_at=10.0 + SOON)]) == [], "a sure one needs none"


def test_a_plate_that_is_lost_is_looked_for_where_it_was_and_not_for_ever() -> None:
    search = surveyed()
    (part,) = search.due(SMALL, NOTHING, 10.4, [], [track(seen_at=10.2)])
    assert part.box.x < 200 < 320 < part.box.x + part.box.width
    assert search.due(SMALL, NOTHING, 10.4, [], [track(seen_at=10.2, misses=VAIN)]) == []


def test_what_stands_and_shows_no_plate_is_tried_again_at_growing_pauses_and_other_scales() -> None:
    search, still = surveyed(), blob(100, still_since=10.0)
    tries: list[tuple[float, float]] = []
    for n in range(1, 600):
        at = 10.0 + n / 10
        for part in search.due(SMALL, NOTHING, at, [still], []):
            assert part.scale is not None
            tries.append((at, part.scale))
            search.look(SMALL, at, [part])
    pauses = [later - at for (at, _), (later, _) in pairwise(tries)]
    assert pauses[0] == pytest.approx(FIRST_TRY, abs=0.11)
    assert all(later == pytest.approx(min(LONGEST_TRY, 2 * pause), abs=0.25) for pause, later in pairwise(pauses))
    assert len({round(scale, 3) for _, scale in tries}) == 3


def test_one_that_moves_or_showed_its_plate_is_not_tried_again() -> None:
    search = surveyed()
    assert search.due(SMALL, NOTHING, 12.0, [blob(100)], []) == []
    assert search.due(SMALL, NOTHING, 12.0, [blob(100, still_since=10.0, plate=True)], []) == []


def test_when_watching_begins_the_whole_picture_is_searched_some_times() -> None:
    shapes: list[tuple[int, ...]] = []

    def find(luma: Picture) -> list[Detection]:
        shapes.append(luma.shape)
        return []

    search, times = Seeker(find), []
    for n in range(1, 60):
        if parts := search.due(SMALL, NOTHING, n / 10):
            search.look(SMALL, n / 10, parts)
            times.append(n / 10)
    assert times == list(SURVEYS)
    assert shapes == [(360, 640), (324, 576), (396, 704)], "at other sizes: what stands there shows the same pixels"


def test_a_gap_in_the_frames_does_not_make_them_up_one_after_the_other() -> None:
    seeker = Seeker()
    seeker.survey(30.0)
    assert seeker.search.surveyed


def test_a_large_picture_is_searched_as_a_whole_and_in_parts_at_its_full_size() -> None:
    shapes: list[tuple[int, ...]] = []

    def find(luma: Picture) -> list[Detection]:
        shapes.append(luma.shape)
        return []

    Seeker(find, (1080, 1920)).survey(0.4)
    assert shapes[0] == (360, 640)
    assert len(shapes) > 1
    assert all(max(shape) <= 640 for shape in shapes)
    assert sum(height * width for height, width in shapes[1:]) >= 1080 * 1920


def test_plates_are_told_in_frame_pixels_and_once() -> None:
    """In a large picture each plate is seen in the whole picture and in a part."""
    shape = (1080, 1920)
    at = [(300.0, 300.0), (420.0, 300.0), (420.0, 340.0), (300.0, 340.0)]

    def find(luma: Picture) -> list[Detection]:
        if luma.shape == (360, 640):
            corners = [(x / 3, y / 3) for x, y in at]
            return [Detection((corners[0], corners[1], corners[2], corners[3]), 0.6)]
        whole = luma[:2, :2].tolist() == frame(0.4, shape).luma[:2, :2].tolist()
        return [Detection((at[0], at[1], at[2], at[3]), 0.9)] if whole else []

    (found,) = Seeker(find, shape).survey(0.4)
    assert found.score == 0.9
    assert found.corners == pytest.approx(np.array(at), abs=1)


def test_plates_outside_the_zone_are_none() -> None:
    search = Seeker(lambda luma: [Detection(PLATE, 0.9)], zone=[(0.0, 0.0), (0.3, 0.0), (0.3, 1.0), (0.0, 1.0)])
    assert search.survey(0.4) == []


@pytest.mark.parametrize(("score", "aside", "seen"), [(0.9, 0, True), (0.3, 0, False), (0.9, 100, False)])
def test_a_closer_look_sees_the_plate_there_or_not(score: float, aside: int, seen: bool) -> None:
    sizes: list[tuple[int, ...]] = []
    part: list[Box] = []

    def find(luma: Picture) -> list[Detection]:
        sizes.append(luma.shape)
        scale = luma.shape[1] / part[0].width
        a, b, c, d = (((x + aside - part[0].x) * scale, (y - part[0].y) * scale) for x, y in PLATE)
        return [Detection((a, b, c, d), score)]

    search = Seeker(find)
    part.append(search.detector.close_to(PLATE).box)
    found = search.detector.confirm(view_of(frame(1.0), 1.0, PLATE))
    assert (found is not None) is seen
    assert found is None or found.corners == pytest.approx(np.array(PLATE), abs=1)
    assert sizes[0][1] == pytest.approx(0.8 * part[0].width, abs=1), "so that the plate is 96 px wide"


def test_a_part_that_is_hardly_there_is_not_looked_at() -> None:
    def find(luma: Picture) -> list[Detection]:
        raise AssertionError("looked at")

    assert Seeker(find).look(SMALL, 1.0, [Part(Box(0, 0, 6, 4), 1.0)]) == []


class Watched(Scene):
    """A scene in which the looks of the detector are counted. at: the times of the frames that it looked at."""

    def __post_init__(self) -> None:
        self.now, self.at = 0.0, list[float]()
        sees = plates_of(*self.stays)

        def find(luma: Picture) -> list[Detection]:
            self.at.append(self.now)
            return list(sees(luma))

        self.gate = Gate(find_plates=find)

    def frame(self, t: float) -> Frame:
        self.now = t
        return super().frame(t)


def test_a_quiet_scene_is_not_looked_at_after_the_first_search() -> None:
    scene = Watched([]).play(20)
    assert len(scene.at) == len(SURVEYS)
    assert max(scene.at) <= SURVEYS[-1] + 1 / FPS


def test_a_vehicle_that_stands_and_was_read_is_not_looked_at() -> None:
    scene = Watched([Stay(vehicle(1, 1), 4.0, 60.0)]).play(40)
    assert scene.read() == [0]
    assert [at for at in scene.at if at > 8.0] == []


def test_light_that_changes_is_not_looked_at() -> None:
    scene = Watched([], light=lambda t: 0.5 if 8 < t < 12 else 1.0).play(15)
    assert [at for at in scene.at if at > SURVEYS[-1] + 1 / FPS] == []
