"""The verb `sightings`."""

import sys
from contextlib import closing
from enum import StrEnum
from typing import Annotated

import typer

from streamwatch.cli import console
from streamwatch.cli.options import (
    DEFAULT_CONFIG,
    MOST_ROWS,
    TIMES,
    ConfigPath,
    checked_span,
    end_moment,
    load_settings,
    moment,
    require_camera,
    utf8_text,
)
from streamwatch.core.errors import ConfigError


class Format(StrEnum):
    """The formats of the output."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


TABLE_ROWS = 50
"""Upper limit of the sightings that a table shows without `--limit`."""


def sightings(
    plate: Annotated[
        str | None,
        typer.Option(metavar="GLOB", callback=utf8_text, help="A part of the plate, or a pattern with * and ?."),
    ] = None,
    camera: Annotated[str | None, typer.Option(callback=utf8_text, help="Only this camera.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Seen at or after: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen at or before; a day: to its end.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_ROWS, help=f"At most this number, the newest; else {TABLE_ROWS} in a table."),
    ] = None,
    format: Annotated[Format, typer.Option(help="json and csv for programs.")] = Format.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show logged plates, newest first."""
    from streamwatch.core.plates import part_of_plate
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    begin, end = checked_span(moment(since), end_moment(until))
    try:
        glob = None if plate is None else part_of_plate(plate)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if limit is None and format is Format.TABLE:
        limit = TABLE_ROWS
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        require_camera(camera, settings, config_path, reader)
        rows = reader.each_sighting(glob, camera, begin, end, limit)
        match format:
            case Format.JSON:
                console.write_json(rows, sys.stdout)
            case Format.CSV:
                console.write_csv(rows, sys.stdout)
            case Format.TABLE:
                from streamwatch.cli.rich_output import print_sightings

                shown = list(rows)
                left = reader.count_sightings(glob, camera, begin, end) - len(shown) if len(shown) == limit else 0
                print_sightings(shown, sys.stdout, left)
