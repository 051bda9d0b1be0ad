"""Switches the language: a form that works without scripts."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.web.answers import own_path, redirect
from streamwatch.web.catalogue import COOKIE
from streamwatch.web.context import console_of
from streamwatch.web.routing import form_of, page

_A_YEAR = 365 * 86_400


def switch(request: Request) -> Response:
    """Remember the language in a cookie, and go back to where the form was."""
    form = form_of(request)
    chosen = str(form.get("language", ""))
    if chosen not in console_of(request).languages:
        raise HTTPException(400)
    response = redirect(own_path(str(form.get("back", "/"))))
    response.set_cookie(COOKIE, chosen, max_age=_A_YEAR, samesite="lax", httponly=True)
    return response


ROUTES = [page("/language", switch, role=None, methods=("POST",))]
