"""Sightings on their way to the database and to people: one fusion for each camera."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from streamwatch.core.codes import EventType
from streamwatch.core.event_data import SightingCorrectedData, sighting_data
from streamwatch.core.model import Passage, Sighting
from streamwatch.core.plates import CHINA, Grammar
from streamwatch.pipeline.following import Follower
from streamwatch.sightings.fusion import Fusion
from streamwatch.sightings.weighing import Floors
from streamwatch.store import Store

REMEMBERED = 1000  # sightings that were told of

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
    """Keeps the fusions, saves sightings, and tells of those that were saved. For one thread at a time.

    The outside is told by events in the transaction that saves a sighting, people after it.
    """

    def __init__(self, store: Store, acceptance: AcceptanceOf, notify: Notify, follower: Follower) -> None:
        self._store, self._acceptance, self._notify, self._follower = store, acceptance, notify, follower
        self._fusions: dict[str, Fusion] = {}
        self._told: dict[str, Sighting] = {}
        self._saved: dict[str, Sighting] = {}

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
            self._told.update((sighting.key, sighting) for sighting in recent)
        fusion = self._fusions[passage.camera]
        fusion.floors, fusion.window = accepted.floors, window
        return fusion

    def save(self, sighting: Sighting, readings: tuple[str, ...]) -> None:
        """Write a sighting and the readings (by key) that it rests on. Raise StoreError."""
        kind = self._acceptance(sighting.camera).grammar.parse(sighting.plate).kind
        if self._store.sightings.save(sighting, readings, kind):
            self._add_event(sighting, kind)
            self._saved[sighting.key] = sighting
            self._follower.saved(sighting)

    def remove(self, key: str, into: str | None) -> None:
        """Remove a sighting (key). Its readings go to the sighting `into`, or stay without one. Raise StoreError."""
        self._store.sightings.remove(key, into)
        told = self._saved.pop(key, None) or self._told.get(key)
        if told is not None:
            self._add_correction(told, "", "", told.plate, into or "")
        self._follower.removed(key, into)

    def begin(self) -> None:
        """Begin a transaction, maybe after one that failed: nothing is saved yet."""
        self._saved = {}
        self._follower.begin()

    def tell(self) -> None:
        """Tell of the sightings of this transaction, which was committed. Each plate of a sighting is told once."""
        for sighting in self._saved.values():
            told = self._told.pop(sighting.key, None)
            self._told[sighting.key] = sighting
            if len(self._told) > REMEMBERED:
                del self._told[next(iter(self._told))]
            if told is None or told.plate != sighting.plate:
                self._notify(sighting, told is not None)
        self._follower.committed()

    def _add_event(self, sighting: Sighting, kind: str) -> None:
        """Tell the outside of a sighting that is new, or whose plate is another one than it was told."""
        told = self._saved.get(sighting.key) or self._told.get(sighting.key)
        if told is None:
            data = sighting_data(sighting, kind)
            self._store.events.add(EventType.SIGHTING, sighting.plate, data, sighting.camera, sighting.first_seen)
        elif told.plate != sighting.plate:
            self._add_correction(sighting, sighting.plate, kind, told.plate, "")

    def _add_correction(self, sighting: Sighting, plate: str, kind: str, before: str, into: str) -> None:
        data = SightingCorrectedData(
            sighting=sighting.key,
            camera=sighting.camera,
            plate=plate,
            plate_before=before,
            plate_kind=kind,
            confidence=sighting.confidence,
            engine=sighting.engine.value,
            first_seen=sighting.first_seen,
            last_seen=sighting.last_seen,
            passage=sighting.passage,
            keyframe=sighting.keyframe,
            merged_into=into,
        )
        self._store.events.add(EventType.SIGHTING_CORRECTED, plate or before, data, sighting.camera, sighting.last_seen)

    def forget(self) -> None:
        """Begin anew with what the database knows."""
        self._fusions.clear()
