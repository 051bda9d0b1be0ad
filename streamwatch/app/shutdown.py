"""The orderly end of the daemon."""

import logging
import threading
from collections.abc import Callable, Sequence

from streamwatch.app.lifecycle import Lifecycle
from streamwatch.app.write_queue import WriteQueue
from streamwatch.core.clock import Clock
from streamwatch.core.text import some
from streamwatch.pipeline import Dispatcher

log = logging.getLogger(__name__)

LOOK_EVERY = 0.05  # s between two looks at what still waits to be read


class Shutdown:
    """Ends the threads in the order of the data's way, so that all that was seen is read and stored."""

    def __init__(
        self, dispatcher: Dispatcher, writer: WriteQueue, lifecycle: Lifecycle, clock: Clock, drain: float
    ) -> None:
        """drain: seconds that the whole end may take."""
        self._dispatcher, self._writer, self._lifecycle = dispatcher, writer, lifecycle
        self._clock, self._drain = clock, drain

    def run(
        self,
        cameras: Sequence[threading.Thread],
        readers: Sequence[threading.Thread],
        recorder: threading.Thread,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait for the cameras, then for what they left, then for the readers; end the recorder last.

        then: called before that, when all that was read is stored.
        """
        self._lifecycle.drain()
        deadline = self._clock.monotonic() + self._drain
        self._join(cameras, deadline)
        if not self._lifecycle.failed:
            self._wait_until_stored(deadline)
            self._wait_until_read(deadline)
        self._dispatcher.close()
        self._join(readers, deadline)
        left, _, _ = self._dispatcher.backlog()
        if left:
            log.warning("%s waiting on disk, to be read at the next start", some(left, "picture"))
        then()
        self._lifecycle.finish()
        self._writer.close()
        recorder.join(max(1.0, self._drain))

    def _join(self, threads: Sequence[threading.Thread], deadline: float) -> None:
        for thread in threads:
            thread.join(self._until(deadline))

    def _wait_until_stored(self, deadline: float) -> None:
        """Wait until the writer has done all that is queued now."""
        barrier = self._writer.offer(lambda: None)
        try:
            if barrier is None:
                raise TimeoutError
            barrier.result(self._until(deadline))
        except TimeoutError:
            log.error("not everything that was seen could be stored before the end")

    def _wait_until_read(self, deadline: float) -> None:
        """Wait while something waits that can be read now: by the service, or by the local engine in its place."""
        while self._until(deadline) and self._dispatcher.backlog()[0]:
            if self._dispatcher.breakers() and self._dispatcher.held_for() > 0:
                return
            self._lifecycle.wait_until_over(LOOK_EVERY)

    def _until(self, deadline: float) -> float:
        return max(0.0, deadline - self._clock.monotonic())
