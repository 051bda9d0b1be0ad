"""The verb `sightings`."""

import sys
from contextlib import closing
from typing import Annotated

import typer

from streamwatch.cli.exporting import Format, Output, RowFormat, chosen_format, opened, write_rows
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, ReadFormat, load_settings, require_camera
from streamwatch.cli.searching import (
    TABLE_ROWS,
    Camera,
    EngineName,
    Like,
    Limit,
    MaxConfidence,
    MinConfidence,
    Plate,
    Since,
    Until,
    search_for,
)
from streamwatch.core.errors import StoreError

verb = typer.Typer(invoke_without_command=True)


@verb.callback()
def sightings(
    context: typer.Context,
    plate: Plate = None,
    like: Like = False,
    camera: Camera = None,
    since: Since = None,
    until: Until = None,
    engine: EngineName = None,
    min_confidence: MinConfidence = None,
    max_confidence: MaxConfidence = None,
    limit: Limit = None,
    format: RowFormat = None,
    output: Output = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show logged plates, newest first; `sightings show ID` shows all about one."""
    context.obj = config_path
    if context.invoked_subcommand is not None:
        return
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    search = search_for(plate, like, camera, since, until, engine, (min_confidence, max_confidence))
    chosen = chosen_format(format, output)
    if limit is None and chosen is Format.TABLE:
        limit = TABLE_ROWS
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        require_camera(camera, settings, config_path, reader)
        rows = reader.each_sighting(limit=limit, search=search)
        if chosen is Format.TABLE:
            from streamwatch.cli.rich_output import print_sightings

            shown = list(rows)
            left = reader.count_sightings(search=search) - len(shown) if len(shown) == limit else 0
            with opened(output) as out:
                print_sightings(shown, out, left)
            return
        from streamwatch.app.representation import SightingObject, sighting_object

        write_rows(map(sighting_object, rows), SightingObject, "sightings", chosen, output)


@verb.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="The id, as `sightings` shows it.")],
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show all about one sighting: its picture, its visits, what was read and paid."""
    from streamwatch.app.representation import as_json, files_in, sighting_detail_object
    from streamwatch.cli.console import print_json
    from streamwatch.cli.details import print_sighting_detail
    from streamwatch.store import open_reader

    settings = load_settings(config_path if config_path != DEFAULT_CONFIG else context.obj, secrets=False)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        found = reader.sighting(number)
        if found is None:
            raise StoreError(f"There is no sighting {number}.", "`streamwatch sightings` shows their ids.")
        visits = [visit for one in reader.log.passages_of(number) if (visit := reader.passages.detail(one)) is not None]
    where = files_in(settings.data_dir)
    if format is ReadFormat.JSON:
        print_json(as_json(sighting_detail_object(found, visits, where)), sys.stdout)
    else:
        print_sighting_detail(found, visits, where, settings.calls.price, sys.stdout)
