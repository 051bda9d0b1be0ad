"""Fusion over generated passages: whatever is read in whatever order, what is stored is whole."""

import random

from hypothesis import given
from hypothesis import strategies as st
from test_fusion import Store, fusion, passage, reading

from streamwatch.core.model import Engine, Reading, SightingStatus

TEXTS = ("粤BP57E7", "粤8P57E7", "粤BP57E", "京A12345", "京A1234S", "苏EK3P82")
one_reading = st.tuples(
    st.sampled_from(TEXTS),
    st.one_of(st.none(), st.sampled_from([0.3, 0.84, 0.85, 0.95, 1.0])),
    st.sampled_from([Engine.OCRCARS, Engine.LOCAL]),
    st.integers(0, 3),
)
visits = st.lists(st.lists(one_reading, max_size=4), min_size=1, max_size=4)


def readings_of(number: int, begin: float, said: list[tuple[str, float | None, Engine, int]]) -> list[Reading]:
    visit = passage(f"p{number}", begin, begin + 3)
    found = {}
    for text, confidence, engine, second in said:
        one = reading(visit, begin + second, text, confidence, engine=engine)
        found[one.key] = one
    return list(found.values())


@given(visits, st.sampled_from([2, 40, 400]), st.booleans())
def test_every_sighting_has_readings_and_lies_within_its_passages(
    said: list[list[tuple[str, float | None, Engine, int]]], apart: int, at_once: bool
) -> None:
    store, seen = Store(fusion()), {}
    for number, words in enumerate(said):
        visit = passage(f"p{number}", number * apart, number * apart + 3)
        found = readings_of(number, number * apart, words)
        for batch in [found] if at_once else [[one] for one in found]:
            store.read(visit, *batch)
            seen.update({one.key: one for one in batch})
        store.close(visit)
    assert set(store.owner) <= set(seen)
    for key, sighting in store.sightings.items():
        own = [seen[one] for one, owner in store.owner.items() if owner == key]
        assert own, "a sighting without a reading"
        assert sighting.status is SightingStatus.FINAL
        assert sighting.plate in {one.plate for one in own}
        assert sighting.first_seen <= min(one.captured_at for one in own)
        assert sighting.last_seen >= max(one.captured_at for one in own)
        assert sighting.reads == len(own)
        assert sighting.confidence in {one.confidence for one in own if one.plate == sighting.plate}


@given(st.lists(one_reading, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_the_readings_changes_no_plate(
    said: list[tuple[str, float | None, Engine, int]], chance: random.Random
) -> None:
    visit, found = passage("p0", 0, 3), readings_of(0, 0, said)
    plates = []
    for _ in range(2):
        store = Store(fusion())
        for one in found:
            store.read(visit, one)
        store.close(visit)
        plates.append(sorted(store.plates()))
        chance.shuffle(found)
    assert plates[0] == plates[1]


@given(st.lists(one_reading, min_size=1, max_size=6))
def test_a_reading_that_is_told_twice_changes_nothing(said: list[tuple[str, float | None, Engine, int]]) -> None:
    store, visit, found = Store(fusion()), passage("p0", 0, 3), readings_of(0, 0, said)
    store.read(visit, *found)
    before = dict(store.sightings)
    store.read(visit, *found)
    assert store.sightings == before
