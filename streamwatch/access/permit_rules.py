"""What a permit may say: what makes it impossible, and what people should know before they save it.

All is pure. Faults and remarks are codes; `app/permit_words.py` has their sentences.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum

from streamwatch.core.codes import PermitKind
from streamwatch.core.permit_terms import PermitTerms

MOST_VEHICLES = 50
"""Vehicles of one permit."""
MOST_SPANS = 20
"""Spans of hours of one permit."""
MOST_SPACES = 9999
LONGEST = {"holder": 200, "group": 64, "note": 1000, "source": 64, "reference": 64}
"""Characters that the database keeps of each text."""
UNWANTED = frozenset({PermitKind.BLOCKED, PermitKind.HELD})
"""The kinds that let nobody pass."""


class PermitFault(StrEnum):
    """Why a permit, or a line of a list of permits, cannot be as it is written."""

    NO_PLATE = "no_plate"
    NOT_A_PLATE = "not_a_plate"
    MANY_VEHICLES = "many_vehicles"
    NOT_A_KIND = "not_a_kind"
    NOT_A_TIME = "not_a_time"
    ENDS_TOO_EARLY = "ends_too_early"
    NOT_HOURS = "not_hours"
    EMPTY_HOURS = "empty_hours"
    MANY_HOURS = "many_hours"
    NOT_A_LANE = "not_a_lane"
    NO_LANE = "no_lane"
    NOT_SPACES = "not_spaces"
    NOT_WHEN_FULL = "not_when_full"
    TOO_LONG = "too_long"
    # of a line in a list
    MANY_CELLS = "many_cells"
    NO_SUCH_KEY = "no_such_key"
    CONTRADICTS = "contradicts"
    SAME_PLATE = "same_plate"
    SAME_PERMIT = "same_permit"
    NUMBER_TAKEN = "number_taken"
    BAD_NEIGHBOUR = "bad_neighbour"


@dataclass(frozen=True, slots=True)
class PermitProblem:
    """What is wrong. field: of `PermitTerms`, or the name of a column. text: what was written there, cut."""

    fault: PermitFault
    field: str
    text: str = ""


class PermitRemark(StrEnum):
    """What is allowed, but may not be what was meant."""

    ALSO_PERMITTED = "also_permitted"
    IS_BLOCKED = "is_blocked"
    IS_HELD = "is_held"
    BLOCKS_PERMITTED = "blocks_permitted"
    HOLDS_PERMITTED = "holds_permitted"
    NEVER_FULL = "never_full"
    OVER_ALREADY = "over_already"
    VISIT_WITHOUT_END = "visit_without_end"


def problems(terms: PermitTerms) -> Iterator[PermitProblem]:
    """Yield all that makes a permit impossible; plates, kind and times have their right types already."""
    # A visitor may be announced without a plate, and is let in by the code.
    if not terms.plates and terms.kind is not PermitKind.VISITOR:
        yield PermitProblem(PermitFault.NO_PLATE, "plates")
    if len(terms.plates) > MOST_VEHICLES:
        yield PermitProblem(PermitFault.MANY_VEHICLES, "plates", str(len(terms.plates)))
    begin, end = terms.valid_from, terms.valid_until
    if begin is not None and end is not None and end <= begin:
        yield PermitProblem(PermitFault.ENDS_TOO_EARLY, "valid_until")
    if len(terms.hours) > MOST_SPANS:
        yield PermitProblem(PermitFault.MANY_HOURS, "hours", str(len(terms.hours)))
    for span in terms.hours:
        # From midnight to midnight is a whole day; any other time to itself may mean all or nothing.
        if not span.days or (span.begin == span.end != time.min):
            yield PermitProblem(PermitFault.EMPTY_HOURS, "hours", f"{span.begin:%H:%M}-{span.end:%H:%M}")
    if terms.lanes is not None and not terms.lanes:
        yield PermitProblem(PermitFault.NO_LANE, "lanes")
    if terms.spaces is not None and not 1 <= terms.spaces <= MOST_SPACES:
        yield PermitProblem(PermitFault.NOT_SPACES, "spaces", str(terms.spaces)[:20])
    for field, most in LONGEST.items():
        text = getattr(terms, field) or ""
        if len(text) > most:
            yield PermitProblem(PermitFault.TOO_LONG, field, text[:20] + "…")


def remarks(terms: PermitTerms, others: Iterable[PermitTerms], now: datetime) -> list[tuple[PermitRemark, str]]:
    """Return what people should know of a permit, each with the plate that it is about, or "".

    others: the other permits that name one of its plates. now: aware.
    """
    found: dict[tuple[PermitRemark, str], None] = {}
    if terms.spaces is not None and terms.spaces >= len(terms.plates):
        found[PermitRemark.NEVER_FULL, ""] = None
    if terms.valid_until is not None and terms.valid_until <= now:
        found[PermitRemark.OVER_ALREADY, ""] = None
    elif terms.kind is PermitKind.VISITOR and terms.valid_until is None:
        found[PermitRemark.VISIT_WITHOUT_END, ""] = None
    for other in others:
        if _meets(terms, other, now):
            for plate in sorted(set(terms.plates) & set(other.plates)):
                remark = _of_both(terms.kind, other.kind)
                if remark is not None:
                    found[remark, plate] = None
    return list(found)


def _meets(terms: PermitTerms, other: PermitTerms, now: datetime) -> bool:
    """Return True if both are in force at some moment from now on."""
    begins = [now, *(at for at in (terms.valid_from, other.valid_from) if at is not None)]
    ends = [at for at in (terms.valid_until, other.valid_until) if at is not None]
    return all(max(begins) < end for end in ends)


def _of_both(kind: PermitKind, other: PermitKind) -> PermitRemark | None:
    """Return what follows for a plate from two permits: a list of unwanted vehicles is stronger than any permit."""
    if kind in UNWANTED and other in UNWANTED:
        return None
    if other in UNWANTED:
        return PermitRemark.IS_BLOCKED if other is PermitKind.BLOCKED else PermitRemark.IS_HELD
    if kind in UNWANTED:
        return PermitRemark.BLOCKS_PERMITTED if kind is PermitKind.BLOCKED else PermitRemark.HOLDS_PERMITTED
    return PermitRemark.ALSO_PERMITTED
