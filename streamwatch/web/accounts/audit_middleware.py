"""Writes into the audit log who searched for a plate and who took data away, whichever page or program gave it."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamwatch.core.codes import AuditAction
from streamwatch.core.errors import StoreError
from streamwatch.web.accounts.audit import record
from streamwatch.web.accounts.entrance import is_program
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import error_page
from streamwatch.web.api.problems import problem

log = logging.getLogger(__name__)

PLATE = "plate"
"""The parameter that holds a plate or a part of it, in all addresses."""
_WITHHELD = "The audit log cannot be written now, so nothing is given away; try again in a moment."


class AnswerEnded(BaseException):
    """The rest of an answer is not sent, and whoever makes it stops. No Exception: nobody reports it as a failure."""


class Auditing:
    """Writes what a handler has not written itself, so that none can forget it.

    Middleware inside of the one that says who asks. The entry is written before the first byte of the answer.

    If it cannot be written, the answer is 503: nothing is given away unseen.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request, withheld = Request(scope), False

        async def noted(message: Message) -> None:
            nonlocal withheld
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                try:
                    await run_in_threadpool(_note, request, Headers(raw=message["headers"]))
                except StoreError as error:
                    log.warning("The page %s is withheld, because the audit log failed: %s", request.url.path, error)
                    withheld = True
                    answer = problem(503, _WITHHELD) if _of_the_api(request) else error_page(request, 503)
                    await answer(scope, receive, send)
                    raise AnswerEnded from None
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except (AnswerEnded, BaseExceptionGroup):
            if not withheld:
                raise


def _note(request: Request, headers: Mapping[str, str]) -> None:
    principal, query = principal_of(request), request.query_params
    if principal is None or getattr(request.state, "recorded", False):
        return
    plate = next(filter(None, map(str.strip, query.getlist(PLATE))), "")
    words = unquote_plus(str(query))
    if headers.get("content-disposition", "").startswith("attachment"):
        file = request.url.path.rpartition("/")[2]
        record(request, AuditAction.EXPORTED, file, path=request.url.path, query=words)
    elif plate and not is_program(request) and not _further(request):
        record(request, AuditAction.PLATE_SEARCHED, plate, path=request.url.path, query=words)


def _further(request: Request) -> bool:
    """Return True for the next page of a search, which was written down with its first one."""
    return bool(request.query_params.get("cursor" if _of_the_api(request) else "after"))


def _of_the_api(request: Request) -> bool:
    return request.url.path.startswith("/api/v1/")
