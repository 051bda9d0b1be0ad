"""The options that verbs share, and the functions that read their values."""

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamwatch.core.errors import ConfigError
from streamwatch.core.text import when
from streamwatch.core.times import parse_time

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings
    from streamwatch.store import DatabaseReader


class ReadFormat(StrEnum):
    """The formats of the output, without csv."""

    TABLE = "table"
    JSON = "json"


ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
DEFAULT_CONFIG = Path("config.yaml")
TIMES = "2026-01-31, 2026-01-31T08:00, 08:00, today, yesterday, or 2h, 7d, 2w ago"
MOST_ROWS = 1_000_000_000
"""Upper limit of `--limit`: far more than there are, and a number that every database accepts."""


def utf8_text(words: str | None) -> str | None:
    """Raise ConfigError for a text that is not UTF-8.

    Terminals with another encoding send such texts, and no database accepts them.
    """
    try:
        (words or "").encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{words!r} is not UTF-8 text.", "Set the terminal to UTF-8 and write it again.") from None
    return words


def load_settings(path: Path, secrets: bool = True) -> "Settings":
    """Return the settings of a config file. secrets: see `config.loading.load`. Raise ConfigError."""
    from streamwatch.config.loading import load

    return load(path, secrets)


def end_moment(text: str | None) -> datetime | None:
    """Return a time as people write it. A day without a time of day means its last moment. Raise ConfigError."""
    return moment(text, end=True)


def moment(text: str | None, end: bool = False) -> datetime | None:
    """Return a time as people write it. end: True if a day alone means its last moment. Raise ConfigError."""
    if text is None:
        return None
    try:
        return parse_time(text, datetime.now(UTC), end)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def checked_span(since: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Return both times. Raise ConfigError if the span ends before it begins."""
    if since is not None and until is not None and since > until:
        raise ConfigError(f"--since ({when(since)}) is after --until ({when(until)}).")
    return since, until


def require_camera(
    camera: str | None, settings: "Settings", path: Path, reader: "DatabaseReader | None" = None
) -> None:
    """Raise ConfigError if no camera has this name.

    reader: the cameras of this database are accepted, too, because a camera that is no longer configured still has its
    sightings.
    """
    if camera is None or camera in settings.cameras or (reader is not None and reader.knows_camera(camera)):
        return
    raise ConfigError(f"{path} names no camera {camera!r}; it names: {', '.join(settings.cameras) or 'none'}.")
