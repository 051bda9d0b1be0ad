"""Readings to sightings, camera by camera: a pure state machine without clock, file or thread.

`weighing.py` says which vehicles a passage shows. Here the visits of the same plate become one sighting, and the
changes since the last input are returned for the store. After each input the sightings concerned are worked out anew
from all readings that are remembered. So answers may come late and in any order, also after their passage has closed:
the sightings are the same in the end, except for their keys.

This has a limit: the readings of a closed passage are remembered until 256 other passages have been touched. A later
answer still extends or opens a sighting. But it is no longer weighed against the other texts of its passage, and a text
that was unsure then no longer counts. A sighting is remembered while it is younger than the window, and after that as
one of the last 256.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from streamwatch.core.model import Engine, Passage, Reading, Sighting, SightingStatus
from streamwatch.sightings.weighing import Contradicted, Floors, Vehicle, vehicles

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Saved:
    """A sighting is new or has changed. readings: keys of readings that belong to it; earlier ones may be left out."""

    sighting: Sighting
    readings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """A saved sighting does not exist any more. into: the saved one that takes over its readings; None if none does."""

    key: str
    into: str | None


@dataclass(frozen=True, slots=True)
class Released:
    """Readings (keys) that belonged to a sighting and now belong to none."""

    readings: tuple[str, ...]


Change = Saved | Removed | Released
"""Changes are to be carried out in the given order."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A visit of one plate: from one passage, or joined from several. It has a field for each field of its sighting.

    confidence, engine, keyframe: of the best reading. passage: the first one. keys: the saved sightings that this visit
    was, as far as their readings are forgotten; empty if every reading is still remembered.
    """

    plate: str
    first_seen: datetime
    last_seen: datetime
    reads: int
    confidence: float | None
    engine: Engine
    keyframe: str
    passage: str
    open: bool
    sure: bool
    agreeing: frozenset[tuple[str, Engine]] = frozenset()
    readings: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Live:
    """A passage whose readings are remembered."""

    passage: Passage
    readings: dict[str, Reading] = field(default_factory=dict)
    contradicted: Contradicted = frozenset()
    vehicles: list[Vehicle] = field(default_factory=list)
    visits: list[_Visit] = field(default_factory=list)


class Fusion:
    """Turns the readings of one camera into sightings.

    window: seconds between leaving and coming back that still make one sighting. floors: see `Floors`. Both may be
    replaced at any time and count for what is read from then on. recent: sightings of this camera from the database,
    which a new reading may extend; they count as closed.
    """

    def __init__(
        self,
        camera: str,
        *,
        window: float,
        floors: Floors,
        recent: Iterable[Sighting] = (),
        new_key: Callable[[], str] = lambda: uuid4().hex,
    ) -> None:
        self._camera = camera
        self.window = timedelta(seconds=window)
        self.floors = floors
        self._new_key = new_key
        self._newest = datetime.min.replace(tzinfo=UTC)
        # Both are in the order in which their entries were last touched.
        self._live: dict[str, _Live] = {}
        self._settled: dict[str, _Visit] = {}
        self._saved: dict[str, Saved] = {}
        for sighting in sorted(recent, key=lambda sighting: sighting.last_seen):
            self._settled[sighting.key] = _settled(sighting)
            self._saved[sighting.key] = Saved(sighting, ())
            self._newest = max(self._newest, sighting.last_seen)

    def read(
        self, passage: Passage, readings: Sequence[Reading], contradicted: Contradicted = frozenset()
    ) -> list[Change]:
        """Take in what one engine said of one keyframe, and return what has changed.

        passage: as it is now. Of two readings with the same key one counts. contradicted: among these readings or
        earlier ones.
        """
        live = self._touch(passage)
        live.readings.update((reading.key, reading) for reading in readings)
        live.contradicted = live.contradicted | contradicted
        live.vehicles = vehicles(live.readings.values(), self.floors, live.contradicted)
        return self._update(live)

    def close(self, passage: Passage) -> list[Change]:
        """Note that the vehicle has gone, and return what has changed: its sightings become final."""
        return self._update(self._touch(replace(passage, closed=True)))

    def _touch(self, passage: Passage) -> _Live:
        """Return the remembered passage, completed by what is new. A late answer may bring an older state."""
        live = self._live.pop(passage.key, None) or _Live(passage)
        live.passage = replace(
            passage,
            opened_at=min(passage.opened_at, live.passage.opened_at),
            last_seen=max(passage.last_seen, live.passage.last_seen),
            closed=passage.closed or live.passage.closed,
        )
        self._live[passage.key] = live
        self._newest = max(self._newest, live.passage.last_seen)
        return live

    def _update(self, live: _Live) -> list[Change]:
        before, live.visits = live.visits, _visits(live.passage, live.vehicles)
        changes = self._rejoin({visit.plate for visit in (*before, *live.visits)}) if live.visits != before else []
        self._forget()
        return changes

    def _rejoin(self, plates: set[str]) -> list[Change]:
        """Work out all sightings of these plates anew and return what has changed."""
        before = {key: saved for key, saved in self._saved.items() if saved.sighting.plate in plates}
        by_plate = self._visits_of(plates).values()
        joined = [visit for visits in by_plate for visit in _joined(visits, self.window) if visit.sure]
        joined.sort(key=lambda visit: (visit.first_seen, visit.plate))
        shared = _shared(joined, before)
        keys = _keys_kept(joined, before, shared)
        after = [
            Saved(self._sighting(visit, keys.get(index) or self._new_key()), visit.readings)
            for index, visit in enumerate(joined)
        ]
        heirs = _heirs(shared)
        removed = [
            Removed(key, after[heirs[key]].sighting.key if key in heirs else None)
            for key in before.keys() - set(keys.values())
        ]
        removed.sort(key=lambda change: (before[change.key].sighting.first_seen, before[change.key].sighting.plate))
        for change in removed:
            self._hand_over(change)
        self._saved.update((saved.sighting.key, saved) for saved in after)
        released = sorted(_readings(before.values()) - _readings(after))
        return [
            *removed,
            *(saved for saved in after if saved != before.get(saved.sighting.key)),
            *([Released(tuple(released))] if released else []),
        ]

    def _visits_of(self, plates: set[str]) -> dict[str, list[_Visit]]:
        """Return all remembered visits by plate."""
        found: dict[str, list[_Visit]] = {}
        lived = (visit for live in self._live.values() for visit in live.visits)
        for visit in itertools.chain(self._settled.values(), lived):
            if visit.plate in plates:
                found.setdefault(visit.plate, []).append(visit)
        return found

    def _sighting(self, visit: _Visit, key: str) -> Sighting:
        return Sighting(
            key=key,
            camera=self._camera,
            plate=visit.plate,
            confidence=visit.confidence,
            first_seen=visit.first_seen,
            last_seen=visit.last_seen,
            reads=visit.reads,
            status=SightingStatus.PROVISIONAL if visit.open else SightingStatus.FINAL,
            engine=visit.engine,
            passage=visit.passage,
            keyframe=visit.keyframe,
        )

    def _hand_over(self, removed: Removed) -> None:
        del self._saved[removed.key]
        past = self._settled.pop(removed.key, None)
        if past is not None and removed.into is not None:
            self._settle(removed.into, past)

    def _forget(self) -> None:
        for closed in (True, False):
            alike = [key for key, live in self._live.items() if live.passage.closed is closed]
            for key in alike[:-_REMEMBERED]:
                for visit in self._live.pop(key).visits:
                    self._forget_readings(visit)
        self._forget_sightings()

    def _forget_readings(self, visit: _Visit) -> None:
        """Keep only what a visit adds to its sighting."""
        for key, saved in self._saved.items():
            if saved.sighting.plate == visit.plate and not set(saved.readings).isdisjoint(visit.readings):
                self._saved[key] = replace(saved, readings=tuple(r for r in saved.readings if r not in visit.readings))
                self._settle(key, visit)
                return

    def _settle(self, key: str, visit: _Visit) -> None:
        past = self._settled.pop(key, None)
        whole = _whole([past, visit] if past else [visit])
        self._settled[key] = replace(
            whole, open=False, sure=True, agreeing=frozenset(), readings=(), keys=frozenset({key})
        )

    def _forget_sightings(self) -> None:
        """Forget old sightings. One with readings in memory is kept, or else it would seem to begin later."""
        for key in list(self._settled)[:-_REMEMBERED]:
            old = self._saved[key].sighting.last_seen + self.window < self._newest
            if old and not self._saved[key].readings:
                del self._settled[key], self._saved[key]


def _settled(sighting: Sighting) -> _Visit:
    return _Visit(
        plate=sighting.plate,
        first_seen=sighting.first_seen,
        last_seen=sighting.last_seen,
        reads=sighting.reads,
        confidence=sighting.confidence,
        engine=sighting.engine,
        keyframe=sighting.keyframe,
        passage=sighting.passage,
        open=False,
        sure=True,
        keys=frozenset({sighting.key}),
    )


def _visits(passage: Passage, seen: Sequence[Vehicle]) -> list[_Visit]:
    """Return when each vehicle of a passage came and went.

    The passage began with its first vehicle, and ended with the vehicle that was read last. Any other vehicle was last
    seen when it was last read.
    """
    counted = [vehicle for vehicle in seen if vehicle.sure] or seen
    first = min((vehicle.readings[0].captured_at for vehicle in counted), default=passage.opened_at)
    last = max((vehicle.readings[-1].captured_at for vehicle in counted), default=passage.last_seen)
    visits = []
    for vehicle in seen:
        came, went = vehicle.readings[0].captured_at, vehicle.readings[-1].captured_at
        visits.append(
            _Visit(
                plate=vehicle.plate,
                first_seen=min(came, passage.opened_at) if came <= first else came,
                last_seen=max(went, passage.last_seen) if went >= last else went,
                reads=len(vehicle.readings),
                confidence=vehicle.best.confidence,
                engine=vehicle.best.engine,
                keyframe=vehicle.best.keyframe,
                passage=passage.key,
                open=not passage.closed,
                sure=vehicle.sure,
                agreeing=vehicle.agreeing,
                readings=tuple(reading.key for reading in vehicle.readings),
            )
        )
    return visits


def _joined(visits: Iterable[_Visit], window: timedelta) -> list[_Visit]:
    """Return the visits of one plate, joined if at most the window lies between one's end and the next one's begin."""
    groups: list[list[_Visit]] = []
    until = datetime.min.replace(tzinfo=UTC)
    for visit in sorted(visits, key=lambda visit: (visit.first_seen, visit.last_seen, visit.passage)):
        if groups and visit.first_seen - until <= window:
            groups[-1].append(visit)
            until = max(until, visit.last_seen)
        else:
            groups.append([visit])
            until = visit.last_seen
    return [_whole(group) for group in groups]


def _whole(visits: Sequence[_Visit]) -> _Visit:
    first = min(visits, key=lambda visit: (visit.first_seen, visit.passage))
    best = min(
        visits,
        key=lambda visit: (1.0 if visit.confidence is None else -visit.confidence, visit.first_seen, visit.keyframe),
    )
    agreeing = frozenset().union(*(visit.agreeing for visit in visits))
    return replace(
        best,
        first_seen=first.first_seen,
        last_seen=max(visit.last_seen for visit in visits),
        reads=sum(visit.reads for visit in visits),
        passage=first.passage,
        open=any(visit.open for visit in visits),
        sure=any(visit.sure for visit in visits) or len(agreeing) > 1,
        agreeing=agreeing,
        readings=tuple(key for visit in visits for key in visit.readings),
        keys=frozenset().union(*(visit.keys for visit in visits)),
    )


Shared = Mapping[tuple[int, str], int]
"""Number of readings or settled pasts that a visit (by index) and a saved sighting (by key) share; never 0."""


def _shared(joined: Sequence[_Visit], before: Mapping[str, Saved]) -> Shared:
    owners = {reading: key for key, saved in before.items() for reading in saved.readings}
    shared: Counter[tuple[int, str]] = Counter()
    for index, visit in enumerate(joined):
        shared.update((index, owners[reading]) for reading in set(visit.readings) if reading in owners)
        shared.update((index, key) for key in visit.keys if key in before)
    return shared


def _keys_kept(joined: Sequence[_Visit], before: Mapping[str, Saved], shared: Shared) -> dict[int, str]:
    """Return the saved key under which a visit (by index) goes on.

    A settled past goes on under its own key. Then the same plate comes first, then the older sighting, then the one
    with most in common.
    """
    claims = sorted(
        (
            key not in joined[index].keys,
            joined[index].plate != before[key].sighting.plate,
            before[key].sighting.first_seen,
            -count,
            index,
            key,
        )
        for (index, key), count in shared.items()
    )
    kept: dict[int, str] = {}
    taken: set[str] = set()
    for *_, index, key in claims:
        if index not in kept and key not in taken:
            kept[index] = key
            taken.add(key)
    return kept


def _heirs(shared: Shared) -> dict[str, int]:
    """Return for each saved key the visit (by index) that has most of its readings; no entry if no visit shares any."""
    return {key: index for (index, key), _ in sorted(shared.items(), key=lambda claim: (claim[1], -claim[0][0]))}


def _readings(saved: Iterable[Saved]) -> set[str]:
    return {key for each in saved for key in each.readings}
