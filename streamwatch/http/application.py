"""What the server adds to each application: a limit of the body, the header Date, the end of the connection."""

from collections.abc import Callable, Sequence

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamwatch.http.limits import CLOSE, HttpLimits, Refuse, RequestFault, date_header


class _BodyTooLarge(HTTPException):
    """The body has more bytes than allowed. Starlette answers it itself; other applications let it through."""

    def __init__(self) -> None:
        super().__init__(RequestFault.BODY_TOO_LARGE.status, RequestFault.BODY_TOO_LARGE.sentence)


class Application:
    """An ASGI application behind the server's limits.

    fail: called with an exception that the application raised, unless it is Starlette's ClientDisconnect.
    leaving: set it to make each further answer the last one of its connection.
    """

    def __init__(self, app: ASGIApp, limits: HttpLimits, refuse: Refuse, fail: Callable[[Exception], None]) -> None:
        self._app, self._limits, self._refuse, self._fail = app, limits, refuse, fail
        self.leaving = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raise what the application raises."""
        taken, started = 0, False
        most = self._limits.larger_bodies.get(scope["path"], self._limits.body_bytes)

        async def receive_within_limit() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _BodyTooLarge
            return message

        async def send_completed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": self._completed(message.get("headers", ()))}
            await send(message)

        try:
            await self._app(scope, receive_within_limit, send_completed)
        except _BodyTooLarge:
            if started:
                raise
            response = self._refuse(RequestFault.BODY_TOO_LARGE, scope["client"][0])
            headers = [*response.raw_headers(), CLOSE]
            await send_completed({"type": "http.response.start", "status": response.status, "headers": headers})
            await send_completed({"type": "http.response.body", "body": response.body})
        except ClientDisconnect:
            pass  # nobody waits for an answer
        except Exception as error:
            self._fail(error)
            raise

    def _completed(self, headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        own = [header for header in headers if header != CLOSE]
        last = self.leaving or not self._limits.keep_alive or CLOSE in headers
        return [date_header(), *own, *([CLOSE] if last else [])]
