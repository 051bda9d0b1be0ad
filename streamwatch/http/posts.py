"""A server for machines that post: each whole body is handed to a thread of ours, which answers when it is ready."""

import asyncio
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from typing import Protocol

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from streamwatch.http.bodies import Bodies, NoRoom
from streamwatch.http.handoff import Handoff
from streamwatch.http.limits import HttpLimits, HttpResponse
from streamwatch.http.post_head import BUSY, PostHead, plain
from streamwatch.http.server import HttpServer
from streamwatch.http.sockets import listen

MOST_BYTES = 48_000_000
"""Bytes of all bodies that are being received."""
PATIENCE = 20.0
"""Seconds in which a post must be answered; after that the sender is told to come again."""
SULK, SULKING = 1.0, 32
"""Seconds after which a refusal is answered, and the refusals that wait at the same time: a machine that posts what it
may not, again and again, should have to wait for it."""
LIMITS = HttpLimits(
    connections=128,
    head_seconds=5.0,
    body_bytes=8_000_000,
    body_seconds=20.0,
    answer_seconds=10.0,
    keep_alive=30,
)


class Exchange:
    """A post that came whole, and the answer to it. Made on the server's event loop; any thread may answer."""

    def __init__(self, head: PostHead, body: bytes) -> None:
        self.head, self.body = head, body
        self._handoff: Handoff[HttpResponse] = Handoff()
        self._sent: Future[bool] = Future()

    @property
    def abandoned(self) -> bool:
        """True if nobody waits for the answer any more."""
        return self._handoff.abandoned

    def answer(self, response: HttpResponse) -> None:
        """Give the answer. Only the first one counts."""
        self._handoff.give(response)

    def was_sent(self, within: float) -> bool:
        """Wait until the answer was handed over to the network, and return True; False if the sender had gone.

        within: seconds, after which it is False, too.
        """
        try:
            return self._sent.result(within)
        except FutureTimeout:
            return False

    async def reply(self, receive: Receive, send: Send) -> None:
        """Wait for the answer and send it. Raise ClientDisconnect."""
        try:
            try:
                async with asyncio.timeout(PATIENCE):
                    response = await self._handoff.wait(receive)
            except TimeoutError:
                response = BUSY
            await _send(response, send)
            self._sent.set_result(response is not BUSY)
        finally:
            if not self._sent.done():
                self._sent.set_result(False)


class Desk(Protocol):
    """Who takes posts. Both methods are called on the event loop, and must not wait."""

    def admit(self, head: PostHead) -> HttpResponse | None:
        """Return why a post is refused, before its body is read; None to read it."""

    def take(self, exchange: Exchange) -> None:
        """Take a whole post, which some thread answers later."""


class _Posts:
    """The ASGI application."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._bodies, self._sulking = desk, Bodies(MOST_BYTES), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raise ClientDisconnect."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        head = PostHead(scope["path"], scope["client"][0], headers)
        refusal = self._desk.admit(head) if scope["method"] == "POST" else plain(405, "Send it by POST.")
        if refusal is not None:
            await self._sulk()
            await _send(refusal, send)
            return
        try:
            body = await self._bodies.take(head.address, receive)
        except NoRoom:
            await _send(BUSY, send)
            return
        exchange = Exchange(head, body)
        self._desk.take(exchange)
        with suppress(ClientDisconnect):
            await exchange.reply(receive, send)

    async def _sulk(self) -> None:
        """Wait before a refusal, unless many wait already."""
        if self._sulking >= SULKING:
            return
        self._sulking += 1
        try:
            await asyncio.sleep(SULK)
        finally:
            self._sulking -= 1


async def _send(response: HttpResponse, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.raw_headers()})
    await send({"type": "http.response.body", "body": response.body})


def serve_posts(
    desk: Desk,
    host: str,
    port: int,
    *,
    purpose: str,
    key: str = "",
    tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    limits: HttpLimits = LIMITS,
) -> HttpServer:
    """Return a server that listens already; its `run` answers. Raise ConfigError if the port cannot be used.

    host: a numeric address of this machine, or localhost. port: 0 takes a free one. purpose, key: for the error, and
    the key of the config with the port. tls: called before the port is opened.
    """
    context = tls()
    return HttpServer(_Posts(desk), listen(host, port, purpose, key), limits, tls=context)
