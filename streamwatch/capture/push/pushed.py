"""What a camera says that reads plates by itself."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from streamwatch.core.model import PlateText

LONGEST_PLATE = 24
"""Characters of a plate that are believed to be a plate; plates of all countries have fewer."""
LONGEST_NAME = 64
"""Characters of a record's number or a serial number that count."""


class BadPush(Exception):
    """A post that cannot be understood. Its text says what is wrong, and holds nothing of the post."""


@dataclass(frozen=True, slots=True)
class PushedPlate:
    """One vehicle, as a camera sends it.

    record: what the camera calls it, the same whenever it is sent again; "" if it has no name. serial: of the camera,
    "" if it does not say. taken_at: aware UTC by the camera's clock; None if it says none that can be right. offline:
    it was kept while the camera could not send. plate: None if it saw none. picture: as it came, empty if none came.
    """

    record: str
    serial: str
    taken_at: datetime | None
    offline: bool
    plate: PlateText | None
    picture: bytes


def plate_text(text: str, confidence: object, colour: str = "") -> PlateText | None:
    """Return a plate without a place; None if the text cannot be one. confidence: 0 to 100, or anything."""
    text = re.sub(r"\s", "", text)
    if not text or not text.isprintable() or len(text) > LONGEST_PLATE:
        return None
    return PlateText(text, _part(confidence), None, colour)


def name(value: object) -> str:
    """Return a number or name that a camera gives, without what cannot be one."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return re.sub(r"[^\w.:-]", "", text[: 4 * LONGEST_NAME], flags=re.ASCII)[:LONGEST_NAME]


def moment(seconds: float) -> datetime | None:
    """Return a time of the camera's clock as aware UTC; None before 2020 or after 2100. seconds: since 1970."""
    return datetime.fromtimestamp(seconds, UTC) if 1_577_836_800 <= seconds < 4_102_444_800 else None


def _part(percent: object) -> float | None:
    try:
        value = float(percent) / 100  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return value if 0 <= value <= 1 else None
