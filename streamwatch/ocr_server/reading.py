"""The queue of pictures, and the thread that has the engine read them."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Full, Queue

from starlette.types import Receive

from streamwatch.core.errors import RecognitionError
from streamwatch.core.model import Recognizer
from streamwatch.http.handoff import Handoff
from streamwatch.ocr_server.request import RequestRefused
from streamwatch.ocr_server.responses import Refusal, Response, RetCode, picture_refused, plates_found, refuse
from streamwatch.recognition.null_ledger import NullLedger

log = logging.getLogger(__name__)

LATEST = 30.0
"""Seconds in the queue after which no client waits any more."""
AGAIN_FIRST, AGAIN_LONGEST = 1.0, 60.0
"""Seconds between two tries to start an engine that does not start."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A picture that waits to be read. since: monotonic seconds."""

    picture: bytes
    since: float
    reply: Handoff[Response]


class ReadingQueue:
    """Pictures that wait for the engine. Call `read` on the event loop, and `work` on a thread of its own.

    An engine that raises an unexpected exception is closed and made again. make: makes the engine; it is called at
    once, and its exceptions go through. length: pictures that may wait.
    """

    def __init__(self, make: Callable[[], Recognizer], length: int) -> None:
        self._make = make
        self._engine: Recognizer | None = make()
        self._jobs: Queue[_Job | None] = Queue(length)
        self._stopping = threading.Event()

    async def read(self, picture: bytes, receive: Receive) -> Response:
        """Return what the engine reads. Raise RequestRefused if too many pictures wait; ClientDisconnect."""
        job = _Job(picture, time.monotonic(), Handoff())
        try:
            self._jobs.put_nowait(job)
        except Full:
            raise RequestRefused(Refusal.BUSY) from None
        return await job.reply.wait(receive)

    def work(self) -> None:
        """Read what waits, until `stop`."""
        while True:
            if self._engine is None and not self._start_again():
                return
            job = self._jobs.get()
            if job is None:
                return
            if not job.reply.abandoned:
                job.reply.give(self._read(job))

    def stop(self) -> None:
        """Once no client waits any more: `work` ends after the picture at hand."""
        self._stopping.set()
        while not self._jobs.empty():
            self._jobs.get_nowait()
        self._jobs.put(None)

    def _read(self, job: _Job) -> Response:
        if time.monotonic() - job.since > LATEST:
            return refuse(Refusal.TOO_LATE)
        assert self._engine is not None
        try:
            return plates_found(self._engine.read(job.picture, NullLedger()))
        except RecognitionError:
            return picture_refused(RetCode.UNPARSED)
        except Exception as error:
            log.critical("the engine failed unexpectedly; it is started again", exc_info=error)
            with suppress(Exception):  # it is broken
                self._engine.close()
            self._engine = None
            return refuse(Refusal.ENGINE_DIED)

    def _start_again(self) -> bool:
        """Try until the engine is there; False if the program ends before."""
        pause = AGAIN_FIRST
        while not self._stopping.is_set():
            try:
                self._engine = self._make()
            except Exception as error:
                log.error("the engine cannot be started (%s); the next try comes in %g s", error, pause)
                self._stopping.wait(pause)
                pause = min(AGAIN_LONGEST, 2 * pause)
            else:
                log.warning("the engine has been started again")
                return True
        return False
