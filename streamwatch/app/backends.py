"""The two programs behind the console: the daemon, and `streamwatch web` over a database."""

import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from streamwatch.app.barriers import Barriers
from streamwatch.app.health_monitor import HealthMonitor
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.live_view import LiveCameras
from streamwatch.app.outward import Outward
from streamwatch.app.reload import ReloadReport
from streamwatch.app.reload_daemon import reload_daemon
from streamwatch.app.write_queue import WriteQueue
from streamwatch.config.settings import Settings
from streamwatch.core.errors import StorageFailed, StreamwatchError
from streamwatch.health import STATUS_FILE, Snapshot, read_status
from streamwatch.store import Store, open_store
from streamwatch.store.lock import is_held

T = TypeVar("T")

WRITING = 10.0
"""The longest wait of a page for the writer, in seconds. After it the page says that nothing can be written now."""


class DaemonBackend:
    """The daemon, as its console sees it. See `Backend`.

    It has 9 constructor arguments, because each of its members belongs to another part of the daemon.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        monitor: HealthMonitor,
        writer: WriteQueue,
        store: Store,
        lifecycle: Lifecycle,
        live: LiveCameras,
        barriers: Barriers,
        reload: Callable[[], ReloadReport],
        config_file: Path,
        outward: Outward,
    ) -> None:
        """settings: those in force."""
        self._outward = outward
        self._settings, self._monitor, self._writer = settings, monitor, writer
        self._store, self._lifecycle, self._live, self._barriers = store, lifecycle, live, barriers
        self._reload, self._config_file = reload, config_file

    @property
    def settings(self) -> Settings:
        """Return the settings in force."""
        return self._settings()

    @property
    def live(self) -> LiveCameras:
        """Return the cameras as they are at this moment."""
        return self._live

    @property
    def barriers(self) -> Barriers:
        """Return the barriers."""
        return self._barriers

    @property
    def config_file(self) -> Path:
        """Return where the settings are written."""
        return self._config_file

    @property
    def outward(self) -> Outward:
        """Return the receivers of events."""
        return self._outward

    def snapshot(self) -> Snapshot:
        """Return how everything is now."""
        return self._monitor.snapshot()

    def write(self, call: Callable[[Store], T]) -> T:
        """Have the one writer's thread run a call, between two events.

        Raise what it raises, and StorageFailed if the writer has no time for it within WRITING seconds.
        """
        return self._writer.ask_once(partial(call, self._store), WRITING)

    def reload(self) -> ReloadReport:
        """Take in what config.yaml holds now; see `Reloader`."""
        return self._reload()

    def stopping(self) -> bool:
        """Return True once the daemon ends."""
        return self._lifecycle.stop.is_set()


class DatabaseBackend:
    """A database without a daemon of its own. See `Backend`."""

    def __init__(self, settings: Settings, stop: threading.Event, read: Callable[[], Settings] | None = None) -> None:
        """stop: set when the program ends. read: returns the settings of the file as it is now."""
        self._settings, self._stop, self._read = settings, stop, read
        self._lock = threading.Lock()

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        return self._settings

    @property
    def live(self) -> None:
        """Return None: no camera is watched here."""
        return None

    @property
    def barriers(self) -> None:
        """Return None: nothing opens without the daemon."""
        return None

    @property
    def config_file(self) -> None:
        """Return None: the settings are those of a daemon."""
        return None

    @property
    def outward(self) -> None:
        """Return None: events are sent by the daemon."""
        return None

    def snapshot(self) -> Snapshot | None:
        """Return the state of the daemon that writes this database; None if none does."""
        try:
            status = read_status(
                self._settings.data_dir / STATUS_FILE, is_held(self._settings.database, self._settings.data_dir)
            )
        except StorageFailed:
            return None
        return status.snapshot if status.running else None

    def write(self, call: Callable[[Store], T]) -> T:
        """Open the database for one call, as the verbs `read` and `user` do, also beside a daemon. Raise StoreError.

        What pages write is one short transaction, and none of it looks like the remains of a crash.
        """
        with self._lock, closing(open_store(self._settings.database, self._settings.data_dir)) as store:
            return call(store)

    def reload(self) -> ReloadReport:
        """Have the daemon that writes this database, if one runs here, take in what config.yaml holds now."""
        try:
            self._settings = self._settings if self._read is None else self._read()
            return reload_daemon(self._settings)
        except StreamwatchError as error:
            return ReloadReport(datetime.now(UTC), problems=tuple(str(error).splitlines()))

    def stopping(self) -> bool:
        """Return True once the program ends."""
        return self._stop.is_set()
