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
HANGING = 60.0
"""Seconds with one picture after which an engine hangs: a slow machine takes a few for the largest picture."""
MOST_HANGING = 3


class EngineHangs(Exception):
    """The engine hangs again and again. Only a new process helps."""


@dataclass(frozen=True, slots=True)
class _Job:
    """A picture that waits to be read. since: monotonic seconds."""

    picture: bytes
    since: float
    reply: Handoff[Response]


@dataclass(frozen=True, slots=True)
class _Reading:
    """The picture that the engine reads now. since: monotonic seconds."""

    job: _Job
    since: float


class ReadingQueue:
    """Pictures that wait for the engine. Call `read` on the event loop, and `work` on a thread of its own.

    An engine that raises an unexpected exception is closed and made again. Nobody can end a thread whose engine hangs:
    `replace` leaves it behind, and another thread calls `work`. make: makes the engine; it is called at once, and its
    exceptions go through. length: pictures that may wait.
    """

    def __init__(self, make: Callable[[], Recognizer], length: int) -> None:
        self._make = make
        self._engine: Recognizer | None = make()  # for the first thread
        self._jobs: Queue[_Job | None] = Queue(length)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._replaced = 0  # how often; each thread knows the number that it began with
        self._reading: _Reading | None = None

    async def read(self, picture: bytes, receive: Receive) -> Response:
        """Return what the engine reads. Raise RequestRefused if too many pictures wait; ClientDisconnect."""
        job = _Job(picture, time.monotonic(), Handoff())
        try:
            self._jobs.put_nowait(job)
        except Full:
            raise RequestRefused(Refusal.BUSY) from None
        return await job.reply.wait(receive)

    def work(self) -> None:
        """Read what waits, until `stop` or `replace`."""
        number, engine = self._replaced, self._engine
        self._engine = None
        while engine is not None or (engine := self._start_again()) is not None:
            job = self._jobs.get()
            if job is None:
                return
            if job.reply.abandoned:
                continue
            self._reading = _Reading(job, time.monotonic())
            reply, alive = _read(engine, job)
            with self._lock:
                if number != self._replaced:
                    alive = False
                else:
                    self._reading = None
                    job.reply.give(reply)
            if not alive:
                with suppress(Exception):  # it is broken
                    engine.close()
                engine = None
            if number != self._replaced:
                return

    def replace(self) -> bool:
        """Return True if the engine hangs. Then the thread in `work` is left behind, and another must call it.

        The client is answered. Raise EngineHangs for the MOST_HANGING-th time, because each thread that is left behind
        keeps its engine's memory.
        """
        with self._lock:
            reading = self._reading
            if reading is None or time.monotonic() - reading.since < HANGING:
                return False
            self._reading = None
            self._replaced += 1
            reading.job.reply.give(refuse(Refusal.ENGINE_DIED))
        if self._replaced >= MOST_HANGING:
            raise EngineHangs(f"the engine has hung {MOST_HANGING} times")
        log.critical("the engine has been reading one picture for %g s; another one is started", HANGING)
        return True

    def stop(self) -> None:
        """Once no client waits any more: `work` ends after the picture at hand."""
        self._stopping.set()
        while not self._jobs.empty():
            self._jobs.get_nowait()
        self._jobs.put(None)

    def _start_again(self) -> Recognizer | None:
        """Try until the engine is there; return None if the program ends before."""
        pause = AGAIN_FIRST
        while not self._stopping.is_set():
            try:
                engine = self._make()
            except Exception as error:
                log.error("the engine cannot be started (%s); the next try comes in %g s", error, pause)
                self._stopping.wait(pause)
                pause = min(AGAIN_LONGEST, 2 * pause)
            else:
                log.warning("the engine has been started again")
                return engine
        return None


def _read(engine: Recognizer, job: _Job) -> tuple[Response, bool]:
    """Return the answer, and True if the engine can go on."""
    if time.monotonic() - job.since > LATEST:
        return refuse(Refusal.TOO_LATE), True
    try:
        return plates_found(engine.read(job.picture, NullLedger())), True
    except RecognitionError:
        return picture_refused(RetCode.UNPARSED), True
    except Exception as error:
        log.critical("the engine failed unexpectedly; it is started again", exc_info=error)
        return refuse(Refusal.ENGINE_DIED), False
