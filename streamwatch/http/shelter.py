"""Keeps an application's errors from ending the server."""

import logging
import traceback

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamwatch.core.errors import StreamwatchError

log = logging.getLogger(__name__)

_FAILED = "This page failed. The log of streamwatch says why.\n"


class Shelter:
    """An ASGI application whose exceptions are logged and answered, and go no further.

    The first exception of a place in the code is an ERROR with its traceback; later ones are one line, so that a page
    that is asked for again and again does not fill the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._known: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raise ClientDisconnect only."""
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            raise
        except Exception as error:
            answer = self._answer(error, scope)
            # An answer that has begun is cut off: the server closes the connection, and the client sees that.
            if not started:
                await answer(scope, receive, send)

    def _answer(self, error: Exception, scope: Scope) -> PlainTextResponse:
        if isinstance(error, HTTPException):
            return PlainTextResponse(f"{error.detail}\n", error.status_code)
        if isinstance(error, StreamwatchError):
            log.error("%s: %s", _page(scope), error)
            return PlainTextResponse(f"{error}\n", 503)
        place = "".join(traceback.format_tb(error.__traceback__)[-1:])
        if place in self._known:
            log.error("%s failed again: %s", _page(scope), type(error).__name__)
        else:
            self._known.add(place)
            log.error("%s failed", _page(scope), exc_info=error)
        return PlainTextResponse(_FAILED, 500)


def _page(scope: Scope) -> str:
    """Return method and path in characters that a terminal does not obey."""
    return f"{scope['method']} {ascii(scope['path'][:200])[1:-1]}"
