"""A passage as all lists show it: what one person may see of it, in words."""

from dataclasses import dataclass

from starlette.requests import Request

from streamwatch.core.codes import Role
from streamwatch.core.model import Engine
from streamwatch.store import UNREAD, PassageOutcome, PassageRow
from streamwatch.web.accounts.principal import Principal, principal_of
from streamwatch.web.answers import texts_of
from streamwatch.web.lane_words import VERDICT_SIGNS, VERDICT_TONES, VERDICT_WORDS
from streamwatch.web.sentences import DIRECTIONS, ENGINES, OUTCOME_TONES, OUTCOMES, tone_of

_SHOWN_ENDS = 2
"""Characters that a masked plate shows at each end."""


@dataclass(frozen=True, slots=True)
class PassageView:
    """A passage in words of one language.

    plate: characters with True for each that differs from what was looked for; empty: none. word, tone: the badge.
    picture, crop: addresses without a width; empty: none. link: of its page. typing: of the page where this person may
    type in its plate, which no engine could read; correcting: the same for a plate that was read; empty: not for this
    person. decision, decision_tone: the badge of the last decision; empty: there is none.
    """

    row: PassageRow
    plate: tuple[tuple[str, bool], ...]
    kind: str
    word: str
    tone: str
    engine: str
    direction: str
    picture: str
    crop: str
    link: str
    typing: str
    correcting: str
    decision: str
    decision_tone: str

    @property
    def text(self) -> str:
        """Return the plate as one text."""
        return "".join(character for character, _ in self.plate)


def masked(plate: str) -> str:
    """Return a plate of which only both ends can be read."""
    hidden = len(plate) - 2 * _SHOWN_ENDS
    if hidden < 1:
        return "•" * len(plate)
    return f"{plate[:_SHOWN_ENDS]}{'•' * hidden}{plate[-_SHOWN_ENDS:]}"


def plate_for(principal: Principal | None, plate: str) -> str:
    """Return a plate as this person may see it."""
    return masked(plate) if principal is None or principal.masks_plates else plate


def passage_view(request: Request, row: PassageRow, search: str = "") -> PassageView:
    """Return a passage for the one who asks. search: the query of the search that the passage is shown in."""
    _, principal = texts_of(request).gettext, principal_of(request)
    hides = principal is None or principal.masks_plates
    text = "" if row.plate is None else plate_for(principal, row.plate.text)
    unlike = set() if hides else set(row.unlike)
    word, tone = _(OUTCOMES[row.outcome]), OUTCOME_TONES[row.outcome]
    if row.engine is Engine.OPERATOR:
        word, tone = _("typed in by hand") if row.plate is not None else _("looked at: no plate"), "good"
    elif row.plate is not None and row.plate.sighting is not None:
        confidence = row.plate.confidence
        tone = tone_of(confidence) or tone
        word = word if confidence is None else _("%(percent)d %% sure") % {"percent": int(confidence * 100)}
    elif row.plate is not None and row.plate.confidence is not None and row.outcome is PassageOutcome.UNSURE:
        word = _("unsure, %(percent)d %%") % {"percent": int(row.plate.confidence * 100)}
    picture = f"/pictures/keyframes/{row.keyframe}" if row.picture and row.keyframe is not None else ""
    at_least = principal.role.at_least if principal is not None and not hides else lambda _: False
    types = row.outcome in UNREAD and row.engine is not Engine.OPERATOR and at_least(Role.GUARD)
    corrects = not types and row.closed and at_least(Role.GUARD if row.engine is Engine.OPERATOR else Role.MANAGER)
    return PassageView(
        row=row,
        plate=tuple((character, place in unlike) for place, character in enumerate(text)),
        kind="" if row.plate is None else row.plate.kind,
        word=word,
        tone=tone,
        engine="" if row.engine in (None, Engine.OPERATOR) else _(ENGINES[row.engine]),
        direction=_(DIRECTIONS[row.direction]) if DIRECTIONS[row.direction] else "",
        picture=picture,
        crop=f"{picture}?crop=plate" if picture and row.corners is not None and not hides else "",
        link=f"/passages/{row.id}{search and '?' + search}",
        typing=f"/unread/{row.id}" if types and row.picture else "",
        correcting=f"/unread/{row.id}" if corrects and row.picture else "",
        decision="" if row.verdict is None else f"{VERDICT_SIGNS[row.verdict]} {_(VERDICT_WORDS[row.verdict])}",
        decision_tone="" if row.verdict is None else VERDICT_TONES[row.verdict],
    )
