"""Times as people write them."""

import re
from datetime import UTC, datetime, timedelta

YEARS = range(1000, 9000)
"""Others leave no room before or after them in the calendar that Python knows."""
_AGO = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_time(text: str, now: datetime) -> datetime:
    """ISO 8601 (without offset: this machine's local time), or how long ago: 90s, 30m, 2h, 7d. Aware.

    Raises ValueError with a sentence.
    """
    text = text.strip()
    time = _parsed(text, now)
    if time.year not in YEARS:
        raise ValueError(f"{text!r} is out of reach; write a year from {YEARS[0]} to {YEARS[-1]}.")
    return time


def _parsed(text: str, now: datetime) -> datetime:
    if match := re.fullmatch(r"(\d+)([smhd])", text):
        try:
            return now - timedelta(**{_AGO[match[2]]: int(match[1])})
        except OverflowError:
            raise ValueError(f"{text!r} is too long ago for any calendar.") from None
    try:
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.astimezone()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a time; write 2026-01-31T08:00, 2026-01-31, or how long ago: 2h.") from None
