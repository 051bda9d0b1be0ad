"""The entrance: checks names and passwords, opens and ends sessions, and knows cookies and tokens.

A session is a random text of 256 bits in a cookie; the database has its SHA-256. The text is made at each log-in, so
that nobody can give another person a session that he knows. A token of a program is the same with a prefix.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote

from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response

from streamwatch.config.settings import WebSettings
from streamwatch.core.codes import AuditAction
from streamwatch.store import Credentials, SessionRow, Store, login_name
from streamwatch.web.accounts.audit import address_of, entry_of
from streamwatch.web.accounts.login_limits import LoginLimits
from streamwatch.web.accounts.passwords import Passwords
from streamwatch.web.context import console_of

LONGEST_NAME = 64
TOKEN_PREFIX = "swt_"
"""What tokens of programs begin with, so that people and scanners of leaked secrets know them."""


def new_secret(prefix: str = "") -> str:
    """Return a random text that nobody can guess: 256 bits."""
    return prefix + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Return what the database keeps of a cookie or token. It needs no salt: it was never chosen by a person."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Admission:
    """The result of a log-in. cookie: of the new session; empty: none was opened. wait: seconds until the next try."""

    cookie: str = ""
    wait: float = 0.0


class Entrance:
    """Lets people in. One for a process; threads share it."""

    def __init__(self) -> None:
        self.passwords = Passwords()
        self._limits = LoginLimits()

    def log_in(self, request: HTTPConnection, name: str, password: str) -> Admission:
        """Check a name and a password, and open a session if they are right. A session of before is ended.

        Raise StoreError, or Busy if too many are being checked.
        """
        console, address, now = console_of(request), address_of(request), datetime.now(UTC)
        name = name.strip()[: LONGEST_NAME + 1]
        compared = login_name(name)
        found = console.reader.accounts.credentials(name, address)
        if wait := self._limits.begin(compared, address, found is not None and found.knows_address):
            return Admission(wait=wait)
        right = None
        try:
            right = self._is_right(password, found)
        finally:
            self._limits.end(compared, address, right)
        who = found.name if found else ""
        if found is None or not right:
            # A name that nobody has may be a password in the wrong field.
            failed = entry_of(request, AuditAction.LOGIN_FAILED, who, who="")
            console.backend.write(lambda store: store.audit.add(failed))
            return Admission()
        cookie, before = new_secret(), cookie_of(request)
        renewed = self.passwords.hash(password) if self.passwords.is_outdated(found.password) else found.password
        entered = entry_of(request, AuditAction.LOGIN, who, who=who)
        ends_at = now + timedelta(seconds=console.backend.settings.web.session_longest)
        agent = request.headers.get("user-agent", "")

        def enter(store: Store) -> bool:
            with store.together():
                if renewed != found.password:
                    store.accounts.rehash(found.name, found.password, renewed)
                if before:
                    store.accounts.log_out(hash_of(before), now)
                opened = store.accounts.open_session(found.name, renewed, hash_of(cookie), now, ends_at, address, agent)
                if opened:
                    store.audit.add(entered)
            return opened

        return Admission(cookie if console.backend.write(enter) else "")

    def is_password_of(self, request: HTTPConnection, name: str, password: str) -> float | None:
        """Check the password of a person who is logged in, before something is changed.

        Return 0 if it is right, None if not, and else the seconds to wait until the next try. Raise StoreError or Busy.
        """
        address = address_of(request)
        found = console_of(request).reader.accounts.credentials(name, address)
        if wait := self._limits.begin(login_name(name), address, known=True):
            return wait
        right = None
        try:
            right = self._is_right(password, found)
        finally:
            self._limits.end(login_name(name), address, right)
        return 0.0 if right else None

    def _is_right(self, password: str, found: Credentials | None) -> bool:
        fits = self.passwords.fits(password, found.password if found else None)
        return fits and found is not None and not found.disabled


def entrance_of(request: HTTPConnection) -> Entrance:
    """Return the entrance of the console that serves a request."""
    entrance: Entrance = request.app.state.entrance
    return entrance


def session_of(request: HTTPConnection) -> SessionRow | None:
    """Return the session of a person who is logged in; None for others."""
    return getattr(request.state, "session", None)


def is_program(request: HTTPConnection) -> bool:
    """Return True for a program, which has a token; False for a person, also for anybody on this machine."""
    return getattr(request.state, "is_program", False)


def cookie_name(request: HTTPConnection) -> str:
    """Return the name of the session's cookie.

    Browsers accept `__Host-` only over https, without Domain, and from the host itself: no neighbour can set it. The
    port is in the name, because cookies do not belong to a port.
    """
    port = console_of(request).backend.settings.web.port
    return f"__Host-streamwatch-{port}" if is_secure(request) else f"streamwatch-{port}"


def is_secure(request: HTTPConnection) -> bool:
    """Return True if the browser speaks https, with this server or with the proxy before it."""
    return request.url.scheme == "https" or bool(console_of(request).backend.settings.web.behind_proxy)


def cookie_of(request: HTTPConnection) -> str:
    """Return the session's cookie as the browser sent it; empty: none."""
    return request.cookies.get(cookie_name(request), "")


def give_cookie(request: HTTPConnection, response: Response, cookie: str) -> None:
    """Have the browser keep the cookie of a session. An empty one takes it back."""
    web: WebSettings = console_of(request).backend.settings.web
    response.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(web.session_longest) if cookie else 0,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )


def way_in(request: HTTPConnection) -> Response | None:
    """Return the way to the log-in, and back to this page, for a person who must log in; None if no page is wanted."""
    if request.scope["method"] not in ("GET", "HEAD") or "text/html" not in request.headers.get("accept", ""):
        return None
    if request.headers.get("sec-fetch-dest", "document") != "document" or "hx-request" in request.headers:
        return None
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse("/login" if path == "/" else f"/login?next={quote(path, safe='')}", 303)
