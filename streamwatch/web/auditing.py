"""Writes into the audit log who searched for a plate and who took data away, whichever page or program gave it."""

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamwatch.core.codes import AuditAction
from streamwatch.web.audit import record
from streamwatch.web.principal import principal_of

PLATE = "plate"
"""The parameter that holds a plate or a part of it, in all addresses."""
_FURTHER = ("after", "cursor")
"""Parameters of the next page of a search that was written down already."""


class Auditing:
    """Middleware inside of the one that says who asks. The entry is written before the first byte of the answer.

    It raises StoreError if the entry cannot be written: nothing is given away unseen.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                await run_in_threadpool(_note, Request(scope), Headers(raw=message["headers"]))
            await send(message)

        interesting = scope["type"] == "http" and scope["method"] == "GET" and not scope["path"].startswith("/static/")
        await self._app(scope, receive, noted if interesting else send)


def _note(request: Request, headers: Mapping[str, str]) -> None:
    principal, query = principal_of(request), request.query_params
    if principal is None:
        return
    plate = next(filter(None, map(str.strip, query.getlist(PLATE))), "")
    if headers.get("content-disposition", "").startswith("attachment"):
        record(request, AuditAction.EXPORTED, plate, path=request.url.path, query=str(query))
    elif plate and request.state.is_person and not any(name in query for name in _FURTHER):
        record(request, AuditAction.PLATE_SEARCHED, plate, path=request.url.path, query=str(query))
