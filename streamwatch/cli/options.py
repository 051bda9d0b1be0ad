"""The options that verbs share, and the meaning of what people write there."""

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
    """How results of `read` are printed."""

    TABLE = "table"
    JSON = "json"


ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
DEFAULT_CONFIG = Path("config.yaml")
TIMES = "2026-01-31, 2026-01-31T08:00, 08:00, today, yesterday, or 2h, 7d, 2w ago"
MOST_ROWS = 1_000_000_000
"""Far more than there are, and a number that every database takes."""


def utf8_text(words: str | None) -> str | None:
    """Raise ConfigError for a text that is not UTF-8.

    Terminals with another encoding send such, and no database takes it.
    """
    try:
        (words or "").encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{words!r} is not UTF-8 text.", "Set the terminal to UTF-8 and write it again.") from None
    return words


def load_settings(path: Path, secrets: bool = True) -> "Settings":
    """Return the settings of a config file. secrets: see `config.loading.load`. Raises ConfigError."""
    from streamwatch.config.loading import load

    return load(path, secrets)


def end_moment(text: str | None) -> datetime | None:
    """Return a day without a time of day counts wholly."""
    return moment(text, end=True)


def moment(text: str | None, end: bool = False) -> datetime | None:
    """Return a time as people write it. end: a day without a time of day counts wholly. Raises ConfigError."""
    if text is None:
        return None
    try:
        return parse_time(text, datetime.now(UTC), end)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def checked_span(since: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Return a span of time that does not end before it begins. Raises ConfigError."""
    if since is not None and until is not None and since > until:
        raise ConfigError(f"--since ({when(since)}) is after --until ({when(until)}).")
    return since, until


def require_camera(
    camera: str | None, settings: "Settings", path: Path, reader: "DatabaseReader | None" = None
) -> None:
    """Raise ConfigError for a name that nothing stands for. reader: also a camera of which the database tells is one.

    A camera that is no longer configured still has its sightings.
    """
    if camera is None or camera in settings.cameras or (reader is not None and reader.knows_camera(camera)):
        return
    raise ConfigError(f"{path} names no camera {camera!r}; it names: {', '.join(settings.cameras) or 'none'}.")
