"""The verb `replay`."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamwatch.cli import console
from streamwatch.cli.open_database import writer
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings, moment, require_camera
from streamwatch.cli.output import print_sighting, progress_bar
from streamwatch.core.text import printable

if TYPE_CHECKING:
    from streamwatch.core.model import Sighting

log = logging.getLogger("streamwatch")


def replay(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEO…", help="Recordings of one camera, oldest first.")],
    camera: Annotated[str, typer.Option("--camera", help="The camera of the config that recorded them.")],
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="Time of the first picture of the first video.")
    ] = None,
    explain: Annotated[
        Path | None, typer.Option("--explain", metavar="OUT.html", help="Write a page that shows why calls were made.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Pay and store nothing; say what these settings would have cost.")
    ] = False,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Send recordings through the same pipeline, as fast as it goes, in the video's own time."""
    from streamwatch.replay.explain import refuse_place
    from streamwatch.replay.recordings import play

    if explain is not None:
        refuse_place(explain, [*videos, config_path])
    settings = load_settings(config_path)
    require_camera(camera, settings, config_path)
    with progress_bar() as bar:
        task = bar.add_task("", total=None)

        def tell(video: Path, done: float, length: float | None) -> None:
            bar.update(task, description=printable(video.name), completed=done, total=length)

        play(
            settings,
            camera,
            videos,
            moment(start),
            explain=explain,
            dry_run=dry_run,
            writer=writer,
            progress=tell,
            notify=_log_sighting if dry_run else print_sighting,
            out=sys.stdout,
        )


def _log_sighting(sighting: "Sighting", corrected: bool) -> None:
    """Log a sighting of a dry run: it is not stored, and standard output is for the account of the dry run."""
    log.info("%s", console.sighting_line(sighting, corrected))
