"""Permits as the verbs, the pages and the API work on them: made from what people write, shown with what follows."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import segno
from pydantic import Field

from streamwatch.access.permit_rules import PermitProblem, PermitRemark, remarks
from streamwatch.app.permit_words import (
    PermitRefused,
    read_from,
    read_hours,
    read_kind,
    read_lanes,
    read_plates,
    read_spaces,
    read_text,
    read_until,
    read_when_full,
    require_possible,
)
from streamwatch.app.representation import Representation, Time
from streamwatch.config.settings import Settings
from streamwatch.core.codes import PermitKind, PermitState, WhenFull
from streamwatch.core.permit_terms import PermitTerms
from streamwatch.core.plates import Grammar, grammar
from streamwatch.store import PermitReader, PermitRow


class HoursObject(Representation):
    """A time of day on some days of the week."""

    days: list[int] = Field(description="0 is Monday")
    begin: str = Field(description="local time")
    end: str = Field(description="local time, excluded; if it is not later than `begin`, it lies on the next day")


class PermitObject(Representation):
    """Which vehicles may pass which lanes, and when; or may not."""

    key: str = Field(description="its name for programs, which never changes")
    kind: PermitKind = Field(description="blocked: may not come in; held: may not leave; the others may pass")
    state: PermitState = Field(description="where it stands at this moment, whatever its hours and lanes are")
    plates: list[str] = Field(description="of its vehicles, normalised")
    holder: str = Field(description="whose it is")
    group: str = Field(description="such as a company or a house")
    note: str = Field(description="what else people should know")
    valid_from: Time | None = Field(description="its beginning; null: it has none")
    valid_until: Time | None = Field(description="from this moment on it is not valid; null: it has no end")
    hours: list[HoursObject] = Field(description="when it is valid; empty: at any time")
    lanes: list[str] | None = Field(description="names of lanes; null: all")
    spaces: int | None = Field(description="how many of its vehicles may be inside at once; null: all")
    when_full: WhenFull = Field(description="what follows if its spaces are taken")
    uses_left: int | None = Field(description="how often it may still be used; null: without a limit")
    code: str | None = Field(description="a visitor's code; null: none")
    source: str = Field(description="the list that its reference is a number of")
    reference: str | None = Field(description="its number in another program; null: none")
    created_at: Time = Field(description="when it was added")
    created_by: str = Field(description="who added it")
    changed_at: Time = Field(description="when it was last changed")


def permit_object(row: PermitRow, now: datetime) -> PermitObject:
    """Return a permit as JSON output shows it. now: for its state."""
    return PermitObject(
        key=row.key,
        kind=row.kind,
        state=row.state(now),
        plates=list(row.plates),
        holder=row.holder,
        group=row.group,
        note=row.note,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        hours=[
            HoursObject(days=sorted(span.days), begin=f"{span.begin:%H:%M}", end=f"{span.end:%H:%M}")
            for span in row.hours
        ],
        lanes=None if row.lanes is None else sorted(row.lanes),
        spaces=row.spaces,
        when_full=row.when_full,
        uses_left=row.uses_left,
        code=row.code,
        source=row.source,
        reference=row.reference,
        created_at=row.created_at,
        created_by=row.created_by,
        changed_at=row.changed_at,
    )


@dataclass(frozen=True, slots=True)
class Desk:
    """What permits are checked against. lanes: names; grammar: of the plates."""

    grammar: Grammar
    lanes: Collection[str]


def desk_of(settings: Settings) -> Desk:
    """Return what permits are checked against by the settings of all cameras."""
    return Desk(grammar(settings.plates.grammar), list(settings.lanes))


def read_terms(texts: Mapping[str, str], desk: Desk, before: PermitTerms | None = None) -> PermitTerms:
    """Return what people wrote, field by field of `PermitTerms`; fields without a text stay as before.

    Raise PermitRefused with all that is wrong.
    """
    now = datetime.now(UTC)
    readers: dict[str, Callable[[str], Any]] = {
        "kind": read_kind,
        "plates": lambda text: read_plates(text, desk.grammar),
        "valid_from": lambda text: read_from(text, now),
        "valid_until": lambda text: read_until(text, now),
        "hours": read_hours,
        # A lane that config.yaml does not name any more is no mistake of the one who changes something else.
        "lanes": lambda text: read_lanes(text, {*desk.lanes, *((before and before.lanes) or ())}),
        "spaces": read_spaces,
        "when_full": read_when_full,
        "reference": lambda text: read_text("reference", text) or None,
        **{name: _texts(name) for name in ("holder", "group", "note", "source")},
    }
    values: dict[str, Any] = {}
    wrong: list[PermitProblem] = []
    for name, text in texts.items():
        try:
            values[name] = readers[name](text)
        except PermitRefused as error:
            wrong += error.found
    if wrong:
        raise PermitRefused(wrong)
    kept = {} if before is None else {name: getattr(before, name) for name in PermitTerms.__dataclass_fields__}
    terms = PermitTerms(**{"kind": PermitKind.RESIDENT, "plates": ()} | kept | values)
    return require_possible(terms)


def remarks_on(
    reader: PermitReader, terms: PermitTerms, now: datetime, own: str = ""
) -> list[tuple[PermitRemark, str]]:
    """Return what people should know of a permit beside the others; see `access.permit_rules`. own: its key."""
    others = (row for row in reader.by_plates(terms.plates) if row.key != own)
    return remarks(terms, [row for row in others if row.state(now) is not PermitState.ENDED], now)


def qr_picture(code: str) -> str:
    """Return a visitor's code as a QR picture: SVG for a page, black on white also where the page is dark."""
    drawn: str = segno.make(code, error="m", micro=False).svg_inline(scale=6, border=4, dark="#000", light="#fff")
    return drawn


def _texts(name: str) -> Callable[[str], str]:
    return lambda text: read_text(name, text)
