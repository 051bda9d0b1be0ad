"""Tells a running daemon to read its config again, and returns the result."""

import os
import signal
import time

from streamwatch.config.settings import Settings
from streamwatch.core.errors import ConfigError, StorageFailed
from streamwatch.health import STATUS_FILE, ReloadReport, Status, read_status
from streamwatch.store.lock import holder, is_held

LONGEST, EVERY = 60.0, 0.1
"""The longest wait for the answer of the daemon, and the interval of the looks for it, both in seconds."""
ELSEWHERE = (
    "Start it with `streamwatch run`. If it runs in a container or with another config, run this verb there; if "
    "data_dir or database was changed, restart it instead."
)


def reload_daemon(settings: Settings) -> ReloadReport:
    """Send SIGHUP to the daemon that writes this database, and return its report.

    Raise ConfigError if no such daemon runs here, or if it may not be signalled. Raise StorageFailed if it does not
    answer.
    """
    pid, before = holder(settings.database, settings.data_dir), _status(settings)
    if pid is None or before is None or before.snapshot.pid != pid:
        raise ConfigError("No daemon runs here with this config.", ELSEWHERE)
    try:
        os.kill(pid, signal.SIGHUP)
    except PermissionError:
        raise ConfigError(
            f"The daemon (process {pid}) is of another user.",
            "Run this as that user, or `systemctl reload streamwatch`.",
        ) from None
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        time.sleep(EVERY)
        now = _status(settings)
        if now is not None and now.snapshot.reload not in (None, before.snapshot.reload):
            return now.snapshot.reload
    raise StorageFailed(f"The daemon (process {pid}) has not answered for {LONGEST:g} s.", "Its log says more.")


def _status(settings: Settings) -> Status | None:
    try:
        return read_status(settings.data_dir / STATUS_FILE, is_held(settings.database, settings.data_dir))
    except StorageFailed:
        return None
