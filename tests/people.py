"""People and programs for tests of the console: users with passwords, clients that behave like a browser."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
from consoles import DrawnConsole
from listening import running
from starlette.routing import BaseRoute

from streamwatch.core.codes import Role
from streamwatch.http.limits import HttpLimits
from streamwatch.http.server import HttpServer
from streamwatch.http.sockets import listen
from streamwatch.web.console import make_console
from streamwatch.web.entrance import TOKEN_PREFIX, hash_of, new_secret
from streamwatch.web.passwords import Passwords

PASSWORD = "four cars at the gate"
OTHER = "five lorries at the ramp"
BROWSER = {
    "Accept": "text/html,application/xhtml+xml",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Accept-Language": "en",
}
"""The headers of a browser that follows a link of the console."""


@cache
def hashed(password: str) -> str:
    return Passwords().hash(password)


def add_user(
    console: DrawnConsole, name: str, role: Role = Role.ADMIN, cameras: Sequence[str] = (), password: str = PASSWORD
) -> None:
    scope = frozenset(cameras) or None
    console.backend.write(lambda store: store.accounts.add_user(name, role, scope, hashed(password), datetime.now(UTC)))


def add_token(
    console: DrawnConsole, name: str, role: Role = Role.VIEWER, cameras: Sequence[str] = (), days: float | None = None
) -> str:
    """Add a token and return it."""
    secret, now, scope = new_secret(TOKEN_PREFIX), datetime.now(UTC), frozenset(cameras) or None
    ends_at = None if days is None else now + timedelta(days=days)
    console.backend.write(
        lambda store: store.accounts.add_token(name, role, scope, hash_of(secret), "a test", now, ends_at)
    )
    return secret


def set_web(console: DrawnConsole, **values: Any) -> None:
    """Change keys of `web` in the settings, as a reload does."""
    settings = console.backend.settings
    web = type(settings.web).model_validate({**settings.web.model_dump(), **values})
    console.backend.settings = settings.model_copy(update={"web": web})


def browser(console: DrawnConsole, **headers: str) -> httpx.Client:
    """Return a client that keeps cookies, sends what a browser sends, and follows no redirect by itself."""
    return httpx.Client(base_url=console.url, headers={**BROWSER, **headers}, timeout=60)


def log_in(client: httpx.Client, name: str, password: str = PASSWORD, target: str = "/") -> httpx.Response:
    return client.post("/login", data={"name": name, "password": password, "next": target})


@contextmanager
def logged_in(console: DrawnConsole, name: str, password: str = PASSWORD) -> Iterator[httpx.Client]:
    """Yield a browser in which this user has logged in."""
    with browser(console) as client:
        answer = log_in(client, name, password)
        assert answer.status_code == 303, answer.text
        yield client


@contextmanager
def served(console: DrawnConsole, others: Sequence[BaseRoute]) -> Iterator[str]:
    """Serve the console once more, with further addresses; yields its address."""
    app = make_console(console.backend, console.reader, others=others)
    server = HttpServer(app, listen("127.0.0.1", 0, "a test"), HttpLimits(keep_alive=5))
    with running(server):
        yield f"http://127.0.0.1:{server.port}"
        console.backend.ending = True
