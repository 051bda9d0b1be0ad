"""The daemon's recurring work: it writes the status file, feeds the watchdog, runs the retention, looks for
findings, returns memory.
"""

import logging
from concurrent.futures import Future
from contextlib import suppress

from streamwatch.app.health_monitor import HealthMonitor
from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.outward import Outward
from streamwatch.app.retention_rounds import RetentionRounds
from streamwatch.app.write_queue import WriteQueue
from streamwatch.core.clock import Clock
from streamwatch.core.errors import StorageFailed
from streamwatch.health import Snapshot
from streamwatch.store import Store
from streamwatch.system import stderr
from streamwatch.system.allocator import give_memory_back
from streamwatch.system.notify import Notifier

log = logging.getLogger(__name__)

TELL_EVERY = 5.0  # s; status file
TIDY_EVERY, TIDY_SHORT = 300.0, 60.0  # s; retention, and the same while there is less room than there should be
GIVE_BACK_FIRST = 15.0  # s from the start until freed memory goes back for the first time; then twice as long each time


class Housekeeping:
    """The loop of the thread `keeper`.

    It has 8 constructor arguments, because it looks after all parts of the daemon.
    """

    def __init__(
        self,
        monitor: HealthMonitor,
        rounds: RetentionRounds,
        store: Store,
        writer: WriteQueue,
        notifier: Notifier,
        clock: Clock,
        lifecycle: Lifecycle,
        outward: Outward,
    ) -> None:
        """store: only its methods for any thread are called."""
        self._outward = outward
        self._monitor, self._rounds, self._store, self._writer = monitor, rounds, store, writer
        self._notifier, self._clock, self._lifecycle = notifier, clock, lifecycle
        self._tidied = self._given_back = clock.monotonic()
        self._until_given_back = GIVE_BACK_FIRST
        self._connection: Future[None] | None = None

    def run(self) -> None:
        """Work until the phase is OVER. Raise StoreError."""
        try:
            self._work()
        finally:
            self._monitor.close()

    def _work(self) -> None:
        while not self._lifecycle.wait_until_over(min(self._notifier.interval or TELL_EVERY, TELL_EVERY)):
            self._give_memory_back()
            stderr.tell()
            self._store.require_file()
            self._look_after_connection()
            snapshot = self._monitor.snapshot()
            if snapshot.database.ok:
                self._outward.look()
                self._monitor.receivers = self._outward.health
            self._notifier.status(self._monitor.sentence())
            if snapshot.stalled:
                log.error("no progress: %s", ", ".join(snapshot.stalled))
            else:
                self._notifier.watchdog()
            try:
                self._monitor.write_status(snapshot)
                self._tidy(snapshot)
                self._monitor.compare_with_past(snapshot)
                self._outward.tell_health(snapshot)
            except StorageFailed as error:
                log.debug("%s", error)  # the recorder logs it as a warning as soon as it has something to write

    def write_last_status(self) -> None:
        """Write the status file once more: what was seen and read while the daemon stopped counts, too."""
        try:
            self._monitor.write_status(self._monitor.snapshot())
        except StorageFailed as error:
            log.debug("%s", error)  # the log has already said that the disk is full

    def _give_memory_back(self) -> None:
        now = self._clock.monotonic()
        if now - self._given_back >= self._until_given_back:
            self._given_back, self._until_given_back = now, min(TIDY_EVERY, 2 * self._until_given_back)
            give_memory_back()

    def _look_after_connection(self) -> None:
        """Have the writer take up a lost connection also while nothing is seen. Raise StoreError.

        Nobody waits for the writer here, because a server that is away must not look like a program that hangs.
        """
        if self._connection is not None and not self._connection.done():
            return
        if self._connection is not None:
            with suppress(StorageFailed):  # given up, because the program is stopping
                self._connection.result()
        self._connection = self._writer.offer(self._store.require_server)

    def _tidy(self, snapshot: Snapshot) -> None:
        pause = min(TIDY_SHORT, TIDY_EVERY) if self._rounds.short_of_room(snapshot.disk) else TIDY_EVERY
        if self._clock.monotonic() - self._tidied >= pause and snapshot.database.ok:
            self._tidied = self._clock.monotonic()
            self._monitor.set_evidence(self._rounds.tidy())
