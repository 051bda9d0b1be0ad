"""Decides on each sighting at a lane, in the transaction that saves it, and tells of the decision after the commit.

    recorder ──Sighting──▶ Gatekeeper ──▶ permits, who is inside ──▶ decide() ──▶ row ──commit──▶ listeners

One decision for each sighting and lane. A better reading revises it until it is `allow` or a person has answered; so
what fusion corrects, joins or repeats never opens a second time. The permits are looked up in the same transaction: no
decision rests on an old list.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from streamwatch.access.decisions import Decision, LotState, PlateRead, decide
from streamwatch.access.matching import PermitIndex
from streamwatch.access.permits import Permit
from streamwatch.app.permits import lane_rules, permit_of
from streamwatch.capture import file_of
from streamwatch.config.settings import Settings
from streamwatch.core.clock import Clock
from streamwatch.core.codes import Verdict
from streamwatch.core.events import DecisionMade, Event, KeyframeTaken, VehiclePushed
from streamwatch.core.model import Engine, Reading, Sighting
from streamwatch.sightings.weighing import Contradicted
from streamwatch.store import DecisionTerms, Store

REMEMBERED = 2000  # keyframes, and readings, of this run
CLAIM = timedelta(seconds=10)
"""The time in which a barrier opens or does not: for so long a decision counts as a use of its permit by itself."""

Listener = Callable[[DecisionMade], None]
"""Gets each decision after its commit, in the recorder's thread. It must return at once and must not write."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Basis:
    """The reading that a decision rests on.

    fresh: the event that is recorded now has brought it, or another engine's reading of the same picture that agrees.
    """

    key: str
    confidence: float | None
    captured_at: datetime
    read_at: float = 0.0
    fresh: bool = False


class Gatekeeper:
    """Follows the recorder; see `Follower`. For the recorder's thread.

    listeners: get each decision, in this order.
    """

    def __init__(self, settings: Callable[[], Settings], store: Store, clock: Clock) -> None:
        """settings: those in force, asked for each sighting."""
        self._settings, self._store, self._clock = settings, store, clock
        self.listeners: list[Listener] = []
        self._taken: dict[str, float] = {}
        self._views: dict[str, frozenset[str]] = {}
        self._read: dict[tuple[str, str, Engine], _Basis] = {}
        self._contradicted: dict[tuple[str, str], None] = {}
        self._now_read: frozenset[tuple[str, str]] = frozenset()
        self._made: list[DecisionMade] = []

    def heard(self, event: Event, readings: tuple[Reading, ...], contradicted: Contradicted) -> None:
        """Note what this run has seen and read: nothing else can open a barrier."""
        now = self._clock.monotonic()
        if isinstance(event, KeyframeTaken):
            _remember(self._taken, event.keyframe.key, now)
            return
        if isinstance(event, VehiclePushed) and event.may_open:
            _remember(self._taken, event.keyframe.key, now)
        self._now_read = frozenset((reading.keyframe, reading.plate) for reading in readings)
        for one in readings:
            place = (one.keyframe, one.plate, one.engine)
            _remember(self._read, place, _Basis(one.key, one.confidence, one.captured_at, now))
            views = self._views.get(one.passage, frozenset()) | {one.keyframe}
            _remember(self._views, one.passage, views)
        for pair in contradicted:
            _remember(self._contradicted, pair, None)

    def begin(self) -> None:
        """Begin a transaction, maybe after one that failed."""
        self._made = []

    def saved(self, sighting: Sighting) -> None:
        """Decide on a sighting, if its camera belongs to a lane and nothing is settled. Raise StoreError."""
        settings = self._settings()
        lane = settings.lane_of(sighting.camera)
        basis = None if lane is None or sighting.engine is Engine.OPERATOR else self._basis(sighting)
        if lane is None or basis is None:
            return
        before = self._store.decisions.of_sighting(sighting.key, lane)
        if before is not None and (before.is_settled or (before.reading, before.plate) == (basis.key, sighting.plate)):
            return
        decision = self._decide(settings, lane, sighting, basis)
        key = uuid4().hex if before is None else before.key
        terms = self._terms(key, settings, decision, sighting, basis)
        revised = self._store.decisions.save(terms)
        live = self._is_live(settings, sighting, basis)
        if decision.verdict is Verdict.ALLOW and settings.lanes[lane].barrier is None:
            self._store.decisions.let_through(key, terms.decided_at if live else terms.captured_at)
        made = _made(terms, basis.read_at, live, decision.wants_second_view, revised)
        sure = basis.confidence is not None and basis.confidence >= settings.lanes[lane].bar
        # Within one camera's window a vehicle has one sighting; a lane's second camera makes another one of it.
        since = basis.captured_at - timedelta(seconds=settings.of(sighting.camera).dedup.window)
        again = bool(self._store.decisions.opened(decision.plate, lane, since))
        self._made.append(replace(made, surely_read=sure and not decision.read.contradicted, again=again))

    def removed(self, key: str, into: str | None) -> None:
        """Keep the decision on a sighting that is part of another one now, so that the other gets no second one."""
        if into is not None and self._settings().lanes:
            self._store.decisions.adopt(key, into)

    def committed(self) -> None:
        """Tell of the decisions that are stored now."""
        for made in self._made:
            for listener in self.listeners:
                listener(made)
        self._made = []

    def _basis(self, sighting: Sighting) -> _Basis | None:
        """Return the best reading of a sighting's plate; one of an earlier run is looked up. Raise StoreError."""
        found = self._read.get((sighting.keyframe, sighting.plate, sighting.engine))
        if found is not None:
            return replace(found, fresh=(sighting.keyframe, sighting.plate) in self._now_read)
        row = self._store.decisions.reading_of(sighting.keyframe, sighting.plate, sighting.engine)
        return None if row is None else _Basis(*row)

    def _is_live(self, settings: Settings, sighting: Sighting, basis: _Basis) -> bool:
        """Return True if a camera took the picture in this run, not long ago, and it was read only now.

        Both clocks must say so: the wall clock may be set, and a picture may have waited to be recorded.
        """
        taken, limit = self._taken.get(sighting.keyframe), settings.access.max_picture_age
        camera = settings.cameras.get(sighting.camera)
        if not basis.fresh or taken is None or camera is None or file_of(camera.source) is not None:
            return False
        age = (self._clock.now() - basis.captured_at).total_seconds()
        return 0 <= age <= limit and basis.read_at - taken <= limit

    def _decide(self, settings: Settings, lane: str, sighting: Sighting, basis: _Basis) -> Decision:
        store, at = self._store, basis.captured_at
        rules = lane_rules(settings, lane)
        permits = self._permits(sighting.plate, at)
        plates = {sighting.plate}.union(*(permit.plates for permit in permits))
        read = PlateRead(
            sighting.key,
            sighting.plate,
            basis.confidence,
            at,
            store.clock_trusted,
            (sighting.keyframe, sighting.plate) in self._contradicted,
            len(self._views.get(sighting.passage, ())) > 1,
        )
        listed_at = None if rules.list_age is None else store.permit_list.written_at()
        lot = LotState(store.decisions.inside(plates), listed_at=listed_at)
        index = PermitIndex(permits)
        decision = decide(read, rules, index, lot, at, None)
        if decision.verdict is not Verdict.ALLOW or not rules.max_opens:
            return decision
        opened = store.decisions.opened(decision.plate, lane, at - rules.opens_within)
        return decide(read, rules, index, replace(lot, opened=opened), at, None) if opened else decision

    def _permits(self, plate: str, at: datetime) -> list[Permit]:
        """Return the permits that matter to a plate. A use that is being made at this moment counts already."""
        permits = [permit_of(row) for row in self._store.permit_list.alike(plate)]
        limited = [permit.key for permit in permits if permit.uses is not None]
        if not limited:
            return permits
        claimed = self._store.permit_list.claimed(limited, at - CLAIM)
        return [
            permit if permit.uses is None else replace(permit, uses=permit.uses - claimed.get(permit.key, 0))
            for permit in permits
        ]

    def _terms(
        self, key: str, settings: Settings, decision: Decision, sighting: Sighting, basis: _Basis
    ) -> DecisionTerms:
        price = settings.calls.price
        return DecisionTerms(
            key=key,
            lane=decision.lane,
            way=settings.lanes[decision.lane].way,
            camera=sighting.camera,
            sighting=sighting.key,
            passage=sighting.passage,
            keyframe=sighting.keyframe,
            reading=basis.key,
            plate=sighting.plate,
            confidence=basis.confidence,
            engine=sighting.engine,
            price=price * self._store.decisions.units(sighting.passage) if price else 0.0,
            verdict=decision.verdict,
            reason=decision.reason,
            warnings=decision.warnings,
            permit=None if decision.permit is None else decision.permit.key,
            permit_plate="" if decision.permit is None else decision.plate,
            near=tuple(
                {"permit": one.permit.key, "plate": one.plate, "distance": one.distance} for one in decision.near
            ),
            captured_at=basis.captured_at,
            decided_at=self._clock.now(),
        )


def _made(terms: DecisionTerms, read_at: float, live: bool, wants_second_view: bool, revised: int) -> DecisionMade:
    return DecisionMade(
        key=terms.key,
        lane=terms.lane,
        camera=terms.camera,
        verdict=terms.verdict,
        reason=terms.reason,
        plate=terms.plate,
        sighting=terms.sighting,
        passage=terms.passage,
        keyframe=terms.keyframe,
        captured_at=terms.captured_at,
        read_at=read_at,
        live=live,
        wants_second_view=wants_second_view,
        revised=revised,
        confidence=terms.confidence,
    )


def _remember(memory: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Add an entry, and forget the oldest one if there are too many."""
    memory[key] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
