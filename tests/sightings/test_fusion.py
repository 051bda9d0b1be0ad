"""Fusion: the sightings that come out of readings, in any order of the readings."""

import itertools
import pickle
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from streamwatch.core.model import Corners, Engine, Passage, Reading, Sighting, SightingStatus
from streamwatch.core.plates import parse
from streamwatch.sightings.fusion import Change, Fusion, Released, Removed, Saved
from streamwatch.sightings.weighing import Contradicted

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
LEFT: Corners = ((10, 10), (110, 10), (110, 40), (10, 40))
RIGHT: Corners = ((500, 10), (600, 10), (600, 40), (500, 40))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def passage(key: str, opened: float, last: float, closed: bool = False) -> Passage:
    return Passage(key, "gate", at(opened), at(last), closed)


def reading(
    in_passage: Passage,
    seconds: float,
    text: str,
    confidence: float | None = 0.97,
    *,
    corners: Corners | None = None,
    engine: Engine = Engine.OCRCARS,
    keyframe: str = "",
) -> Reading:
    plate = parse(text)
    keyframe = keyframe or f"{in_passage.key}@{seconds}"
    return Reading(
        key=f"{keyframe} {text} {confidence} {engine}",
        keyframe=keyframe,
        passage=in_passage.key,
        camera="gate",
        captured_at=at(seconds),
        engine=engine,
        raw=text,
        plate=plate.text,
        kind=plate.kind,
        repaired=plate.repaired,
        confidence=confidence,
        corners=corners,
    )


class Counted:
    """Keys k1, k2, …; unlike a generator it can be pickled."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return f"k{self.count}"


FLOORS = {Engine.OCRCARS: 0.85, Engine.LOCAL: 0.95}


def fusion(*, window: float = 300, recent: Iterable[Sighting] = ()) -> Fusion:
    return Fusion("gate", window=window, floors=FLOORS, recent=recent, new_key=Counted())


class Store:
    """Does what a database would do with the changes, as strictly as one with foreign keys."""

    def __init__(self, fused: Fusion, sightings: Iterable[Sighting] = ()) -> None:
        self.fusion = fused
        self.sightings = {sighting.key: sighting for sighting in sightings}
        self.owner: dict[str, str | None] = {}

    def read(self, in_passage: Passage, *readings: Reading, contradicted: Contradicted = frozenset()) -> list[Change]:
        return self._apply(self.fusion.read(in_passage, readings, contradicted))

    def close(self, in_passage: Passage) -> list[Change]:
        return self._apply(self.fusion.close(in_passage))

    def _apply(self, changes: list[Change]) -> list[Change]:
        for change in changes:
            if isinstance(change, Removed):
                del self.sightings[change.key]
                assert change.into is None or change.into in self.sightings
                self.owner = {r: change.into if k == change.key else k for r, k in self.owner.items()}
            elif isinstance(change, Released):
                self.owner.update(dict.fromkeys(change.readings))
            else:
                self.sightings[change.sighting.key] = change.sighting
                self.owner.update(dict.fromkeys(change.readings, change.sighting.key))
        return changes

    def plates(self) -> list[str]:
        return [sighting.plate for sighting in self.in_order()]

    def in_order(self) -> list[Sighting]:
        return sorted(self.sightings.values(), key=lambda sighting: (sighting.first_seen, sighting.plate))

    def readings_of(self, plate: str) -> set[str]:
        keys = {sighting.key for sighting in self.sightings.values() if sighting.plate == plate}
        return {text.split()[1] for text, key in self.owner.items() if key in keys}


def test_one_reading_is_provisional_at_once_and_final_when_the_passage_closes() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 1)
    changes = store.read(visit, reading(visit, 1, "粤BP57E7", 0.97))
    expected = Sighting(
        key="k1",
        camera="gate",
        plate="粤BP57E7",
        confidence=0.97,
        first_seen=at(0),
        last_seen=at(1),
        reads=1,
        status=SightingStatus.PROVISIONAL,
        engine=Engine.OCRCARS,
        passage="p",
        keyframe="p@1",
    )
    assert changes == [Saved(expected, ("p@1 粤BP57E7 0.97 ocrcars",))]
    final = replace(expected, last_seen=at(4), status=SightingStatus.FINAL)
    assert store.close(passage("p", 0, 4)) == [Saved(final, ("p@1 粤BP57E7 0.97 ocrcars",))]
    assert store.close(passage("p", 0, 4, closed=True)) == []


def test_a_passage_without_readings_is_no_sighting() -> None:
    store = Store(fusion())
    assert store.read(passage("p", 0, 2)) == []
    assert store.close(passage("p", 0, 3)) == []


def test_a_sighting_goes_on_while_its_passage_does() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 1)
    store.read(visit, reading(visit, 1, "粤BP57E7"))
    store.read(passage("p", 0, 60))
    assert store.in_order()[0].last_seen == at(60)
    assert store.in_order()[0].status is SightingStatus.PROVISIONAL


def test_a_weak_misread_gives_way_to_the_right_text() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 4)
    assert store.read(visit, reading(visit, 1, "粤8P57E7", 0.75)) == []
    store.read(visit, reading(visit, 2, "粤BP57E7", 0.97))
    store.close(visit)
    (sighting,) = store.in_order()
    assert (sighting.plate, sighting.confidence, sighting.keyframe) == ("粤BP57E7", 0.97, "p@2")
    assert (sighting.reads, sighting.first_seen, sighting.last_seen) == (2, at(0), at(4))
    assert store.readings_of("粤BP57E7") == {"粤8P57E7", "粤BP57E7"}


def test_a_confident_misread_is_renamed_under_the_same_key() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 4)
    (first,) = store.read(visit, reading(visit, 1, "粤BP57E1", 0.87))
    (second,) = store.read(visit, reading(visit, 2, "粤BP57E7", 0.97))
    assert isinstance(first, Saved)
    assert isinstance(second, Saved)
    assert (first.sighting.key, first.sighting.plate) == (second.sighting.key, "粤BP57E1")
    assert second.sighting.plate == "粤BP57E7"
    assert len(second.readings) == 2


def test_a_confident_misread_of_a_known_car_is_merged_into_its_sighting() -> None:
    store = Store(fusion())
    before, after = passage("p", 0, 4), passage("q", 60, 70)
    store.read(before, reading(before, 1, "粤BP57E7"))
    store.close(before)
    store.read(after, reading(after, 61, "粤BP57E1", 0.87))
    assert store.plates() == ["粤BP57E7", "粤BP57E1"]
    removed, saved = store.read(after, reading(after, 62, "粤BP57E7", 0.98))
    assert removed == Removed("k2", into="k1")
    assert isinstance(saved, Saved)
    assert (saved.sighting.key, saved.sighting.reads, saved.sighting.last_seen) == ("k1", 3, at(70))
    assert store.readings_of("粤BP57E7") == {"粤BP57E7", "粤BP57E1"}


@pytest.mark.parametrize(
    ("readings", "plate"),
    [
        pytest.param([("粤BP57E7", 0.97), ("粤BF57E7", 0.90)], "粤BP57E7", id="more confident"),
        pytest.param([("粤BP57E7", 0.80), ("粤BF57E7", 0.75), ("粤BP57E7", 0.80)], "粤BP57E7", id="two against one"),
        pytest.param([("粤BP57E7", 0.90), ("粤BF57E7", 0.82), ("粤BF57E7", 0.80)], "粤BF57E7", id="majority"),
        pytest.param(
            [("粤BP57E7", 0.97), ("粤BF57E7", 0.80), ("粤BF57E7", 0.80)], "粤BP57E7", id="sure beats weak two"
        ),
        pytest.param([("京AD12345", 0.93), ("京AD1234", 0.97)], "京AD12345", id="cut new energy"),
        pytest.param([("粤B12345D", 0.93), ("粤B12345", 0.97)], "粤B12345D", id="cut large new energy"),
        pytest.param([("BP57E7", 0.99), ("粤BP57E7", 0.86)], "粤BP57E7", id="grammar wins"),
        pytest.param([("粤BP57E7", 0.90), ("奥BF57E7", 0.96)], "粤BP57E7", id="repaired counts less"),
        pytest.param([("粤Z12345", 0.97), ("粤Z1234港", 0.93)], "粤Z1234港", id="mark lost"),
        pytest.param([("粤BDBG12", 0.93), ("粤B0BG12", 0.90)], "粤B0BG12", id="too many letters"),
        pytest.param([("粤BP57E7", 0.95), ("粤BF57E7", 0.95)], "粤BF57E7", id="tie: the later"),
        pytest.param([("粤BF57E7", 1.0), ("粤BP57E7", 0.97), ("粤BP57E7", 0.97)], "粤BP57E7", id="1.0 is no proof"),
        pytest.param(
            [("粤BP57E7", 0.95), ("粤BF57E7", 0.82), ("粤BF57E7", 0.82)], "粤BP57E7", id="weak ones err alike"
        ),
        pytest.param([("粤BP57E7", 0.97), ("BP57E", 0.90)], "粤BP57E7", id="cut on both sides"),
        pytest.param([("粤BP57E7", None), ("粤BF57E7", 0.93)], "粤BF57E7", id="None is weak"),
    ],
)
def test_the_best_supported_text_of_one_vehicle_wins(readings: list[tuple[str, float | None]], plate: str) -> None:
    store = Store(fusion())
    visit = passage("p", 0, 9)
    for second, (text, confidence) in enumerate(readings):
        store.read(visit, reading(visit, second, text, confidence))
    (sighting,) = store.in_order()
    assert (sighting.plate, sighting.reads) == (plate, len(readings))


@pytest.mark.parametrize(
    ("readings", "accepted"),
    [
        pytest.param([("粤BP57E7", 0.84)], False, id="below the floor"),
        pytest.param([("粤BP57E7", 0.85)], True, id="at the floor"),
        pytest.param([("粤BP57E7", 0.6), ("粤BP57E7", 0.6)], True, id="two agree"),
        pytest.param([("粤BP57E7", 0.8), ("粤BF57E7", 0.8)], False, id="two disagree"),
        pytest.param([("粤BP57E7", None)], True, id="no confidence but grammar"),
        pytest.param([("粤BP57E7", None), ("粤BF57E7", None)], False, id="no confidence, contested"),
        pytest.param([("粤BP57E7", None), ("粤BF57E7", 0.3)], False, id="no confidence, doubted"),
        pytest.param(
            [("粤BP57E7", None), ("粤BF57E7", None), ("粤BP57E7", None)], True, id="no confidence, two to one"
        ),
        pytest.param([("BP57E7", None)], False, id="neither confidence nor grammar"),
        pytest.param([("BP57E7", 0.7), ("BP57E7", 0.7)], False, id="two agree on no plate"),
        pytest.param([("B AB 1234", 0.97)], True, id="foreign plate"),
    ],
)
def test_what_is_not_sure_stays_a_reading(readings: list[tuple[str, float | None]], accepted: bool) -> None:
    store = Store(fusion())
    visit = passage("p", 0, 9)
    for second, (text, confidence) in enumerate(readings):
        store.read(visit, reading(visit, second, text, confidence))
    store.close(visit)
    assert len(store.sightings) == accepted


def test_the_same_picture_read_twice_by_one_engine_is_no_agreement() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 9)
    store.read(visit, *(reading(visit, 1, "粤BP57E7", c, keyframe="f") for c in (0.6, 0.7)))
    assert store.plates() == []
    store.read(visit, reading(visit, 1, "粤BP57E7", 0.6, keyframe="f", engine=Engine.LOCAL))
    assert store.plates() == ["粤BP57E7"]


def test_a_sure_reading_that_the_local_engine_contradicts_is_no_sighting_until_another_view_agrees() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 9)
    store.read(visit, reading(visit, 1, "粤BP5Z75", 0.99, keyframe="a"))
    assert store.plates() == ["粤BP5Z75"]
    local = reading(visit, 1, "粤BP5275", 0.3, keyframe="a", engine=Engine.LOCAL)
    store.read(visit, local, contradicted={("a", "粤BP5Z75")})
    assert store.plates() == []
    again = fusion_of(store, visit, reading(visit, 2, "粤BP5Z75", 0.97, keyframe="b"))
    assert again == ["粤BP5Z75"]
    assert fusion_of(store, visit, reading(visit, 2, "粤BP5275", 0.96, keyframe="b")) == ["粤BP5275"], "surer than half"


def fusion_of(store: Store, visit: Passage, another: Reading) -> list[str]:
    """Return the plates that would come out with one more reading."""
    other = Store(pickle.loads(pickle.dumps(store.fusion)), store.sightings.values())
    other.read(visit, another)
    return other.plates()


def test_a_sighting_that_becomes_doubtful_is_taken_back() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 9)
    store.read(visit, reading(visit, 1, "粤BP57E7", None))
    changes = store.read(visit, reading(visit, 2, "粤BF57E7", 0.5))
    assert changes == [Removed("k1", into=None), Released(("p@1 粤BP57E7 None ocrcars",))]
    assert set(store.owner.values()) == {None}


def test_two_vehicles_in_one_passage_are_two_sightings() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    store.read(visit, reading(visit, 1, "粤BP57E7"))
    store.read(visit, reading(visit, 11, "京AD12345"))
    store.close(visit)
    first, second = store.in_order()
    assert (first.plate, first.first_seen, first.last_seen) == ("粤BP57E7", at(0), at(1))
    assert (second.plate, second.first_seen, second.last_seen) == ("京AD12345", at(11), at(20))


def test_two_vehicles_in_one_picture_share_the_passage() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    store.read(visit, reading(visit, 1, "粤BP57E7"), reading(visit, 1, "京AD12345"))
    store.close(visit)
    assert store.plates() == ["京AD12345", "粤BP57E7"]
    assert {(s.first_seen, s.last_seen) for s in store.in_order()} == {(at(0), at(20))}


def test_an_unsure_fragment_does_not_take_the_beginning_from_the_vehicle() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    store.read(visit, reading(visit, 1, "57E7", 0.5))
    store.read(visit, reading(visit, 3, "粤BP57E7"))
    store.read(visit, reading(visit, 5, "E7", 0.5))
    store.close(visit)
    (sighting,) = store.in_order()
    assert (sighting.first_seen, sighting.last_seen, sighting.reads) == (at(0), at(20), 1)


def test_near_plates_side_by_side_in_one_picture_are_two_vehicles() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    pair = [reading(visit, 1, "粤B12345", corners=LEFT), reading(visit, 1, "粤B12346", corners=RIGHT)]
    store.read(visit, reading(visit, 0.5, "粤B12345", 0.9), *pair)
    assert store.plates() == ["粤B12345", "粤B12346"]


def test_a_plate_found_twice_at_one_place_is_one_vehicle() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    store.read(visit, reading(visit, 1, "粤B12345", corners=LEFT), reading(visit, 1, "粤B12346", 0.9, corners=LEFT))
    assert store.plates() == ["粤B12345"]


def test_two_sure_plates_with_two_differences_are_two_vehicles() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    store.read(visit, reading(visit, 1, "粤BP57E7"), reading(visit, 2, "川BPS7E7"))
    assert store.plates() == ["粤BP57E7", "川BPS7E7"]


def test_two_sure_vehicles_are_not_chained_by_a_misread_between_them() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    texts = [("粤B12345", 0.97), ("粤B12346", 0.6), ("粤B12396", 0.97)]
    store.read(visit, *(reading(visit, second, text, c) for second, (text, c) in enumerate(texts)))
    assert store.plates() == ["粤B12345", "粤B12396"]


def test_a_weak_reading_may_differ_a_little_more() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 20)
    store.read(
        visit, reading(visit, 1, "粤BP57E7"), reading(visit, 2, "BF57E7", 0.6), reading(visit, 3, "川D12345", 0.6)
    )
    assert store.readings_of("粤BP57E7") == {"粤BP57E7", "BF57E7"}


def test_a_parked_car_is_one_sighting_through_many_passages() -> None:
    store = Store(fusion())
    for n in range(600):
        visit = passage(f"p{n}", 200 * n, 200 * n + 10)
        store.read(visit, reading(visit, 200 * n + 1, "粤BP57E7", 0.9 if n != 7 else 0.98))
        assert store.in_order()[0].status is SightingStatus.PROVISIONAL
        store.close(visit)
    (sighting,) = store.in_order()
    assert (sighting.first_seen, sighting.last_seen) == (at(0), at(200 * 599 + 10))
    assert (sighting.reads, sighting.status, sighting.passage) == (600, SightingStatus.FINAL, "p0")
    assert (sighting.confidence, sighting.keyframe) == (0.98, "p7@1401")


@pytest.mark.parametrize(("gap", "count"), [(299.9, 1), (300, 1), (300.1, 2)])
def test_coming_back_within_the_window_extends_and_beyond_it_does_not(gap: float, count: int) -> None:
    store = Store(fusion())
    first, again = passage("p", 0, 10), passage("q", 10 + gap, 20 + gap)
    store.read(first, reading(first, 1, "粤BP57E7"))
    store.close(first)
    store.read(again, reading(again, 12 + gap, "粤BP57E7"))
    store.close(again)
    assert store.plates() == ["粤BP57E7"] * count
    assert store.in_order()[-1].last_seen == at(20 + gap)


def test_another_plate_within_the_window_is_another_sighting() -> None:
    store = Store(fusion())
    for n, text in enumerate(["粤BP57E7", "粤BF57E7"]):
        visit = passage(f"p{n}", 20 * n, 20 * n + 5)
        store.read(visit, reading(visit, 20 * n, text))
        store.close(visit)
    assert store.plates() == ["粤BP57E7", "粤BF57E7"]


def test_a_weak_reading_extends_the_sighting_that_it_agrees_with() -> None:
    store = Store(fusion())
    for n, confidence in enumerate([0.97, 0.7]):
        visit = passage(f"p{n}", 20 * n, 20 * n + 5)
        store.read(visit, reading(visit, 20 * n, "粤BP57E7", confidence))
        store.close(visit)
    (sighting,) = store.in_order()
    assert (sighting.reads, sighting.last_seen, sighting.confidence, sighting.keyframe) == (2, at(25), 0.97, "p0@0")


def test_weak_readings_of_two_passages_that_agree_are_a_sighting() -> None:
    store = Store(fusion())
    for n, seconds in enumerate([0, 100, 1000]):
        visit = passage(f"p{n}", seconds, seconds + 5)
        store.read(visit, reading(visit, seconds, "粤BP57E7", 0.7))
        store.close(visit)
    (sighting,) = store.in_order()
    assert (sighting.first_seen, sighting.last_seen, sighting.reads) == (at(0), at(105), 2)


def test_the_window_counts_from_the_longest_of_overlapping_passages() -> None:
    store = Store(fusion())
    for key, opened, last in [("p", 0, 500), ("q", 10, 20), ("r", 700, 710)]:
        visit = passage(key, opened, last)
        store.read(visit, reading(visit, opened + 1, "粤BP57E7"))
        store.close(visit)
    assert [(s.first_seen, s.last_seen) for s in store.in_order()] == [(at(0), at(710))]


def test_an_answer_after_the_passage_has_closed_makes_a_final_sighting_at_once() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 4)
    store.close(visit)
    (saved,) = store.read(visit, reading(visit, 1, "粤BP57E7"))
    assert isinstance(saved, Saved)
    assert (saved.sighting.status, saved.sighting.last_seen) == (SightingStatus.FINAL, at(4))


def test_a_late_answer_between_two_sightings_makes_them_one() -> None:
    store = Store(fusion())
    visits = [passage(f"p{n}", 250 * n, 250 * n + 5) for n in range(3)]
    for visit in visits:
        store.close(visit)
    store.read(visits[0], reading(visits[0], 1, "粤BP57E7"))
    store.read(visits[2], reading(visits[2], 501, "粤BP57E7"))
    assert len(store.sightings) == 2
    changes = store.read(visits[1], reading(visits[1], 251, "粤BP57E7"))
    assert changes[0] == Removed("k2", into="k1")
    (sighting,) = store.in_order()
    assert (sighting.key, sighting.reads, sighting.last_seen) == ("k1", 3, at(505))
    assert set(store.owner.values()) == {"k1"}


def test_deduplication_survives_a_restart() -> None:
    before = Store(fusion())
    visit = passage("p", 0, 10)
    before.read(visit, reading(visit, 1, "粤BP57E7", 0.99))
    after = Store(fusion(recent=before.sightings.values()), before.sightings.values())
    again = passage("q", 200, 210)
    after.read(again, reading(again, 201, "粤BP57E7", 0.9))
    after.close(again)
    (sighting,) = after.in_order()
    assert (sighting.key, sighting.reads, sighting.first_seen, sighting.last_seen) == ("k1", 2, at(0), at(210))
    assert (sighting.confidence, sighting.keyframe, sighting.passage) == (0.99, "p@1", "p")
    assert sighting.status is SightingStatus.FINAL


def test_a_reading_handed_in_twice_counts_once() -> None:
    store = Store(fusion())
    visit = passage("p", 0, 10)
    store.read(visit, reading(visit, 1, "粤BP57E7"))
    assert store.read(visit, reading(visit, 1, "粤BP57E7")) == []


def test_random_keys_differ() -> None:
    visit = passage("p", 0, 10)
    keys = set()
    for _ in range(2):
        (saved,) = Fusion("gate", window=300, floors=FLOORS).read(visit, [reading(visit, 1, "粤BP57E7")])
        assert isinstance(saved, Saved)
        keys.add(saved.sighting.key)
    assert len(keys) == 2


Event = tuple[str, Passage, tuple[Reading, ...]]
TEXTS = [
    "粤BP57E7",
    "粤8P57E7",
    "粤BF57E7",
    "京AD12345",
    "京AD1234",
    "京A012345",
    "BP57E7",
    "粤B12345",
    "粤B12346",
    "奥BP57E7",
]


def _scene(chance: random.Random) -> list[Event]:
    """Return twelve passages that overlap, lie near or lie apart, with up to four calls each, as from a gate."""
    events: list[Event] = []
    opened = 0.0
    for n in range(12):
        opened += chance.choice([2, 20, 120, 280, 400])
        visit = passage(f"p{n}", opened, opened + chance.choice([3, 30, 200]))
        own = chance.choice(TEXTS)
        for call in range(chance.randrange(5)):
            second = opened + chance.random() * 3
            texts = chance.sample([own, own, *TEXTS], chance.choice([1, 1, 2]))
            corners: Sequence[Corners | None] = chance.choice([(None, None), (LEFT, RIGHT)])
            readings = tuple(
                reading(
                    visit,
                    second,
                    text,
                    chance.choice([None, 0.6, 0.8, 0.9, 0.97]),
                    corners=place,
                    keyframe=f"f{n}.{call}",
                )
                for text, place in zip(texts, corners, strict=False)
            )
            events.append(("read", replace(visit, last_seen=at(second)), readings))
        events.append(("close", visit, ()))
    return events


def _result(events: Iterable[Event]) -> tuple[set[object], set[frozenset[str]]]:
    store = Store(fusion())
    for what, visit, readings in events:
        if what == "read":
            store.read(visit, *readings)
        else:
            store.close(visit)
    sightings: set[object] = {replace(sighting, key="") for sighting in store.sightings.values()}
    assert len(sightings) == len(store.sightings)
    owners = [key for key in store.owner.values() if key]
    assert all(owners.count(sighting.key) == sighting.reads for sighting in store.sightings.values())
    return sightings, _groups(store)


def _groups(store: Store) -> set[frozenset[str]]:
    owned = sorted(((key, text) for text, key in store.owner.items() if key), key=str)
    return {frozenset(text for _, text in group) for _, group in itertools.groupby(owned, key=lambda pair: pair[0])}


@pytest.mark.parametrize("seed", range(30))
def test_the_order_in_which_answers_arrive_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    events = _scene(chance)
    sightings, groups = _result(events)
    assert sightings
    for _ in range(12):
        chance.shuffle(events)
        assert _result(events) == (sightings, groups)


@pytest.mark.parametrize("remembered", [1, 2, 4])
def test_what_is_forgotten_leaves_the_sightings_in_order(remembered: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamwatch.sightings.fusion._REMEMBERED", remembered)
    for seed in range(60):
        chance = random.Random(seed)
        events = _scene(chance)
        chance.shuffle(events)
        assert _result(events)


@pytest.mark.parametrize("closing", [True, False])
def test_memory_stays_bounded_over_a_year_of_traffic(closing: bool) -> None:
    fused = fusion()
    sizes = []
    for n in range(1400):
        now = 60 * n
        visit = passage(f"p{n:05}", now, now + 10, closing)
        passing, parked = f"京A{n:05}", "粤BP57E7"
        fused.read(visit, [reading(visit, now + 1, passing), reading(visit, now + 1, parked)])
        if n in (699, 1399):
            sizes.append(len(pickle.dumps(fused)))
    assert sizes[1] < 1.05 * sizes[0]
