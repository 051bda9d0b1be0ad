"""Finds the permits of a plate, also of one that was misread by a likely confusion."""

from collections.abc import Iterable
from dataclasses import dataclass

from streamwatch.access.permits import Permit
from streamwatch.core.plates import likeness, look_alike_skeletons, skeleton


@dataclass(frozen=True, slots=True)
class Near:
    """A plate of a permit that is not the plate that was read. distance: see `core.plates.distance`."""

    plate: str
    permit: Permit
    distance: float


class PermitIndex:
    """Permits, found by plate. It does not change; a changed list is a new index.

    100,000 permits are found in well under a millisecond, because only texts that the engines confuse are looked up.
    It may also hold only those that can matter to one plate: all that name it or a look-alike.
    """

    def __init__(self, permits: Iterable[Permit]) -> None:
        by_plate: dict[str, list[Permit]] = {}
        alike: dict[str, list[str]] = {}
        for permit in permits:
            for plate in permit.plates:
                if plate not in by_plate:
                    alike.setdefault(skeleton(plate), []).append(plate)
                by_plate.setdefault(plate, []).append(permit)
        self._by_plate, self._alike = by_plate, alike

    def exact(self, plate: str) -> tuple[Permit, ...]:
        """Return the permits that name a normalised plate."""
        return tuple(self._by_plate.get(plate, ()))

    def near(self, plate: str) -> tuple[Near, ...]:
        """Return the permits of other plates that are within two likely confusions, the nearest first.

        A plate that lost or gained its first or last character is among them, at 0.75.
        """
        others = (other for form in look_alike_skeletons(plate) for other in self._alike.get(form, ()))
        gaps = {other: gap for other in others if other != plate and (gap := likeness(plate, other)) != float("inf")}
        nearest = sorted(gaps.items(), key=lambda one: (one[1], one[0]))
        return tuple(Near(other, permit, gap) for other, gap in nearest for permit in self._by_plate[other])
