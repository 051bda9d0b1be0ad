"""Permits as pages show them, in words of one language."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from streamwatch.app.permit_words import written_days, written_from, written_hours, written_until
from streamwatch.core.codes import PermitKind, PermitState, WhenFull
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.store import PermitRow
from streamwatch.web.answers import words_of
from streamwatch.web.catalogue import N_
from streamwatch.web.lane_words import PERMIT_KINDS

SOON = timedelta(days=14)
"""A permit that ends within this time is said to end soon."""
KIND_TONES = {
    PermitKind.RESIDENT: "info",
    PermitKind.STAFF: "info",
    PermitKind.VISITOR: "info",
    PermitKind.BLOCKED: "bad",
    PermitKind.HELD: "bad",
}
KIND_HINTS = {
    PermitKind.RESIDENT: N_("Resident or monthly: lives or pays here"),
    PermitKind.STAFF: N_("Staff: works here"),
    PermitKind.VISITOR: N_("Visitor: one visit, with a code"),
    PermitKind.BLOCKED: N_("Blocked: may not come in"),
    PermitKind.HELD: N_("Held: may not leave"),
}
STATES = {
    PermitState.VALID: (N_("valid"), "good"),
    PermitState.UPCOMING: (N_("not yet valid"), "info"),
    PermitState.ENDED: (N_("ended"), ""),
}
"""A word for each state, and its tone. Where somebody may not pass, `valid` is said otherwise: see `permit_view`."""
WHEN_FULL = {
    WhenFull.ASK: N_("ask a person"),
    WhenFull.ALLOW: N_("let it pass"),
    WhenFull.VISITOR: N_("treat it as a vehicle without a permit"),
}
DAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


@dataclass(frozen=True, slots=True)
class PermitView:
    """A permit in words. hours: one text for each span. soon: True if it ends soon."""

    row: PermitRow
    kind: str
    kind_tone: str
    state: str
    state_tone: str
    when_full: str
    hours: tuple[str, ...]
    lanes: str
    soon: bool


def permit_view(request: Request, row: PermitRow, now: datetime) -> PermitView:
    """Return a permit for the one who asks."""
    _, state = words_of(request), row.state(now)
    word, tone = STATES[state]
    if state is PermitState.VALID and row.kind in (PermitKind.BLOCKED, PermitKind.HELD):
        word, tone = N_("in force"), "bad"
    elif state is PermitState.ENDED and row.uses_left == 0:
        word = N_("used")
    ends = row.valid_until
    return PermitView(
        row=row,
        kind=_(PERMIT_KINDS[row.kind]),
        kind_tone=KIND_TONES[row.kind],
        state=_(word),
        state_tone=tone,
        when_full=_(WHEN_FULL[row.when_full]),
        hours=tuple(hours_in_words(row, _)),
        lanes=_("all") if row.lanes is None else ", ".join(sorted(row.lanes)),
        soon=state is PermitState.VALID and ends is not None and ends <= now + SOON,
    )


def hours_in_words(terms: PermitTerms, _: Callable[[str], str]) -> list[str]:
    """Return a text for each span of hours."""
    names, daily = {number: _(name) for number, name in enumerate(DAYS)}, _("daily")
    days = (daily if len(span.days) == len(DAYS) else written_days(span.days, names) for span in terms.hours)
    return [f"{which} {span.begin:%H:%M}–{span.end:%H:%M}" for which, span in zip(days, terms.hours, strict=True)]


def fields_of(terms: PermitTerms) -> dict[str, str]:
    """Return what a form holds of a permit, by its fields."""
    return {
        "kind": terms.kind.value,
        "plates": "\n".join(terms.plates),
        "holder": terms.holder,
        "group": terms.group,
        "note": terms.note,
        "valid_from": _to_the_minute(written_from(terms.valid_from)),
        "valid_until": _to_the_minute(written_until(terms.valid_until)),
        "hours": written_hours(terms.hours),
        "lanes": ";".join(sorted(terms.lanes or ())),
        "spaces": "" if terms.spaces is None else str(terms.spaces),
        "when_full": terms.when_full.value,
        "source": terms.source,
        "reference": terms.reference or "",
    }


def _to_the_minute(text: str) -> str:
    """Return a time as it stands in a form: seconds and offset stay as they are unless the text is changed."""
    return text[: len("2026-01-31T18:00")].replace("T", " ")
