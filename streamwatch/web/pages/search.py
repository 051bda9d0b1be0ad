"""The search: what passed, by part of a plate, look-alikes, camera, time and outcome. A search is an address."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamwatch.core.codes import Role, Verdict
from streamwatch.core.model import Engine
from streamwatch.core.plates import part_of_plate
from streamwatch.core.times import parse_time
from streamwatch.store import PassageOutcome, Search
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import render, render_part, words_of
from streamwatch.web.api.parameters import address_of
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.lane_words import VERDICT_WORDS
from streamwatch.web.passage_view import passage_view
from streamwatch.web.routing import page
from streamwatch.web.sentences import ENGINES, OUTCOMES

SHOWN = 50
"""Passages of one page."""
MOST_COUNTED = 10_000
_NAMES = (
    "plate",
    "like",
    "camera",
    "from",
    "to",
    "begin",
    "end",
    "outcome",
    "engine",
    "least",
    "most",
    "unread",
    "decision",
)
"""The fields of a search, in the order of its address."""
_LONGEST = 100
"""Characters of one field."""
_MOST_VALUES = 50
"""Values of one field."""
WEEKS = {"this week": 0, "last week": 1, "本周": 0, "上周": 1}
"""Words for a week, and the number of weeks since it."""
WEEKDAYS = {
    name: number
    for names in (
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
        ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
    )
    for number, name in enumerate(names)
}
"""Words for a day of the week, 0 for Monday."""
TIMES = (
    (N_("Today"), "today"),
    (N_("Yesterday"), "yesterday"),
    (N_("This week"), "this week"),
    (N_("Last week"), "last week"),
)
"""What a click sets as the time."""
_Words = Callable[[str], str]


@dataclass(slots=True)
class Asked:
    """What a form asks for. values: by field, without empty ones. errors: translated sentences by field."""

    values: dict[str, list[str]]
    search: Search = field(default_factory=Search)
    errors: dict[str, str] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """Return the value of a field, empty if it has none."""
        return self.values.get(name, [""])[0]

    def query(self, **changed: list[str]) -> str:
        """Return the query of this search, with some fields changed; an empty list leaves one out."""
        values = self.values | changed
        return urlencode([(name, value) for name in _NAMES for value in values.get(name, [])])

    def without(self, name: str, value: str) -> str:
        """Return the query without one value."""
        return self.query(**{name: [other for other in self.values.get(name, []) if other != value]})


def asked_by(parameters: QueryParams, _: _Words, now: datetime, masked: bool = False) -> Asked:
    """Return what the parameters of an address ask for. masked: True for somebody who may not read plates."""
    given = {name: list(dict.fromkeys(map(str.strip, parameters.getlist(name)))) for name in _NAMES}
    values = {name: [v[:_LONGEST] for v in many if v][:_MOST_VALUES] for name, many in given.items() if any(many)}
    asked = Asked(values)
    found: dict[str, Any] = {}
    for name, read in _FIELDS.items():
        try:
            if name in values:
                found |= read(asked, now)
        except ValueError:
            asked.errors[name] = _(_WRONG[name]) % {"text": asked.first(name)}
    if found.get("since") and found.get("until") and found["since"] > found["until"]:
        asked.errors["to"] = _("The end lies before the beginning.")
    if masked and "plate" in values:
        asked.errors["plate"] = _("Plates are masked for you, so you can search by camera and time only.")
    if not asked.errors:
        asked.search = Search(**found)
    return asked


def _plate(asked: Asked, now: datetime) -> dict[str, Any]:
    pattern = part_of_plate(asked.first("plate"))
    return {"plate": pattern, "like": asked.first("like") == "1"} if pattern else {}


def _since(asked: Asked, now: datetime) -> dict[str, Any]:
    return {"since": _named_days(asked.first("from"), now, end=False) or parse_time(asked.first("from"), now)}


def _until(asked: Asked, now: datetime) -> dict[str, Any]:
    return {"until": _named_days(asked.first("to"), now, end=True) or parse_time(asked.first("to"), now, end=True)}


def _named_days(text: str, now: datetime, end: bool) -> datetime | None:
    """Return an end of the week or of the day of the week that a text names; None for any other text.

    A week begins on Monday. `tuesday` is the last one, maybe today; `last tuesday` the last one before today; 上周二
    that of last week.
    """
    text, today = text.strip().lower(), now.astimezone().date()
    monday = today - timedelta(days=today.weekday())
    if text in WEEKS:
        first = monday - timedelta(weeks=WEEKS[text])
        return _end(first + timedelta(days=6), end) if end else _end(first, end)
    if text.startswith("上") and text[1:] in WEEKDAYS:
        return _end(monday - timedelta(weeks=1) + timedelta(days=WEEKDAYS[text[1:]]), end)
    weekday = WEEKDAYS.get(text.removeprefix("last "))
    if weekday is None:
        return None
    ago = (today.weekday() - weekday) % 7
    return _end(today - timedelta(days=ago or (7 if text.startswith("last ") else 0)), end)


def _end(day: date, end: bool) -> datetime:
    return datetime.combine(day, time.max if end else time.min).astimezone(UTC)


def _clock(text: str) -> time:
    """Return a time of day, to the minute."""
    return datetime.strptime(text, "%H:%M").time()


def _fraction(text: str) -> float:
    percent = float(text.rstrip("% "))
    if not 0 <= percent <= 100:
        raise ValueError(text)
    return percent / 100


_FIELDS: dict[str, Callable[[Asked, datetime], dict[str, Any]]] = {
    "plate": _plate,
    "camera": lambda asked, _: {"cameras": frozenset(asked.values["camera"])},
    "from": _since,
    "to": _until,
    "begin": lambda asked, _: {"begin": _clock(asked.first("begin"))},
    "end": lambda asked, _: {"end": _clock(asked.first("end"))},
    "outcome": lambda asked, _: {"outcomes": frozenset(map(PassageOutcome, asked.values["outcome"]))},
    "engine": lambda asked, _: {"engines": frozenset(map(Engine, asked.values["engine"]))},
    "least": lambda asked, _: {"least": _fraction(asked.first("least"))},
    "most": lambda asked, _: {"most": _fraction(asked.first("most"))},
    "unread": lambda asked, _: {"unread": asked.first("unread") == "1"},
    "decision": lambda asked, _: {"verdicts": frozenset(map(Verdict, asked.values["decision"]))},
}
_NOT_A_TIME = N_(
    "“%(text)s” is not a time. Write today, yesterday, Tuesday, last week, 2026-11-27 08:00, or 2h (two hours ago)."
)
_NOT_A_CLOCK = N_("“%(text)s” is not a time of day. Write it like 08:00.")
_NOT_A_PERCENTAGE = N_("“%(text)s” is not a percentage from 0 to 100.")
_NOT_A_CHOICE = N_("“%(text)s” is none of the choices.")
_WRONG = {
    "plate": N_("“%(text)s” cannot be part of a plate. Write letters and digits; * stands for any text, ? for one."),
    "camera": _NOT_A_CHOICE,
    "from": _NOT_A_TIME,
    "to": _NOT_A_TIME,
    "begin": _NOT_A_CLOCK,
    "end": _NOT_A_CLOCK,
    "outcome": _NOT_A_CHOICE,
    "engine": _NOT_A_CHOICE,
    "least": _NOT_A_PERCENTAGE,
    "most": _NOT_A_PERCENTAGE,
    "unread": _NOT_A_CHOICE,
    "decision": _NOT_A_CHOICE,
}


def asked(request: Request) -> Asked:
    """Return what the address of a request asks for."""
    principal = principal_of(request)
    masked = principal is None or principal.masks_plates
    return asked_by(request.query_params, words_of(request), datetime.now(UTC), masked)


def search(request: Request) -> Response:
    """Show what a search finds. With `after` and htmx, only the next rows."""
    wanted = asked(request)
    if any(not value for name in _NAMES for value in request.query_params.getlist(name)):
        query = wanted.query()
        return RedirectResponse(f"/search?{query}" if query else "/search", 303)
    principal, reader = principal_of(request), console_of(request).reader
    scope = None if principal is None else principal.cameras
    after = request.query_params.get("after") or None
    query = wanted.query()
    rows, more, count = [], None, 0
    if not wanted.errors:
        try:
            found = reader.passages.find(wanted.search, scope, after, SHOWN)
        except ValueError:
            raise HTTPException(400) from None
        rows, more = [passage_view(request, row, query) for row in found.rows], found.after
    older = f"/search?{query and query + '&'}{urlencode({'after': more})}" if more else ""
    if after and request.headers.get("hx-request") == "true":
        return render_part(request, "parts/search_rows.html", passages=rows, older=older)
    if not wanted.errors:
        count = reader.passages.count(wanted.search, scope, MOST_COUNTED + 1) if more or after else len(rows)
    return render(
        request,
        "search.html",
        asked=wanted,
        passages=rows,
        older=older,
        begun=bool(after),
        count=count,
        most=MOST_COUNTED,
        query=query,
        export=address_of(wanted.search),
        chips=list(_chips(wanted, words_of(request))),
        cameras=[name for name in _cameras(request) if principal is not None and principal.sees(name)],
        outcomes=OUTCOMES,
        engines=ENGINES,
        verdicts=VERDICT_WORDS if console_of(request).backend.settings.lanes or "decision" in wanted.values else {},
        times=[
            (text, asked_for, wanted.query(**{"from": [asked_for], "to": [asked_for]})) for text, asked_for in TIMES
        ],
        opened=bool(wanted.values.keys() & {"outcome", "engine", "least", "most", "unread", "decision"}),
        may_export=principal is not None and principal.role.at_least(Role.MANAGER),
    )


def _cameras(request: Request) -> list[str]:
    return list(console_of(request).backend.settings.cameras)


def _chips(asked: Asked, _: _Words) -> Iterator[tuple[str, str]]:
    """Yield each condition in words, with the query without it."""
    for name in _NAMES:
        for value in asked.values.get(name, []):
            text = _chip(name, value, asked, _)
            if text:
                yield text, asked.without(name, value)


def _chip(name: str, value: str, asked: Asked, _: _Words) -> str:
    words = {"text": value}
    if name == "outcome":
        return _(OUTCOMES[PassageOutcome(value)]) if value in set(PassageOutcome) else value
    if name == "engine":
        return _(ENGINES[Engine(value)]) if value in ENGINES else value
    if name == "decision":
        return _(VERDICT_WORDS[Verdict(value)]) if value in VERDICT_WORDS else value
    if name == "like":
        return _("look-alikes, too") if "plate" in asked.values else ""
    if name == "unread":
        return _("still to be typed in")
    if name == "plate":
        return _("plate with %(text)s") % words
    if name in ("from", "to"):
        words["text"] = _(dict(_WORDS).get(value, value))
    return _(_CHIPS[name]) % words


_WORDS = (
    ("today", N_("today")),
    ("yesterday", N_("yesterday")),
    ("this week", N_("this week")),
    ("last week", N_("last week")),
)
_CHIPS = {
    "camera": N_("camera %(text)s"),
    "from": N_("from %(text)s"),
    "to": N_("until %(text)s"),
    "begin": N_("daily from %(text)s"),
    "end": N_("daily until %(text)s"),
    "least": N_("at least %(text)s %% sure"),
    "most": N_("at most %(text)s %% sure"),
}

ROUTES = [page("/search", search, role=Role.VIEWER)]
