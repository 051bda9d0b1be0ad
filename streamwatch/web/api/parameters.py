"""The parameters of the API: what is searched for, and which page of it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema
from starlette.exceptions import HTTPException

from streamwatch.core.codes import CallOutcome, DecisionReason, Verdict
from streamwatch.core.model import Engine
from streamwatch.core.plates import normalise, part_of_plate
from streamwatch.store import DecisionFilter, LogFilter, PassageOutcome
from streamwatch.store.search import Search, parse_key

MOST = 1000
"""Upper limit of the items of one answer."""
USUAL = 100
"""Items of one answer without `limit`."""
LONGEST_NAME = 64
"""Characters of the name of a camera; see `passages.camera`."""
LONGEST_PLATE = 64
"""Characters of what is looked for in plates."""
HIGHEST = 2**31 - 1
"""The highest number of a row that every database accepts."""
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _moment(text: Any) -> datetime:
    """Return the time that RFC 3339 writes so. Raise ValueError for any other text."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("A time is written as in RFC 3339, with an offset: 2026-11-27T08:00:00+08:00.")
    day, minute, second, fraction, offset = match.groups()
    second = "59" if second == "60" else second  # a leap second, which Python's calendar does not have
    try:
        return datetime.fromisoformat(f"{day}T{minute}:{second}.{fraction or '0':0<6}{offset.upper()}")
    except ValueError as error:
        raise ValueError(f"There is no such time: {error}.") from None


def _in_reach(at: datetime) -> datetime:
    """Return a time in UTC; at the ends of Python's calendar, the end."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return (datetime.max if at.year > 1 else datetime.min).replace(tzinfo=UTC)


def _time_of_day(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(_in_reach),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in a query: RFC 3339 with offset."""
TimeOfDay = Annotated[str, Field(pattern=_TIME_OF_DAY)]
Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=1, le=HIGHEST)]
"""The number of a row, in a path."""


class Page(BaseModel, extra="forbid"):
    """Which page of a list is asked for."""

    limit: int = Field(USUAL, ge=1, le=MOST, description="at most this number of items")
    cursor: str | None = Field(
        None, max_length=64, description="`next` of the page before, to go on after it; the other filters stay"
    )

    @property
    def after(self) -> str | None:
        """The key after which the page begins. Raise HTTPException if no page ended so."""
        try:
            if self.cursor is not None:
                parse_key(self.cursor)
        except ValueError:
            raise HTTPException(404, "No page ended with this cursor; begin again without it.") from None
        return self.cursor


class PassageFilters(BaseModel, extra="forbid"):
    """What is searched for. A filter that is left out is none."""

    plate: str | None = Field(
        None,
        max_length=LONGEST_PLATE,
        description="a part of the plate, or a pattern of the whole plate with * for any text and ? for one character",
    )
    like: bool = Field(
        False, description="also plates of which `plate` may be a misread, the nearest first: 0 for O, one missing …"
    )
    camera: list[Name] = Field([], max_length=20, description="only these cameras")
    since: Moment | None = Field(None, description="seen at or after")
    until: Moment | None = Field(None, description="seen at or before")
    begin: TimeOfDay | None = Field(None, description="at this local time of the day or later")
    end: TimeOfDay | None = Field(
        None, description="before this local time of the day; before `begin`: on the next day"
    )
    weekday: list[Annotated[int, Field(ge=0, le=6)]] = Field(
        [], max_length=7, description="only these days of the week, 0 for Monday"
    )
    engine: list[Engine] = Field([], max_length=10, description="only plates that these read")
    min_confidence: Fraction | None = Field(None, description="only plates at least as sure")
    max_confidence: Fraction | None = Field(None, description="only plates at most as sure")
    outcome: list[PassageOutcome] = Field([], max_length=10, description="only passages with these outcomes")
    unread: bool = Field(False, description="only passages whose plate is still to be typed in")
    decision: list[Verdict] = Field([], max_length=10, description="only passages with a decision that is one of these")

    def search(self) -> Search | None:
        """Return the conditions; None if nothing can fit them."""
        try:
            plate = None if self.plate is None else part_of_plate(self.plate)
        except ValueError:
            return None
        return Search(
            plate=plate,
            like=self.like,
            cameras=frozenset(self.camera),
            since=self.since,
            until=self.until,
            begin=_time_of_day(self.begin),
            end=_time_of_day(self.end),
            weekdays=frozenset(self.weekday),
            outcomes=frozenset(self.outcome),
            engines=frozenset(self.engine),
            least=self.min_confidence,
            most=self.max_confidence,
            unread=self.unread,
            verdicts=frozenset(self.decision),
        )


class PassagePage(PassageFilters, Page):
    """A page of a search."""


class LogPageOf(Page):
    """A page of a plain list."""

    camera: list[Name] = Field([], max_length=20, description="only these cameras")
    since: Moment | None = Field(None, description="of this time or later")
    until: Moment | None = Field(None, description="of this time or earlier")

    def wanted(self) -> LogFilter:
        """Return the conditions."""
        return LogFilter(frozenset(self.camera), self.since, self.until)


class ReadingPage(LogPageOf):
    """A page of readings."""

    engine: list[Engine] = Field([], max_length=10, description="only what these read")

    def wanted(self) -> LogFilter:
        """Return the conditions."""
        return replace(super().wanted(), engines=frozenset(self.engine))


class CallPage(LogPageOf):
    """A page of calls."""

    outcome: list[CallOutcome] = Field([], max_length=25, description="only calls with these outcomes")

    def wanted(self) -> LogFilter:
        """Return the conditions."""
        return replace(super().wanted(), outcomes=frozenset(self.outcome))


class DecisionPage(Page):
    """A page of decisions."""

    lane: list[Name] = Field([], max_length=20, description="only of these lanes")
    camera: list[Name] = Field([], max_length=20, description="only these cameras")
    verdict: list[Verdict] = Field([], max_length=10, description="only these verdicts")
    reason: list[DecisionReason] = Field([], max_length=30, description="only decisions with these reasons")
    plate: str | None = Field(None, max_length=LONGEST_PLATE, description="only decisions on this whole plate")
    since: Moment | None = Field(None, description="decided at this time or later")
    until: Moment | None = Field(None, description="decided at this time or earlier")
    unanswered: bool = Field(False, description="only decisions that nobody has answered")

    def wanted(self) -> DecisionFilter:
        """Return the conditions."""
        return DecisionFilter(
            lanes=frozenset(self.lane),
            cameras=frozenset(self.camera),
            verdicts=frozenset(self.verdict),
            reasons=frozenset(self.reason),
            plate=None if self.plate is None else normalise(self.plate),
            since=self.since,
            until=self.until,
            unanswered=self.unanswered,
        )


class PictureForm(BaseModel, extra="forbid"):
    """What of a picture is asked for."""

    crop: Literal["plate"] | None = Field(None, description="only the plate, if its place is known")
    width: Literal["160", "320", "480", "640", "960", "1280"] | None = Field(
        None, description="at most this width in pixels; without it as large as it is kept"
    )


def address_of(search: Search) -> str:
    """Return the query of the API for a search, without `?`: the other way of `PassageFilters.search`."""
    return urlencode(list(_parameters(search)))


def _parameters(search: Search) -> Iterator[tuple[str, Any]]:
    plain = {
        "plate": search.plate,
        "like": "true" if search.like else None,
        "since": search.since and search.since.isoformat(),
        "until": search.until and search.until.isoformat(),
        "begin": search.begin and f"{search.begin:%H:%M}",
        "end": search.end and f"{search.end:%H:%M}",
        "min_confidence": search.least,
        "max_confidence": search.most,
        "unread": "true" if search.unread else None,
    }
    yield from ((name, value) for name, value in plain.items() if value is not None)
    for name, values in (
        ("camera", search.cameras),
        ("weekday", search.weekdays),
        ("engine", search.engines),
        ("outcome", search.outcomes),
        ("decision", search.verdicts),
    ):
        yield from ((name, value) for value in sorted(values))
