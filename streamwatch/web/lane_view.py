"""Lanes and their decisions as pages show them: what one person may see of them, in words."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import HTTPConnection, Request

from streamwatch.access.may_open import ANSWER_WITHIN
from streamwatch.app.barriers import Barriers
from streamwatch.core.codes import Answer, DecisionReason, OpeningState, Position, Role, Verdict, Way, WithheldReason
from streamwatch.core.plates import distance, unlikeness
from streamwatch.store import HolderRow, LaneDecision, LaneOpening
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import words_of
from streamwatch.web.context import console_of
from streamwatch.web.lane_words import (
    HAND_DASH,
    HAND_REASONS,
    OPENED,
    OPENING_STATES,
    OPENING_TONES,
    PASSED_BACK,
    PERMIT_KINDS,
    POSITIONS,
    REASONS,
    VERDICT_SIGNS,
    VERDICT_TONES,
    VERDICT_WORDS,
    VERDICTS,
    WITHHELD,
)
from streamwatch.web.passage_view import plate_for
from streamwatch.web.sentences import ENGINES

MOST_NEAR = 4
"""Plates that are offered beside the one that was read."""
_UNLIKE = 1.5
"""The largest distance at which a plate that is inside is offered; see `core.plates.distance`."""


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence with its tone: good, warn, bad, info or ""."""

    text: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class NearView:
    """A plate that may have been meant. characters: with True for each that differs from what was read.

    permit: its key; None: there is none. picture: the address of a picture of the vehicle; empty: none. inside_since:
    when it came in; None: it is not offered because it is inside.
    """

    plate: str
    characters: tuple[tuple[str, bool], ...]
    permit: str | None = None
    holder: str = ""
    kind: str = ""
    picture: str = ""
    inside_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision in words of one language.

    plate: as this person may see it. headline: in large letters; word: in a badge; sign: beside the colour. holder,
    kind: of the permit; None and empty: none, or not for this person. permit_characters: its plate, with True for each
    that differs from what was read. followed: what came of it, the last one last.
    waits: True while nobody has answered, and an answer still counts. picture, crop, link: addresses; empty: none.
    """

    row: LaneDecision
    plate: str
    headline: str
    word: str
    sign: str
    tone: str
    reason: str
    warnings: tuple[str, ...]
    engine: str
    holder: HolderRow | None
    kind: str
    followed: tuple[Told, ...]
    waits: bool
    picture: str
    crop: str
    link: str
    permit_characters: tuple[tuple[str, bool], ...] = ()
    near: tuple[NearView, ...] = ()


def decision_view(request: Request, row: LaneDecision, waits: bool = False) -> DecisionView:
    """Return a decision for the one who asks. waits: True if it may still be answered."""
    _, principal = words_of(request), principal_of(request)
    hides, names = _hides(principal), sees_names(principal)
    picture = f"/pictures/keyframes/{row.keyframe}" if row.picture and row.keyframe is not None else ""
    return DecisionView(
        row=row,
        plate=plate_for(principal, row.plate),
        headline=_(VERDICTS[row.verdict]),
        word=_(VERDICT_WORDS[row.verdict]),
        sign=VERDICT_SIGNS[row.verdict],
        tone=VERDICT_TONES[row.verdict],
        reason=_(reason_of(row.reason, row.way)),
        warnings=tuple(_(reason_of(code, row.way)) for code in row.warnings),
        engine=_(ENGINES[row.engine]),
        holder=row.permit if names else None,
        kind="" if row.permit is None else _(PERMIT_KINDS[row.permit.kind]),
        followed=tuple(_followed(row, principal, _)),
        waits=waits,
        picture=picture,
        crop=f"/pictures/decisions/{row.id}" if picture and row.corners is not None and not hides else "",
        link="" if row.passage is None else f"/passages/{row.passage}",
        permit_characters=marked(row.plate, row.permit_plate) if row.permit_plate and not hides else (),
        near=tuple(near_views(request, row)) if names and waits else (),
    )


def reason_of(reason: DecisionReason, way: Way) -> str:
    """Return the source text of a reason, for a lane of that way."""
    if reason is DecisionReason.PASSED_BACK:
        return PASSED_BACK.get(way, REASONS[reason])
    return REASONS[reason]


def opening_view(opening: LaneOpening, principal: Principal | None, _: Callable[[str], str]) -> Told:
    """Return an opening in words. A person's note may name a visitor, so only who may see holders has it."""
    if opening.state is OpeningState.DONE:
        said = _(OPENED[opening.cause])
        text = said % {"who": opening.who} if "%" in said else said
    else:
        text = opening_words(opening.state, opening.reason, opening.detail, _)
    chosen, dash, more = opening.note.partition(HAND_DASH)
    note = f"{_(chosen) if chosen in HAND_REASONS else chosen}{dash}{more}"
    return Told(f"{text} ({note})" if note and sees_names(principal) else text, OPENING_TONES[opening.state])


def opening_words(state: OpeningState, reason: WithheldReason, detail: str, _: Callable[[str], str]) -> str:
    """Return what became of an opening that was not done."""
    because = _(WITHHELD[reason]) if reason in WITHHELD else detail
    return f"{_(OPENING_STATES[state])}: {because}" if because else _(OPENING_STATES[state])


def barrier_view(barriers: Barriers | None, name: str | None, _: Callable[[str], str]) -> tuple[list[Told], str]:
    """Return what a barrier says of itself in a few words, and what is wrong with it; empty: nothing."""
    if name is None:
        return [Told(_("no barrier"))], ""
    state = None if barriers is None else next((one for one in barriers.states() if one.name == name), None)
    if state is None:
        return [], ""
    said = [Told(_(POSITIONS[state.position]), "warn" if state.position is Position.OPEN else "")]
    if state.held_until is not None:
        said.append(Told(_("held open until %(clock)s") % {"clock": f"{state.held_until.astimezone():%H:%M}"}, "warn"))
    fault = _("The barrier has a fault: %(fault)s") % {"fault": state.fault} if state.fault else ""
    if state.unreleased:
        fault = _("The relay of the barrier could not be released: it may stay open. Look at it.")
    return said, fault


def lanes_for(request: HTTPConnection) -> Iterator[str]:
    """Yield the lanes of which this person sees a camera."""
    principal = principal_of(request)
    for name, lane in console_of(request).backend.settings.lanes.items():
        if principal is not None and any(map(principal.sees, lane.cameras)):
            yield name


def near_views(request: Request, row: LaneDecision) -> Iterator[NearView]:
    """Yield the plates that may have been meant: those with a permit, and on the way out those that are inside."""
    _, seen = words_of(request), {row.plate}
    for one in row.near:
        if one.plate not in seen and len(seen) <= MOST_NEAR:
            seen.add(one.plate)
            yield NearView(
                one.plate,
                marked(row.plate, one.plate),
                None if one.holder is None else one.holder.key,
                "" if one.holder is None else one.holder.holder,
                "" if one.holder is None else _(PERMIT_KINDS[one.holder.kind]),
            )
    if row.way is Way.OUT:
        yield from (view for view in _inside_views(request, row) if view.plate not in seen)


def _inside_views(request: Request, row: LaneDecision) -> Iterator[NearView]:
    """Yield the vehicles inside whose plates are the most similar, if there is no record of this one's entry."""
    reader, principal = console_of(request).reader, principal_of(request)
    inside = {one.plate: one for one in reader.decisions.inside()}
    if row.plate in inside:
        return
    gaps = sorted((distance(row.plate, plate, _UNLIKE), plate) for plate in inside)
    near = [inside[plate] for gap, plate in gaps[:MOST_NEAR] if gap <= _UNLIKE]
    came = reader.lanes.by_keys([one.decision for one in near], None if principal is None else principal.cameras)
    for one in near:
        entry = came.get(one.decision)  # None: by a camera that this person may not see
        if entry is not None:
            yield NearView(
                one.plate,
                marked(row.plate, one.plate),
                one.permit,
                picture=f"/pictures/keyframes/{entry.keyframe}" if entry.picture else "",
                inside_since=one.since,
            )


def marked(read: str, plate: str) -> tuple[tuple[str, bool], ...]:
    """Return the characters of a plate, with True for each that is not as in what was read."""
    places = set(unlikeness(read, plate)[1])
    return tuple((character, place in places) for place, character in enumerate(plate))


def may_wait(row: LaneDecision, now: datetime) -> bool:
    """Return True if a person may still answer a decision: nobody has, nothing opened, and it is not too old."""
    done = any(opening.state in (OpeningState.DONE, OpeningState.REQUESTED) for opening in row.openings)
    return row.answer is None and not done and row.verdict is not Verdict.DENY and now < waits_until(row)


def waits_until(row: LaneDecision) -> datetime:
    """Return when the answer to a decision becomes too late, as the barrier will say."""
    return row.captured_at + timedelta(seconds=ANSWER_WITHIN)


def sees_names(principal: Principal | None) -> bool:
    """Return True if somebody sees whose vehicle it is."""
    return principal is not None and not principal.masks_plates and principal.role.at_least(Role.GUARD)


def _hides(principal: Principal | None) -> bool:
    return principal is None or principal.masks_plates


def _followed(row: LaneDecision, principal: Principal | None, _: Callable[[str], str]) -> Iterable[Told]:
    if row.answer is Answer.REFUSED:
        yield Told(_("Refused by %(who)s") % {"who": row.answered_by}, "bad")
    elif row.answer is Answer.OPENED and not row.openings:
        yield Told(_("Let pass by %(who)s") % {"who": row.answered_by}, "good")
    if row.answer_plate and row.answer_plate != row.plate:
        yield Told(_("as %(plate)s") % {"plate": plate_for(principal, row.answer_plate)}, "info")
    for opening in row.openings:
        yield opening_view(opening, principal, _)
