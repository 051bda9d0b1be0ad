"""The verb `status`."""

import sys
from typing import Annotated

import typer

from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, ReadFormat, load_settings


def status(
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the state of the daemon: cameras, outbox, calls, budget, disk. The exit code is 1 if something is wrong."""
    from streamwatch.cli.rich_output import print_text
    from streamwatch.health import STATUS_FILE, health, read_status, status_json, status_table
    from streamwatch.store.lock import is_held

    settings = load_settings(config_path, secrets=False)
    found = read_status(settings.data_dir / STATUS_FILE, is_held(settings.database, settings.data_dir))
    if format is ReadFormat.JSON:
        sys.stdout.write(status_json(found))
    else:
        print_text(status_table(found, narrow=sys.stdout.isatty()), sys.stdout)
    well, _ = health(found.snapshot)
    raise typer.Exit(not (found.running and well))
