"""The verb `passages`."""

import sys
from contextlib import closing
from typing import Annotated

import typer

from streamwatch.cli.exporting import Format, Output, RowFormat, chosen_format, opened, write_rows
from streamwatch.cli.options import DEFAULT_CONFIG, MOST_ROWS, ConfigPath, ReadFormat, load_settings, require_camera
from streamwatch.cli.searching import (
    TABLE_ROWS,
    Camera,
    EngineName,
    Like,
    Limit,
    MaxConfidence,
    MinConfidence,
    Outcome,
    Plate,
    Since,
    Until,
    search_for,
)
from streamwatch.core.errors import StoreError

verb = typer.Typer(invoke_without_command=True)


@verb.callback()
def passages(
    context: typer.Context,
    plate: Plate = None,
    like: Like = False,
    camera: Camera = None,
    since: Since = None,
    until: Until = None,
    outcome: Outcome = None,
    unread: Annotated[
        bool, typer.Option("--unread", help="Only visits whose plate was not read, or cannot be believed.")
    ] = False,
    engine: EngineName = None,
    min_confidence: MinConfidence = None,
    max_confidence: MaxConfidence = None,
    limit: Limit = None,
    format: RowFormat = None,
    output: Output = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show every visit of a vehicle, newest first, also those that nobody could read."""
    context.obj = config_path
    if context.invoked_subcommand is not None:
        return
    from streamwatch.store import PassageOutcome, open_reader

    settings = load_settings(config_path, secrets=False)
    outcomes = [] if outcome is None else [PassageOutcome(outcome)]
    search = search_for(plate, like, camera, since, until, engine, (min_confidence, max_confidence), outcomes, unread)
    chosen = chosen_format(format, output)
    if limit is None and chosen is Format.TABLE:
        limit = TABLE_ROWS
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        require_camera(camera, settings, config_path, reader)
        rows = reader.log.each_passage(search, limit=limit)
        if chosen is Format.TABLE:
            from streamwatch.cli.rich_output import print_passages

            shown = list(rows)
            left = reader.passages.count(search, most=MOST_ROWS) - len(shown) if len(shown) == limit else 0
            with opened(output) as out:
                print_passages(shown, out, left)
            return
        from streamwatch.app.representation import PassageObject, files_in, passage_object

        where = files_in(settings.data_dir)
        objects = (passage_object(row, where) for row in rows)
        write_rows(objects, PassageObject, "passages", chosen, output)


@verb.command()
def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", min=1, help="The id, as `passages` shows it.")],
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show all about one visit: its pictures, what was read and paid, and why."""
    from streamwatch.app.representation import as_json, files_in, passage_detail_object
    from streamwatch.cli.console import print_json
    from streamwatch.cli.details import print_passage_detail
    from streamwatch.store import open_reader

    settings = load_settings(config_path if config_path != DEFAULT_CONFIG else context.obj, secrets=False)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        found = reader.passages.detail(number)
    if found is None:
        raise StoreError(f"There is no passage {number}.", "`streamwatch passages` shows their ids.")
    where = files_in(settings.data_dir)
    if format is ReadFormat.JSON:
        print_json(as_json(passage_detail_object(found, where)), sys.stdout)
    else:
        print_passage_detail(found, where, settings.calls.price, sys.stdout)
