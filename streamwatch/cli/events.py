"""The verb `events`: what the outside is told. It may be used while the daemon runs."""

import sys
from contextlib import closing
from typing import Annotated

import typer

from streamwatch.cli import console
from streamwatch.cli.changing import audited, changing
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, ReadFormat, load_settings, utf8_text
from streamwatch.core.codes import AuditAction
from streamwatch.core.errors import StoreError
from streamwatch.core.text import printable, some

events = typer.Typer(no_args_is_help=True, help="List what the outside is told, and send again what was refused.")

Receiver = Annotated[str, typer.Argument(metavar="RECEIVER", help="Its name in config.yaml.")]
Limit = Annotated[int, typer.Option(min=1, max=100_000, help="At most this number, the newest.")]


@events.command(name="list")
def list_events(
    refused: Annotated[bool, typer.Option("--refused", help="Only those that a receiver refused for good.")] = False,
    limit: Limit = 50,
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List the receivers, and the newest events."""
    from streamwatch.cli.rich_output import print_accounts
    from streamwatch.core.event_data import iso
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        standings = reader.events.standings()
        letters = reader.events.dead_letters(limit) if refused else []
        found = [letter.event for letter in letters] if refused else reader.events.newest(limit)
    receivers = [
        {
            "receiver": one.row.name,
            "state": one.row.state.value,
            "waiting": one.waiting,
            "refused": one.dead,
            "missed": one.row.lost,
            "taken": one.row.taken_at,
            "error": one.row.error,
        }
        for one in standings
    ]
    rows = [
        {"id": one.id, "type": one.type.value, "about": one.subject, "occurred": one.occurred_at, "key": one.key}
        for one in found
    ]
    for row, letter in zip(rows, letters, strict=False):
        row |= {"receiver": letter.receiver, "error": letter.error}
    if format is ReadFormat.JSON:
        told = {
            "receivers": [
                one | {"taken": at.row.taken_at and iso(at.row.taken_at)}
                for one, at in zip(receivers, standings, strict=True)
            ],
            "events": [
                row | {"occurred": iso(one.occurred_at), "data": one.data} for row, one in zip(rows, found, strict=True)
            ],
        }
        console.print_json(told, sys.stdout)
        return
    if not receivers:
        _say("Nobody is told: the database knows no receiver. They stand in config.yaml, in the section outward.")
    else:
        print_accounts(receivers, sys.stdout)
    if rows:
        print_accounts(rows, sys.stdout)


@events.command()
def resend(receiver: Receiver, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Have all events that a receiver refused for good sent to it once more, by the daemon."""
    from streamwatch.store import open_reader

    settings, name = load_settings(config_path, secrets=False), utf8_text(receiver) or ""
    with changing(settings) as store, closing(open_reader(settings.database, settings.data_dir)) as reader:
        if reader.events.receiver(name) is None:
            raise StoreError(f"The database knows no receiver {name!r}.", "`streamwatch events list` shows all.")
        sent = audited(store, AuditAction.EVENTS_RESENT, name, lambda: store.events.send_again(name))
    _say(f"{some(sent, 'event')} will be sent again by the daemon." if sent else "There is nothing to send again.")


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
