"""Permits as people write them: in a form, as options of a verb, in a cell of a list; and back.

Each reader returns a value of `PermitTerms` or raises `PermitRefused`, which says what is wrong and where.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, time, timedelta

from streamwatch.access.permit_rules import (
    LONGEST,
    MOST_SPACES,
    MOST_SPANS,
    MOST_VEHICLES,
    PermitFault,
    PermitProblem,
    PermitRemark,
    problems,
)
from streamwatch.core.codes import PermitKind, WhenFull
from streamwatch.core.errors import PermitError
from streamwatch.core.permit_terms import Hours, PermitTerms
from streamwatch.core.plates import Grammar, legible
from streamwatch.core.text import printable
from streamwatch.core.times import parse_time

KINDS = {
    PermitKind.RESIDENT: ("resident", "monthly", "tenant", "月租", "月租车", "固定车", "业主"),
    PermitKind.STAFF: ("staff", "employee", "员工", "内部车"),
    PermitKind.VISITOR: ("visitor", "guest", "访客"),
    PermitKind.BLOCKED: ("blocked", "blacklist", "黑名单", "禁入"),
    PermitKind.HELD: ("held", "locked", "锁车", "禁出"),
}
"""The words for each kind; the first is its code."""
WHEN_FULL = {
    WhenFull.ALLOW: ("allow", "pass", "放行"),
    WhenFull.VISITOR: ("visitor", "temporary", "临时", "临时车"),
    WhenFull.ASK: ("ask", "询问", "人工"),
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = {
    name: number
    for names in (
        DAYS,
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
        *(tuple(f"{week}{day}" for day in "一二三四五六日") for week in ("周", "星期", "礼拜")),
        ("1", "2", "3", "4", "5", "6", "7"),
    )
    for number, name in enumerate(names)
} | {"周天": 6, "星期天": 6}
_EVERY_DAY = ("daily", "every day", "每天", "")
SEVERAL = re.compile(r"[;；,，、|/\r\n]+")
"""What stands between several plates or lanes in one cell."""
_SPANS = re.compile(r"[;；\r\n]+")
_SPAN = re.compile(r"(?P<days>.*?)\s*(?P<begin>\d{1,2}[:：]\d\d)\s*[-–~至到]\s*(?P<end>\d{1,2}[:：]\d\d)")
_DATED = re.compile(r"\d{4}\D|\d{1,2}\.\d{1,2}\.\d{4}")
_AHEAD = re.compile(r"\+?(\d{1,5})([hdw])")
_CUT = 40
_LAST = timedelta(microseconds=1)

FAULTS = {
    PermitFault.NO_PLATE: "There is no plate. Write at least one.",
    PermitFault.NOT_A_PLATE: "%(text)s cannot be a plate. Write it as it stands on the vehicle; `plates.grammar` in "
    "config.yaml says which plates there are.",
    PermitFault.MANY_VEHICLES: f"There are %(text)s vehicles; one permit takes at most {MOST_VEHICLES}. Write several "
    "permits.",
    PermitFault.NOT_A_KIND: "%(text)s is no kind. Write resident, staff, visitor, blocked or held.",
    PermitFault.NOT_A_TIME: "%(text)s is not a time. Write 2026-01-31 or 2026-01-31 18:00.",
    PermitFault.ENDS_TOO_EARLY: "It ends before it begins. Write a later end or an earlier beginning.",
    PermitFault.NOT_HOURS: "%(text)s are no hours. Write mon-fri 07:00-19:00; sat 08:00-12:00.",
    PermitFault.EMPTY_HOURS: "%(text)s is no span of time. Write a beginning and a different end.",
    PermitFault.MANY_HOURS: f"There are %(text)s spans of hours; at most {MOST_SPANS} are possible.",
    PermitFault.NOT_A_LANE: "%(text)s is no lane. Write names of `lanes` in config.yaml, or nothing for all lanes.",
    PermitFault.NO_LANE: "It is for no lane. Choose at least one, or all.",
    PermitFault.NOT_SPACES: f"%(text)s is no number of spaces. Write a number from 1 to {MOST_SPACES}, or nothing.",
    PermitFault.NOT_WHEN_FULL: "%(text)s does not say what follows when the spaces are taken. Write allow, visitor or "
    "ask.",
    PermitFault.TOO_LONG: "%(text)s is too long. Write less.",
    PermitFault.MANY_CELLS: "The line has more cells than the first line has columns. Put quotation marks around a "
    "cell that holds the separator.",
    PermitFault.NO_SUCH_KEY: "There is no permit with the key %(text)s. Leave the key empty for a new one.",
    PermitFault.CONTRADICTS: "%(text)s differs from another line of the same permit. Write the same in all its lines.",
    PermitFault.SAME_PLATE: "%(text)s stands in another line of the same kind. Give each permit a number of its own in "
    "the column reference.",
    PermitFault.SAME_PERMIT: "%(text)s is the permit of another line, too. Keep one of the two lines.",
    PermitFault.NUMBER_TAKEN: "%(text)s is the number of another permit. Write another number, or leave it out.",
    PermitFault.BAD_NEIGHBOUR: "Another line of the same permit is wrong, so the whole permit is left out. Mend that "
    "line.",
}
"""What is wrong and what to do, as a source text."""
REMARKS = {
    PermitRemark.ALSO_PERMITTED: "%(plate)s is in another permit, too. The one that is valid at the moment decides.",
    PermitRemark.IS_BLOCKED: "%(plate)s is blocked by another entry, which is stronger: it does not come in.",
    PermitRemark.IS_HELD: "%(plate)s is held by another entry, which is stronger: it does not go out.",
    PermitRemark.BLOCKS_PERMITTED: "%(plate)s has a permit, too. This entry is stronger: it does not come in.",
    PermitRemark.HOLDS_PERMITTED: "%(plate)s has a permit, too. This entry is stronger: it does not go out.",
    PermitRemark.NEVER_FULL: "There are as many spaces as vehicles, so they are never full.",
    PermitRemark.OVER_ALREADY: "Its end is past: it opens nothing.",
    PermitRemark.VISIT_WITHOUT_END: "The visit has no last day: the permit waits until it is used.",
}
"""What people should know, as a source text."""


class PermitRefused(PermitError):
    """A permit cannot be as it is written. found: each thing that is wrong."""

    def __init__(self, found: Collection[PermitProblem]) -> None:
        super().__init__(" ".join(dict.fromkeys(sentence_of(one) for one in found)))
        self.found = tuple(found)


class ListRefused(PermitError):
    """A file cannot be read as a list of permits. text: a source text; values: what it leaves open."""

    def __init__(self, text: str, **values: str) -> None:
        super().__init__(text % values)
        self.text, self.values = text, values


def sentence_of(problem: PermitProblem, translate: Callable[[str], str] = str) -> str:
    """Return what is wrong and what to do."""
    text = problem.text if problem.text.isdigit() else f"“{problem.text}”"
    return translate(FAULTS[problem.fault]) % {"text": printable(text)}


def told(error: PermitError, translate: Callable[[str], str] = str) -> str:
    """Return what is wrong with a permit or a list as sentences of one language."""
    if isinstance(error, PermitRefused):
        return " ".join(dict.fromkeys(sentence_of(one, translate) for one in error.found))
    if isinstance(error, ListRefused):
        return translate(error.text) % error.values
    return translate(error.message)


def remark_of(remark: PermitRemark, plate: str, translate: Callable[[str], str] = str) -> str:
    """Return a remark as a sentence."""
    return translate(REMARKS[remark]) % {"plate": plate}


def require_possible(terms: PermitTerms) -> PermitTerms:
    """Return the terms. Raise PermitRefused if a permit cannot be so."""
    if found := list(problems(terms)):
        raise PermitRefused(found)
    return terms


def read_plates(text: str, grammar: Grammar) -> tuple[str, ...]:
    """Return the normalised plates of a text, without repeats. Raise PermitRefused for the first that can be none.

    A look-alike that cannot stand on a plate, such as the O of 京AO1234, is replaced.
    """
    plates: dict[str, None] = {}
    for one in filter(None, map(str.strip, SEVERAL.split(text))):
        plate = grammar.plausible(one) if legible(one) else None
        if plate is None:
            raise _refused(PermitFault.NOT_A_PLATE, "plates", one)
        plates[plate.text] = None
    return tuple(plates)


def read_kind(text: str) -> PermitKind:
    """Return the kind that a word names; resident if there is none. Raise PermitRefused."""
    word = text.strip().lower()
    if not word:
        return PermitKind.RESIDENT
    found = next((kind for kind, words in KINDS.items() if word in words), None)
    if found is None:
        raise _refused(PermitFault.NOT_A_KIND, "kind", text)
    return found


def read_when_full(text: str) -> WhenFull:
    """Return what follows when the spaces are taken; ask if nothing is said. Raise PermitRefused."""
    word = text.strip().lower()
    if not word:
        return WhenFull.ASK
    found = next((when for when, words in WHEN_FULL.items() if word in words), None)
    if found is None:
        raise _refused(PermitFault.NOT_WHEN_FULL, "when_full", text)
    return found


def read_from(text: str, now: datetime | None = None) -> datetime | None:
    """Return the beginning; None if the text is empty. Raise PermitRefused.

    now: aware, for words like `today` and `2d`, which is in two days; None: only dates are understood.
    """
    return _moment(text, now, "valid_from", end=False)


def read_until(text: str, now: datetime | None = None) -> datetime | None:
    """Return the end, which is excluded; the whole of a day that is named alone belongs to it. See `read_from`."""
    return _moment(text, now, "valid_until", end=True)


def read_hours(text: str) -> tuple[Hours, ...]:
    """Return the hours of a text such as `mon-fri 07:00-19:00; 周六 08:00-12:00`. Raise PermitRefused."""
    return tuple(_span(one) for one in filter(None, map(str.strip, _SPANS.split(text))))


def read_lanes(text: str, known: Collection[str]) -> frozenset[str] | None:
    """Return the lanes of a text; None, which is all, if it is empty. Raise PermitRefused for an unknown one."""
    names = [name for name in map(str.strip, SEVERAL.split(text)) if name]
    for name in names:
        if name not in known:
            raise _refused(PermitFault.NOT_A_LANE, "lanes", name)
    return frozenset(names) or None


def read_spaces(text: str) -> int | None:
    """Return the number of spaces; None if the text is empty. Raise PermitRefused."""
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST_SPACES):
        raise _refused(PermitFault.NOT_SPACES, "spaces", text)
    return int(text)


def written_from(at: datetime | None) -> str:
    """Return a beginning as `read_from` reads it: a day if it is the first moment of one; "" for None."""
    if at is None:
        return ""
    local = at.astimezone()
    return _day_or_moment(local, local)


def written_until(at: datetime | None) -> str:
    """Return an end as `read_until` reads it: the last day if it is the end of one; "" for None."""
    if at is None:
        return ""
    local = at.astimezone()
    return _day_or_moment(local, (at - _LAST).astimezone())


def written_hours(hours: Iterable[Hours]) -> str:
    """Return hours as `read_hours` reads them."""
    return "; ".join(f"{written_days(span.days)} {span.begin:%H:%M}-{span.end:%H:%M}" for span in hours)


def written_days(days: Collection[int], names: Mapping[int, str] = dict(enumerate(DAYS))) -> str:
    """Return days of the week, three or more that follow each other as a range: mon-fri, sun."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        f"{names[run[0]]}-{names[run[-1]]}" if len(run) > 2 else ",".join(names[day] for day in run) for run in runs
    )


def _day_or_moment(at: datetime, day: datetime) -> str:
    return f"{day:%Y-%m-%d}" if at.time() == time.min and at.fold == 0 else at.isoformat()


def _moment(text: str, now: datetime | None, field: str, end: bool) -> datetime | None:
    text = text.strip()
    if not text:
        return None
    try:
        if now is None and not _DATED.match(text):
            raise ValueError(text)
        ahead = None if now is None else _AHEAD.fullmatch(text)
        if ahead is not None and now is not None:
            return _ahead(now, int(ahead[1]), ahead[2], end)
        found = parse_time(text, now or datetime.now(UTC), end)
    except (ValueError, OverflowError):
        raise _refused(PermitFault.NOT_A_TIME, field, text) from None
    # The end is excluded in a permit, and `parse_time` names the last moment of a day.
    return found + _LAST if end and found.microsecond == 999_999 else found


def _ahead(now: datetime, count: int, unit: str, end: bool) -> datetime:
    """Return the time in so many hours, or the end or beginning of the day in so many days or weeks."""
    if unit == "h":
        return now + timedelta(hours=count)
    day = (now.astimezone() + timedelta(days=count * (7 if unit == "w" else 1) + end)).date()
    return datetime.combine(day, time.min).astimezone()


def _span(text: str) -> Hours:
    match = _SPAN.fullmatch(text)
    days, begin, end = (text, "00:00", "00:00") if match is None else match.group("days", "begin", "end")
    try:
        return Hours(_days(days), _clock(begin), _clock(end))
    except ValueError:
        raise _refused(PermitFault.NOT_HOURS, "hours", text) from None


def _days(text: str) -> frozenset[int]:
    """Return the days that a text names. Raise ValueError."""
    text = text.strip().lower()
    if text in _EVERY_DAY:
        return frozenset(range(7))
    found: set[int] = set()
    for one in filter(None, re.split(r"[,，、\s]+", text)):
        first, *last = re.split(r"[-–~至到]", one)
        if first not in _DAYS or len(last) > 1 or any(name not in _DAYS for name in last):
            raise ValueError(text)
        begin = _DAYS[first]
        found |= {(begin + step) % 7 for step in range((_DAYS[last[0]] - begin) % 7 + 1 if last else 1)}
    return frozenset(found)


def _clock(text: str) -> time:
    text = text.replace("：", ":")
    return time.min if text == "24:00" else datetime.strptime(text, "%H:%M").time()


def _refused(fault: PermitFault, field: str, text: str) -> PermitRefused:
    return PermitRefused([PermitProblem(fault, field, text if len(text) <= _CUT else text[:_CUT] + "…")])


def read_text(field: str, text: str) -> str:
    """Return a text as one line without invisible characters, so that every file brings it back as it is.

    One that is too long keeps one character too many, by which it is refused.
    """
    shown = (character for character in " ".join(text.split()) if printable(character) == character)
    return "".join(shown)[: LONGEST[field] + 1]
