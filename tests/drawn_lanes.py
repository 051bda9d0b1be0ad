"""Lanes for tests of pages: decisions on drawn vehicles, and barriers that only take notes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from consoles import DrawnConsole, Visit
from sqlalchemy import select

from streamwatch.config.settings import Settings
from streamwatch.core.barrier_state import BarrierState, OpeningOutcome
from streamwatch.core.codes import DecisionReason, OpeningCause, OpeningState, PermitKind, Verdict, WithheldReason
from streamwatch.core.events import DecisionMade
from streamwatch.core.model import Engine
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import DecisionTerms, OpeningTerms, PermitRow, Store
from streamwatch.store.tables import StoredKeyframe, StoredReading, StoredSighting
from streamwatch.system.kill_switch import KillSwitch

LANES = {
    "in": {"cameras": ["entry"], "way": "in", "mode": "automatic", "barrier": "front"},
    "out": {"cameras": ["exit"], "way": "out", "mode": "suggest", "barrier": "back"},
    "yard": {"cameras": ["后门"], "way": "both"},
}
BARRIERS = ("front", "back")


@dataclass
class NotedBarriers:
    """What pages see of barriers: it opens nothing, writes rows as the real one does, and keeps what it was asked.

    answer: what the relay says.
    """

    console: DrawnConsole
    answer: OpeningState = OpeningState.DONE
    detail: str = ""
    reason: WithheldReason = WithheldReason.NONE
    asked: list[tuple[str, OpeningCause, str, str]] = field(default_factory=list)
    standing: dict[str, BarrierState] = field(default_factory=dict)

    @property
    def killed(self) -> bool:
        return KillSwitch(self.console.data_dir).is_on

    def kill(self, who: str) -> None:
        KillSwitch(self.console.data_dir).turn_on(who, datetime.now(UTC))

    def unkill(self, who: str) -> None:
        KillSwitch(self.console.data_dir).turn_off()

    def states(self) -> list[BarrierState]:
        return list(self.standing.values()) or [BarrierState(name) for name in BARRIERS]

    def request(
        self, lane: str, cause: OpeningCause, decision: DecisionMade | None = None, who: str = "", note: str = ""
    ) -> OpeningOutcome:
        self.asked.append((lane, cause, who, note))
        barrier = self.console.backend.settings.lanes[lane].barrier or ""
        key = None if decision is None else decision.key
        terms = OpeningTerms(uuid4().hex, lane, barrier, cause, datetime.now(UTC), key, who, note)
        outcome = OpeningOutcome(terms.key, self.answer, self.reason, self.detail)
        self.console.backend.write(lambda store: store.openings.ended(terms, outcome, datetime.now(UTC)))
        return outcome


def with_lanes(console: DrawnConsole, lanes: dict[str, Any] = LANES, barriers: bool = True) -> NotedBarriers:
    """Give a console lanes and barriers; barriers: False: no daemon opens anything."""
    names = {*BARRIERS, *(lane["barrier"] for lane in lanes.values() if "barrier" in lane)}
    drivers = {name: {"driver": "shelly", "address": "http://192.0.2.9"} for name in names}
    plain = console.backend.settings.model_dump(exclude_unset=True) | {"lanes": lanes, "barriers": drivers}
    console.backend.settings = Settings.model_validate(plain)
    noted = NotedBarriers(console)
    console.backend.barriers = noted if barriers else None
    return noted


def add_permit(
    console: DrawnConsole, *plates: str, kind: PermitKind = PermitKind.RESIDENT, holder: str = "", **more: Any
) -> PermitRow:
    terms = PermitTerms(kind=kind, plates=plates, holder=holder, **more)
    return console.backend.write(lambda store: store.permits.add(terms, "a test", datetime.now(UTC)))


def decide(
    console: DrawnConsole,
    plate: str,
    verdict: Verdict = Verdict.ASK,
    reason: DecisionReason = DecisionReason.UNKNOWN,
    lane: str = "in",
    *,
    age: float = 0.0,
    permit: PermitRow | None = None,
    near: tuple[tuple[str, PermitRow], ...] = (),
    passed: bool = False,
    read: str | None = None,
    look: str = "blue",
    warnings: tuple[DecisionReason, ...] = (),
) -> str:
    """Have a vehicle come to a lane and be decided on; return the key of the decision. age: seconds ago."""
    settings = console.backend.settings.lanes[lane]
    at = datetime.now(UTC) - timedelta(seconds=age)
    camera = settings.cameras[0]
    passage = console.add(Visit(plate, camera, at - timedelta(seconds=1.5), look, read=read, closed=False))

    def write(store: Store) -> str:
        with store.transaction() as session:
            view, reading, sighting = session.execute(
                select(StoredKeyframe.key, StoredReading.key, StoredSighting.key)
                .join(StoredReading, StoredReading.keyframe_id == StoredKeyframe.id)
                .join(StoredSighting, StoredSighting.id == StoredReading.sighting_id)
                .order_by(StoredKeyframe.id.desc())
                .limit(1)
            ).one()
        key = uuid4().hex
        terms = DecisionTerms(
            key=key,
            lane=lane,
            way=settings.way,
            camera=camera,
            sighting=sighting,
            passage=passage,
            keyframe=view,
            reading=reading,
            plate=plate if read is None else read,
            confidence=0.97,
            engine=Engine.OCRCARS,
            price=0.01,
            verdict=verdict,
            reason=reason,
            warnings=warnings,
            permit=None if permit is None else permit.key,
            permit_plate="" if permit is None else permit.plates[0],
            near=tuple({"permit": row.key, "plate": other, "distance": 0.25} for other, row in near),
            captured_at=at,
            decided_at=at,
        )
        store.decisions.save(terms)
        if passed:
            store.decisions.let_through(key, at)
        return key

    return console.backend.write(write)
