"""The verb `permits`: which vehicles may pass. It may be used while the daemon runs."""

import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamwatch.cli import console
from streamwatch.cli.changing import audited, changing, who
from streamwatch.cli.exporting import Format, Output, chosen_format, opened, write_rows
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, load_settings, utf8_text
from streamwatch.cli.searching import TABLE_ROWS, Limit
from streamwatch.core.codes import AuditAction, PermitKind, PermitState, WhenFull
from streamwatch.core.errors import PermitError
from streamwatch.core.text import printable, some

if TYPE_CHECKING:
    from streamwatch.app.permit_import import ImportPreview
    from streamwatch.store import PermitRow

permits = typer.Typer(no_args_is_help=True, help="List, add, end, import and export the permits of vehicles.")

_SHOWN = 20
"""Bad lines that a preview shows in a terminal; --all shows more."""

Kind = Annotated[PermitKind | None, typer.Option(help="Only this kind; blocked: not in, held: not out.")]


@permits.command(name="list")
def list_permits(
    search: Annotated[str | None, typer.Option(help="A part of a plate, holder, group, note, number or code.")] = None,
    plate: Annotated[str | None, typer.Option(help="Only permits of this plate.")] = None,
    kind: Kind = None,
    state: Annotated[PermitState | None, typer.Option(help="valid, upcoming or ended.")] = None,
    group: Annotated[str | None, typer.Option(help="Only this group.")] = None,
    expiring: Annotated[
        str | None, typer.Option(metavar="14d", help="Only those that end within this time, the next to end first.")
    ] = None,
    limit: Limit = None,
    format: Annotated[Format | None, typer.Option(help="json for programs; csv and xlsx for spreadsheets.")] = None,
    output: Output = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List permits, the newest first."""
    from itertools import islice

    from streamwatch.app.permit_desk import PermitObject, permit_object
    from streamwatch.core.plates import normalise
    from streamwatch.store import PermitSearch, open_reader

    settings, now = load_settings(config_path, secrets=False), datetime.now(UTC)
    chosen = chosen_format(format, output)
    found = PermitSearch(
        text=utf8_text(search) or "",
        plate=normalise(utf8_text(plate) or ""),
        kinds=frozenset() if kind is None else frozenset({kind}),
        group=utf8_text(group) or "",
        now=now,
        state=state,
        within=None if expiring is None else _within(expiring),
    )
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        if chosen is not Format.TABLE:
            rows = (permit_object(row, now) for row in islice(reader.permits.each(found), limit))
            write_rows(rows, PermitObject, "permits", chosen, output)
            return
        from streamwatch.cli.rich_output import print_permits

        shown = list(islice(reader.permits.each(found), TABLE_ROWS if limit is None else limit))
        left = reader.permits.count(found) - len(shown) if limit is None else 0
    with opened(output) as out:
        print_permits(shown, now, left, out)


@permits.command()
def add(
    plate: Annotated[
        list[str] | None, typer.Argument(metavar="PLATE…", help="The plates of its vehicles; a visitor needs none.")
    ] = None,
    holder: Annotated[str, typer.Option(help="Whose it is.")] = "",
    kind: Annotated[
        PermitKind, typer.Option(help="visitor: for one visit; blocked: not in; held: not out.")
    ] = PermitKind.RESIDENT,
    group: Annotated[str, typer.Option(help="Such as a company or a house.")] = "",
    note: Annotated[str, typer.Option(help="What else people should know.")] = "",
    valid_from: Annotated[str, typer.Option("--from", help="2026-01-31, 2026-01-31T08:00, or 2d: in two days.")] = "",
    valid_until: Annotated[str, typer.Option("--until", help="The same; a day alone belongs to it as a whole.")] = "",
    lane: Annotated[list[str] | None, typer.Option(help="Only this lane; can be repeated.")] = None,
    hours: Annotated[str, typer.Option(help="'mon-fri 07:00-19:00; sat 08:00-12:00'.")] = "",
    spaces: Annotated[str, typer.Option(metavar="N", help="How many of its vehicles may be inside at once.")] = "",
    when_full: Annotated[
        WhenFull, typer.Option(help="What follows if its spaces are taken; visitor: as without a permit.")
    ] = WhenFull.ASK,
    reference: Annotated[str, typer.Option(help="Its number in another program.")] = "",
    source: Annotated[str, typer.Option(help="The list that the number is of.")] = "",
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add a permit, and print its key."""
    from streamwatch.app.permit_desk import desk_of, read_terms, remarks_on
    from streamwatch.app.permit_words import remark_of
    from streamwatch.store import open_reader

    settings, now = load_settings(config_path, secrets=False), datetime.now(UTC)
    texts = {
        "plates": ";".join(plate or ()),
        "holder": holder,
        "kind": kind.value,
        "group": group,
        "note": note,
        "valid_from": valid_from,
        "valid_until": valid_until,
        "lanes": ";".join(lane or ()),
        "hours": hours,
        "spaces": spaces,
        "when_full": when_full.value,
        "reference": reference,
        "source": source,
    }
    terms = read_terms({name: utf8_text(text) or "" for name, text in texts.items()}, desk_of(settings))
    with changing(settings) as store, closing(open_reader(settings.database, settings.data_dir)) as reader:
        told = remarks_on(reader.permits, terms, now)
        added = audited(
            store,
            AuditAction.PERMIT_ADDED,
            (*terms.plates, terms.holder)[0],
            partial(store.permits.add, terms, who(), now),
            {"kind": terms.kind},
        )
    for remark, one in told:
        console.print_error(remark_of(remark, one), sys.stderr)
    _say(f"The permit {added.key} is added: {_short(added)}.")
    if added.code is not None:
        _say(f"The visitor's code is {added.code}.")


@permits.command()
def end(
    which: Annotated[str, typer.Argument(metavar="KEY|PLATE", help="The key of the permit, or a plate of it.")],
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """End a permit now. It stays in the list as one that has ended."""
    from streamwatch.core.plates import normalise
    from streamwatch.store import PermitSearch, open_reader

    settings, now = load_settings(config_path, secrets=False), datetime.now(UTC)
    which = utf8_text(which) or ""
    with changing(settings) as store, closing(open_reader(settings.database, settings.data_dir)) as reader:
        named = reader.permits.one(which)
        rows = [named] if named is not None else list(reader.permits.each(PermitSearch(plate=normalise(which) or "-")))
        rows = [row for row in rows if row.state(now) is not PermitState.ENDED]
        if not rows:
            raise PermitError(
                f"No permit that has not ended has the key or plate {which!r}.", "`streamwatch permits list` shows all."
            )
        if len(rows) > 1:
            keys = "; ".join(f"{row.key} ({_short(row)})" for row in rows)
            raise PermitError(f"Several permits name {which!r}.", f"Name one by its key: {keys}.")
        (row,) = rows
        name, act = (*row.plates, row.holder)[0], partial(store.permits.end, row.key, now)
        audited(store, AuditAction.PERMIT_ENDED, name, act, {"key": row.key})
    _say(f"The permit {row.key} has ended: {_short(row)}.")


@permits.command(name="import")
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file whose first line names the columns.")],
    yes: Annotated[bool, typer.Option("--yes", help="Write it without asking.")] = False,
    leave_out_bad: Annotated[
        bool, typer.Option("--leave-out-bad", help="Write the other lines although some are wrong.")
    ] = False,
    source: Annotated[str, typer.Option(help="Name of the list that the column reference numbers.")] = "",
    end_missing: Annotated[
        bool, typer.Option("--end-missing", help="End the permits of this source that the file does not name.")
    ] = False,
    show_all: Annotated[bool, typer.Option("--all", help="Name up to 1,000 bad lines.")] = False,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show what a list would change, ask, and write it. Without a terminal nothing is written unless --yes is given."""
    from streamwatch.app.permit_desk import desk_of
    from streamwatch.app.permit_import import ImportRules, begin
    from streamwatch.app.permit_words import read_text
    from streamwatch.store import open_reader

    settings, now = load_settings(config_path, secrets=False), datetime.now(UTC)
    desk = desk_of(settings)
    rules = ImportRules(desk.grammar, desk.lanes, read_text("source", utf8_text(source) or ""), end_missing)
    with changing(settings) as store, closing(open_reader(settings.database, settings.data_dir)) as reader:
        try:
            with file.open("rb") as content:
                made = begin(content, rules, reader.permits, settings.data_dir, now)
        except OSError as error:
            raise PermitError(f"{file} cannot be read: {error.strerror}.") from None
        try:
            found = made.preview()
            _print_preview(found, 1000 if show_all else _SHOWN)
            _require_yes(found, yes, leave_out_bad)
            changes = made.confirm(reader.permits, leave_out_bad, now)
            audited(
                store,
                AuditAction.PERMITS_IMPORTED,
                rules.source,
                partial(store.permits.take_list, changes, who(), now),
                {"added": found.added, "changed": found.changed, "ended": found.ended, "file": file.name[:100]},
            )
        finally:
            made.discard()
    _say("The permits were as the list says already." if found.changes_nothing else "The list is taken over.")


@permits.command()
def export(
    kind: Kind = None,
    group: Annotated[str | None, typer.Option(help="Only this group.")] = None,
    output: Output = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Write all permits as CSV that `permits import` reads again without a change."""
    from streamwatch.app.permit_file import list_pieces
    from streamwatch.store import PermitSearch, open_reader

    settings = load_settings(config_path, secrets=False)
    found = PermitSearch(kinds=frozenset() if kind is None else frozenset({kind}), group=utf8_text(group) or "")
    with closing(open_reader(settings.database, settings.data_dir)) as reader, opened(output) as out:
        reconfigure: Any = getattr(out, "reconfigure", None)
        if reconfigure is not None and not out.isatty():
            reconfigure(encoding="utf-8")
        out.writelines(list_pieces(reader.permits.each(found), mark=not out.isatty()))


def _within(text: str) -> timedelta:
    """Return a time such as 14d. Raise PermitError."""
    from streamwatch.app.permit_words import PermitRefused, read_until

    now = datetime.now(UTC)
    try:
        end = read_until(text, now)
    except PermitRefused:
        end = None
    if end is None or end <= now:
        raise PermitError(f"{text!r} is not a time ahead.", "Write --expiring 14d, or a day such as 2026-01-31.")
    return end - now


def _print_preview(found: "ImportPreview", most: int) -> None:
    """Print what an import would do, and the first bad lines on stderr."""
    from streamwatch.app.permit_words import sentence_of

    for bad in found.bad_lines[:most]:
        place = f"line {bad.line}" + (f", {bad.column}" if bad.column else "")
        console.print_error(f"{place}: {sentence_of(bad.problem)}", sys.stderr)
    if found.ignored:
        console.print_error(f"These columns are not read: {', '.join(found.ignored)}.", sys.stderr)
    words = (
        f"{some(found.lines, 'line')} ({found.encoding}), {found.bad:,} of them wrong. {found.added:,} permits to add, "
        f"{found.changed:,} to change, {found.ended:,} to end; {found.unchanged:,} stay as they are."
    )
    _say(words)


def _require_yes(found: "ImportPreview", yes: bool, leave_out_bad: bool) -> None:
    """Raise PermitError unless what was previewed is to be written."""
    from streamwatch.app.permit_import import BAD_LINES

    if found.hindrance:
        raise PermitError(found.hindrance, "Nothing was written.")
    if found.bad and not leave_out_bad:
        raise PermitError(BAD_LINES, "The option --leave-out-bad says so. Nothing was written.")
    if yes or found.changes_nothing:
        return
    if not sys.stdin.isatty():
        raise PermitError("Nothing was written, because nobody can be asked here.", "Add --yes to write it.")
    if not typer.confirm("Write it?"):
        raise PermitError("Nothing was written.")


def _short(row: "PermitRow") -> str:
    return ", ".join(filter(None, [row.kind.value, row.holder, " ".join(row.plates)]))


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
