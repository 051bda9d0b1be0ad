"""Which vehicles the readings of one passage show, and whether the evidence is enough for a sighting.

Texts that are likely misreads of each other are one vehicle; the best-supported text is its plate. Everything here is a
function of the set of readings: the order in which answers arrived plays no part.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import combinations, groupby

from streamwatch.core.model import Engine, Reading
from streamwatch.core.plates import MANY_LETTERS, MARK_LOST, distance, parse

# A look-alike, a lost first or last character, one wrong character, or two look-alikes. Two random plates of one town
# are this close in 5 of a million cases.
_ONE_VEHICLE = 1.0
# If one of the texts is weak anyway, a misread may be worse. This is still far below two wrong characters (2.0).
ONE_VEHICLE_IF_WEAK = 1.5
_UNKNOWN_CONFIDENCE = 0.5
# An engine's 1.0 is no proof; above this all confidences are equal.
_HIGHEST_CONFIDENCE = 0.99
# Pictures of one vehicle resemble each other, and so do their misreads: a repetition is worth half.
_REPETITION = 0.5
_DOUBTED = 0.5
# The strongest texts of one passage that are weighed; three pictures full of vehicles show fewer. Each is
# compared with every other, so that without a bound one absurd answer would take minutes.
_MOST_TEXTS = 200


Floors = Mapping[Engine, float]
"""For each engine the confidence, 0 to 1, from which one reading is enough for a sighting; of others none ever is."""

Contradicted = Set[tuple[str, str]]
"""Keyframe (key) and plate of the paid readings that the local engine contradicts; `cross_check` says which."""


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One vehicle of a passage.

    plate: the best-supported text. readings: all readings of this vehicle, also those of other texts, by capture time.
    best: the most confident reading of `plate`, a paid one if there is any. sure: the evidence is enough for a
    sighting. agreeing: the (keyframe, engine) pairs that read exactly `plate`, in a form of the grammar; two of them
    are enough for a sighting, also from different passages.
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

    @property
    def paid(self) -> tuple[Reading, ...]:
        return tuple(reading for reading in self.readings if reading.engine is Engine.OCRCARS)

    @property
    def agreed(self) -> bool:
        """True if the paid engine read it in two pictures."""
        return len({reading.keyframe for reading in self.paid}) > 1

    def strong(self, floors: Floors) -> bool:
        return self.fits and any(_confident(reading, floors) for reading in self.readings)


def vehicles(readings: Iterable[Reading], floors: Floors, contradicted: Contradicted = frozenset()) -> list[Vehicle]:
    """Return the vehicles of one passage, by the time of their first reading.

    Of more than 200 texts, which no honest service reads in one passage, the weakest are left out.
    """
    ordered = sorted(readings, key=lambda reading: (reading.plate, reading.captured_at, reading.key))
    texts = [_Text(plate, tuple(same)) for plate, same in groupby(ordered, key=lambda reading: reading.plate)]
    if len(texts) > _MOST_TEXTS:
        texts.sort(key=lambda text: (text.agreed, text.strong(floors), text.fits, text.confidence, text.text))
        texts = texts[-_MOST_TEXTS:]
    found = [_judged(cluster, floors, contradicted) for cluster in _clusters(texts, floors)]
    return sorted(found, key=lambda vehicle: (vehicle.readings[0].captured_at, vehicle.plate))


def _clusters(texts: Sequence[_Text], floors: Floors) -> list[list[_Text]]:
    """Return the texts in clusters: single linkage from the nearest pair on, but never across two different vehicles.

    A set of texts is an integer with their bits.
    """
    strong, places = [text.strong(floors) for text in texts], [_places(text) for text in texts]
    members, apart = {i: 1 << i for i in range(len(texts))}, [0] * len(texts)
    near = []
    for i, j in combinations(range(len(texts)), 2):
        gap = distance(texts[i].text, texts[j].text, ONE_VEHICLE_IF_WEAK)
        same_place = _same_place(places[i], places[j])
        two_sure_ones = strong[i] and strong[j] and not _outvoted(texts[i], texts[j])
        if same_place is False or (same_place is None and gap > _ONE_VEHICLE and two_sure_ones):
            apart[i] |= 1 << j
            apart[j] |= 1 << i
        elif gap <= ONE_VEHICLE_IF_WEAK:
            near.append((gap, i, j))
    cluster_of = list(range(len(texts)))
    for _, i, j in sorted(near):
        one, other = cluster_of[i], cluster_of[j]
        if one != other and not apart[one] & members[other]:
            members[one] |= members.pop(other)
            apart[one] |= apart[other]
            cluster_of = [one if cluster == other else cluster for cluster in cluster_of]
    return [[text for text, its in zip(texts, cluster_of, strict=True) if its == cluster] for cluster in members]


def _outvoted(one: _Text, other: _Text) -> bool:
    """True if the paid engine read one of two like texts in two pictures, and only the local engine the other one."""
    return (one.agreed and not other.paid) or (other.agreed and not one.paid)


_Places = Mapping[str, tuple[float, float, float, float]]
"""For each keyframe that shows a text: the innermost left, top, right and bottom edge of its upright boxes there."""


def _places(text: _Text) -> _Places:
    places: dict[str, tuple[float, float, float, float]] = {}
    for reading in text.readings:
        if reading.corners is not None:
            xs, ys = zip(*reading.corners, strict=True)
            left, top, right, bottom = places.get(reading.keyframe, (min(xs), min(ys), max(xs), max(ys)))
            places[reading.keyframe] = max(left, min(xs)), max(top, min(ys)), min(right, max(xs)), min(bottom, max(ys))
    return places


def _same_place(a: _Places, b: _Places) -> bool | None:
    """Return False if one picture shows both at different places: then they are two vehicles, however alike.

    Return True if all pictures that show both show them at one place: then they are one plate, read in two ways. Return
    None if no picture tells.
    """
    common = a.keys() & b.keys()
    return all(_overlap(a[keyframe], b[keyframe]) for keyframe in common) if common else None


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """True if all boxes with these innermost edges share a pixel with all of the other boxes."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _judged(cluster: Sequence[_Text], floors: Floors, contradicted: Contradicted) -> Vehicle:
    agreed = {text.text for text in cluster if text.agreed}
    contested = _contested(cluster, agreed, contradicted)
    cut = {part for text in cluster if text.fits for part in (text.text[1:], text.text[:-1])}
    # If the paid engine read a text in two pictures, local readings of other texts are not heard.
    heard = [replace(text, readings=text.paid) if agreed - {text.text} else text for text in cluster]
    plate = max(
        (text for text in heard if text.readings),
        key=lambda text: (
            text.fits,
            *_support(text, contested, text.text in cut, floors),
            text.confidence,
            text.readings[-1].captured_at,
            text.text,
        ),
    ).text
    winner = next(text for text in cluster if text.text == plate)
    agreeing = frozenset((reading.keyframe, reading.engine) for reading in winner.readings if reading.kind)
    uncontested = len(cluster) == 1 and any(reading.confidence is None for reading in winner.readings)
    confident = any(_confident(reading, floors) and reading.key not in contested for reading in winner.readings)
    return Vehicle(
        plate=plate,
        readings=tuple(
            sorted((r for text in cluster for r in text.readings), key=lambda r: (r.captured_at, r.plate, r.key))
        ),
        best=max(winner.readings, key=_paid_and_sure),
        sure=confident or (winner.fits and (uncontested or len(agreeing) > 1)),
        agreeing=agreeing,
    )


def _paid_and_sure(reading: Reading) -> tuple[bool, float]:
    """Return what sorts paid readings above local ones, and then the more confident ones above the others."""
    return reading.engine is Engine.OCRCARS, -1.0 if reading.confidence is None else reading.confidence


def _support(text: _Text, contested: frozenset[str], cut: bool, floors: Floors) -> tuple[float, float]:
    """Return the bits of doubt that the readings of a text remove, halved if the text itself gives reason to doubt.

    Readings of the local engine or the camera itself below their floor together count at most as much as one local
    reading at the floor. The second figure is without this bound, for texts that are equal by the first.
    """
    weak: list[float] = []
    others: list[float] = []
    for reading in text.readings:
        below = reading.engine in (Engine.LOCAL, Engine.CAMERA) and not _confident(reading, floors)
        bits = _bits(_confidence(reading)) * (_DOUBTED if reading.repaired or reading.key in contested else 1.0)
        (weak if below else others).append(bits)
    bounded = min(_together(weak), _bits(floors[Engine.LOCAL]))
    doubt = _DOUBTED if cut or {MANY_LETTERS, MARK_LOST} & set(parse(text.text).flags) else 1.0
    return _together([*others, bounded]) * doubt, _together([*others, *weak]) * doubt


def _together(bits: Sequence[float]) -> float:
    """Return the bits of several readings of one text together."""
    most = max(bits, default=0.0)
    return most + _REPETITION * (sum(bits) - most)


def _bits(confidence: float) -> float:
    return -math.log2(1.0 - min(confidence, _HIGHEST_CONFIDENCE))


def _contested(cluster: Sequence[_Text], agreed: Collection[str], contradicted: Contradicted) -> frozenset[str]:
    """Return the paid readings (keys) of a vehicle that the local engine contradicts.

    agreed: texts that the paid engine read in two pictures; two independent views outweigh the doubt.
    """
    return frozenset(
        reading.key
        for text in cluster
        if text.text not in agreed
        for reading in text.paid
        if (reading.keyframe, reading.plate) in contradicted
    )


def _confident(reading: Reading, floors: Floors) -> bool:
    return reading.confidence is not None and reading.confidence >= floors.get(reading.engine, math.inf)


def _confidence(reading: Reading) -> float:
    return _UNKNOWN_CONFIDENCE if reading.confidence is None else reading.confidence
