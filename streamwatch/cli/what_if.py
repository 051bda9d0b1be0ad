"""The verb `what-if`."""

import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streamwatch.cli.exporting import Format, Output, RowFormat, chosen_format, opened, write_rows
from streamwatch.cli.options import (
    DEFAULT_CONFIG,
    TIMES,
    ConfigPath,
    checked_span,
    end_moment,
    load_settings,
    moment,
    utf8_text,
)
from streamwatch.core.clock import Span, window
from streamwatch.core.errors import ConfigError, PermitError

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings
    from streamwatch.store import DatabaseReader, PermitChanges


def what_if(
    list_file: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="A list of permits, as `permits import` reads it.")
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the list that the column reference numbers.")] = "",
    end_missing: Annotated[
        bool, typer.Option("--end-missing", help="As if the permits of this source that the list does not name ended.")
    ] = False,
    leave_out_bad: Annotated[
        bool, typer.Option("--leave-out-bad", help="Take the other lines although some are wrong.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help=f"Else yesterday; seen at or after: {TIMES}.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Seen before; a day: to its end.")] = None,
    lane: Annotated[str | None, typer.Option(callback=utf8_text, help="Only this lane.")] = None,
    show_all: Annotated[bool, typer.Option("--all", help="Also those for which nothing would be different.")] = False,
    format: RowFormat = None,
    output: Output = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Decide again on yesterday's sightings, under another list or the rules of another config. It writes nothing."""
    from streamwatch.app.what_if import RedecidedObject, changed_permits, changed_rows
    from streamwatch.app.what_if import what_if as decide_again
    from streamwatch.cli.what_if_report import print_what_if, what_if_record
    from streamwatch.store import open_reader

    settings, chosen = load_settings(config_path, secrets=False), chosen_format(format, output)
    _require_lane(settings, config_path, lane)
    begin, end = _span(since, until)
    cameras = [camera for one in settings.lanes.values() for camera in one.cameras]
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        seen = reader.decisions.seen(begin, end, cameras)
        if list_file is None:
            permits = changed_permits(reader.permits.load_all(), None, seen, begin)
        else:
            with tempfile.TemporaryDirectory(prefix="streamwatch-") as scratch:
                changes = _changes(list_file, source, end_missing, leave_out_bad, settings, reader, Path(scratch))
                permits = changed_permits(reader.permits.load_all(), changes, seen, begin)
        found = decide_again(settings, seen, permits, reader.decisions.inside_at(begin), lane)
    rows = list(found.rows if show_all else changed_rows(found))
    if chosen is Format.TABLE:
        with opened(output) as out:
            print_what_if(found, rows, begin, end, out)
    elif chosen is Format.JSON:
        from streamwatch.cli.console import print_json

        with opened(output) as out:
            print_json(what_if_record(found, rows, begin, end), out)
    else:
        write_rows(map(RedecidedObject.model_validate, rows), RedecidedObject, "what-if", chosen, output)
    sys.stdout.flush()


def _require_lane(settings: "Settings", path: Path, lane: str | None) -> None:
    if not settings.lanes:
        raise ConfigError(f"{path} names no lane.", "Write at least `lanes: {entry: {cameras: [NAME]}}`.")
    if lane is not None and lane not in settings.lanes:
        raise ConfigError(f"{path} names no lane {lane!r}; it names: {', '.join(settings.lanes)}.")


def _span(since: str | None, until: str | None) -> tuple[datetime, datetime]:
    """Return the times of the options; without `since` yesterday. Raise ConfigError."""
    today = window(Span.DAY, datetime.now(UTC)).begin
    begin = moment(since) or window(Span.DAY, today - timedelta(hours=1)).begin
    end = end_moment(until) or (today if since is None else datetime.now(UTC))
    checked_span(begin, end)
    return begin, end


def _changes(
    file: Path,
    source: str,
    end_missing: bool,
    leave_out_bad: bool,
    settings: "Settings",
    reader: "DatabaseReader",
    scratch: Path,
) -> "PermitChanges":
    """Return what an import of the list would do, all of it in memory. Raise PermitError."""
    from streamwatch.app.permit_desk import desk_of
    from streamwatch.app.permit_import import ImportRules, begin
    from streamwatch.app.permit_words import read_text
    from streamwatch.store import PermitChanges

    desk, now = desk_of(settings), datetime.now(UTC)
    rules = ImportRules(desk.grammar, desk.lanes, read_text("source", utf8_text(source) or ""), end_missing)
    try:
        with file.open("rb") as content:
            made = begin(content, rules, reader.permits, scratch, now)
    except OSError as error:
        raise PermitError(f"{file} cannot be read: {error.strerror}.") from None
    with made:
        found = made.confirm(reader.permits, leave_out_bad, now)
        return PermitChanges(list(found.added), list(found.changed), list(found.ended), found.seen)
