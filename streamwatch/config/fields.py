"""The kinds of values that config.yaml holds, and the class of its sections."""

import os
import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    model_validator,
)

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
Name = Annotated[str, Field(pattern=r"^\w[\w.-]{0,63}$")]
"""The name of a camera, a lane or a barrier."""
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
    """Return the value of the environment variable that a ${NAME} names, percent-encoded for an address."""
    return quote(_value_of(match), safe="")


def _value_of(match: re.Match[str]) -> str:
    value = os.environ.get(match[1]) or credential(match[1])
    if value is None:
        served = f"; the service takes it from the file {FOLDER / match[1]}" * ("CREDENTIALS_DIRECTORY" in os.environ)
        raise ValueError(f"needs the environment variable {match[1]}, which is not set{served}")
    return value


def looks_up(info: ValidationInfo) -> bool:
    """Return True if secrets are looked up while these settings are read."""
    return info.context is None or bool(info.context["secrets"])


def _filled_in(value: object, info: ValidationInfo) -> object:
    return _fill(value, info, _value_of)


def _filled_in_url(value: object, info: ValidationInfo) -> object:
    return _fill(value, info, variable)


def _fill(value: object, info: ValidationInfo, look_up: Callable[[re.Match[str]], str]) -> object:
    if not isinstance(value, str):
        return value
    if "${" in VARIABLE.sub("", value):
        raise ValueError("holds ${…} without the name of a variable; write it like ${GATE_PASSWORD}")
    return VARIABLE.sub(look_up, value) if looks_up(info) else value


def _rooted(value: Path, info: ValidationInfo) -> Path:
    """Return a path below the folder of the config file."""
    folder = None if info.context is None else info.context.get("folder")
    return value if folder is None else Path(folder) / value.expanduser()


Secret = Annotated[SecretStr, BeforeValidator(_filled_in)]
"""A secret text. Its ${NAME} are taken from the environment."""
SecretUrl = Annotated[SecretStr, BeforeValidator(_filled_in_url)]
"""An address that may hold a secret. Its ${NAME} are taken from the environment and percent-encoded."""
File = Annotated[Path, AfterValidator(_rooted)]
"""A file; a relative path begins at the folder of the config file."""


class Section(BaseModel):
    """A section of config.yaml. A key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretSection(Section):
    """A section whose secrets may lie in files: the key `X_file` names the file that holds the value of `X`."""

    @model_validator(mode="after")
    def _read_files(self, info: ValidationInfo) -> "SecretSection":
        """Fill in what the files hold. Raise ValueError for a file that cannot be read."""
        for key in type(self).model_fields:
            name = key.removesuffix("_file")
            file = getattr(self, key)
            if name == key or name not in type(self).model_fields or file is None:
                continue
            if getattr(self, name) is not None:
                raise ValueError(f"has both {name} and {key}; keep one")
            if looks_up(info):
                object.__setattr__(self, name, SecretStr(_content(key, file)))
        return self


def _content(key: str, file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"has a {key} that cannot be read ({error.strerror}): {file}") from None
    except UnicodeDecodeError:
        raise ValueError(f"has a {key} that is not UTF-8 text: {file}") from None
    if not text:
        raise ValueError(f"has a {key} that is empty: {file}")
    return text
