"""May this vehicle pass? The rules, in their order; the first one that applies decides.

The rules are pure: they get a `Request`, return a `Decision` and change nothing. Allow is said by the last rule alone,
and only about a permit that is valid: what no rule knows becomes a question to a person, never an opening.
"""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from streamwatch.access.matching import Near, PermitIndex
from streamwatch.access.permits import Permit
from streamwatch.core.codes import DecisionReason, Passback, PermitKind, Verdict, Way, WhenFull
from streamwatch.core.plates import ONE_CONFUSION


@dataclass(frozen=True, slots=True)
class LaneRules:
    """The rules of one lane.

    bar: least confidence of a reading that opens. unknown: the verdict on a plate without a permit. invalid: the
    verdict on a plate whose permit is not valid now. inexact: the verdict on a reading that is one likely confusion
    away from one permit. max_opens: openings of one plate within `opens_within`; 0: no limit. list_age: age of the
    list from which it is not believed; None: any age.
    """

    name: str
    way: Way = Way.IN
    bar: float = 0.95
    unknown: Verdict = Verdict.ASK
    invalid: Verdict = Verdict.ASK
    inexact: Verdict = Verdict.ASK
    passback: Passback = Passback.OFF
    max_opens: int = 3
    opens_within: timedelta = timedelta(minutes=10)
    list_age: timedelta | None = None

    def __post_init__(self) -> None:
        """Raise ValueError if a plate without a valid permit could open."""
        if Verdict.ALLOW in (self.unknown, self.invalid):
            raise ValueError(f"Lane {self.name!r} may not open for a plate without a valid permit.")


@dataclass(frozen=True, slots=True)
class PlateRead:
    """The plate that asks to pass. plate: normalised. confidence: 0 to 1, None if unknown. at: aware capture time."""

    sighting: str
    plate: str
    confidence: float | None
    at: datetime
    clock_trusted: bool = True
    contradicted: bool = False
    second_view: bool = False


@dataclass(frozen=True, slots=True)
class LotState:
    """What is known of the lot at the moment of the decision.

    inside: the plates that are inside. opened: when the lane last opened for this plate, oldest first. listed_at: the
    time of the list of permits.
    """

    inside: Set[str] = frozenset()
    opened: tuple[datetime, ...] = ()
    listed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and all that it rests on.

    permit, plate: those that were found; the plate differs from the one that was read if the match is inexact. near:
    what a person may have meant. warnings: reasons that did not decide. wants_second_view: another view, read now,
    could make it an opening.
    """

    verdict: Verdict
    reason: DecisionReason
    lane: str
    read: PlateRead
    permit: Permit | None = None
    plate: str = ""
    near: tuple[Near, ...] = ()
    warnings: tuple[DecisionReason, ...] = ()
    wants_second_view: bool = False


_NOT_FOR = {PermitKind.BLOCKED: Way.OUT, PermitKind.HELD: Way.IN}
"""A blocked vehicle may leave, and a held one may come in."""


@dataclass(frozen=True, slots=True)
class Request:
    """One plate before one lane: one field for each thing that a rule may ask for.

    now: the aware time of the decision. lists: kinds of the lists of unwanted vehicles that name the plate now. timed:
    with another time the decision could be another one. match: the permit that decides, None if there is none; plate:
    its plate; fault: why it is not valid now; inexact: the plate is not the one that was read, but one likely confusion
    away.
    """

    read: PlateRead
    lane: LaneRules
    lot: LotState
    now: datetime
    lists: frozenset[PermitKind]
    timed: bool
    near: tuple[Near, ...]
    match: Permit | None
    plate: str
    fault: DecisionReason | None
    inexact: bool

    @property
    def surely_read(self) -> bool:
        """True if the reading is above the lane's bar and no other engine contradicts it."""
        return _is_sure(self.read, self.lane)

    def stops(self, kind: PermitKind) -> bool:
        """Return True if the plate is on a list of this kind, and the list is for this way."""
        return kind in self.lists and self.lane.way is not _NOT_FOR[kind]

    def may_be(self, kind: PermitKind) -> bool:
        """Return True if the plate has no permit, and is so near to one on a list of this kind that it may be that."""
        listed = any(near.permit.kind is kind for near in self.near)
        return self.match is None and self.lane.way is not _NOT_FOR[kind] and listed

    @property
    def is_full(self) -> bool:
        """True if all spaces of the permit are taken by other vehicles of its holder."""
        return self.match is not None and _is_full(self.match, self.plate, self.lane, self.lot)

    @property
    def passed_back(self) -> bool:
        """True if it comes in while it is inside, or goes out while it is not."""
        if self.lane.way is Way.BOTH:
            return False
        return (self.plate in self.lot.inside) is (self.lane.way is Way.IN)

    @property
    def opened_often(self) -> bool:
        """True if the lane has opened for this plate as often as it may within the time."""
        since = self.now - self.lane.opens_within
        recent = sum(opened > since for opened in self.lot.opened)
        return 0 < self.lane.max_opens <= recent

    @property
    def list_is_old(self) -> bool:
        """True if the list of permits is older than its limit, or its age is unknown and there is a limit."""
        age = self.lane.list_age
        return age is not None and (self.lot.listed_at is None or self.now - self.lot.listed_at > age)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table. verdict: of a request to which it applies."""

    reason: DecisionReason
    applies: Callable[[Request], bool]
    verdict: Callable[[Request], Verdict]


def _deny(_: Request) -> Verdict:
    return Verdict.DENY


def _ask(_: Request) -> Verdict:
    return Verdict.ASK


def _unknown(request: Request) -> Verdict:
    return request.lane.unknown


def _invalid(request: Request) -> Verdict:
    return request.lane.invalid


def _inexact(request: Request) -> Verdict:
    return request.lane.inexact


def _allow(_: Request) -> Verdict:
    return Verdict.ALLOW


def _when_full(request: Request) -> Verdict:
    """Return what the permit says for a full lot. A vehicle that counts as a visitor is treated as an unknown one."""
    assert request.match is not None
    verdicts = {WhenFull.ALLOW: Verdict.ALLOW, WhenFull.VISITOR: request.lane.unknown, WhenFull.ASK: Verdict.ASK}
    return verdicts[request.match.when_full]


def _is_sure(read: PlateRead, lane: LaneRules) -> bool:
    return read.confidence is not None and read.confidence >= lane.bar and not read.contradicted


def _is_full(permit: Permit, plate: str, lane: LaneRules, lot: LotState) -> bool:
    """Return True if a vehicle that comes in would find all spaces of its permit taken by the others."""
    others = (permit.plates & lot.inside) - {plate}
    return lane.way is Way.IN and permit.spaces is not None and len(others) >= permit.spaces


def _is_faulty(reason: DecisionReason) -> Callable[[Request], bool]:
    return lambda request: request.fault is reason


_FAULTS = (
    DecisionReason.OTHER_LANE,
    DecisionReason.NOT_YET_VALID,
    DecisionReason.EXPIRED,
    DecisionReason.USED_UP,
    DecisionReason.OUTSIDE_HOURS,
)

RULES: tuple[Rule, ...] = (
    Rule(DecisionReason.BLOCKED, lambda request: request.stops(PermitKind.BLOCKED), _deny),
    Rule(DecisionReason.HELD, lambda request: request.stops(PermitKind.HELD), _deny),
    Rule(DecisionReason.MAYBE_BLOCKED, lambda request: request.may_be(PermitKind.BLOCKED), _unknown),
    Rule(DecisionReason.MAYBE_HELD, lambda request: request.may_be(PermitKind.HELD), _unknown),
    Rule(DecisionReason.UNKNOWN, lambda request: request.match is None, _unknown),
    *(Rule(fault, _is_faulty(fault), _invalid) for fault in _FAULTS),
    Rule(DecisionReason.UNSURE_READING, lambda request: not request.surely_read, _ask),
    Rule(DecisionReason.CLOCK_UNTRUSTED, lambda request: request.timed and not request.read.clock_trusted, _ask),
    Rule(DecisionReason.OLD_LIST, lambda request: request.list_is_old, _ask),
    Rule(DecisionReason.OPENED_OFTEN, lambda request: request.opened_often, _ask),
    Rule(
        DecisionReason.PASSED_BACK,
        lambda request: request.passed_back and request.lane.passback is Passback.DENY,
        _deny,
    ),
    Rule(
        DecisionReason.FULL,
        lambda request: request.is_full and _when_full(request) is not Verdict.ALLOW,
        _when_full,
    ),
    Rule(DecisionReason.INEXACT, lambda request: request.inexact, _inexact),
    Rule(DecisionReason.PERMITTED, lambda request: request.match is not None, _allow),
)
_READ_AGAIN = (DecisionReason.UNSURE_READING, DecisionReason.INEXACT)
"""Reasons that another view of the vehicle can take away."""
NO_RULE = Rule(DecisionReason.UNKNOWN, lambda _: True, _ask)
"""What holds if no rule applies: a person is asked."""


def decide(
    read: PlateRead, lane: LaneRules, permits: PermitIndex, lot: LotState, now: datetime, zone: tzinfo | None
) -> Decision:
    """Return the decision on a plate that was read before a lane. zone: of the permits' hours, None: local time."""
    request = _request(read, lane, permits, lot, now, zone)
    rule = _first(request)
    verdict = rule.verdict(request)
    return Decision(
        verdict,
        rule.reason,
        lane.name,
        read,
        request.match,
        request.plate,
        request.near,
        tuple(_warnings(request)) if verdict is Verdict.ALLOW else (),
        verdict is Verdict.ASK and rule.reason in _READ_AGAIN and not read.second_view and _would_open(request),
    )


def _first(request: Request) -> Rule:
    return next((rule for rule in RULES if rule.applies(request)), NO_RULE)


def _would_open(request: Request) -> bool:
    """Return True if a sure reading of exactly the plate of the permit would open."""
    sure = replace(request, read=replace(request.read, confidence=1.0, contradicted=False), inexact=False)
    return _first(sure).verdict(sure) is Verdict.ALLOW


def _warnings(request: Request) -> Iterator[DecisionReason]:
    if request.passed_back and request.lane.passback is Passback.WARN:
        yield DecisionReason.PASSED_BACK
    if request.is_full:
        yield DecisionReason.FULL


def _request(
    read: PlateRead, lane: LaneRules, permits: PermitIndex, lot: LotState, now: datetime, zone: tzinfo | None
) -> Request:
    def fault(permit: Permit) -> DecisionReason | None:
        found = permit.fault(lane.name, now, zone)
        leaves = lane.way is Way.OUT and read.plate in permit.plates & lot.inside and permit.kind not in _NOT_FOR
        if found is DecisionReason.USED_UP and leaves:
            # Its last use let it in, and the same visit ends with its exit.
            return replace(permit, uses=None).fault(lane.name, now, zone)
        return found

    exact = permits.exact(read.plate)
    wanted = [permit for permit in exact if permit.kind not in _NOT_FOR]
    near = () if wanted and _is_sure(read, lane) else permits.near(read.plate)
    listed = [permit for permit in (*exact, *(one.permit for one in near)) if permit.kind in _NOT_FOR]
    near = tuple(one for one in near if one.permit.kind not in _NOT_FOR or fault(one.permit) is None)
    lists = frozenset(permit.kind for permit in exact if permit.kind in _NOT_FOR and fault(permit) is None)
    plate, inexact = read.plate, False
    if not wanted and (only := _only_one(near, lane.name)) is not None:
        wanted, plate, inexact = [only.permit], only.plate, True

    def worth(permit: Permit) -> tuple[int, bool, bool]:
        doubtful = permit.is_timed and not read.clock_trusted
        return _rank(fault(permit)), _is_full(permit, plate, lane, lot), doubtful

    best = min(wanted, key=worth, default=None)
    reason = None if best is None else fault(best)
    # A permit that is valid at any time, and has a space, decides whatever becomes of others of the same plate.
    always = best is not None and not best.is_timed and worth(best)[:2] == (_rank(None), False)
    rested_on = listed if always else (*wanted, *listed)
    timed = lane.list_age is not None or any(permit.is_timed for permit in rested_on)
    return Request(read, lane, lot, now, lists, timed, near, best, plate, reason, inexact)


def _rank(fault: DecisionReason | None) -> int:
    """Return the place of a fault in the table: of several permits, the valid one decides, or the one nearest to it."""
    return -1 if fault is None else len(_FAULTS) - _FAULTS.index(fault)


def _only_one(near: Sequence[Near], lane: str) -> Near | None:
    """Return the one permit of the lane that is one likely confusion away, if no other one is within two.

    Two plates of one permit count as two: it must be certain which vehicle it is. An unwanted vehicle counts, too, and
    is never the one.
    """
    here = [one for one in near if one.permit.lanes is None or lane in one.permit.lanes]
    only = here[0] if len(here) == 1 and here[0].distance <= ONE_CONFUSION else None
    return None if only is None or only.permit.kind in _NOT_FOR else only
