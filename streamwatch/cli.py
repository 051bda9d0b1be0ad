"""The command line: one function per verb.

A verb imports what it needs itself: most need neither decoder nor network nor database, which cost a second of CPU.
"""

import faulthandler
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from streamwatch import __version__, console
from streamwatch.core.clock import Span, SystemClock, window
from streamwatch.core.errors import ConfigError, StreamwatchError
from streamwatch.core.times import parse_time
from streamwatch.core.words import printable, when
from streamwatch.system import stderr
from streamwatch.system.files import keep_private, open_to_others

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings
    from streamwatch.core.model import Recognizer, Sighting
    from streamwatch.store import Reader, Store

log = logging.getLogger("streamwatch")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Watches gate cameras and logs number plates, with one paid OCR call per vehicle.",
)


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class ReadFormat(StrEnum):
    """How results of `read` are printed."""

    TABLE = "table"
    JSON = "json"


class Turn(StrEnum):
    """How far the pictures of a camera are turned."""

    NOT = "0"
    RIGHT = "90"
    UPSIDE_DOWN = "180"
    LEFT = "270"


ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
DEFAULT_CONFIG = Path("config.yaml")
TIMES = "2026-01-31, 2026-01-31T08:00, 08:00, today, yesterday, or 2h, 7d, 2w ago"
TABLE_ROWS = 50
"""Sightings that a table shows where no limit is given."""
MOST_ROWS = 1_000_000_000
"""Far more than there are, and a number that every database takes."""


def main() -> None:
    """The program: errors become one sentence on stderr and exit code 1."""
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
        _give_up_stdout()
        sys.exit(1)
    except OSError as error:
        _give_up_stdout()
        console.print_error(f"The output can not be written: {error.strerror}.", sys.stderr)
        sys.exit(1)
    finally:
        stderr.tell()


def _mend_stdout() -> None:
    """It may be closed, or know no Chinese (LC_ALL=C): neither may cost a sighting."""
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
    """Options before the verb."""


def _text(words: str | None) -> str | None:
    """What a terminal with another encoding sends is no text that a database takes."""
    try:
        (words or "").encode()
    except UnicodeEncodeError:
        raise ConfigError(f"{words!r} is not UTF-8 text.", "Set the terminal to UTF-8 and write it again.") from None
    return words


@app.command()
def run(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Watch all cameras until a signal comes; print a line for each new sighting."""
    from streamwatch.app.check import no_camera
    from streamwatch.app.daemon import Daemon
    from streamwatch.app.parts import make_recognizer
    from streamwatch.core.model import Engine

    settings = _settings(config_path)
    if not settings.cameras:
        raise no_camera(config_path)
    faulthandler.enable()  # a hang that the watchdog ends shows where each thread stood
    stop = threading.Event()
    recognizer = make_recognizer(settings, stop.wait)
    readers = settings.recognizer.ocrcars.parallel if recognizer.engine is Engine.OCRCARS else 1
    with _closing(recognizer), _writer(settings) as store:
        code = Daemon(settings, store, recognizer, SystemClock(), _print_sighting, readers, stop).run()
    stderr.tell()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(code)  # a reader that hangs in a decoder would make Python abort while it shuts down


@app.command()
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
    settings = _settings(config_path)
    _require_camera(camera, settings, config_path)
    with _progress() as bar:
        task = bar.add_task("", total=None)

        def tell(video: Path, done: float, length: float | None) -> None:
            bar.update(task, description=escape(printable(video.name)), completed=done, total=length)

        play(
            settings,
            camera,
            videos,
            _time(start),
            explain=explain,
            dry_run=dry_run,
            writer=_writer,
            progress=tell,
            notify=_log_sighting if dry_run else _print_sighting,
            out=sys.stdout,
        )


@app.command()
def sightings(
    plate: Annotated[
        str | None,
        typer.Option(metavar="GLOB", callback=_text, help="Plates with this part, or like this, with * and ?."),
    ] = None,
    camera: Annotated[str | None, typer.Option(callback=_text, help="Only this camera.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Seen at or after: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen at or before; a day counts wholly.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_ROWS, help=f"At most so many, the newest; a table: {TABLE_ROWS}, else all."),
    ] = None,
    format: Annotated[Format, typer.Option(help="json and csv for programs.")] = Format.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show logged plates, newest first."""
    from streamwatch.core.plates import part_of_plate
    from streamwatch.store import open_reader

    settings = _settings(config_path, secrets=False)
    begin, end = _span(_time(since), _until(until))
    try:
        glob = None if plate is None else part_of_plate(plate)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if limit is None and format is Format.TABLE:
        limit = TABLE_ROWS
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        _require_camera(camera, settings, config_path, reader)
        rows = reader.each_sighting(glob, camera, begin, end, limit)
        if format is Format.TABLE:
            shown = list(rows)
            left = reader.count_sightings(glob, camera, begin, end) - len(shown) if len(shown) == limit else 0
            console.print_sightings(shown, format, sys.stdout, left)
        else:
            console.print_sightings(rows, format, sys.stdout)


@app.command()
def read(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE|URL…", help="Pictures, or addresses of pictures.")],
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read the plates of pictures with the configured engine; with ocrcars each picture is a paid call."""
    from streamwatch.app.by_hand import by_hand

    settings = _settings(config_path)
    results: list[dict[str, Any]] = []
    try:
        with by_hand(settings) as read_one, _progress() as progress:
            for image in progress.track(images, description="reading"):
                results.append(read_one(image))
    finally:
        # What was read may have been paid for, so it is shown though the rest was not read.
        if results and format is ReadFormat.JSON:
            console.print_json(results, sys.stdout)
        elif results:
            console.print_plates(results, sys.stdout)
    raise typer.Exit(any(result["error"] for result in results))


@app.command()
def check(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Try config, database, engine and cameras, and say what to do; pays nothing."""
    from streamwatch.app.check import check

    settings = _settings(config_path)
    log.setLevel(logging.ERROR)  # the findings say it all
    console.print_finding(True, f"config: {config_path}", sys.stdout)
    bad = False
    for finding in check(settings, config_path, SystemClock()):
        console.print_finding(finding.good, f"{finding.what}: {finding.text}", sys.stdout)
        bad = bad or not finding.good
    raise typer.Exit(bad)


@app.command()
def status(
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show how the daemon is: cameras, outbox, calls, budget, disk; exit code 1 if it is not well."""
    from streamwatch.health import STATUS_FILE, health, read_status, status_json, status_table
    from streamwatch.store.lock import is_held

    settings = _settings(config_path, secrets=False)
    found = read_status(settings.data_dir / STATUS_FILE, is_held(settings.database, settings.data_dir))
    if format is ReadFormat.JSON:
        sys.stdout.write(status_json(found))
    else:
        console.print_text(status_table(found, narrow=sys.stdout.isatty()), sys.stdout)
    well, _ = health(found.snapshot)
    raise typer.Exit(not (found.running and well))


@app.command()
def calls(
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Started at or after: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Started before; a day counts wholly.")] = None,
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the ledger of paid calls by camera and day, with cost and a forecast for the month."""
    from streamwatch.ledger_report import Prices, print_calls
    from streamwatch.store import open_reader

    settings = _settings(config_path, secrets=False)
    now = datetime.now(UTC)
    begin, end = _time(since) or window(Span.MONTH, now).begin, _until(until) or now
    _span(begin, end)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        report, saved = reader.calls_report(begin, end), reader.not_called(begin, end)
        prices = Prices(settings.calls.price, begin, end, reader.first_use())
    print_calls(report, saved, prices, format.value, sys.stdout)


@app.command()
def compare(
    camera: Annotated[str | None, typer.Option(callback=_text, help="Only this camera.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help=f"Seen at or after: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen at or before; a day counts wholly.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="At most so many pictures, the newest.")] = 500,
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read pictures that were paid for again with the local engine, free, and show how far the two agree."""
    from streamwatch.app.parts import make_local, make_local_help
    from streamwatch.compare_report import print_comparison
    from streamwatch.replay.compare import Comparison, read_again
    from streamwatch.store import open_reader

    settings = _settings(config_path, secrets=False)
    begin, end = _span(_time(since), _until(until))
    help_, engine = make_local_help(settings), make_local(settings)
    found = Comparison(help_.pay_below)
    with closing(open_reader(settings.database, settings.data_dir)) as reader, _progress() as progress:
        _require_camera(camera, settings, config_path, reader)
        answers = reader.paid_answers(camera, begin, end, limit)
        for answer in progress.track(answers, description="reading"):
            read_again(found, reader, answer, help_, engine)
    print_comparison(found, settings.calls.price, format.value, sys.stdout)


@app.command()
def serve_ocr(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Answer POST /ocrCars over the local engine as the paid service does, until a signal comes."""
    from streamwatch.app.parts import make_local
    from streamwatch.ocr_server.serve_ocr import make_service
    from streamwatch.ocr_server.serve_ocr import serve_ocr as serve_until_signal

    settings = _settings(config_path)
    answering = make_service(settings, lambda: make_local(settings))
    place = settings.serve_ocr
    scheme = "http" if place.certificate is None else "https"
    log.info("answering %s://%s:%d/ocrCars with the local engine", scheme, place.host, answering.port)
    raise typer.Exit(serve_until_signal(answering, settings.shutdown.drain))


@app.command()
def bench(
    source: Annotated[
        str, typer.Argument(metavar="[VIDEO|URL]", help="A video file, a camera's address, or a webcam.")
    ] = "sample",
    seconds: Annotated[float, typer.Option(min=2, help="Of pictures that are measured.")] = 20,
    rotate: Annotated[Turn, typer.Option(help="Degrees clockwise by which the pictures are turned.")] = Turn.NOT,
) -> None:
    """Measure what a camera costs on this machine, and say how many such cameras it can carry; needs no config."""
    from streamwatch.replay.bench import bench, opened, own_cores, report

    clock = SystemClock()
    with opened(source, clock, int(rotate)) as camera, _progress() as bar:
        task = bar.add_task("measuring", total=None)
        found = bench(camera, seconds, clock, lambda done, length: bar.update(task, completed=done, total=length))
    console.print_text(report(found, own_cores()), sys.stdout)


@app.command()
def service(
    user: Annotated[str | None, typer.Option(help="Who it runs as; without, systemd makes a user up.")] = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print a systemd unit that runs the daemon with this config file."""
    import streamwatch
    from streamwatch.config.loading import variables
    from streamwatch.store.lock import lock_file
    from streamwatch.system.service import CREDENTIALS, FOLDER, STATE, obstacles, unit

    settings = _settings(config_path, secrets=False)
    folders = [settings.data_dir, lock_file(settings.database, settings.data_dir).parent]
    if user is None and not all(folder.absolute().is_relative_to(STATE) for folder in folders):
        log.warning("the user that systemd makes up can only write %s: put data_dir there, or name a --user", STATE)
    executable = Path(sys.executable).with_name("streamwatch")
    program = {
        "the program": executable,
        "its Python": Path(sys.executable),
        "Python's library": Path(os.__file__),
        "streamwatch's code": Path(streamwatch.__file__),
    }
    names = variables(config_path)
    handed_over, drain = [*CREDENTIALS, *names], settings.shutdown.drain
    text = unit(executable, config_path, user, credentials=handed_over, writable=folders, drain=drain)
    sys.stdout.write(text)
    for sentence in obstacles(program, config_path, user, folders):
        log.warning("%s", sentence)
    for name in names:
        log.info("${%s} of the config comes from the file %s: the value alone, mode 600", name, FOLDER / name)


def _settings(path: Path, secrets: bool = True) -> "Settings":
    from streamwatch.config.loading import load

    return load(path, secrets)


def _until(text: str | None) -> datetime | None:
    """A day without a time of day counts wholly."""
    return _time(text, end=True)


def _time(text: str | None, end: bool = False) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text, datetime.now(UTC), end)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _span(since: datetime | None, until: datetime | None) -> tuple[datetime | None, datetime | None]:
    if since is not None and until is not None and since > until:
        raise ConfigError(f"--since ({when(since)}) is after --until ({when(until)}).")
    return since, until


def _require_camera(camera: str | None, settings: "Settings", path: Path, reader: "Reader | None" = None) -> None:
    """Raises ConfigError for a name that nothing stands for. reader: also a camera of which the database tells is one.

    A camera that is no longer configured still has its sightings.
    """
    if camera is None or camera in settings.cameras or (reader is not None and reader.knows_camera(camera)):
        return
    raise ConfigError(f"{path} names no camera {camera!r}; it names: {', '.join(settings.cameras) or 'none'}.")


def _print_sighting(sighting: "Sighting", corrected: bool) -> None:
    try:
        sys.stdout.write(console.sighting_line(sighting, corrected) + "\n")
        sys.stdout.flush()
    except OSError as error:
        log.warning("sightings are not printed any more (%s); the database has them", error.strerror)
        _give_up_stdout()


def _give_up_stdout() -> None:
    """What is left in its buffer would fail once more when Python shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _log_sighting(sighting: "Sighting", corrected: bool) -> None:
    """Of a dry run, whose output is its account: nothing of it is kept."""
    log.info("%s", console.sighting_line(sighting, corrected))


@contextmanager
def _writer(settings: "Settings") -> Iterator["Store"]:
    from streamwatch.store import open_store, sqlite_file
    from streamwatch.store.lock import sole_writer

    with sole_writer(settings.database, settings.data_dir):
        store = open_store(settings.database, settings.data_dir, sole=True)
        file = sqlite_file(settings.database)
        if found := open_to_others([settings.data_dir / "evidence", *([] if file is None else [file])]):
            names = shlex.join(map(str, found))
            log.warning("every user of this machine can read what is logged; end that with `chmod -R go= %s`", names)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _closing(recognizer: "Recognizer") -> Iterator[None]:
    try:
        yield
    finally:
        recognizer.close()


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing in a pipe. From here on Ctrl+C unwinds: bar and ledger are put in order."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    terminal = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    ) as progress:
        yield progress
