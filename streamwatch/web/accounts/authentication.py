"""Says who asks: a person with a session, a program with a token, or anybody on this machine while there are no users.

Nobody is let in by default: without one of them `request.state.principal` is None, and every address that declares a
role refuses. An unsafe request is refused if a page of another site sent it (CSRF). A long answer, such as a stream of
events, ends soon after its session or token does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamwatch.config.settings import LogIn
from streamwatch.core.errors import StoreError
from streamwatch.store import SessionRow, Store, TokenRow
from streamwatch.web.accounts.audit_middleware import PLATE, AnswerEnded
from streamwatch.web.accounts.entrance import TOKEN_PREFIX, cookie_of, hash_of, is_secure
from streamwatch.web.accounts.principal import LOCAL, Principal
from streamwatch.web.answers import error_page, words_of
from streamwatch.web.api.problems import problem
from streamwatch.web.catalogue import N_
from streamwatch.web.context import console_of

API = "/api/"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1)."""
NOTED_EVERY = timedelta(minutes=1)
"""How exactly the last use of a session or token is kept."""
LOOKED_AFTER = timedelta(seconds=2)
"""The longest time that a stream goes on sending after its session or token has ended."""

_FOREIGN = N_("This request came from a page of another site, so nothing was done. Open the console and try again.")
_TOKEN_IN_ADDRESS = N_(
    "A token does not belong into an address, where logs and histories keep it. Send it in the header Authorization: "
    "Bearer. Revoke this one and make another."
)
_MASKED = N_("Plates are masked for you, so you cannot search for them.")
_TOKEN_REFUSED = N_("This token is unknown, revoked or has ended.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. session, token: what says so; neither of them: anybody on this machine."""

    principal: Principal
    session: SessionRow | None = None
    token: TokenRow | None = None
    secret_hash: str = ""

    @property
    def last_used(self) -> datetime | None:
        """Return when the session or token was last used, as the database says."""
        if self.session is not None:
            return self.session.last_seen
        return self.token.last_used if self.token is not None else None


class Refusal(Exception):
    """The request is refused before any page sees it. detail: a source text."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Authentication:
    """Middleware that sets `request.state.principal`, and `request.state.session` for a person who is logged in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._noting: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # A dict of its own: servers may give all requests the same one.
        scope["state"] = {**scope.get("state", {}), "principal": None, "session": None, "is_program": False}
        if scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            caller = await run_in_threadpool(_admitted, request)
        except (Refusal, StoreError) as error:
            response = await run_in_threadpool(_refused, request, error)
            await response(scope, receive, send)
            return
        if caller is None:
            await self._app(scope, receive, send)
            return
        is_program = caller.token is not None
        scope["state"] |= {"principal": caller.principal, "session": caller.session, "is_program": is_program}
        stream = _Watched(send, partial(self._still, request, caller))
        try:
            await self._app(scope, receive, stream)
        except (AnswerEnded, BaseExceptionGroup):
            if not stream.ended:
                raise
        await run_in_threadpool(self._note, request, caller)

    def _still(self, request: Request, caller: Caller) -> bool:
        """Return True if the same person or program may still do the same; note that it is there."""
        try:
            now = identified(request)
        except (Refusal, StoreError):
            return False
        if now is None or now.principal != caller.principal:
            return False
        self._note(request, now)
        return True

    def _note(self, request: Request, caller: Caller) -> None:
        """Note once a minute that a session or token is in use. A database that is away is no reason to fail."""
        now, used = datetime.now(UTC), caller.last_used
        if not caller.secret_hash or (used is not None and now - used < NOTED_EVERY):
            return
        if caller.secret_hash in self._noting:
            return
        self._noting.add(caller.secret_hash)
        try:
            console_of(request).backend.write(_use(caller, now))
        except StoreError:
            pass  # whoever has something to store says it in the log
        finally:
            self._noting.discard(caller.secret_hash)


class _Watched:
    """Sends an answer, and looks from time to time if the one who asked may still see it."""

    def __init__(self, send: Send, still: Callable[[], bool]) -> None:
        self._send, self._still = send, still
        self._looked = datetime.now(UTC)
        self.ended = False

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer. Raise AnswerEnded instead if the rest is not to be seen."""
        if self.ended:
            raise AnswerEnded
        now = datetime.now(UTC)
        if message["type"] == "http.response.body" and not timedelta() <= now - self._looked < LOOKED_AFTER:
            self._looked = now
            if not await run_in_threadpool(self._still):
                self.ended = True
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                raise AnswerEnded
        await self._send(message)


def identified(request: HTTPConnection) -> Caller | None:
    """Return who asks; None for somebody who must log in. Raise Refusal for a token that is refused, or StoreError."""
    console, now = console_of(request), datetime.now(UTC)
    accounts, web = console.reader.accounts, console.backend.settings.web
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and request.url.path.startswith(API):
        token_hash = hash_of(credential.strip())
        token = accounts.token(token_hash, now)
        if token is None:
            raise Refusal(HTTPStatus.UNAUTHORIZED, _TOKEN_REFUSED)
        masks = token.role in web.mask_for
        return Caller(Principal(f"token {token.name}", token.role, token.cameras, masks), None, token, token_hash)
    if cookie := cookie_of(request):
        session = accounts.session(hash_of(cookie), now, timedelta(seconds=web.session_idle))
        if session is not None:
            masks = session.role in web.mask_for
            principal = Principal(session.user, session.role, session.cameras, masks)
            return Caller(principal, session, None, hash_of(cookie))
    if web.is_shared or web.login is LogIn.ALWAYS or accounts.any_user():
        return None
    return Caller(LOCAL)


def _admitted(request: Request) -> Caller | None:
    """Return who asks. Raise Refusal, also for what a page of another site had a browser send."""
    if TOKEN_PREFIX in request.url.query:
        raise Refusal(HTTPStatus.BAD_REQUEST, _TOKEN_IN_ADDRESS)
    caller = identified(request)
    if caller is not None and caller.principal.masks_plates and any(request.query_params.getlist(PLATE)):
        raise Refusal(HTTPStatus.FORBIDDEN, _MASKED)  # whoever may ask for parts of plates finds out the whole
    by_token = caller is not None and caller.token is not None
    if request.method not in SAFE and not by_token and not _is_own(request):
        raise Refusal(HTTPStatus.FORBIDDEN, _FOREIGN)
    return caller


def _is_own(request: Request) -> bool:
    """Return True unless a page of another site sent this request.

    A browser says where a request comes from: in Sec-Fetch-Site, or in Origin for older ones and without https. A
    request with neither comes from no browser; it may not use a session.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return not cookie_of(request)
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    schemes = ("https",) if is_secure(request) else ("http", "https")
    return parts.scheme in schemes and parts.netloc.lower() == request.headers.get("host", "").lower()


def _refused(request: Request, error: Refusal | StoreError) -> Response:
    status = error.status if isinstance(error, Refusal) else HTTPStatus.SERVICE_UNAVAILABLE
    detail = words_of(request)(error.detail) if isinstance(error, Refusal) else ""
    if not request.url.path.startswith(API):
        return error_page(request, status, detail)
    headers = {"WWW-Authenticate": 'Bearer realm="streamwatch"'} if status is HTTPStatus.UNAUTHORIZED else {}
    return problem(status.value, detail, headers=headers)


def _use(caller: Caller, now: datetime) -> Callable[[Store], None]:
    if caller.session is not None:
        return lambda store: store.accounts.session_seen(caller.secret_hash, now)
    return lambda store: store.accounts.token_used(caller.secret_hash, now)
