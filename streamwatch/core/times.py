"""Parses times as people write them."""

import re
from datetime import UTC, date, datetime, time, timedelta

YEARS = range(1000, 9000)
"""The years that are accepted: other years are too close to an end of Python's calendar."""
_AGO = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS = {"today": 0, "今天": 0, "yesterday": 1, "昨天": 1, "前天": 2}
"""Words for a day, and the number of days since that day."""
_DAY = re.compile(
    r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"  # 2026-11-27, 2026/11/27, 2026.11.27
    r"|(?P<d2>\d{1,2})\.(?P<m2>\d{1,2})\.(?P<y2>\d{4})(?!\d)"  # 27.11.2026
    r"|(?P<y3>\d{4})年(?P<m3>\d{1,2})月(?P<d3>\d{1,2})[日号]"
    rf"|(?P<word>{'|'.join(_DAYS)})",
    re.IGNORECASE,
)
_TIME = re.compile(r"(?P<hour>\d{1,2})(?P<rest>:\d{2}.*)")


def parse_time(text: str, now: datetime, end: bool = False) -> datetime:
    """Return the aware time that a person means: a day, a time of day, both, or a time ago (90s, 30m, 2h, 7d, 2w).

    A day is ISO 8601, `2026/11/27`, `27.11.2026`, `today`, `yesterday`, `今天`, `昨天`; a time of day alone is today's.
    A time without offset is this machine's local time. end: True if a day alone means its last moment, not its first.
    Raise ValueError with a sentence.
    """
    text = text.strip()
    found = _parsed(text, now, end)
    if found.year not in YEARS:
        raise ValueError(f"{text!r} is out of reach; write a year from {YEARS[0]} to {YEARS[-1]}.")
    return (found if found.tzinfo else found.astimezone()).astimezone(UTC)


def _parsed(text: str, now: datetime, end: bool) -> datetime:
    """Return the time, naive if the text names no offset."""
    if match := re.fullmatch(r"(\d+)([smhdw])", text):
        try:
            return now - timedelta(**{_AGO[match[2]]: int(match[1])})
        except OverflowError:
            raise ValueError(f"{text!r} is too long ago for any calendar.") from None
    try:
        written = _as_iso(text, now.astimezone().date())
        found = datetime.fromisoformat(written)
        return datetime.combine(found, time.max) if end and _is_day(written) else found
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r} is not a time; write 2026-01-31T08:00, 2026-01-31, 08:00, today, yesterday, "
            "or how long ago: 2h, 7d, 2w."
        ) from None


def _as_iso(text: str, today: date) -> str:
    """Return ISO 8601 for what people write; any other text stays as it is. Raise ValueError or OverflowError."""
    match = _DAY.match(text)
    if match is None:
        day, rest = today, text
        if not _TIME.fullmatch(rest):
            return text
    else:
        word, parts = match["word"], [part for part in match.groups() if part]
        if word:
            day = today - timedelta(days=_DAYS[word.lower()])
        else:
            day = date(*map(int, reversed(parts) if match["d2"] else parts))
        rest = text[match.end() :].lstrip("Tt, ")
    clock = _TIME.fullmatch(rest)
    return f"{day}T{clock['hour']:0>2}{clock['rest']}" if clock else f"{day}{rest and f'T{rest}'}"


def _is_day(written: str) -> bool:
    try:
        date.fromisoformat(written)
    except ValueError:
        return False
    return True
