"""Answers POST /ocrCars: one thread serves all clients, another reads the pictures; between them is a bounded queue."""

import logging
import ssl
import time
from dataclasses import dataclass
from queue import Full, Queue
from socket import socket

from streamwatch.core.errors import RecognitionError
from streamwatch.core.model import Recognizer
from streamwatch.http.visitors import Visitor, Visitors
from streamwatch.ocr_server.guard import Guard
from streamwatch.ocr_server.request import (
    LONGEST_HEAD,
    RequestHead,
    RequestRefused,
    Unreadable,
    picture_of,
    read_form,
    read_head,
)
from streamwatch.ocr_server.responses import Refusal, Response, RetCode, picture_refused, plates_found, refuse
from streamwatch.recognition.null_ledger import NullLedger

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 128
IN_TIME = 30.0
"""Seconds for a request, and for an answer: an 8 MB body over 2.2 Mbit/s."""
MOST_BYTES = 32_000_000
"""Bytes of all bodies that are being received. What was announced and has not come takes no room."""
LATEST = 30.0
"""Seconds in the queue after which no client waits any more."""
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class _Job:
    """A picture that waits to be read, and the client that waits for it. since: monotonic seconds."""

    visitor: Visitor
    picture: bytes
    since: float


class OcrService:
    """The service. `run` is for one thread, `work` for another.

    port: where it listens. queue: the number of pictures that may wait to be read.
    """

    def __init__(
        self, listener: socket, guard: Guard, recognizer: Recognizer, *, queue: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard, self._recognizer = guard, recognizer
        self._jobs: Queue[_Job | None] = Queue(queue)
        self._heads: dict[Visitor, RequestHead] = {}
        self._leaving = False
        self._visitors = Visitors(
            listener, self._hear, most=MOST_CONNECTIONS, in_time=IN_TIME, tls=tls, left=self._forget
        )
        self.port = self._visitors.port

    def run(self) -> None:
        """Serve clients until `leave` or `close` is called."""
        self._visitors.run()

    def leave(self, within: float) -> None:
        """Take no more requests, answer the received ones, and end `run` after at most `within` seconds.

        Any thread may call it.
        """
        self._leaving = True
        self._visitors.leave(within)

    def close(self) -> None:
        """Hang up on all clients and end `run`. Any thread may call it."""
        self._visitors.close()

    def work(self) -> None:
        """Read the waiting pictures, until `stop_working` is called."""
        while True:
            job = self._jobs.get()
            if job is None:
                return
            reply = self._read(job)
            self._visitors.answer(job.visitor, reply.http)
            self._say(job.visitor, reply, f", {len(job.picture)} bytes, {time.monotonic() - job.since:.2f} s")

    def stop_working(self) -> None:
        """End `work` after the picture that is being read; to be called once `run` has ended."""
        while not self._jobs.empty():
            self._jobs.get_nowait()
        self._jobs.put(None)

    def _read(self, job: _Job) -> Response:
        if time.monotonic() - job.since > LATEST:
            return refuse(Refusal.TOO_LATE)
        try:
            return plates_found(self._recognizer.read(job.picture, NullLedger()))
        except RecognitionError:
            return picture_refused(RetCode.UNPARSED)

    def _hear(self, visitor: Visitor) -> bytes | None:
        try:
            reply = self._take(visitor)
        except RequestRefused as refused:
            reply = refuse(refused.refusal, refused.detail)
        except Unreadable as unreadable:
            reply = picture_refused(unreadable.business)
        if reply is None:
            return None
        self._say(visitor, reply)
        return reply.http

    def _take(self, visitor: Visitor) -> Response | None:
        """Read what has come; return None while more has to come, or the picture waits to be read."""
        head = self._heads.get(visitor) or self._begin(visitor)
        if head is None:
            return None
        self._make_room(visitor)
        if len(visitor.request) < head.length:
            return None
        form = read_form(bytes(visitor.request[: head.length]))
        self._forget(visitor)
        visitor.request = bytearray()
        self._guard.check_signature(head, form)
        picture = picture_of(form)
        try:
            self._jobs.put_nowait(_Job(visitor, picture, time.monotonic()))
        except Full:
            return refuse(Refusal.BUSY)
        visitor.waits = True
        return None

    def _begin(self, visitor: Visitor) -> RequestHead | None:
        """Return the head once it is whole, and leave in the request what came of the body."""
        end = visitor.request.find(_END)
        if end > LONGEST_HEAD or (end < 0 and len(visitor.request) > LONGEST_HEAD):
            raise RequestRefused(Refusal.URL_TOO_LARGE)
        if end < 0:
            return None
        head = read_head(bytes(visitor.request[:end]))
        self._guard.check_head(head)
        if self._leaving:
            raise RequestRefused(Refusal.BUSY)
        self._heads[visitor] = head
        del visitor.request[: end + len(_END)]
        if head.expects and len(visitor.request) < head.length:
            visitor.say(b"HTTP/1.1 100 Continue\r\n\r\n")
        return head

    def _make_room(self, visitor: Visitor) -> None:
        """Make room if all bodies take too much: the client whose bodies take the most gives way.

        If that is the newcomer, it is refused, or else that client's oldest request. So a client that sends many
        bodies, or leaves many unfinished, locks out only itself. Raise RequestRefused.
        """
        while sum(len(other.request) for other in self._heads) > MOST_BYTES:
            room: dict[str, int] = {}
            for other in self._heads:
                room[other.address] = room.get(other.address, 0) + len(other.request)
            largest = max(room, key=lambda address: room[address])
            if visitor.address == largest:
                self._forget(visitor)
                raise RequestRefused(Refusal.BUSY)
            oldest = next(other for other in self._heads if other.address == largest)
            self._forget(oldest)
            reply = refuse(Refusal.BUSY)
            self._say(oldest, reply)
            self._visitors.dismiss(oldest, reply.http)

    def _forget(self, visitor: Visitor) -> None:
        self._heads.pop(visitor, None)

    def _say(self, visitor: Visitor, reply: Response, more: str = "") -> None:
        log.info("%s: %s%s (request %s)", visitor.address, reply.word, more, reply.request_id)
