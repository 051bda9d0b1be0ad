"""The program: its verbs in the order of `--help`, and how it ends."""

import os
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from streamwatch import __version__
from streamwatch.cli import console, passages, sightings
from streamwatch.cli.barrier import barrier
from streamwatch.cli.bench import bench
from streamwatch.cli.calls import calls
from streamwatch.cli.check import check
from streamwatch.cli.compare import compare
from streamwatch.cli.events import events
from streamwatch.cli.output import give_up_stdout
from streamwatch.cli.permits import permits
from streamwatch.cli.read import read
from streamwatch.cli.reload import reload
from streamwatch.cli.replay import replay
from streamwatch.cli.run import run
from streamwatch.cli.serve_ocr import serve_ocr
from streamwatch.cli.service import service
from streamwatch.cli.status import status
from streamwatch.cli.user import user
from streamwatch.cli.web import web
from streamwatch.cli.what_if import what_if
from streamwatch.core.errors import StreamwatchError
from streamwatch.system import stderr
from streamwatch.system.files import keep_private

FIRST = ("run", "web", "replay", "sightings", "passages")
"""The verbs that come first in `--help`; the others follow in the order of their registration."""


class _Verbs(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the verbs in the order of `--help`."""
        names = super().list_commands(ctx)
        return [*FIRST, *(name for name in names if name not in FIRST)]


app = typer.Typer(
    cls=_Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Watches gate cameras and logs number plates, with one paid OCR call per vehicle.",
)


def main() -> None:
    """Run the program: errors become one sentence on stderr and exit code 1."""
    keep_private()
    _mend_stdout()
    stderr.divert()
    console.set_up_logging()
    try:
        app()
    except StreamwatchError as error:
        console.print_error(str(error), sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        give_up_stdout()
        sys.exit(1)
    except OSError as error:
        give_up_stdout()
        console.print_error(f"The output cannot be written: {error.strerror}.", sys.stderr)
        sys.exit(1)
    finally:
        stderr.tell()


def _mend_stdout() -> None:
    """Make stdout usable if it is closed or has no Chinese characters (LC_ALL=C): neither may cost a sighting."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamwatch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Accept the options before the verb."""


for _verb in (run, web, reload, replay, read, check, status, calls, compare, serve_ocr, bench, service, what_if):
    app.command()(_verb)
for _group in (sightings, passages):
    app.add_typer(_group.verb, name=_group.__name__.rpartition(".")[2])
app.add_typer(permits, name="permits")
app.add_typer(events, name="events")
app.add_typer(user, name="user")
app.add_typer(barrier, name="barrier")
