"""The command line: one function per verb."""

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from streamwatch import config, console, ledger_report
from streamwatch.capture.still import read_still
from streamwatch.check import check as run_check
from streamwatch.clock import Span, SystemClock, window
from streamwatch.config import Settings
from streamwatch.daemon import STATUS_FILE, Daemon
from streamwatch.errors import CaptureError, ConfigError, RecognitionError, StreamwatchError
from streamwatch.gate import encode
from streamwatch.health import health, read_status, render_status
from streamwatch.ledger_report import Prices
from streamwatch.lock import lock_file, sole_writer
from streamwatch.model import Box, Engine, PlateText, Recognizer, Sighting
from streamwatch.parts import make_books, make_dispatcher, make_intake, make_recognizer
from streamwatch.pipeline import BooksDesk, RecordedLedger
from streamwatch.plates import parse
from streamwatch.recognition.ocrcars import OcrCars
from streamwatch.redact import hide_credentials
from streamwatch.replay import Replay
from streamwatch.service import CREDENTIALS, unit
from streamwatch.store import Store, open_reader, open_store
from streamwatch.times import parse_time

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


ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The config file.")]
DEFAULT_CONFIG = Path("config.yaml")


def main() -> None:
    """The program: errors become one sentence on stderr and exit code 1."""
    console.set_up_logging()
    try:
        app()
    except StreamwatchError as error:
        sys.stderr.write(f"streamwatch: {hide_credentials(str(error))}\n")
        sys.exit(1)
    except BrokenPipeError:
        # Whoever read our output has gone; without this, Python complains once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamwatch {version('streamwatch')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options before the verb."""


@app.command()
def run(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Watch all cameras until a signal comes; print a line for each new sighting."""
    settings = config.load(config_path)
    if not settings.cameras:
        raise ConfigError(f"{config_path} names no camera.", "Add one under `cameras:`, for example `source: sample`.")
    faulthandler.enable()  # a hang that the watchdog ends shows where each thread stood
    stop = threading.Event()
    recognizer = make_recognizer(settings, stop.wait)
    readers = settings.recognizer.ocrcars.parallel if recognizer.engine is Engine.OCRCARS else 1
    with _closing(recognizer), _writer(settings) as store:
        log.info("watching %s; plates are read by %s", ", ".join(settings.cameras), recognizer.engine)
        code = Daemon(settings, store, recognizer, SystemClock(), _print_sighting, readers, stop).run()
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
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Send recordings through the same pipeline, as fast as it goes, in the video's own time."""
    settings = config.load(config_path)
    if camera not in settings.cameras:
        known = ", ".join(settings.cameras) or "none"
        raise ConfigError(f"{config_path} names no camera {camera!r}; it names: {known}.")
    begins = _time(start)
    recognizer = make_recognizer(settings, threading.Event().wait)
    with _closing(recognizer), _writer(settings) as store, _progress() as progress:
        books, clock = make_books(settings, store, _log_sighting), SystemClock()
        dispatcher = make_dispatcher(settings, store, recognizer, clock, BooksDesk(store, books))
        task = progress.add_task("", total=None)

        def tell(video: Path, done: float, length: float | None) -> None:
            progress.update(task, description=video.name, completed=done, total=length)

        Replay(camera, make_intake(settings, camera), books, dispatcher, clock).run(videos, begins, tell)


@app.command()
def sightings(
    plate: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Plates like this; * and ? as in file names.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Only this camera.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Seen at or after: ISO 8601, or 2h, 7d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen at or before.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 50,
    format: Annotated[Format, typer.Option(help="json and csv for programs.")] = Format.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show logged plates, newest first."""
    settings = config.load(config_path)
    begin, end = _time(since), _time(until)
    reader = open_reader(settings.database, settings.data_dir)
    try:
        rows = reader.sightings(plate, camera, begin, end, limit)
    finally:
        reader.close()
    console.print_sightings(rows, format, sys.stdout)


@app.command()
def read(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE|URL…", help="Pictures, or addresses of pictures.")],
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Read the plates of pictures with the configured engine; with ocrcars each picture is a paid call."""
    settings = config.load(config_path)
    recognizer = make_recognizer(settings, threading.Event().wait)
    results = []
    with _closing(recognizer), _record_calls(settings, recognizer) as ledger, _progress() as progress:
        for image in progress.track(images, description="reading"):
            results.append(_read_one(image, recognizer, settings, ledger))
    if format is ReadFormat.JSON:
        console.print_json(results, sys.stdout)
    else:
        console.print_plates(results, sys.stdout)
    raise typer.Exit(any(result["error"] for result in results))


@app.command()
def check(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Try config, database, engine and cameras, and say what to do; pays nothing."""
    settings = config.load(config_path)
    log.setLevel(logging.ERROR)  # the findings say it all
    out = Console()
    out.print(f"[green]ok  [/green] config: {config_path}", highlight=False)
    bad = False
    for finding in run_check(settings, SystemClock()):
        mark = "[green]ok  [/green]" if finding.good else "[red]bad [/red]"
        out.print(f"{mark} {finding.what}: ", end="", highlight=False)
        out.print(finding.text, highlight=False, markup=False)
        bad = bad or not finding.good
    raise typer.Exit(bad)


@app.command()
def status(
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show how the daemon is: cameras, outbox, calls, budget, disk; exit code 1 if it is not well."""
    settings = config.load(config_path)
    found = read_status(settings.data_dir / STATUS_FILE)
    sys.stdout.write(render_status(found, format.value))
    well, _ = health(found.snapshot)
    raise typer.Exit(not (found.running and well))


@app.command()
def calls(
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Started at or after: ISO 8601, or 7d ago.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Started before.")] = None,
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the ledger of paid calls by camera and day, with cost and a forecast for the month."""
    settings = config.load(config_path)
    now = datetime.now(UTC)
    begin = _time(since) or window(Span.MONTH, now).begin
    reader = open_reader(settings.database, settings.data_dir)
    try:
        end = _time(until) or now
        report, saved = reader.calls_report(begin, end), reader.not_called(begin, end)
    finally:
        reader.close()
    ledger_report.print_calls(report, saved, Prices(settings.calls.price, begin, end), format.value, sys.stdout)


@app.command()
def service(
    user: Annotated[str | None, typer.Option(help="Who it runs as; without, systemd makes a user up.")] = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Print a systemd unit that runs the daemon with this config file."""
    settings = config.load(config_path)
    folders = [settings.data_dir, lock_file(settings.database, settings.data_dir).parent]
    program = Path(sys.executable).with_name("streamwatch")
    names = [*CREDENTIALS, *config.variables(config_path)]
    text = unit(program, config_path, user, credentials=names, writable=folders, drain=settings.shutdown.drain)
    sys.stdout.write(text)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_time(text, datetime.now(UTC))
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _print_sighting(sighting: Sighting, corrected: bool) -> None:
    try:
        sys.stdout.write(console.sighting_line(sighting, corrected) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody listens any more; the database is what counts.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _log_sighting(sighting: Sighting, corrected: bool) -> None:
    log.info("%s", console.sighting_line(sighting, corrected))


@contextmanager
def _writer(settings: Settings) -> Iterator[Store]:
    with sole_writer(settings.database, settings.data_dir):
        store = open_store(settings.database, settings.data_dir)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def _closing(recognizer: Recognizer) -> Iterator[None]:
    try:
        yield
    finally:
        recognizer.close()


@contextmanager
def _record_calls(settings: Settings, recognizer: Recognizer) -> Iterator[Callable[[], RecordedLedger]]:
    """A new ledger for each picture. Only paid calls need the database."""
    clock = SystemClock()
    if recognizer.engine is not Engine.OCRCARS:
        yield lambda: RecordedLedger(lambda _: None, clock, recognizer.engine, None)
        return
    store = open_store(settings.database, settings.data_dir)  # beside a running daemon: it only adds to the ledger
    try:
        books = make_books(settings, store, lambda *_: None)
        yield lambda: RecordedLedger(books.record, clock, recognizer.engine, None)
    finally:
        store.close()


def _progress() -> Progress:
    """A progress bar on a terminal, nothing in a pipe."""
    terminal = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )


def _read_one(
    image: str, recognizer: Recognizer, settings: Settings, ledger: Callable[[], RecordedLedger]
) -> dict[str, Any]:
    result: dict[str, Any] = {"image": hide_credentials(image), "engine": recognizer.engine.value}
    try:
        if "://" in image:
            plates = _read_url(image, recognizer, ledger())
        else:
            plates = _read_file(Path(image), recognizer, settings, ledger())
        return {**result, "plates": [_plate(plate) for plate in plates], "error": None}
    except (RecognitionError, CaptureError) as error:
        return {**result, "plates": [], "error": str(error)}


def _read_url(url: str, recognizer: Recognizer, ledger: RecordedLedger) -> list[PlateText]:
    if not isinstance(recognizer, OcrCars):
        raise CaptureError("The local engine reads files, not addresses.", "Download the picture first.")
    return recognizer.read_url(url, ledger)


def _read_file(path: Path, recognizer: Recognizer, settings: Settings, ledger: RecordedLedger) -> list[PlateText]:
    """Corners come back in pixels of the file's picture."""
    frame = read_still(path, datetime.now(UTC))
    height, width = frame.luma.shape
    limits = settings.jpeg
    jpeg = encode(
        frame,
        Box(0, 0, width, height),
        long_side=limits.long_side,
        quality=limits.quality,
        max_bytes=limits.max_bytes,
    )
    return [_unscaled(plate, jpeg.scale) for plate in recognizer.read(jpeg.data, ledger)]


def _unscaled(plate: PlateText, scale: float) -> PlateText:
    if plate.corners is None:
        return plate
    a, b, c, d = ((x / scale, y / scale) for x, y in plate.corners)
    return PlateText(plate.text, plate.confidence, (a, b, c, d))


def _plate(plate: PlateText) -> dict[str, Any]:
    corners = None if plate.corners is None else [[round(x, 1), round(y, 1)] for x, y in plate.corners]
    parsed = parse(plate.text)
    return {"plate": parsed.text, "kind": parsed.kind, "confidence": plate.confidence, "corners": corners}
