"""Everybody's own page: the password, and where one is logged in."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import AccountError
from streamwatch.store import SessionRow, Store
from streamwatch.web.accounts.audit import address_of, change
from streamwatch.web.accounts.entrance import entrance_of, give_cookie, hash_of, new_secret, session_of
from streamwatch.web.accounts.passwords import Busy, require_good
from streamwatch.web.answers import error_page, redirect, render, words_of
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.routing import form_of, page

_BROWSERS = {
    "MicroMessenger": "WeChat",
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac": "Mac",
    "Linux": "Linux",
}
"""Names by what stands in User-Agent; the first that is found counts, because browsers name others, too."""


def account(request: Request, error: str = "") -> Response:
    """Show the own account."""
    session = session_of(request)
    if session is None:
        return error_page(request, HTTPStatus.NOT_FOUND, words_of(request)(N_("Nobody has logged in here.")))
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    sessions = open_sessions(request, session.user)
    return render(
        request,
        "account.html",
        status=status,
        session=session,
        sessions=sessions,
        error=error,
        browser_name=browser_name,
    )


def change_account(request: Request) -> Response:
    """Change the own password, or end own sessions."""
    session, _ = session_of(request), words_of(request)
    if session is None:
        return account(request)
    fields, now = form_of(request), datetime.now(UTC)
    try:
        match fields.get("do"):
            case "password":
                return _new_password(request, session)
            case "end":
                number = _number(fields.get("session"))
                change(
                    request,
                    lambda store: store.accounts.end_session(number, session.user, now),
                    AuditAction.SESSION_ENDED,
                    session.user,
                )
                return redirect("/account", _("The session has ended."))
    except AccountError as refused:
        return account(request, _(refused.message))
    return error_page(request, HTTPStatus.BAD_REQUEST)


def open_sessions(request: Request, user: str) -> list[SessionRow]:
    """Return the open sessions of a user, the last used first."""
    console = console_of(request)
    idle = timedelta(seconds=console.backend.settings.web.session_idle)
    return console.reader.accounts.sessions(datetime.now(UTC), idle, user)


def browser_name(user_agent: str) -> str:
    """Return browser and system in a few words, such as `Firefox, Windows`; else the beginning of what it says."""
    browser = next((name for mark, name in _BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS.items() if mark in user_agent), "")
    return ", ".join(filter(None, (browser, system))) or user_agent[:40] or "–"


def _new_password(request: Request, session: SessionRow) -> Response:
    """Change the own password. All sessions end, and a new one is opened here. Raise AccountError."""
    fields, _, entrance = form_of(request), words_of(request), entrance_of(request)
    before, after = str(fields.get("before", "")), str(fields.get("after", ""))
    if after != str(fields.get("again", "")):
        return account(request, _("The two new passwords differ."))
    require_good(after, session.user)
    try:
        wait = entrance.is_password_of(request, session.user, before)
        if wait:
            return account(request, _("Too many tries. Wait a few minutes."))
        if wait is None:
            return account(request, _("The present password is wrong."))
        hashed = entrance.passwords.hash(after)
    except Busy:
        return account(request, _("Too many people log in at this moment. Try again."))
    now, cookie = datetime.now(UTC), new_secret()
    ends_at = now + timedelta(seconds=console_of(request).backend.settings.web.session_longest)
    agent, address = request.headers.get("user-agent", ""), address_of(request)

    def renew(store: Store) -> None:
        store.accounts.set_password(session.user, hashed, now)
        store.accounts.open_session(session.user, hashed, hash_of(cookie), now, ends_at, address, agent)

    change(request, renew, AuditAction.PASSWORD_CHANGED, session.user)
    response = redirect("/account", _("The password is changed. You are logged out everywhere else."))
    give_cookie(request, response, cookie)
    return response


def _number(text: object) -> int:
    """Return the number of a session; 0, which no row has, for anything else."""
    return int(str(text)) if str(text).isascii() and str(text).isdigit() and len(str(text)) < 10 else 0


ROUTES = [
    page("/account", account, role=Role.VIEWER),
    page("/account", change_account, role=Role.VIEWER, methods=("POST",)),
]
