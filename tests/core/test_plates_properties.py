"""The grammar of plates over generated texts."""

import random

from hypothesis import given
from hypothesis import strategies as st

from streamwatch.core.plates import (
    CHINA,
    KINDS,
    TABLES,
    Grammar,
    Kind,
    confusable,
    distance,
    legible,
    normalise,
    part_of_plate,
    skeleton,
    unlikeness,
)

ALL = Grammar(tuple(kind for table in TABLES.values() for kind in table))
anything = st.text(max_size=30)
alphabet = "".join(sorted({char for kind in KINDS for form in kind.forms for place in form for char in place}))
nearly = st.text(alphabet=alphabet + "·- abczOIlD", max_size=10)


@st.composite
def plates(draw: st.DrawFn, kinds: tuple[Kind, ...] = KINDS) -> str:
    """Return a text that fits one form of one kind."""
    kind = draw(st.sampled_from(kinds))
    form = draw(st.sampled_from(kind.forms))
    return "".join(draw(st.sampled_from(sorted(place))) for place in form)


@given(anything)
def test_a_normal_text_stays_as_it_is(raw: str) -> None:
    assert normalise(normalise(raw)) == normalise(raw)


@given(st.one_of(anything, nearly))
def test_what_was_parsed_is_parsed_to_the_same(raw: str) -> None:
    plate = ALL.parse(raw)
    again = ALL.parse(plate.text)
    assert (again.text, again.kind) == (plate.text, plate.kind)
    assert not (again.kind and again.repaired), "a repaired text needs no repair"


@given(nearly)
def test_a_repair_changes_no_length_and_only_what_fits_nothing(raw: str) -> None:
    plate = CHINA.parse(raw)
    assert len(plate.text) == len(normalise(raw))
    if plate.repaired:
        assert plate.kind
        assert plate.text != normalise(raw)
    else:
        assert plate.text == normalise(raw)


@given(plates(), st.randoms(use_true_random=False))
def test_every_plate_of_the_table_is_one_however_it_is_written(text: str, chance: random.Random) -> None:
    plate = CHINA.parse(text)
    assert (plate.text, plate.repaired) == (text, False)
    assert plate.kind in {kind.name for kind in KINDS}
    written = "".join(chance.choice(["", " ", "·", "-"]) + chance.choice([char, char.lower()]) for char in text)
    assert CHINA.parse(written) == plate
    assert legible(text)


@given(plates(), plates())
def test_a_distance_is_symmetric_and_nothing_between_equals(one: str, other: str) -> None:
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert distance(one, other, most=1.0) in (distance(one, other), float("inf"))


@given(plates(), st.data())
def test_a_part_of_a_plate_is_sought_anywhere_in_it(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin + 1, len(text)))
    assert part_of_plate(text[begin:end]) == f"*{text[begin:end]}*"


@given(plates(), st.integers(0, 7), st.integers(1, 8))
def test_a_part_is_not_unlike_its_plate(plate: str, start: int, length: int) -> None:
    assert unlikeness(plate[start : start + length], plate) == (0.0, ())


@given(plates(), plates())
def test_a_part_is_at_most_as_unlike_as_the_whole(one: str, other: str) -> None:
    gap, places = unlikeness(one, other)
    assert 0 <= gap <= distance(one, other)
    assert list(places) == sorted(set(places))
    assert all(0 <= place < len(other) for place in places)


@given(plates(), st.sampled_from([0.25, 0.5, 1.0]))
def test_what_is_confusable_is_near_and_has_one_of_the_skeletons(plate: str, most: float) -> None:
    found, skeletons = confusable(plate, most), confusable(plate, most, skeletons=True)
    assert found[plate] == 0.0
    assert all(distance(plate, other) <= cost <= most for other, cost in found.items())
    assert {skeleton(other) for other in found} == set(skeletons)
