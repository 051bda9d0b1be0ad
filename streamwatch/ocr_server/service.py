"""Answers POST /ocrCars: one thread serves all clients, another reads the pictures; between them is a bounded queue."""

import logging
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from socket import socket

from starlette.types import Receive, Scope, Send

from streamwatch.core.model import Recognizer
from streamwatch.http.bodies import Bodies, NoRoom
from streamwatch.http.limits import HttpLimits, HttpResponse, RequestFault
from streamwatch.http.server import HttpServer
from streamwatch.ocr_server.guard import Guard
from streamwatch.ocr_server.reading import ReadingQueue
from streamwatch.ocr_server.request import (
    LARGEST_BODY,
    LONGEST_HEAD,
    RequestRefused,
    Unreadable,
    picture_of,
    read_form,
    read_head,
)
from streamwatch.ocr_server.responses import Refusal, Response, picture_refused, refuse

log = logging.getLogger(__name__)

MOST_BYTES = 32_000_000
"""Bytes of all bodies that are being received. What was announced and has not come takes no room."""
LIMITS = HttpLimits(
    connections=128,
    head_bytes=LONGEST_HEAD,
    head_seconds=10.0,
    body_bytes=LARGEST_BODY,
    body_seconds=30.0,  # 8 MB over 2.2 Mbit/s
    answer_seconds=30.0,
)
_REFUSALS = {
    RequestFault.MALFORMED: Refusal.HEADER,
    RequestFault.NO_LENGTH: Refusal.NO_BODY,
    RequestFault.BODY_TOO_LARGE: Refusal.BODY_TOO_LARGE,
    RequestFault.WRONG_HOST: Refusal.HEADER,
    RequestFault.HEAD_TOO_LARGE: Refusal.URL_TOO_LARGE,
}


class OcrService:
    """The server with its queue of pictures. Call `run` on one thread and `work` on another. port: where it listens.

    make: makes the engine; it is called at once, and its exceptions go through. queue: pictures that may wait to be
    read. hosts: see `HttpLimits`.
    """

    def __init__(
        self,
        listener: socket,
        guard: Guard,
        make: Callable[[], Recognizer],
        *,
        queue: int,
        tls: ssl.SSLContext | None = None,
        hosts: frozenset[str] | None = None,
    ) -> None:
        self._guard = guard
        self._queue = ReadingQueue(make, queue)
        self._bodies = Bodies(MOST_BYTES)
        self._leaving = False
        self._server = HttpServer(
            self._serve, listener, replace(LIMITS, hosts=hosts), tls=tls, refuse=self._refuse_request
        )
        self.port = self._server.port

    def run(self) -> None:
        """Serve clients until `leave` or `close` is called."""
        self._server.run()

    def leave(self, within: float) -> None:
        """Take no more requests, answer the received ones, and end `run` after at most `within` seconds.

        Any thread may call it.
        """
        self._leaving = True
        self._server.stop(within)

    def close(self) -> None:
        """Hang up on all clients and end `run`. Any thread may call it."""
        self._server.stop()

    def work(self) -> None:
        """Read the waiting pictures, until `stop_working` is called."""
        self._queue.work()

    def replace_reader(self) -> bool:
        """Return True if the engine hangs; then another thread must call `work`. Raise EngineHangs."""
        return self._queue.replace()

    def stop_working(self) -> None:
        """End `work` after the picture that is being read; to be called once `run` has ended."""
        self._queue.stop()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application. Raise ClientDisconnect."""
        address: str = scope["client"][0]
        reply, more = await self._reply(scope, receive, address)
        _say(address, reply, more)
        response = reply.response
        headers = response.raw_headers()
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})

    async def _reply(self, scope: Scope, receive: Receive, address: str) -> tuple[Response, str]:
        """Return the reply, and what the log says beside it. Raise ClientDisconnect."""
        try:
            picture = await self._picture(scope, receive, address)
            began = time.monotonic()
            reply = await self._queue.read(picture, receive)
        except RequestRefused as refused:
            return refuse(refused.refusal, refused.detail), ""
        except NoRoom:
            return refuse(Refusal.BUSY), ""
        except Unreadable as unreadable:
            return picture_refused(unreadable.business), ""
        return reply, f", {len(picture)} bytes, {time.monotonic() - began:.2f} s"

    async def _picture(self, scope: Scope, receive: Receive, address: str) -> bytes:
        """Return the picture of a request. Raise RequestRefused, NoRoom, Unreadable, ClientDisconnect."""
        head = read_head(scope)
        self._guard.check_head(head)
        if self._leaving:
            raise RequestRefused(Refusal.BUSY)
        form = read_form(await self._bodies.take(address, receive))
        self._guard.check_signature(head, form)
        return picture_of(form)

    def _refuse_request(self, fault: RequestFault, address: str) -> HttpResponse:
        reply = refuse(_REFUSALS[fault])
        _say(address, reply)
        return reply.response


def _say(address: str, reply: Response, more: str = "") -> None:
    log.info("%s: %s%s (request %s)", address, reply.word, more, reply.request_id)
