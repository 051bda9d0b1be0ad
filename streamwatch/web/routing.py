"""Declares the addresses of the console. Each has a role, and handlers are plain functions that run in a thread."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route

from streamwatch.core.codes import Role
from streamwatch.core.errors import StreamwatchError
from streamwatch.web.accounts.principal import principal_of

log = logging.getLogger(__name__)

Handler = Callable[[Request], Response]
MOST_FIELDS = 500
"""Fields of one form."""
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class RowNumber(IntegerConvertor):
    """The number of a row in an address, such as `/passages/{id:row}`; longer ones, which no database has, are 404."""

    regex = "[0-9]{1,18}"


register_url_convertor("row", RowNumber())


class Page(Route):
    """A route that knows the role it asks for. role: None lets in those who have not logged in, too."""

    def __init__(self, path: str, endpoint: Any, role: Role | None, methods: Sequence[str]) -> None:
        super().__init__(path, endpoint, methods=list(methods))
        self.role = role


def page(path: str, handler: Handler, *, role: Role | None, methods: Sequence[str] = ("GET",), files: int = 0) -> Page:
    """Declare an address. The handler finds a form at `form_of`, and another body as bytes at `request.state.body`.

    files: how many files its form may hold; they lie on the disk until the handler has returned.
    Who has not logged in gets 401 and who may not gets 403, both as an HTTPException that becomes a page in words.
    """

    async def endpoint(request: Request) -> Response:
        require(request, role)
        if request.method not in ("GET", "HEAD"):
            kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind in _FORMS:
                request.state.form = await request.form(max_files=files, max_fields=MOST_FIELDS)
            else:
                request.state.body = await request.body()
        try:
            return await run_in_threadpool(_answer, handler, request)
        finally:
            await request.close()

    return Page(path, endpoint, role, methods)


def require(request: HTTPConnection, role: Role | None) -> None:
    """Raise HTTPException unless the one who asks has the role. None: everybody has."""
    if role is None:
        return
    principal = principal_of(request)
    if principal is None:
        raise HTTPException(401)
    if not principal.role.at_least(role):
        raise HTTPException(403)


def form_of(request: Request) -> FormData:
    """Return the fields that were sent; none if the request has no form."""
    form: FormData = getattr(request.state, "form", None) or FormData()
    return form


def _answer(handler: Handler, request: Request) -> Response:
    """Return the handler's answer. An unexpected error is logged and becomes a page: it must not end the watching."""
    try:
        return handler(request)
    except (HTTPException, StreamwatchError):
        raise
    except Exception as error:
        log.exception("The page %s failed", request.url.path)
        raise HTTPException(500) from error
