"""Texts and figures in the form that people read, safe for terminals and spreadsheets."""

import json
import re
import unicodedata
from datetime import datetime, timedelta

_FORMULA = re.compile(r"\s*[=+\-@]")
_CONTROL = re.compile(
    "[\0-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0001-\U000e007f]"
)
"""Characters that steer a terminal, turn the direction of writing or end a line: Unicode's Cc, Cf, Cs, Zl and Zp."""


def printable(text: str) -> str:
    """Return the text with every control, direction and invisible format character spelled out, as `\\x1b`, `\\u202e`.

    Every text for a terminal or a log passes here, because a text from outside may hold escape sequences.
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def for_spreadsheet(text: str) -> str:
    """Return the text as a cell that no spreadsheet program takes for a formula: a formula gets a `'` before it.

    https://owasp.org/www-community/attacks/CSV_Injection advises this, also for full-width forms.
    """
    text = printable(text)
    return f"'{text}" if _FORMULA.match(unicodedata.normalize("NFKC", text)) else text


def json_text(value: object) -> str:
    """Return readable JSON with Chinese characters as they are, and with control characters escaped."""
    lines = json.dumps(value, ensure_ascii=False, indent=1).split("\n")
    return "\n".join(_CONTROL.sub(_json_escape, line) for line in lines)


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def age(seconds: float) -> str:
    """Return a duration by its largest unit and the next: `0.4 s`, `42 s`, `5 m 3 s`, `26 h 5 m`, `9 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, name, lower, lower_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        # Less than two days are given in hours, as people do for outages.
        if whole >= unit * (2 if name == "d" else 1):
            return f"{whole // unit} {name} {whole % unit // lower} {lower_name}"
    return f"{whole} s"


def signed_age(seconds: float) -> str:
    """Return a difference with its sign, in the form of `age`: `+13 h 0 m`, `-0.4 s`."""
    return f"{'-' if seconds < 0 else '+'}{age(abs(seconds))}"


def some(count: int, thing: str) -> str:
    """Return a number of things: `1 picture`, `7 pictures`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def size(count: int) -> str:
    """Return bytes in decimal units: `812 B`, `1.5 MB`."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def when(time: datetime) -> str:
    """Return the local time with its offset, to the second."""
    return time.astimezone().isoformat(" ", "seconds")


def day_of(at: datetime, now: datetime) -> str:
    """Return the day of a local time: `today`, `yesterday`, `Tuesday` within a week, else `12 November`."""
    local, today = at.astimezone(), now.astimezone().date()
    ago = (today - local.date()).days
    if 0 <= ago < 2:
        return ("today", "yesterday")[ago]
    return f"{local:%A}" if 0 <= ago < 7 else f"{local.day} {local:%B}" + f" {local.year}" * (local.year != today.year)


def part_of_day(at: datetime, now: datetime) -> str:
    """Return day and part of the day of a local time, as people say them: `Tuesday night`, `the morning of 12 May`.

    The hours after midnight belong to the night of the day before.
    """
    local = at.astimezone()
    part = next(part for part, end in PARTS_OF_DAY if local.hour < end)
    day = day_of(at - timedelta(hours=6) if local.hour < 6 else at, now)
    if day == "today":
        return "tonight" if part == "night" else f"this {part}"
    if day == "yesterday":
        return "last night" if part == "night" else f"yesterday {part}"
    return f"the {part} of {day}" if day[0].isdigit() else f"{day} {part}"


PARTS_OF_DAY = (("night", 6), ("morning", 12), ("afternoon", 18), ("evening", 21), ("night", 24))
"""The parts of a day, and the hour at which each ends."""
