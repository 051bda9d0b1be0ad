"""Errors of the API as `application/problem+json` (RFC 9457)."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamwatch.app.permit_words import PermitRefused, sentence_of
from streamwatch.core.errors import PermitError, StoreError, StreamwatchError
from streamwatch.core.text import printable

log = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
_SENTENCES = {
    400: "This request cannot be understood.",
    401: "Send a token: `Authorization: Bearer …`.",
    403: "This user or token may not do this.",
    404: "There is nothing here: the address is wrong, or what was here has been deleted.",
    405: "This address does not know this method.",
    500: "Something went wrong here; the log says more.",
    503: "The database cannot be used now; try again in a moment.",
}
_LONGEST = 200
"""Upper limit of the characters of a sentence about one parameter."""
_LONGEST_DETAIL = 1000
_AGAIN = {"Retry-After": "5"}


class FaultyField(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(description="the part: `query.limit`, `body.plate`")
    what: str = Field(description="what is wrong with it, as a sentence")


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(description="`about:blank`: the status says what kind of problem it is")
    title: str = Field(description="the status in words")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what is wrong, and what to do")
    errors: list[FaultyField] = Field(default=[], description="the parts of the request that are wrong")


def problem(
    status: int, detail: str = "", errors: Sequence[FaultyField] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an error as an answer. detail: a sentence; the usual one by default."""
    phrase = HTTPStatus(status).phrase
    found = Problem(
        type="about:blank",
        title=phrase,
        status=status,
        detail=detail or _SENTENCES.get(status, f"{phrase}."),
        errors=list(errors),
    )
    return JSONResponse(
        found.model_dump(), status, {"Cache-Control": "no-store", **(headers or {})}, media_type=PROBLEM_TYPE
    )


def refused(request: Request, error: HTTPException) -> JSONResponse:
    """Return the answer to an HTTPException."""
    own = "" if error.detail == HTTPException(error.status_code).detail else error.detail
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # Each operation is a route of its own, and the error names the methods of one of them only.
        routes: Sequence[Route] = getattr(request.app.state, "operations", ())
        here = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
        headers = {
            **(headers or {}),
            "Allow": ", ".join(sorted({one for route in here for one in route.methods or ()})),
        }
    return problem(error.status_code, own, headers=headers)


def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    """Return the answer to a request whose parameters or body are wrong."""
    errors = [FaultyField(where=_where(found["loc"]), what=_sentence(found["msg"])) for found in error.errors()[:20]]
    return problem(422, "The request is wrong: see `errors`.", errors)


def failed(request: Request, error: StreamwatchError) -> JSONResponse:
    """Return the answer to an error of the database or of a picture; the log has its words."""
    log.warning("The API failed at %s: %s", request.url.path, error)
    if isinstance(error, StoreError):
        return problem(503, headers=_AGAIN)
    return problem(500)


def unfit(_: Request, error: PermitError) -> JSONResponse:
    """Return the answer to a permit that cannot be as it was sent."""
    found = error.found if isinstance(error, PermitRefused) else ()
    errors = [FaultyField(where=f"body.{one.field}", what=sentence_of(one)) for one in found[:20]]
    return problem(409, str(error)[:_LONGEST_DETAIL], errors)


class Unexpected:
    """Middleware that logs an unexpected error and answers 500: it must not end the gate's work."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raise what was raised after the answer began: the connection is cut off then."""
        began = False

        async def noticed(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, noticed)
        except HTTPException:
            raise
        except Exception:
            log.exception("The API failed at %s", scope["path"])
            if not began:
                await problem(500)(scope, receive, send)


def _where(place: tuple[Any, ...]) -> str:
    return printable(".".join(map(str, place)))[:_LONGEST]


def _sentence(message: str) -> str:
    message = printable(message.removeprefix("Value error, "))[:_LONGEST]
    return message if message.endswith(".") else f"{message}."
