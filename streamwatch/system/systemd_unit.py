"""The systemd unit of the daemon, and the credentials that systemd hands to it.

systemd 252 (Debian 12) and later know every setting. The restart delay is the same each time, because `RestartSteps=`
(systemd 254) makes it grow with every restart since the boot and never shrink: after a few failures in a year, each
further one would leave the gate unwatched for the longest delay.
"""

import grp
import os
import pwd
import re
from collections.abc import Iterator, Mapping, Sequence
from os.path import normpath
from pathlib import Path
from typing import NamedTuple

from streamwatch.core.errors import ConfigError

CREDENTIALS = ("appcode", "app_key", "app_secret")
FOLDER = Path("/etc/streamwatch")
"""The folder in which the unit looks for a file with each credential."""
STATE = Path("/var/lib/streamwatch")
"""The folder in which the service may write; `data_dir` belongs there."""
STOP_MARGIN = 20
"""Seconds that systemd waits for the end after the daemon has stopped waiting for what is left to read."""
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # what PrivateTmp= hides
_INSTALL = (
    "Install streamwatch into /opt/streamwatch/venv, with a Python outside of home folders; see docs/operations.md."
)
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # what ProtectHome= hides


def unit(
    executable: Path,
    config: Path,
    user: str | None = None,
    *,
    credentials: Sequence[str] = CREDENTIALS,
    writable: Sequence[Path] = (),
    drain: float = 10.0,
) -> str:
    """Return the text of a `streamwatch.service` that runs the daemon.

    user: the user that runs it; None for a user that systemd makes up. credentials: names; those with a file in
    /etc/streamwatch are handed over, and the others may be missing. writable: folders outside /var/lib/streamwatch that
    hold data. drain: seconds that the daemon may take to stop. Raise ConfigError for a path that no unit can hold.
    """
    executable, config, *outside = (Path(normpath(path.absolute())) for path in (executable, config, *writable))
    outside = sorted({path for path in outside if not path.is_relative_to(STATE)})
    homes = any(_in_home(path) for path in (executable, executable.with_name("python").resolve(), config, *outside))
    return _UNIT.format(
        command=f"{_quoted(executable)} run --config {_quoted(config, variables=True)}",
        reload=f"{_quoted(executable)} reload --config {_quoted(config, variables=True)}",
        stop=f"{drain + STOP_MARGIN:g}",
        user="DynamicUser=yes" if user is None else f"User={_word(user)}",
        credentials="\n".join(_credential_lines(_word(name)) for name in credentials),
        home="read-only" if homes else "yes",
        writable="".join(_writable_line(path) for path in outside),
    )


def obstacles(
    program: Mapping[str, Path], config: Path, user: str | None, writable: Sequence[Path] = ()
) -> Iterator[str]:
    """Yield a sentence for each reason why the unit could not start on this machine, as far as modes of files tell.

    program: what the service must reach besides its config; the keys are the names used in sentences. user, writable:
    see `unit`.
    """
    try:
        who = _Who.of(user)
    except KeyError:
        yield f"There is no user {user} on this machine: make one, or leave --user out."
        return
    found = [_obstacle(what, path, who) for what, path in program.items()]
    yield from dict.fromkeys(f"{one}. {_INSTALL}" for one in found if one)
    if one := _obstacle("the config", config, who):
        yield f"{one}. Put it into {FOLDER}, readable by all; secrets stand there as ${{NAME}}, in files of their own."
    for folder in writable:
        if user is not None and folder.is_dir() and not who.may(folder, 3):
            yield f"{who.name} cannot write {folder}: `chown -R {user} {folder}` changes that."


def _obstacle(what: str, path: Path, who: "_Who") -> str | None:
    """Return the beginning of a sentence that says why the service cannot reach a file; None if it can."""
    ways = (Path(normpath(path.absolute())), path.resolve())
    folders = [folder for way in ways for folder in reversed(way.parents)]
    if temporary := next((folder for folder in folders if folder in _TEMPORARY), None):
        return f"{what} lies in {temporary}, but the service sees an empty folder of its own there"
    if closed := next((folder for folder in folders if not who.may(folder, 1)), None):
        return f"{who.name} cannot enter {closed} (mode {closed.stat().st_mode & 0o777:o}), where {what} lies"
    if not who.may(ways[1], 4):
        return f"{who.name} cannot read {what}, {ways[1]} (mode {ways[1].stat().st_mode & 0o777:o})"
    home = next((folder for folder in folders if folder.parent in _HOMES and folder not in _HOMES), None)
    if home is not None and not who.owns(home):
        return f"{what} lies in a home folder, {home}, which can be closed to {who.name} at any time"
    return None


class _Who(NamedTuple):
    """A user of the service, without any capability: modes count for root, too. uid: None for a made-up user."""

    name: str
    uid: int | None
    groups: frozenset[int]

    @classmethod
    def of(cls, user: str | None) -> "_Who":
        """Return the user of a name. Raise KeyError if there is no such user."""
        if user is None:
            return cls("the user that systemd makes up", None, frozenset())
        entry = pwd.getpwnam(user)
        groups = {entry.pw_gid, *(group.gr_gid for group in grp.getgrall() if user in group.gr_mem)}
        return cls(f"the user {user}", entry.pw_uid, frozenset(groups))

    def owns(self, path: Path) -> bool:
        """Return True if the path belongs to the user."""
        return path.exists() and path.stat().st_uid == self.uid

    def may(self, path: Path, bits: int) -> bool:
        """Return True if the mode of a path allows the bits (4 read, 2 write, 1 enter), or cannot be looked at."""
        try:
            found = path.stat()
        except OSError:
            return True
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid in self.groups else 0
        return found.st_mode >> shift & bits == bits


def credential(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the text of a credential that systemd handed over, as it is in the file; None if there is none.

    Raise ConfigError if it cannot be read.
    """
    folder = environment.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    try:
        return (Path(folder) / name).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"The credential {name} cannot be read: {reason}.") from None


def _in_home(path: Path) -> bool:
    return any(path.absolute().is_relative_to(home) for home in _HOMES)


def _writable_line(path: Path) -> str:
    # The dash: if the folder is missing, the daemon says so, and better than systemd.
    return f"ReadWritePaths={_quoted(path, before='-')}\n"


def _credential_lines(name: str) -> str:
    # With a default the service also starts without the file (systemd.exec(5)); an empty default is not allowed.
    return f"LoadCredential={name}:{FOLDER / name}\nSetCredential={name}:\\n"


def _quoted(path: Path, *, before: str = "", variables: bool = False) -> str:
    """Return a path as one word of a unit (systemd.syntax(7), systemd.unit(5)). variables: systemd fills in $NAME."""
    text = str(path)
    if not text.isprintable():
        raise ConfigError(f"The path {text!r} holds a character that a systemd unit cannot hold.", "Rename it.")
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{before}{text.replace("$", "$$") if variables else text}"'


def _word(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name):
        raise ConfigError(f"{name!r} is not the name of a user or a credential.", "Use letters, digits, _ and -.")
    return name


_UNIT = """\
[Unit]
Description=Number plate log of the gate cameras
# The service does not wait for a network or for the right time: what is seen before that is kept.
After=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
# By the verb and not by SIGHUP alone, so that a config that is wrong makes `systemctl reload` fail.
ExecReload={reload}
{user}
SupplementaryGroups=video
StateDirectory=streamwatch
StateDirectoryMode=0700
UMask=0077

Restart=always
RestartSec=10
TimeoutStartSec=300
WatchdogSec=60
TimeoutStopSec={stop}

# Each comes from a file of that name in /etc/streamwatch, if there is one: credentials, and each ${{…}} of the config.
{credentials}

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
{writable}PrivateTmp=yes
DevicePolicy=closed
DeviceAllow=char-video4linux rw
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
SystemCallArchitectures=native
# Besides the usual calls, those that tell if the clock is synchronised; without capabilities they cannot set it.
SystemCallFilter=@system-service adjtimex clock_adjtime clock_adjtime64
SystemCallErrorNumber=EPERM
MemoryMax=75%

[Install]
WantedBy=multi-user.target
"""
