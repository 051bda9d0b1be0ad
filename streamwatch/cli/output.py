"""Prints sightings and a progress bar while verbs run, and copes with an output that nobody reads any more."""

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamwatch.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress

    from streamwatch.core.model import Sighting

log = logging.getLogger("streamwatch")


def print_sighting(sighting: "Sighting", corrected: bool) -> None:
    """Print a line for a sighting. If nobody reads the output any more, say so once."""
    try:
        sys.stdout.write(console.sighting_line(sighting, corrected) + "\n")
        sys.stdout.flush()
    except OSError as error:
        log.warning("sightings are not printed any more (%s); the database has them", error.strerror)
        give_up_stdout()


def give_up_stdout() -> None:
    """Stop using stdout. Otherwise the rest of its buffer would fail once more when Python shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """Show a progress bar on a terminal, and nothing in a pipe.

    Ctrl+C raises KeyboardInterrupt, so that the ledger is completed.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminal = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    ) as progress:
        yield progress
