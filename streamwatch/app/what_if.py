"""Decides again on what was seen, under another list of permits or other rules. It writes nothing.

The decisions of the time are the measure: who was let in then, by the program or by a person, and who would be now. Who
is inside, and how often a lane has opened, follows the new decisions; a question that a person answered then is taken
as answered in the same way.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from streamwatch.access.decisions import Decision, LaneRules, LotState, PlateRead, decide
from streamwatch.access.matching import PermitIndex
from streamwatch.access.permits import Permit
from streamwatch.app.permits import lane_rules, permit_from, permit_of
from streamwatch.app.representation import Representation, Time
from streamwatch.config.settings import Settings
from streamwatch.core.codes import Answer, DecisionReason, Verdict, Way
from streamwatch.store import PermitChanges, PermitRow, SeenRow


class Then(StrEnum):
    """What happened then. OPENED, REFUSED: a person said so to a question. NONE: nothing was decided."""

    ALLOW = "allow"
    OPENED = "opened"
    REFUSED = "refused"
    ASK = "ask"
    DENY = "deny"
    NONE = "none"


class Difference(StrEnum):
    """What would be different. A vehicle is let in by the program or by a person, or it is not."""

    SAME = "same"
    LET_IN = "let_in"
    LET_IN_UNASKED = "let_in_unasked"
    ASKED = "asked"
    NOT_LET_IN = "not_let_in"


LET_IN = (Then.ALLOW, Then.OPENED)


@dataclass(frozen=True, slots=True)
class Redecided:
    """A sighting that was decided on again.

    then, reason_then: what was decided at the time; reason_then is None if nothing was. verdict, reason: what would be
    now; holder: of the permit that it would rest on.
    """

    sighting: int
    at: datetime
    lane: str
    camera: str
    plate: str
    confidence: float | None
    then: Then
    reason_then: DecisionReason | None
    verdict: Verdict
    reason: DecisionReason
    holder: str
    difference: Difference


class RedecidedObject(Representation):
    """A sighting that was decided on again."""

    sighting: int = Field(description="the sighting's number")
    at: Time = Field(description="when the picture was taken")
    lane: str = Field(description="name of the lane")
    camera: str = Field(description="name of the camera")
    plate: str = Field(description="the plate that was read")
    confidence: float | None = Field(description="of the reading, 0 to 1")
    then: Then = Field(description="what happened then")
    reason_then: DecisionReason | None = Field(description="why; null: nothing was decided")
    verdict: Verdict = Field(description="what would be decided now")
    reason: DecisionReason = Field(description="why")
    holder: str = Field(description="holder of the permit that it would rest on")
    difference: Difference = Field(description="what would be different")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """All that was decided on again. opened: vehicles that the program would let in. counts: by difference.

    then_in: vehicles that were let in at the time. undecided: sightings of which nothing was decided at the time.
    """

    rows: tuple[Redecided, ...]
    opened: int
    then_in: int
    undecided: int
    counts: Counter[Difference]


def changed_permits(
    rows: Iterable[PermitRow], changes: PermitChanges | None, seen: Iterable[SeenRow], since: datetime
) -> list[Permit]:
    """Return the permits as they are, or as they would be after an import. What that ends was not valid from `since`.

    seen: sightings whose vehicles were let through: these uses of their permits have not happened yet.
    """
    used = Counter(row.decision.permit for row in seen if row.decision is not None and row.decision.passed_at)
    permits = {row.key: permit_of(row) for row in rows}
    for key, permit in permits.items():
        if permit.uses is not None:
            permits[key] = replace(permit, uses=permit.uses + used[key])
    if changes is None:
        return list(permits.values())
    for key in changes.ended:
        permits[key] = replace(permits[key], valid_until=since)
    for key, terms in changes.changed:
        permits[key] = permit_from(key, terms, permits[key].uses)
    added = (permit_from(f"new {number}", terms) for number, terms in enumerate(changes.added))
    return [*permits.values(), *added]


def what_if(
    settings: Settings,
    seen: Iterable[SeenRow],
    permits: Iterable[Permit],
    inside: frozenset[str],
    only: str | None = None,
) -> WhatIf:
    """Decide again on sightings, oldest first. inside: plates at the beginning. only: a lane; None: all of them."""
    again = _Again(settings, PermitIndex(permits), set(inside))
    rows = tuple(row for row in map(again.decide, seen) if only is None or row.lane == only)
    return WhatIf(
        rows,
        sum(row.verdict is Verdict.ALLOW for row in rows),
        sum(row.then in LET_IN for row in rows),
        sum(row.then is Then.NONE for row in rows),
        Counter(row.difference for row in rows),
    )


class _Again:
    """Decides on one sighting after the other, and remembers who has passed."""

    def __init__(self, settings: Settings, permits: PermitIndex, inside: set[str]) -> None:
        self._permits, self._inside = permits, inside
        self._rules: dict[str, LaneRules] = {name: lane_rules(settings, name) for name in settings.lanes}
        self._lane_of: Callable[[str], str | None] = settings.lane_of
        self._opened: defaultdict[tuple[str, str], deque[datetime]] = defaultdict(deque)
        self._used: Counter[str] = Counter()

    def decide(self, seen: SeenRow) -> Redecided:
        """Return what would be decided on a sighting of a lane's camera."""
        lane = self._lane_of(seen.camera)
        assert lane is not None
        rules, then = self._rules[lane], _then(seen)
        decision = self._decided(seen, rules)
        if decision.verdict is Verdict.ALLOW or (decision.verdict is Verdict.ASK and then in LET_IN):
            self._pass(decision, rules, seen.at)
        before = seen.decision
        return Redecided(
            seen.id,
            seen.at,
            lane,
            seen.camera,
            seen.plate,
            seen.confidence,
            then,
            None if before is None else before.reason,
            decision.verdict,
            decision.reason,
            "" if decision.permit is None else decision.permit.holder,
            _difference(then, decision.verdict),
        )

    def _decided(self, seen: SeenRow, rules: LaneRules) -> Decision:
        read = PlateRead(seen.sighting, seen.plate, seen.confidence, seen.at, seen.clock_trusted)
        lot = LotState(self._inside, listed_at=seen.at)  # the list is taken as one of that time
        decision = decide(read, rules, self._permits, lot, seen.at, None)
        opened = self._opened.get((rules.name, decision.plate))
        if decision.verdict is Verdict.ALLOW and opened:
            decision = decide(read, rules, self._permits, replace(lot, opened=tuple(opened)), seen.at, None)
        permit = decision.permit
        uses = None if permit is None or decision.verdict is not Verdict.ALLOW else permit.uses
        if permit is not None and uses is not None and self._used[permit.key] >= uses:
            return replace(decision, verdict=rules.invalid, reason=DecisionReason.USED_UP, warnings=())
        return decision

    def _pass(self, decision: Decision, rules: LaneRules, at: datetime) -> None:
        plate = decision.plate or decision.read.plate
        self._inside.discard(plate)
        if rules.way is Way.IN:
            self._inside.add(plate)
        opened = self._opened[rules.name, plate]
        opened.append(at)
        while len(opened) > max(1, rules.max_opens):
            opened.popleft()
        if decision.permit is not None:
            self._used[decision.permit.key] += 1


def changed_rows(found: WhatIf) -> Iterator[Redecided]:
    """Yield the sightings with which something else would have happened."""
    return (row for row in found.rows if row.difference is not Difference.SAME)


def _then(seen: SeenRow) -> Then:
    if seen.decision is None:
        return Then.NONE
    if seen.decision.answer is not None:
        return Then.OPENED if seen.decision.answer is Answer.OPENED else Then.REFUSED
    return Then(seen.decision.verdict.value)


def _difference(then: Then, verdict: Verdict) -> Difference:
    if verdict is Verdict.ALLOW:
        return {Then.ALLOW: Difference.SAME, Then.OPENED: Difference.LET_IN_UNASKED}.get(then, Difference.LET_IN)
    if verdict is Verdict.ASK:
        return Difference.ASKED if then in (Then.ALLOW, Then.DENY) else Difference.SAME
    return Difference.NOT_LET_IN if then in LET_IN else Difference.SAME
