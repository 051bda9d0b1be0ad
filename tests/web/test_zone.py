"""A zone as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatch.config.settings import CameraSettings
from streamwatch.web.plate_size import plate_size
from streamwatch.web.zone import crosses_itself, zone_of, zone_text

SQUARE = "10, 20\n90, 20\n90, 80\n10, 80"


def same(text: str) -> str:
    return text


@pytest.mark.parametrize(
    "text",
    [SQUARE, SQUARE.replace(", ", " "), SQUARE.replace("\n", "\r\n"), f"\n\n{SQUARE}\n ", SQUARE.replace(",", "% ;")],
    ids=["lines", "blanks", "from Windows", "empty lines", "per cent signs"],
)
def test_a_zone_is_read_as_people_write_it(text: str) -> None:
    assert zone_of(text, same) == [(0.1, 0.2), (0.9, 0.2), (0.9, 0.8), (0.1, 0.8)]


def test_no_points_are_no_zone() -> None:
    assert zone_of(" \n", same) == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("10, 20\n90, 20", "at least three"),
        ("10, 20\n90, 20\nleft, top", "Line 3"),
        ("10, 20\n90, 20\n101, 20", "Line 3"),
        ("10, 20\n90, 20\n-1, 20", "Line 3"),
        ("10, 20\n90, 20\n1e1, 20", "Line 3"),
        ("10, 20\n90, 20\nnan, inf", "Line 3"),
        ("10, 20\n90, 80\n90, 20\n10, 80", "crosses itself"),
        ("10, 20\n90, 20\n90, 80\n50, 20", "crosses itself"),
        ("10, 20\n20, 20\n30, 20", "no area"),
        ("\n".join(["1, 1"] * 65), "at most 64"),
    ],
)
def test_what_is_no_zone_is_said_in_a_sentence(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        zone_of(text, same)


POINT = st.tuples(st.integers(0, 10000), st.integers(0, 10000)).map(lambda p: (p[0] / 10000, p[1] / 10000))


@given(st.lists(POINT, min_size=3, max_size=8))
def test_a_zone_that_is_taken_is_one_that_the_config_takes_and_shows_again(points: list[tuple[float, float]]) -> None:
    try:
        zone = zone_of(zone_text(points), same)
    except ValueError:
        return
    assert CameraSettings(source="gate.mp4", zone=zone).zone == zone
    assert zone_of(zone_text(zone), same) == zone


@given(st.lists(POINT, min_size=3, max_size=3, unique=True))
def test_a_triangle_with_an_area_crosses_nothing(points: list[tuple[float, float]]) -> None:
    (ax, ay), (bx, by), (cx, cy) = points
    if abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)) > 1e-6:
        assert not crosses_itself(points)


def test_an_hourglass_crosses_itself_whatever_point_comes_first() -> None:
    glass = [(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)]
    assert all(crosses_itself([*glass[n:], *glass[:n]]) for n in range(4))


@pytest.mark.parametrize(
    ("width", "tone", "said"),
    [
        (59, "bad", "Too small"),
        (89, "bad", "Small"),
        (99, "warn", "Just"),
        (114, "good", "Good"),
        (115, "good", "Very"),
    ],
)
def test_what_a_width_means(width: float, tone: str, said: str) -> None:
    assert (plate_size(width).tone, plate_size(width).meaning.startswith(said)) == (tone, True)
