"""The parameters of the API: filters, times, pages."""

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

MOST = 1000
"""Upper limit of the items of one answer."""
USUAL = 100
"""Items of one answer without `limit`."""
MOST_CAMERAS = 100
LONGEST_NAME = 64
"""Characters of the name of a camera; see `passages.camera`."""
HIGHEST = 2**63 - 1
"""The highest number of a row that every database accepts."""
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d):(\d\d)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)")


def _time(text: Any) -> datetime:
    """Return the time that RFC 3339 writes so. Raise ValueError for any other text."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("A time is RFC 3339 with an offset: 2026-11-27T08:00:00+08:00")
    day, minute, second, fraction, offset = match.groups()
    leap = second == "60"
    written = f"{day}T{minute}:{'59' if leap else second}.{fraction or 0:0<6}{offset.upper()}"
    try:
        return datetime.fromisoformat(written)
    except ValueError as error:
        raise ValueError(f"There is no such time: {error}") from None


def in_reach(at: datetime) -> datetime:
    """Return a time that has a UTC time in Python's calendar: the nearest one."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return (datetime.max if at.year > 1 else datetime.min).replace(tzinfo=UTC)


Moment = Annotated[
    datetime,
    BeforeValidator(_time),
    AfterValidator(in_reach),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in a query: RFC 3339 with offset."""
