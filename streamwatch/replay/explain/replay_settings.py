"""The settings of a replay, as far as the page explains them."""

from dataclasses import dataclass
from enum import StrEnum

from streamwatch.core.model import Point


class Answers(StrEnum):
    """Which engine read the pictures, in words."""

    SERVICE = "ocrCars read the pictures; each answered call was paid"
    LOCAL = "the local engine read the pictures, free of charge"
    LOCAL_INSTEAD = "the local engine read the pictures instead of ocrCars, which may read more or less"
    ASSUMED = "every picture is assumed to be read at the first call, because the local engine is not installed"


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """The settings of a replay: one field for each setting that the page explains. Durations are in seconds.

    zone: polygon in fractions of the picture, None for all of it; min_confidence: from which a reading settles a plate;
    settled_by: the key of that setting; dry: True if nothing was paid; own: keys that the camera has of its own.
    """

    camera: str
    videos: tuple[str, ...]
    zone: tuple[Point, ...] | None
    threshold: int
    min_area: float
    patience: float
    close_after: float
    max_calls: int
    min_confidence: float
    price: float
    answers: Answers
    dry: bool
    settled_by: str = "sightings.min_confidence"
    own: frozenset[str] = frozenset()

    def place_of(self, key: str) -> str:
        """Return the key under which config.yaml holds a setting of this camera."""
        return f"cameras.{self.camera}.{key}" if key in self.own else key

    @property
    def reading(self) -> str:
        """Return the word for reading one picture: a call, which is paid, or a reading, which is free."""
        return "reading" if self.answers is Answers.LOCAL else "call"

    @property
    def watched(self) -> float:
        """Return the part of the picture (0 to 1) inside the zone."""
        if self.zone is None:
            return 1.0
        pairs = zip(self.zone, (*self.zone[1:], self.zone[0]), strict=True)
        return max(1e-6, abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2)

    @property
    def least_change(self) -> float:
        """Return the part of the watched picture that must differ before the gate looks for a vehicle."""
        return self.min_area / self.watched
