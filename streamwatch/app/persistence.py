"""Work with the database and the evidence folder, tried again while the machine is at fault."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from streamwatch.app.lifecycle import Lifecycle, Phase
from streamwatch.core.clock import Clock
from streamwatch.core.errors import StorageFailed
from streamwatch.health import DatabaseHealth

log = logging.getLogger(__name__)

RETRY_FIRST, RETRY_LONGEST = 1.0, 30.0  # s between two tries while the cameras are watched

T = TypeVar("T")


class Persistence:
    """Tries again, so that a full disk, a lock, or a server that is away loses nothing that was seen.

    For all threads that work with the storage. The first one that fails is logged, and so is the last one that
    succeeds again. health: replaced as a whole; for status pages.
    """

    def __init__(self, clock: Clock, lifecycle: Lifecycle) -> None:
        self._clock, self._lifecycle = clock, lifecycle
        self._lock = threading.Lock()
        self._failing: set[int] = set()  # identifiers of threads
        self.health = DatabaseHealth()

    def persist(self, attempt: Callable[[], T], beat: Callable[[], None] = lambda: None) -> T:
        """Return what `attempt` returns, as soon as it does not raise StorageFailed. beat: called before each try.

        Raise StorageFailed once the phase is OVER, and whatever else `attempt` raises.
        """
        pause = RETRY_FIRST
        while True:
            beat()
            try:
                result = attempt()
            except StorageFailed as error:
                self._fails(error)
                if self._lifecycle.phase is Phase.OVER:
                    raise
                self._lifecycle.wait_to_retry(pause)
                pause = min(RETRY_LONGEST, 2 * pause)
            else:
                self._succeeds()
                return result

    def _fails(self, error: StorageFailed) -> None:
        with self._lock:
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
                log.warning("the database and the evidence folder can be written again")
                self.health = DatabaseHealth()
