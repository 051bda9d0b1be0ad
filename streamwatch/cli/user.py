"""The verb `user`: people and programs that may use the console. It may be used while the daemon runs."""

import getpass
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamwatch.cli import console
from streamwatch.cli.changing import audited, changing, who
from streamwatch.cli.options import DEFAULT_CONFIG, ConfigPath, ReadFormat, load_settings, utf8_text
from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import AccountError, ConfigError
from streamwatch.core.text import printable

if TYPE_CHECKING:
    from streamwatch.config.settings import Settings
    from streamwatch.store import Store

user = typer.Typer(no_args_is_help=True, help="Add and change the people and programs that may use the console.")
token = typer.Typer(no_args_is_help=True, help="Add and revoke the tokens by which programs use the API.")
user.add_typer(token, name="token")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name.")]
RoleOption = Annotated[
    Role, typer.Option(help="viewer looks; guard types in plates; manager exports and sees costs; admin does all.")
]
Cameras = Annotated[
    list[str] | None, typer.Option("--camera", metavar="NAME", help="The only cameras to be seen; can be repeated.")
]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from the standard input.")]


@user.command()
def add(
    name: Name,
    role: RoleOption,
    camera: Cameras = None,
    password_stdin: PasswordStdin = False,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Add a user, and ask for the password."""
    from streamwatch.web.accounts.account_rules import checked_name, checked_scope

    settings = load_settings(config_path, secrets=False)
    name = checked_name(utf8_text(name) or "")
    scope = checked_scope(role, camera or (), settings.cameras)
    with changing(settings) as store:
        if any(_same(name, other) for other in _users(settings)):
            raise AccountError("There is a user of this name already.", "`streamwatch user change` changes that one.")
        hashed, now = _new_password(name, password_stdin), datetime.now(UTC)
        detail = {"role": role, "cameras": _listed(scope)}
        act = partial(store.accounts.add_user, name, role, scope, hashed, now)
        audited(store, AuditAction.USER_ADDED, name, act, detail)
    _say(f"The user {name} can log in as {role}.")


@user.command(name="list")
def list_users(
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List the users."""
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        rows = [
            {
                "name": row.name,
                "role": row.role.value,
                "cameras": _listed(row.cameras),
                "created": row.created_at,
                "last_seen": row.last_seen,
                "disabled": row.disabled_at,
            }
            for row in reader.accounts.users()
        ]
    _print(rows, format, "There is no user: the console asks for no log-in on this machine.")


@user.command()
def change(
    name: Name,
    role: Annotated[Role | None, typer.Option(help="The new role.")] = None,
    camera: Cameras = None,
    all_cameras: Annotated[bool, typer.Option("--all-cameras", help="Let the user see all cameras again.")] = False,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Give a user another role, or other cameras."""
    from streamwatch.store import open_reader
    from streamwatch.web.accounts.account_rules import checked_scope

    settings = load_settings(config_path, secrets=False)
    if role is None and not camera and not all_cameras:
        raise ConfigError("Nothing is to be changed.", "Name --role, --camera or --all-cameras.")
    if camera and all_cameras:
        raise ConfigError("--camera and --all-cameras contradict each other.")
    with changing(settings) as store, closing(open_reader(settings.database, settings.data_dir)) as reader:
        found = reader.accounts.user(utf8_text(name) or "")
        if found is None:
            raise AccountError("There is no user of this name.", "`streamwatch user list` shows all.")
        becomes = role or found.role
        scope = None if all_cameras else found.cameras if not camera else frozenset(camera)
        scope = checked_scope(becomes, scope or (), {*settings.cameras, *(found.cameras or ())})
        detail = {"role": becomes, "cameras": _listed(scope)}
        act = partial(store.accounts.change_user, found.name, becomes, scope)
        audited(store, AuditAction.USER_CHANGED, found.name, act, detail)
    _say(f"The user {found.name} is {becomes} and sees {', '.join(_listed(scope) or ['all cameras'])}.")


@user.command()
def password(name: Name, password_stdin: PasswordStdin = False, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Set a user's password, and log the user out everywhere."""
    settings = load_settings(config_path, secrets=False)
    name = utf8_text(name) or ""
    with changing(settings) as store:
        if not any(_same(name, other) for other in _users(settings)):
            raise AccountError("There is no user of this name.", "`streamwatch user list` shows all.")
        hashed, now = _new_password(name, password_stdin), datetime.now(UTC)
        audited(store, AuditAction.PASSWORD_CHANGED, name, partial(store.accounts.set_password, name, hashed, now))
    _say(f"The password of {name} is set. All sessions of {name} have ended.")


@user.command()
def disable(name: Name, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Keep a user out from now on, until `enable`."""
    _simply(name, config_path, AuditAction.USER_DISABLED, lambda store, name, now: store.accounts.disable(name, now))
    _say(f"The user {name} is logged out and cannot log in.")


@user.command()
def enable(name: Name, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Let a disabled user in again."""
    _simply(name, config_path, AuditAction.USER_ENABLED, lambda store, name, _: store.accounts.enable(name))
    _say(f"The user {name} can log in.")


@user.command()
def remove(name: Name, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Remove a user. What the user did stays in the audit log."""
    settings = load_settings(config_path, secrets=False)
    _simply(name, config_path, AuditAction.USER_REMOVED, lambda store, name, _: store.accounts.remove_user(name))
    left = _users(settings)
    _say(f"The user {name} is removed.")
    if not left:
        _say("There is no user any more: on this machine the console asks for no log-in.")


@token.command(name="add")
def add_token(
    name: Name,
    role: RoleOption = Role.VIEWER,
    camera: Cameras = None,
    days: Annotated[int | None, typer.Option(min=1, max=3650, help="Days until it ends; without it, it lasts.")] = None,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """Make a token, and print it. It cannot be shown again."""
    from streamwatch.web.accounts.account_rules import checked_name, checked_scope, checked_token
    from streamwatch.web.accounts.entrance import TOKEN_PREFIX, hash_of, new_secret

    settings, now = load_settings(config_path, secrets=False), datetime.now(UTC)
    name = checked_name(utf8_text(name) or "")
    scope = checked_scope(role, camera or (), settings.cameras)
    ends_at = checked_token(role, None if days is None else timedelta(days=days), now)
    secret = new_secret(TOKEN_PREFIX)
    with changing(settings) as store:
        detail = {"role": role, "cameras": _listed(scope), "days": days}
        act = partial(store.accounts.add_token, name, role, scope, hash_of(secret), who(), now, ends_at)
        audited(store, AuditAction.TOKEN_ADDED, name, act, detail)
    console.print_error(f"the token {name}, shown only once:", sys.stderr)
    _say(secret)


@token.command(name="list")
def list_tokens(
    format: Annotated[ReadFormat, typer.Option(help="json for programs.")] = ReadFormat.TABLE,
    config_path: ConfigPath = DEFAULT_CONFIG,
) -> None:
    """List the tokens."""
    from streamwatch.store import open_reader

    settings = load_settings(config_path, secrets=False)
    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        rows = [
            {
                "name": row.name,
                "role": row.role.value,
                "cameras": _listed(row.cameras),
                "created_by": row.created_by,
                "created": row.created_at,
                "last_used": row.last_used,
                "ends": row.ends_at,
                "revoked": row.revoked_at,
            }
            for row in reader.accounts.tokens()
        ]
    _print(rows, format, "There is no token.")


@token.command()
def revoke(name: Name, config_path: ConfigPath = DEFAULT_CONFIG) -> None:
    """Refuse a token from now on."""
    _simply(
        name, config_path, AuditAction.TOKEN_REVOKED, lambda store, name, now: store.accounts.revoke_token(name, now)
    )
    _say(f"The token {name} is revoked.")


def _simply(name: str, config_path: Any, action: AuditAction, act: Callable[["Store", str, datetime], None]) -> None:
    settings, name, now = load_settings(config_path, secrets=False), utf8_text(name) or "", datetime.now(UTC)
    with changing(settings) as store:
        audited(store, action, name, lambda: act(store, name, now))


def _users(settings: "Settings") -> list[str]:
    from streamwatch.store import open_reader

    with closing(open_reader(settings.database, settings.data_dir)) as reader:
        return [row.name for row in reader.accounts.users()]


def _same(name: str, other: str) -> bool:
    from streamwatch.store import login_name

    return login_name(name) == login_name(other)


def _new_password(name: str, from_stdin: bool) -> str:
    """Return the hash of a password that is typed twice without being shown, or comes as a line of stdin."""
    from streamwatch.web.accounts.passwords import LONGEST, Passwords, require_good

    if from_stdin:
        words = sys.stdin.readline(4 * LONGEST).rstrip("\r\n")
        require_good(words, name)
    elif not sys.stdin.isatty():
        raise AccountError("The password can be asked for on a terminal only.", "Use --password-stdin in scripts.")
    else:
        words = getpass.getpass(f"Password for {printable(name)}: ")
        require_good(words, name)
        if getpass.getpass("The same again: ") != words:
            raise AccountError("The two passwords differ.", "Nothing was changed; try again.")
    return Passwords().hash(words)


def _listed(cameras: frozenset[str] | None) -> list[str] | None:
    return None if cameras is None else sorted(cameras)


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")


def _print(rows: list[dict[str, Any]], format: ReadFormat, nothing: str) -> None:
    from streamwatch.cli.rich_output import print_accounts

    if format is ReadFormat.JSON:
        times = [
            {k: v.isoformat(timespec="seconds") if isinstance(v, datetime) else v for k, v in row.items()}
            for row in rows
        ]
        console.print_json(times, sys.stdout)
    elif rows:
        print_accounts(rows, sys.stdout)
    else:
        _say(nothing)
