"""How the texts of one passage are weighed: texts that agree win, and a local reading never beats two paid ones."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fusion import FLOORS, LEFT, passage, reading

from streamwatch.core.model import Engine, Reading
from streamwatch.core.plates import ANY, distance
from streamwatch.sightings.weighing import Contradicted, Vehicle, vehicles

VISIT = passage("p", 0, 60)
LOOK_ALIKES = ("粤BP57E7", "粤8P57E7", "粤BP5ZE7", "粤BF57E7", "BP57E7", "粤BP57E", "粤BP57E1")
FRAMES = ("a", "b", "c", "d")
Said = tuple[str, float | None, Engine, str]
PAID, LOCAL = Engine.OCRCARS, Engine.LOCAL


def readings(said: Sequence[Said]) -> list[Reading]:
    """Return a reading for each text, confidence, engine and keyframe."""
    made = []
    for number, (text, confidence, engine, frame) in enumerate(said):
        one = reading(VISIT, FRAMES.index(frame), text, confidence, engine=engine, keyframe=frame)
        made.append(replace(one, key=f"{number}"))
    return made


def the_one(said: Sequence[Said], contradicted: Contradicted = frozenset()) -> Vehicle:
    (vehicle,) = vehicles(readings(said), FLOORS, contradicted)
    return vehicle


confidences = st.one_of(st.none(), st.sampled_from([0.0, 0.3, 0.84, 0.85, 0.91, 0.949, 0.95, 0.99, 1.0]))
anything_said = st.tuples(
    st.sampled_from(LOOK_ALIKES), confidences, st.sampled_from([PAID, LOCAL]), st.sampled_from(FRAMES)
)


@pytest.mark.parametrize(
    ("paid", "local"), [("LS15EBC", "LSI5EBC"), ("京A12345", "京A1234S"), ("京A12345", "京AI2345")]
)
@pytest.mark.parametrize("sure", [(0.90, 0.90), (0.92, 0.91), (0.99, 0.99), (1.0, 1.0)])
def test_two_paid_readings_that_agree_never_lose_to_the_local_engine(
    paid: str, local: str, sure: tuple[float, float]
) -> None:
    said = [
        (paid, 0.99, PAID, "a"),
        (local, sure[0], LOCAL, "a"),
        (paid, 0.99, PAID, "b"),
        (local, sure[1], LOCAL, "b"),
    ]
    found = [replace(one, kind=ANY.parse(one.raw).kind) for one in readings(said)]
    (vehicle,) = vehicles(found, FLOORS)
    assert (vehicle.plate, vehicle.sure, len(vehicle.readings)) == (paid, True, 4)
    assert vehicle.best.engine is PAID


@pytest.mark.parametrize("confidence", [0.0, 0.5, None])
def test_they_win_however_unsure_they_are(confidence: float | None) -> None:
    said = [("粤BP57E1", confidence, PAID, frame) for frame in "ab"]
    assert the_one([*said, *(("粤BP57E7", 0.99, LOCAL, frame) for frame in "abc")]).plate == "粤BP57E1"


def test_one_paid_reading_that_the_local_engine_contradicts_is_doubtful() -> None:
    said, contradicted = [("京A12345", 0.99, PAID, "a"), ("京A1234S", 0.92, LOCAL, "a")], {("a", "京A12345")}
    assert not the_one(said, contradicted).sure, "so that a second view is asked for"
    assert the_one(said).sure, "the verdict comes from the cross-check, and from nowhere else"
    twice = the_one([*said, ("京A12345", 0.9, PAID, "b")], contradicted)
    assert (twice.plate, twice.sure) == ("京A12345", True)


def test_one_picture_that_was_paid_for_twice_is_one_view() -> None:
    said = [("京A12345", 0.9, PAID, "a"), ("京A12345", 0.9, PAID, "a")]
    assert the_one([*said, ("京A1234S", 0.97, LOCAL, "a"), ("京A1234S", 0.97, LOCAL, "b")]).plate == "京A1234S"


def test_unsure_local_readings_together_weigh_no_more_than_one_at_the_floor() -> None:
    many = [("粤BP57E1", 0.94, LOCAL, frame) for frame in "abcd"]
    assert the_one([*many, ("粤BP57E7", 0.96, LOCAL, "a")]).plate == "粤BP57E7"
    assert the_one([*many, ("粤BP57E7", 0.94, LOCAL, "a"), ("粤BP57E7", 0.9, LOCAL, "b")]).plate == "粤BP57E1", (
        "among each other the number decides"
    )


def test_what_two_engines_read_at_one_place_of_one_picture_is_one_vehicle() -> None:
    paid, local = readings([("粤BP57E7", 0.99, PAID, "a"), ("粤DPS7F7", 0.97, LOCAL, "a")])
    assert 1 < distance(paid.plate, local.plate) <= 1.5
    here = [replace(one, corners=LEFT) for one in (paid, local)]
    assert len(vehicles(here, FLOORS)) == 1
    assert len(vehicles([paid, replace(local, keyframe="b")], FLOORS)) == 2


@given(
    st.lists(anything_said, min_size=1, max_size=9),
    confidences,
    st.sampled_from([PAID, LOCAL]),
    st.sampled_from(FRAMES),
)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_more_evidence_for_a_text_never_makes_another_one_win(
    said: list[Said], confidence: float | None, engine: Engine, frame: str
) -> None:
    for vehicle in vehicles(readings(said), FLOORS):
        more = [*said, (vehicle.plate, confidence, engine, frame)]
        after = {one.plate for one in vehicles(readings(more), FLOORS)}
        losers = {one.plate for one in vehicle.readings} - {vehicle.plate}
        assert vehicle.plate in after
        assert not losers & after


@given(st.lists(anything_said, max_size=9), confidences, confidences)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_no_local_reading_takes_a_plate_from_two_paid_ones(
    said: list[Said], first: float | None, second: float | None
) -> None:
    local = [(text, confidence, LOCAL, frame) for text, confidence, _, frame in said]
    said = [*local, ("粤BP57E7", first, PAID, "a"), ("粤BP57E7", second, PAID, "b")]
    assert "粤BP57E7" in {vehicle.plate for vehicle in vehicles(readings(said), FLOORS)}


def test_an_absurd_answer_costs_no_more_than_a_full_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counted(a: str, b: str, most: float) -> float:
        nonlocal compared
        compared += 1
        return distance(a, b, most)

    monkeypatch.setattr("streamwatch.sightings.weighing.distance", counted)
    sure = reading(VISIT, 1, "粤BP57E7", 0.99)
    many = [reading(VISIT, 1, f"京A{n:05}", 0.6) for n in range(5000)]
    found = {vehicle.plate for vehicle in vehicles([*many, sure], FLOORS)}
    assert compared <= 200 * 200 / 2
    assert "粤BP57E7" in found, "what is sure is not left out"


@pytest.mark.parametrize(
    ("a", "b"),
    [("粤BP57E7", "粤BP57E7"), ("粤BP57E7", "粤8P57E1"), ("BP57E7", "粤BP57E7"), ("京A00000", "粤BP57E7"), ("", "A")],
)
def test_a_distance_is_worked_out_only_as_far_as_it_is_wanted(a: str, b: str) -> None:
    whole = distance(a, b)
    for most in (0.0, 0.5, 0.75, 1.5, 9.0):
        assert distance(a, b, most) == (whole if whole <= most else float("inf"))
