"""Sightings on their way to the database and to people: one fusion for each camera."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from streamwatch.core.model import Passage, Sighting
from streamwatch.core.plates import CHINA, Grammar
from streamwatch.pipeline.following import Follower
from streamwatch.sightings.fusion import Fusion
from streamwatch.sightings.weighing import Floors
from streamwatch.store import Store

REMEMBERED = 1000  # sightings whose last announced plate is remembered

Notify = Callable[[Sighting, bool], None]
"""Gets every sighting that is new (False) or whose plate was corrected (True)."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Which readings of a camera count, and for how long they are one sighting.

    floors: see `Floors`. grammar: which texts are plates. window: seconds in which a plate seen again is the same
    sighting.
    """

    floors: Floors
    grammar: Grammar = CHINA
    window: float = 300.0


AcceptanceOf = Callable[[str], Acceptance]
"""Returns what counts at a camera. It is asked for each event, because a reload may change it."""


class SightingLog:
    """Keeps the fusions, saves sightings, and tells of those that were saved. For one thread at a time."""

    def __init__(self, store: Store, acceptance: AcceptanceOf, notify: Notify, follower: Follower) -> None:
        self._store, self._acceptance, self._notify, self._follower = store, acceptance, notify, follower
        self._fusions: dict[str, Fusion] = {}
        self._told: dict[str, str] = {}
        self._saved: list[Sighting] = []

    def fusion(self, passage: Passage) -> Fusion:
        """Return the fusion of a passage's camera. Raise StoreError.

        It begins with what the database knows, so that a restart repeats no sighting.
        """
        accepted = self._acceptance(passage.camera)
        window = timedelta(seconds=accepted.window)
        if passage.camera not in self._fusions:
            recent = self._store.sightings.recent(passage.camera, passage.opened_at - window)
            self._fusions[passage.camera] = Fusion(
                passage.camera, window=accepted.window, floors=accepted.floors, recent=recent
            )
            self._told.update((sighting.key, sighting.plate) for sighting in recent)
        fusion = self._fusions[passage.camera]
        fusion.floors, fusion.window = accepted.floors, window
        return fusion

    def save(self, sighting: Sighting, readings: tuple[str, ...]) -> None:
        """Write a sighting and the readings (by key) that it rests on. Raise StoreError."""
        kind = self._acceptance(sighting.camera).grammar.parse(sighting.plate).kind
        if self._store.sightings.save(sighting, readings, kind):
            self._saved.append(sighting)
            self._follower.saved(sighting)

    def remove(self, key: str, into: str | None) -> None:
        """Remove a sighting (key). Its readings go to the sighting `into`, or stay without one. Raise StoreError."""
        self._store.sightings.remove(key, into)
        self._follower.removed(key, into)

    def begin(self) -> None:
        """Begin a transaction, maybe after one that failed: nothing is saved yet."""
        self._saved = []
        self._follower.begin()

    def tell(self) -> None:
        """Tell of the sightings of this transaction, which was committed. Each plate of a sighting is told once."""
        for sighting in self._saved:
            told = self._told.pop(sighting.key, None)
            self._told[sighting.key] = sighting.plate
            if len(self._told) > REMEMBERED:
                del self._told[next(iter(self._told))]
            if told != sighting.plate:
                self._notify(sighting, told is not None)
        self._follower.committed()

    def forget(self) -> None:
        """Begin anew with what the database knows."""
        self._fusions.clear()
