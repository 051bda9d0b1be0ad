"""The verb `read`."""

import sys
from typing import Annotated, Any

import typer

from streamwatch.cli import console
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, ReadFormat, load_settings
from streamwatch.cli.output import progress_bar


def read(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE|URL…", help="Pictures, or addresses of pictures.")],
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read the plates of pictures with the configured engine; with ocrcars each picture is a paid call."""
    from streamwatch.app.picture_reader import picture_reader
    from streamwatch.cli.rich_output import print_plates

    settings = load_settings(config_path)
    results: list[dict[str, Any]] = []
    try:
        with picture_reader(settings) as read_one, progress_bar() as progress:
            for image in progress.track(images, description="reading"):
                results.append(read_one(image))
    finally:
        # These results may have been paid for, so they are shown even if the rest was not read.
        if results and format is ReadFormat.JSON:
            console.print_json(results, sys.stdout)
        elif results:
            print_plates(results, sys.stdout)
    raise typer.Exit(any(result["error"] for result in results))
