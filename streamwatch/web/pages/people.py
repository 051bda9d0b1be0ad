"""Users and tokens: who may use the console, as what, and which cameras they see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import AccountError
from streamwatch.store import Store, UserRow
from streamwatch.web.accounts.account_rules import checked_name, checked_scope, checked_token
from streamwatch.web.accounts.audit import change
from streamwatch.web.accounts.entrance import TOKEN_PREFIX, entrance_of, hash_of, new_secret, session_of
from streamwatch.web.accounts.passwords import Busy, require_good
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.answers import redirect, render, words_of
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of
from streamwatch.web.pages.account import browser_name, open_sessions
from streamwatch.web.routing import form_of, page

ROLES = {
    Role.VIEWER: (N_("Viewer"), N_("looks")),
    Role.GUARD: (N_("Guard"), N_("also types in plates")),
    Role.MANAGER: (N_("Manager"), N_("also exports, corrects and sees costs")),
    Role.ADMIN: (N_("Admin"), N_("also changes cameras and people")),
}
"""Name and rights of each role."""
TOKEN_ROLES = (Role.VIEWER, Role.GUARD, Role.MANAGER)
TOKEN_DAYS = {30: N_("30 days"), 365: N_("1 year"), 0: N_("no end")}


def people(request: Request, error: str = "", secret: str = "", opened: str = "") -> Response:
    """Show users and tokens. secret: a token that was just made. opened: the form to which the error belongs."""
    console, now = console_of(request), datetime.now(UTC)
    tokens = [token for token in console.reader.accounts.tokens() if token.revoked_at is None]
    return render(
        request,
        "people.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        users=console.reader.accounts.users(),
        tokens=tokens,
        ended={token.name for token in tokens if token.ends_at is not None and token.ends_at <= now},
        roles=ROLES,
        token_roles=TOKEN_ROLES,
        token_days=TOKEN_DAYS,
        cameras=_cameras(request),
        fields=form_of(request) if error else {},
        chosen=form_of(request).getlist("camera") if error else [],
        error=error,
        opened=opened,
        secret=secret,
    )


def change_people(request: Request) -> Response:
    """Add a user, or add or revoke a token."""
    does = {"add_user": _add_user, "add_token": _add_token, "revoke_token": _revoke_token}
    chosen = str(form_of(request).get("do"))
    if chosen not in does:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    return _or_error(request, lambda: does[chosen](request), lambda error: people(request, error, opened=chosen))


def person(request: Request, error: str = "") -> Response:
    """Show one user."""
    user = _user(request)
    return render(
        request,
        "person.html",
        status=HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
        user=user,
        roles=ROLES,
        cameras=sorted({*_cameras(request), *(user.cameras or ())}),
        sessions=open_sessions(request, user.name),
        browser_name=browser_name,
        error=error,
    )


def change_person(request: Request) -> Response:
    """Change one user's rights or password, end the sessions, keep the user out, or remove the user."""
    does = {
        "rights": _set_rights,
        "password": _set_password,
        "end": _end_session,
        "disable": _disable,
        "enable": _enable,
        "remove": _remove,
    }
    chosen = does.get(str(form_of(request).get("do")))
    if chosen is None:
        raise HTTPException(HTTPStatus.BAD_REQUEST)
    user = _user(request)
    return _or_error(request, lambda: chosen(request, user), lambda error: person(request, error))


def _add_user(request: Request) -> Response:
    fields, _, now = form_of(request), words_of(request), datetime.now(UTC)
    name, role = checked_name(str(fields.get("name", ""))), _role(request)
    scope = checked_scope(role, map(str, fields.getlist("camera")), _cameras(request))
    hashed = _hashed(request, name)

    def add(store: Store) -> None:
        store.accounts.add_user(name, role, scope, hashed, now)
        store.accounts.require_admin()

    change(request, add, AuditAction.USER_ADDED, name, role=role, cameras=_listed(scope))
    if session_of(request) is None:
        return redirect("/login", _("The first user is added. From now on everybody logs in."))
    return redirect("/people", _("%(name)s can log in.") % {"name": name})


def _add_token(request: Request) -> Response:
    fields, now = form_of(request), datetime.now(UTC)
    name, role = checked_name(str(fields.get("name", ""))), _role(request)
    scope = checked_scope(role, map(str, fields.getlist("camera")), _cameras(request))
    days = next((days for days in TOKEN_DAYS if str(days) == fields.get("days")), next(iter(TOKEN_DAYS)))
    ends_at = checked_token(role, timedelta(days=days) if days else None, now)
    secret, asked_by = new_secret(TOKEN_PREFIX), principal_of(request)
    assert asked_by is not None
    change(
        request,
        lambda store: store.accounts.add_token(name, role, scope, hash_of(secret), asked_by.name, now, ends_at),
        AuditAction.TOKEN_ADDED,
        name,
        role=role,
        cameras=_listed(scope),
        days=days or None,
    )
    return people(request, secret=secret)


def _revoke_token(request: Request) -> Response:
    name, now = str(form_of(request).get("name", "")), datetime.now(UTC)
    change(request, lambda store: store.accounts.revoke_token(name, now), AuditAction.TOKEN_REVOKED, name)
    return redirect("/people", words_of(request)(N_("The token is revoked.")))


def _set_rights(request: Request, user: UserRow) -> Response:
    role, cameras = _role(request), [*_cameras(request), *(user.cameras or ())]
    scope = checked_scope(role, map(str, form_of(request).getlist("camera")), cameras)

    def give(store: Store) -> None:
        store.accounts.change_user(user.name, role, scope)
        store.accounts.require_admin()

    change(request, give, AuditAction.USER_CHANGED, user.name, role=role, cameras=_listed(scope))
    return redirect(_path(user), words_of(request)(N_("Saved.")))


def _set_password(request: Request, user: UserRow) -> Response:
    hashed, now = _hashed(request, user.name), datetime.now(UTC)
    change(
        request,
        lambda store: store.accounts.set_password(user.name, hashed, now),
        AuditAction.PASSWORD_CHANGED,
        user.name,
    )
    return redirect(_path(user), words_of(request)(N_("The password is set. All sessions of this user have ended.")))


def _end_session(request: Request, user: UserRow) -> Response:
    text, now = str(form_of(request).get("session", "")), datetime.now(UTC)
    number = next((session.id for session in open_sessions(request, user.name) if str(session.id) == text), 0)
    change(
        request,
        lambda store: store.accounts.end_session(number, user.name, now),
        AuditAction.SESSION_ENDED,
        user.name,
    )
    return redirect(_path(user), words_of(request)(N_("The session has ended.")))


def _disable(request: Request, user: UserRow) -> Response:
    now = datetime.now(UTC)

    def disable(store: Store) -> None:
        store.accounts.disable(user.name, now)
        store.accounts.require_admin()

    change(request, disable, AuditAction.USER_DISABLED, user.name)
    return redirect(_path(user), words_of(request)(N_("The user is logged out and cannot log in.")))


def _enable(request: Request, user: UserRow) -> Response:
    change(request, lambda store: store.accounts.enable(user.name), AuditAction.USER_ENABLED, user.name)
    return redirect(_path(user), words_of(request)(N_("The user can log in again.")))


def _remove(request: Request, user: UserRow) -> Response:
    if form_of(request).get("sure") != "yes":
        raise AccountError(NOT_SURE)

    def remove(store: Store) -> None:
        store.accounts.remove_user(user.name)
        store.accounts.require_admin()

    change(request, remove, AuditAction.USER_REMOVED, user.name)
    return redirect("/people", words_of(request)(N_("%(name)s is removed.")) % {"name": user.name})


NOT_SURE = N_("Tick that you are sure, so that nobody is removed by mistake.")
DIFFERENT = N_("The two new passwords differ.")
NO_ROLE = N_("Choose a role.")


def _or_error(request: Request, act: Callable[[], Response], again: Callable[[str], Response]) -> Response:
    """Return the answer, or the page again with what is wrong."""
    _ = words_of(request)
    try:
        return act()
    except AccountError as error:
        return again(_(error.message))
    except Busy:
        return again(_("Too many people log in at this moment. Try again."))


def _user(request: Request) -> UserRow:
    """Return the user of the address. Raise HTTPException."""
    user = console_of(request).reader.accounts.user(request.path_params["name"])
    if user is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return user


def _path(user: UserRow) -> str:
    return f"/people/users/{quote(user.name, safe='')}"


def _role(request: Request) -> Role:
    """Return the role that was chosen. Raise AccountError."""
    chosen = form_of(request).get("role")
    if chosen not in set(Role):
        raise AccountError(NO_ROLE)
    return Role(str(chosen))


def _hashed(request: Request, name: str) -> str:
    """Return the hash of the password that was typed twice. Raise AccountError or Busy."""
    fields = form_of(request)
    password = str(fields.get("after", ""))
    require_good(password, name)
    if password != fields.get("again"):
        raise AccountError(DIFFERENT)
    return entrance_of(request).passwords.hash(password)


def _cameras(request: Request) -> list[str]:
    return sorted(console_of(request).backend.settings.cameras)


def _listed(scope: frozenset[str] | None) -> list[str] | None:
    return None if scope is None else sorted(scope)


ROUTES: list[Any] = [
    page("/people", people, role=Role.ADMIN),
    page("/people", change_people, role=Role.ADMIN, methods=("POST",)),
    page("/people/users/{name}", person, role=Role.ADMIN),
    page("/people/users/{name}", change_person, role=Role.ADMIN, methods=("POST",)),
]
