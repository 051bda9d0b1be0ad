"""The verb `barrier`: opening a barrier, trying one, and the kill switch of all."""

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from streamwatch.cli import console
from streamwatch.cli.changing import audited, changing, who
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, ReadFormat, load_settings, utf8_text
from streamwatch.core.codes import AuditAction
from streamwatch.core.errors import ConfigError, StorageFailed
from streamwatch.core.text import printable

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings

barrier = typer.Typer(no_args_is_help=True, help="Open barriers, try them, and stop all openings.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The barrier's name in the config.")]
Reason = Annotated[str, typer.Option(help="Why it is opened; it stays in the database.")]


@barrier.command()
def status(
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Show the barriers and the kill switch. The exit code is 1 if a barrier has a fault or the switch is on."""
    from streamwatch.core.text import when
    from streamwatch.health import STATUS_FILE, read_status
    from streamwatch.store.lock import is_held
    from streamwatch.system.kill_switch import KillSwitch

    settings = load_settings(config_path, secrets=False)
    killed = KillSwitch(settings.data_dir).is_on
    try:
        found = read_status(settings.data_dir / STATUS_FILE, is_held(settings.database, settings.data_dir))
        states = found.snapshot.barriers if found.running else ()
        running = found.running
    except StorageFailed:
        states, running = (), False
    if format is ReadFormat.JSON:
        told = [
            {
                "name": state.name,
                "lanes": list(state.lanes),
                "position": None if state.position is None else state.position.value,
                "fault": state.fault,
                "held_until": None if state.held_until is None else state.held_until.isoformat(),
            }
            for state in states
        ]
        console.print_json({"running": running, "killed": killed, "barriers": told}, sys.stdout)
    else:
        if killed:
            _say("The kill switch is on: no barrier opens. `streamwatch barrier unkill` turns it off.")
        if not running:
            _say(f"No daemon runs here, so nothing opens. The config names: {', '.join(settings.barriers) or 'none'}.")
        for state in states:
            position = "position not reported" if state.position is None else state.position.value
            held = "" if state.held_until is None else f", held open until {when(state.held_until)}"
            _say(f"{state.name}: {position}{held}. {state.fault or 'No fault.'}")
    raise typer.Exit(killed or any(state.fault for state in states))


@barrier.command(name="open")
def open_barrier(name: Name, reason: Reason, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Have the running daemon open a barrier once."""
    _ask(name, "open", reason, load_settings(config_path, secrets=False))
    _say(f"{name} opens.")


@barrier.command(name="test")
def try_barrier(name: Name, reason: Reason = "a test", config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Have the running daemon try a barrier. It really opens."""
    _ask(name, "test", reason, load_settings(config_path, secrets=False))
    _say(f"{name} opens: the relay has said yes. Did the barrier move?")


@barrier.command()
def kill(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Stop all openings, also those by hand, until `unkill`. It works without a daemon and outlasts restarts."""
    from streamwatch.system.kill_switch import KillSwitch

    settings = load_settings(config_path, secrets=False)
    KillSwitch(settings.data_dir).turn_on(who(), datetime.now(UTC))
    _write_down(settings, stopped=True)
    _say("The kill switch is on: no barrier opens.")


@barrier.command()
def unkill(config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Let barriers open again."""
    from streamwatch.system.kill_switch import KillSwitch

    settings = load_settings(config_path, secrets=False)
    KillSwitch(settings.data_dir).turn_off()
    _write_down(settings, stopped=False)
    _say("The kill switch is off: barriers may open again.")


def _ask(name: str, what: str, reason: str, settings: "Settings") -> None:
    from urllib.parse import quote

    from streamwatch.app.console_client import TOKEN, ask_console

    if name not in settings.barriers:
        raise ConfigError(f"The config names no barrier {name!r}; it names: {', '.join(settings.barriers) or 'none'}.")
    body = {"reason": utf8_text(reason)}
    ask_console(settings, "POST", f"/v1/barriers/{quote(name)}/{what}", body, os.environ.get(TOKEN, "").strip())


def _write_down(settings: "Settings", stopped: bool) -> None:
    """Write into the audit log who turned the switch, if there is a database that can be written."""
    from streamwatch.core.errors import StoreError
    from streamwatch.store import sqlite_file

    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        return
    action = AuditAction.OPENINGS_STOPPED if stopped else AuditAction.OPENINGS_RESUMED
    try:
        with changing(settings) as store:
            audited(store, action, "", lambda: None)
    except StoreError as error:
        sys.stderr.write(printable(f"The audit log does not have it: {error}") + "\n")


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
