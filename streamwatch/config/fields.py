"""The kinds of values that config.yaml holds, and the class of its sections."""

import os
import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from streamwatch.system.systemd_unit import FOLDER, credential

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SMALLEST_ZONE = 1e-4  # of the picture
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def seconds(value: object) -> object:
    """Return a duration as config.yaml writes it (`10`, `"500ms"`, `"5m"`) in seconds."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)\s*", value)
    if not match:
        raise ValueError("is not a duration; write a number of seconds, or 500ms, 10s, 5m, 2h, 1d")
    return float(match[1]) * _UNITS[match[2]]


def size(value: object) -> object:
    """Return a size as config.yaml writes it (`1500000`, `"500MB"`, `"2.5GB"`) in bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(kB|MB|GB|TB)\s*", value)
    if not match:
        raise ValueError("is not a size; write a number of bytes, or 500MB, 20GB")
    return round(min(float(match[1]) * _SIZES[match[2]], 2.0 * MOST_BYTES))


def _zone(points: object) -> object:
    if not isinstance(points, list) or not all(_is_point(point) for point in points):
        raise ValueError("must be a list of points [x, y], like [[0.1, 0.3], [0.9, 0.3], [1, 1]]")
    if len(points) < 3:
        raise ValueError("needs at least three points")
    if any(not (0 <= v <= 1) for point in points for v in point):
        raise ValueError("holds fractions of the picture, each between 0 and 1, like [0.25, 0.4]")
    following = [*points[1:], points[0]]
    if abs(sum(x * v - u * y for (x, y), (u, v) in zip(points, following, strict=True))) / 2 < SMALLEST_ZONE:
        raise ValueError("has no area, or its points do not go around it one after the other")
    return points


def _is_point(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, int | float) for part in value)


LONGEST = 36500 * 86400.0  # s; a hundred years: Python's calendar reaches that far back
Seconds = Annotated[float, BeforeValidator(seconds), Field(le=LONGEST, allow_inf_nan=False)]
MOST_BYTES = 10**18  # more than any disk has
Bytes = Annotated[int, BeforeValidator(size), Field(le=MOST_BYTES)]
Calls = Annotated[int, Field(ge=1)]
Zone = Annotated[list[tuple[float, float]], BeforeValidator(_zone)]


def one_word(value: str) -> str:
    """Return a credential without blanks around it. Raise ValueError for a text that cannot be a credential."""
    value = value.strip()
    if not value:
        raise ValueError("is empty")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("holds a blank, a line break or a character that no key has; copy it again from the console")
    return value


def address(value: str) -> str:
    """Return the address of a socket that listens. Raise ValueError for a name."""
    try:
        return value if value == "localhost" else str(ip_address(value))
    except ValueError:
        raise ValueError("is not an address of this machine, like 127.0.0.1, or 0.0.0.0 for all") from None


def variable(match: re.Match[str]) -> str:
    value = os.environ.get(match[1]) or credential(match[1])
    if value is None:
        served = f"; the service takes it from the file {FOLDER / match[1]}" * ("CREDENTIALS_DIRECTORY" in os.environ)
        raise ValueError(f"needs the environment variable {match[1]}, which is not set{served}")
    return quote(value, safe="")


class Section(BaseModel):
    """A section of config.yaml. A key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
