"""Which vehicles the readings of one passage tell of, and how far each can be believed.

Texts that are likely misreads of each other are one vehicle; the best-supported text is its plate. Everything here is a
function of the set of readings: the order in which answers arrived plays no part.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from streamwatch.model import Corners, Engine, Reading
from streamwatch.plates import MANY_LETTERS, MARK_LOST, distance, parse

# A look-alike, a lost first or last character, one wrong character, or two look-alikes. Two random plates of one town
# lie this close in 5 of a million cases.
_ONE_VEHICLE = 1.0
# Where one of the texts is weak anyway, a misread may be worse. Still far below two wrong characters (2.0).
_ONE_VEHICLE_IF_WEAK = 1.5
_UNKNOWN_CONFIDENCE = 0.5
# An engine's 1.0 is no proof; above this all are equal.
_HIGHEST_CONFIDENCE = 0.99
# Pictures of one vehicle resemble each other, and so do the misreads of them: a repetition is worth half.
_REPETITION = 0.5
_DOUBTED = 0.5


Floors = Mapping[Engine, float]
"""For each engine the confidence, 0 to 1, from which one reading is enough for a sighting."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle of a passage.

    plate: the best-supported text. readings: all of this vehicle, also those of other texts, by capture time.
    best: the most confident reading of `plate`, a paid one if there is any. sure: enough for a sighting. agreeing:
    which (keyframe, engine) read exactly `plate` and made it fit the grammar; two of them are enough for a sighting,
    also from different passages.
    """

    plate: str
    readings: tuple[Reading, ...]
    best: Reading
    sure: bool
    agreeing: frozenset[tuple[str, Engine]]


@dataclass(frozen=True, slots=True)
class _Text:
    """All readings of exactly one text, by capture time."""

    text: str
    readings: tuple[Reading, ...]

    @property
    def fits(self) -> bool:
        return any(reading.kind for reading in self.readings)

    @property
    def confidence(self) -> float:
        return max(_confidence(reading) for reading in self.readings)

    def confident(self, floors: Floors) -> bool:
        return any(_confident(reading, floors) for reading in self.readings)

    def strong(self, floors: Floors) -> bool:
        return self.fits and self.confident(floors)


def vehicles(readings: Iterable[Reading], floors: Floors) -> list[Vehicle]:
    """The vehicles of one passage, by the time of their first reading."""
    ordered = sorted(readings, key=lambda reading: (reading.plate, reading.captured_at, reading.key))
    texts = [_Text(plate, tuple(same)) for plate, same in groupby(ordered, key=lambda reading: reading.plate)]
    found = [_judged(cluster, floors) for cluster in _clusters(texts, floors)]
    return sorted(found, key=lambda vehicle: (vehicle.readings[0].captured_at, vehicle.plate))


def _clusters(texts: Sequence[_Text], floors: Floors) -> list[list[_Text]]:
    """Single linkage from the nearest pair on, but never across two texts that must be different vehicles."""
    near = sorted((distance(a.text, b.text), i, j) for (i, a), (j, b) in combinations(enumerate(texts), 2))
    strong = [text.strong(floors) for text in texts]
    different = {
        frozenset((i, j))
        for gap, i, j in near
        if _seen_apart(texts[i], texts[j]) or (gap > _ONE_VEHICLE and strong[i] and strong[j])
    }
    cluster_of = {i: [i] for i in range(len(texts))}
    for gap, i, j in near:
        one, other = cluster_of[i], cluster_of[j]
        if gap > _ONE_VEHICLE_IF_WEAK or one is other:
            continue
        if not any(frozenset((a, b)) in different for a in one for b in other):
            one.extend(other)
            cluster_of.update(dict.fromkeys(other, one))
    return [[texts[i] for i in cluster] for first, cluster in cluster_of.items() if first == min(cluster)]


def _seen_apart(a: _Text, b: _Text) -> bool:
    """Whether both were read in one picture at different places: then nothing makes them one vehicle."""
    return any(
        one.keyframe == other.keyframe
        and one.corners is not None
        and other.corners is not None
        and not _overlap(one.corners, other.corners)
        for one in a.readings
        for other in b.readings
    )


def _overlap(a: Corners, b: Corners) -> bool:
    """Whether the upright boxes around two plates share any pixel."""
    return all(
        max(min(p[axis] for p in a), min(p[axis] for p in b)) < min(max(p[axis] for p in a), max(p[axis] for p in b))
        for axis in (0, 1)
    )


def _judged(cluster: Sequence[_Text], floors: Floors) -> Vehicle:
    winner = max(
        cluster,
        key=lambda text: (
            text.fits,
            _support(text, cluster),
            text.confidence,
            text.readings[-1].captured_at,
            text.text,
        ),
    )
    agreeing = frozenset((reading.keyframe, reading.engine) for reading in winner.readings if reading.kind)
    uncontested = len(cluster) == 1 and any(reading.confidence is None for reading in winner.readings)
    confident = any(_confident(reading, floors) and not _contested(reading, cluster) for reading in winner.readings)
    return Vehicle(
        plate=winner.text,
        readings=tuple(
            sorted((r for text in cluster for r in text.readings), key=lambda r: (r.captured_at, r.plate, r.key))
        ),
        best=max(winner.readings, key=_paid_and_sure),
        sure=confident or (winner.fits and (uncontested or len(agreeing) > 1)),
        agreeing=agreeing,
    )


def _paid_and_sure(reading: Reading) -> tuple[bool, float]:
    """What was paid for stands for a vehicle; the local engine only where it alone read the text."""
    return reading.engine is Engine.OCRCARS, -1.0 if reading.confidence is None else reading.confidence


def _support(text: _Text, cluster: Sequence[_Text]) -> float:
    """Bits of doubt that the readings of a text remove; halved where the text itself gives reason to doubt."""
    bits = sorted((_bits(reading, cluster) for reading in text.readings), reverse=True)
    support = bits[0] + _REPETITION * sum(bits[1:])
    doubted = {MANY_LETTERS, MARK_LOST} & set(parse(text.text).flags) or any(_cut(text, whole) for whole in cluster)
    return support * (_DOUBTED if doubted else 1.0)


def _bits(reading: Reading, cluster: Sequence[_Text]) -> float:
    bits = -math.log2(1.0 - min(_confidence(reading), _HIGHEST_CONFIDENCE))
    return bits * (_DOUBTED if reading.repaired or _contested(reading, cluster) else 1.0)


def _contested(reading: Reading, cluster: Sequence[_Text]) -> bool:
    """Whether the local engine read the vehicle otherwise in the very picture that was paid for."""
    return reading.engine is Engine.OCRCARS and any(
        other.engine is Engine.LOCAL and other.keyframe == reading.keyframe and other.plate != reading.plate
        for text in cluster
        for other in text.readings
    )


def _confident(reading: Reading, floors: Floors) -> bool:
    return reading.confidence is not None and reading.confidence >= floors[reading.engine]


def _confidence(reading: Reading) -> float:
    return _UNKNOWN_CONFIDENCE if reading.confidence is None else reading.confidence


def _cut(part: _Text, whole: _Text) -> bool:
    """A new-energy plate that lost its last character looks like a valid ordinary plate; nobody invents a character."""
    return whole.fits and part.text in (whole.text[1:], whole.text[:-1])
