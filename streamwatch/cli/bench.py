"""The verb `bench`."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from streamwatch.cli.output import progress_bar
from streamwatch.core.clock import SystemClock


class Turn(StrEnum):
    """The rotation of the pictures of a camera, in degrees clockwise."""

    NOT = "0"
    RIGHT = "90"
    UPSIDE_DOWN = "180"
    LEFT = "270"


def bench(
    source: Annotated[
        str, typer.Argument(metavar="[VIDEO|URL]", help="A video file, the address of a camera, or a webcam.")
    ] = "sample",
    seconds: Annotated[float, typer.Option(min=2, help="Seconds of pictures that are measured.")] = 20,
    rotate: Annotated[Turn, typer.Option(help="Degrees clockwise by which the pictures are turned.")] = Turn.NOT,
) -> None:
    """Measure what a camera costs on this machine, and say how many such cameras it can carry. No config is needed."""
    from streamwatch.cli.rich_output import print_text
    from streamwatch.replay.camera_cost import bench, opened, own_cores, report

    clock = SystemClock()
    with opened(source, clock, int(rotate)) as camera, progress_bar() as bar:
        task = bar.add_task("measuring", total=None)
        found = bench(camera, seconds, clock, lambda done, length: bar.update(task, completed=done, total=length))
    print_text(report(found, own_cores()), sys.stdout)
