"""One connection of the server: uvicorn's protocol, with the deadlines that uvicorn does not have."""

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from streamwatch.http.limits import CLOSE, HttpLimits, Refuse, date_header
from streamwatch.http.requests import CheckedConnection

_SILENT = logging.getLogger(f"{__name__}.uvicorn")
_SILENT.disabled = True
"""For uvicorn's own log lines: they say nothing that an operator can use."""


class State(Enum):
    """What a connection waits for.

        HANDSHAKE ──▶ IDLE ──first byte──▶ HEAD ──whole head──▶ BODY ──whole body──▶ WORKING
                       ▲                                                                │
                       └────────────────────────── answer given ───────────────────────┘

    HEAD goes to WORKING at once where the request has no body. Each state but HANDSHAKE may go to CLOSING: the answer
    is the last one, or the request is refused. Every state but WORKING has a deadline, after which the connection is
    cut off. In WORKING the application is at work, and only a client that does not take its answer is cut off.
    """

    HANDSHAKE = "handshake"
    IDLE = "idle"
    HEAD = "head"
    BODY = "body"
    WORKING = "working"
    CLOSING = "closing"


class LingeringTransport(asyncio.Transport):
    """A transport whose `close` says that nothing more comes, and still reads what the client sends.

    A socket that is closed while data is unread resets the connection, which can destroy the answer before the client
    reads it. So the connection stays until the client hangs up or the owner aborts it.
    """

    def __init__(self, inner: asyncio.Transport, on_close: Callable[[], bool]) -> None:
        """on_close: called once by `close`; True if the client may still be sending its request."""
        super().__init__()
        self._inner, self._on_close = inner, on_close
        self._closing = False

    def close(self) -> None:
        """Send what waits to be sent, then say that nothing more comes."""
        if self._closing:
            return
        self._closing = True
        if self._inner.is_closing():
            return
        self._inner.resume_reading()
        sending = self._on_close()
        if self._inner.can_write_eof():
            with suppress(OSError):  # the client has reset the connection
                self._inner.write_eof()
        elif not sending:  # TLS ends in both directions at once
            self._inner.close()

    def abort(self) -> None:
        """Cut the connection off; what waits to be sent is lost."""
        self._closing = True
        self._inner.abort()

    def is_closing(self) -> bool:
        """Return True after `close` or `abort`."""
        return self._closing or self._inner.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data, unless the transport is closing."""
        if data and not self.is_closing():
            self._inner.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return the information of the transport beneath."""
        return self._inner.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Leave what the client sends in the kernel's buffer."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self._inner.resume_reading()


class Connection(H11Protocol):
    """One client's connection; used on the server's event loop only.

    address: the client's. gone: called once, when the connection has ended.
    """

    conn: CheckedConnection
    transport: LingeringTransport

    def __init__(
        self,
        config: Config,
        shared: ServerState,
        limits: HttpLimits,
        refuse: Refuse,
        peer: socket.socket,
        address: str,
        gone: Callable[["Connection"], None],
    ) -> None:
        super().__init__(config, shared, {}, asyncio.get_running_loop())
        self.logger = _SILENT
        self.conn = CheckedConnection(limits)
        self.address, self.state = address, State.HANDSHAKE
        self._limits, self._refuse, self._peer, self._gone = limits, refuse, peer, gone
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    @property
    def gives_way(self) -> bool:
        """Return True while nobody works for the client, or the client does not take its answer."""
        return self.state is not State.WORKING or self._stall is not None

    def abort(self) -> None:
        """Cut the client off at once."""
        if self.state is not State.HANDSHAKE:
            self.transport.abort()
            return
        with suppress(OSError):
            self._peer.shutdown(socket.SHUT_RDWR)

    def leave(self) -> None:
        """Cut the client off if it has begun no request; else answer that request as the last one."""
        if self.state in (State.HANDSHAKE, State.IDLE):
            self.abort()
        elif self.cycle is not None:
            self.cycle.keep_alive = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, after the TLS handshake where there is one."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(LingeringTransport(transport, self._closes))
        self._enter(State.IDLE, self._limits.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        if self.state is State.IDLE:
            self._enter(State.HEAD, self._limits.head_seconds)
        # A head that is too large is refused by its beginning, before the rest of it is parsed.
        beginning = self._limits.head_bytes + 1 if self.state is State.HEAD else len(data)
        for piece in (data[:beginning], data[beginning:]):
            # After its last request a client has nothing to say.
            if piece and not self.transport.is_closing() and self.conn.their_state is not h11.MUST_CLOSE:
                super().data_received(piece)
        self._follow()

    def on_response_complete(self) -> None:
        """Go on with the next request if the connection stays open."""
        super().on_response_complete()
        self._follow()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser has not accepted, and close."""
        response = self._refuse(self.conn.fault, self.address)
        headers = [date_header(), *response.raw_headers(), CLOSE]
        reason = HTTPStatus(response.status).phrase.encode()
        events = [
            h11.Response(status_code=response.status, headers=headers, reason=reason),
            *([] if self.conn.method == b"HEAD" else [h11.Data(data=response.body)]),
            h11.EndOfMessage(),
        ]
        self.transport.write(b"".join(self.conn.send(event) or b"" for event in events))
        self.transport.close()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than the application makes it; begin a deadline."""
        super().pause_writing()
        self._stall = self.loop.call_later(self._limits.answer_seconds, self.abort)

    def resume_writing(self) -> None:
        """The client has taken what waited; end its deadline."""
        self._end_stall()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the deadlines; the client or the server has closed the connection."""
        self._enter(State.CLOSING, None)
        self._end_stall()
        super().connection_lost(exc)
        self._gone(self)

    def _follow(self) -> None:
        """Bring the state in line with the parser's."""
        theirs = self.conn.their_state
        if self.state is State.CLOSING:
            return
        if theirs is h11.SEND_BODY:
            self._enter(State.BODY, self._limits.body_seconds)
        elif theirs in (h11.DONE, h11.MUST_CLOSE):
            self._enter(State.WORKING, None)
        elif self.state in (State.BODY, State.WORKING):
            self._enter(State.IDLE, self._limits.keep_alive)

    def _closes(self) -> bool:
        """Go to CLOSING; return True if the client may still be sending its request."""
        sending = self.state in (State.HEAD, State.BODY)
        self._enter(State.CLOSING, self._limits.answer_seconds)
        return sending

    def _enter(self, state: State, seconds: float | None) -> None:
        """Change the state, and begin its deadline unless it has begun. seconds: None for no deadline."""
        if state is self.state and seconds is not None:
            return
        self.state = state
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.abort)

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
