"""Work with the database and the evidence folder, tried again while the machine is at fault."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from streamwatch.app.lifecycle import Lifecycle, Phase
from streamwatch.core.clock import Clock
from streamwatch.core.errors import DatabaseUnusable, StorageFailed, StoreError
from streamwatch.health import DatabaseHealth
from streamwatch.system.heartbeat import Heartbeats

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_LONGEST = 1.0, 30.0  # s between two tries while the cameras are watched

T = TypeVar("T")


class Persistence:
    """Tries again, so that a full disk, a lock, or a server that is away loses nothing that was seen.

    For all threads that work with the storage. The first one that fails is logged, and so is the last one that
    succeeds again. An attempt that began before an outage ended and fails after that end says nothing new, because it
    belongs to the same outage: its thread may have waited for a server that was just starting. Or the attempt itself
    asked the server whether a commit is in: the answer ended the outage, and the attempt failed because it is not.

    health: replaced as a whole; for status pages.
    """

    def __init__(self, clock: Clock, lifecycle: Lifecycle, heartbeats: Heartbeats) -> None:
        self._clock, self._lifecycle, self._heartbeats = clock, lifecycle, heartbeats
        self._lock = threading.Lock()
        self._failing: set[int] = set()  # identifiers of threads
        self._outages = 0  # that have ended
        self.health = DatabaseHealth()

    def persist(self, attempt: Callable[[], T]) -> T:
        """Return what `attempt` returns, as soon as it does not raise StorageFailed. Each try is a heartbeat.

        Raise StorageFailed once the phase is OVER, and whatever else `attempt` raises.
        """
        pause = RETRY_FIRST
        while True:
            self._heartbeats.beat()
            outage = self._outages
            try:
                result = attempt()
            except StorageFailed as error:
                self._fails(error, outage)
                if self._lifecycle.phase is Phase.OVER:
                    raise
                self._lifecycle.wait_to_retry(pause)
                pause = min(RETRY_LONGEST, 2 * pause)
            except DatabaseUnusable:
                raise
            except StoreError:
                self._succeeds()  # the storage answers again; the caller asked for what is not there
                raise
            else:
                self._succeeds()
                return result

    def _fails(self, error: StorageFailed, outage: int) -> None:
        """Note that an attempt failed. outage: the number of outages that had ended when the attempt began."""
        with self._lock:
            if outage != self._outages:
                return
            if not self._failing:
                log.error("%s Watching goes on; what is seen is written as soon as that is possible.", error)
                self.health = DatabaseHealth(self._clock.now(), str(error))
            self._failing.add(threading.get_ident())

    def _succeeds(self) -> None:
        with self._lock:
            if threading.get_ident() not in self._failing:
                return
            self._failing.discard(threading.get_ident())
            if not self._failing:
                self._outages += 1
                log.warning("the database and the evidence folder can be written again")
                self.health = DatabaseHealth()
