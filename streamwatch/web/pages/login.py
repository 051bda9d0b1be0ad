"""The log-in and the log-out."""

from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from streamwatch.core.codes import AuditAction
from streamwatch.web.accounts.audit import change
from streamwatch.web.accounts.entrance import cookie_name, cookie_of, entrance_of, give_cookie, hash_of, session_of
from streamwatch.web.accounts.passwords import Busy
from streamwatch.web.answers import own_path, redirect, render, words_of
from streamwatch.web.context import console_of
from streamwatch.web.routing import form_of, page


def form(request: Request) -> Response:
    """Ask for name and password."""
    target = own_path(request.query_params.get("next", "/"))
    return RedirectResponse(target, 303) if session_of(request) is not None else _asked(request, target)


def log_in(request: Request) -> Response:
    """Open a session, and go to where the person wanted to go."""
    fields, _ = form_of(request), words_of(request)
    name, target = str(fields.get("name", "")), own_path(str(fields.get("next", "/")))
    try:
        admitted = entrance_of(request).log_in(request, name, str(fields.get("password", "")))
    except Busy:
        return _asked(request, target, name, _("Too many people log in at this moment. Try again."), 503)
    if admitted.wait:
        return _later(request, target, name, admitted.wait)
    if not admitted.cookie:
        return _asked(request, target, name, _("The name or the password is wrong."), HTTPStatus.UNAUTHORIZED)
    response = RedirectResponse(target, 303)
    response.headers["Cache-Control"] = "no-store"
    give_cookie(request, response, admitted.cookie)
    return response


def log_out(request: Request) -> Response:
    """End the session, and have the browser forget it and the pictures that it kept."""
    session, _ = session_of(request), words_of(request)
    if session is not None:
        token_hash = hash_of(cookie_of(request))
        change(request, lambda store: store.accounts.log_out(token_hash, datetime.now(UTC)), AuditAction.LOGOUT)
    response = redirect("/login", _("You are logged out."))
    if cookie_name(request) in request.cookies:
        give_cookie(request, response, "")
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _asked(request: Request, target: str, name: str = "", error: str = "", status: int = HTTPStatus.OK) -> Response:
    nobody = not console_of(request).reader.accounts.any_user()
    return render(request, "login.html", status=status, target=target, name=name[:64], error=error, nobody=nobody)


def _later(request: Request, target: str, name: str, wait: float) -> Response:
    seconds = int(wait) + 1
    _ = words_of(request)
    if seconds < 120:
        error = _("Too many tries. Try again in %(seconds)s seconds.") % {"seconds": seconds}
    else:
        error = _("Too many tries. Try again in %(minutes)s minutes.") % {"minutes": -(-seconds // 60)}
    response = _asked(request, target, name, error, HTTPStatus.TOO_MANY_REQUESTS)
    response.headers["Retry-After"] = str(seconds)
    return response


ROUTES = [
    page("/login", form, role=None),
    page("/login", log_in, role=None, methods=("POST",)),
    page("/logout", log_out, role=None, methods=("POST",)),
]
