"""What happens to a session or token while requests are under way: its use, its end, and what fails meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from consoles import DrawnConsole, console_over
from listening import running
from people import BROWSER, OTHER, PASSWORD, add_token, add_user, browser, hashed, log_in, logged_in, served
from records import ONLY_SQLITE, Database, rows
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import StorageFailed
from streamwatch.http.pages import serve_pages
from streamwatch.web.accounts import authentication
from streamwatch.web.accounts.audit_middleware import AnswerEnded
from streamwatch.web.accounts.login_limits import AT_ONCE, FREE_BY_NAME, LoginLimits
from streamwatch.web.accounts.passwords import Passwords
from streamwatch.web.console import make_console
from streamwatch.web.routing import page


@pytest.fixture
def console(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(database.url, tmp_path, visits=[]) as drawn:
        yield drawn


@pytest.fixture
def looked_at_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part of an answer is sent only after another look at the session."""
    monkeypatch.setattr(authentication, "LOOKED_AFTER", timedelta())


@pytest.fixture
def noted_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each use of a session or token is noted."""
    monkeypatch.setattr(authentication, "NOTED_EVERY", timedelta())


def cookie_of(client: httpx.Client) -> dict[str, str]:
    return {"Cookie": f"streamwatch-8470={client.cookies['streamwatch-8470']}"}


def plain(request: Request) -> Response:
    return Response("plain")


PLAIN = [page("/plain", plain, role=Role.VIEWER), page("/api/plain", plain, role=Role.VIEWER)]


def noted(database: Database) -> dict[str, Any]:
    """Return when the only session and the only token were last used."""
    (row,) = rows(database, "SELECT last_seen, last_used FROM sessions, tokens")
    return {name: row[name] for name in ("last_seen", "last_used")}


@pytest.mark.usefixtures("noted_always")
def test_the_use_of_a_session_and_of_a_token_is_noted(console: DrawnConsole, database: Database) -> None:
    add_user(console, "lily")
    token = add_token(console, "screen")
    with served(console, PLAIN) as url, logged_in(console, "lily") as client:
        now = noted(database)
        assert now["last_used"] is None
        for path, headers in (
            ("/plain", cookie_of(client)),
            ("/api/plain", {"Authorization": f"Bearer {token}"}),
        ):
            before = now
            assert httpx.get(url + path, headers=headers).text == "plain"
            for _ in range(600):  # the answer does not wait for the note
                now = noted(database)
                if now != before:
                    break
                time.sleep(0.05)
            changed = {name for name in now if now[name] != before[name]}
            assert changed == ({"last_used"} if path.startswith("/api/") else {"last_seen"})


@ONLY_SQLITE
@pytest.mark.usefixtures("noted_always")
def test_a_use_that_cannot_be_noted_is_no_failure(console: DrawnConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def fail(call: object) -> None:
        tried.append(call)
        raise StorageFailed("The disk is full.")

    add_user(console, "lily")
    with logged_in(console, "lily") as client, monkeypatch.context() as patch:
        cookie = cookie_of(client)
        patch.setattr(console.backend, "write", fail)
        with served(console, PLAIN) as url:
            assert [httpx.get(url + "/plain", headers=cookie).text for _ in range(2)] == ["plain"] * 2
    assert tried


@ONLY_SQLITE
@pytest.mark.usefixtures("noted_always")
def test_a_use_is_noted_by_one_request_at_a_time(console: DrawnConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that hangs must not hold up one thread for each request."""
    begun, go_on, held = threading.Event(), threading.Event(), []

    def hang(call: object) -> None:
        held.append(call)
        begun.set()
        assert go_on.wait(60)

    add_user(console, "lily")
    with logged_in(console, "lily") as client, monkeypatch.context() as patch:
        cookie = cookie_of(client)
        patch.setattr(console.backend, "write", hang)
        with served(console, PLAIN) as url:
            try:
                assert httpx.get(url + "/plain", headers=cookie).text == "plain"
                assert begun.wait(10)
                assert [httpx.get(url + "/plain", headers=cookie).text for _ in range(5)] == ["plain"] * 5
                assert len(held) == 1
            finally:
                go_on.set()


@ONLY_SQLITE
@pytest.mark.usefixtures("looked_at_always")
def test_a_long_answer_goes_on_as_long_as_its_session(console: DrawnConsole) -> None:
    def stream(request: Request) -> Response:
        return StreamingResponse(iter(["one,", "two,", "three"]))

    add_user(console, "lily")
    with served(console, [page("/stream", stream, role=Role.VIEWER)]) as url, logged_in(console, "lily") as client:
        assert httpx.get(url + "/stream", headers=cookie_of(client)).text == "one,two,three"


class Stubborn(Response):
    """Sends on after it was told that its answer has ended."""

    def __init__(self, end: Callable[[], None]) -> None:
        super().__init__()
        self.end, self.told = end, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"plate", "more_body": True})
        self.end()
        for _ in range(3):
            try:
                await send({"type": "http.response.body", "body": b"secret", "more_body": True})
            except AnswerEnded:
                self.told += 1


@ONLY_SQLITE
@pytest.mark.usefixtures("looked_at_always")
def test_an_answer_that_has_ended_is_not_taken_up_again(console: DrawnConsole) -> None:
    stubborn = Stubborn(lambda: console.backend.write(lambda store: store.accounts.disable("lily", datetime.now(UTC))))
    add_user(console, "boss")
    add_user(console, "lily", Role.GUARD)
    pages = [page("/stubborn", lambda _: stubborn, role=Role.VIEWER)]
    with served(console, pages) as url, logged_in(console, "lily") as client:
        assert httpx.get(url + "/stubborn", headers=cookie_of(client)).text == "plate"
    assert stubborn.told == 3


@ONLY_SQLITE
@pytest.mark.errors_expected
def test_several_failures_of_a_page_at_once_are_a_failure(
    console: DrawnConsole, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: Request) -> Response:
        raise ExceptionGroup("two", [ZeroDivisionError(), KeyError()])

    others = [*PLAIN, page("/broken", broken, role=Role.VIEWER)]
    make = lambda: make_console(console.backend, console.reader, others=others)  # noqa: E731
    add_user(console, "lily")
    with running(serve_pages(make, "127.0.0.1", 0)) as server, logged_in(console, "lily") as client:
        url, cookie = f"http://127.0.0.1:{server.port}", cookie_of(client)
        assert httpx.get(url + "/broken", headers=cookie).status_code == 500
        assert httpx.get(url + "/plain", headers=cookie).text == "plain"
    assert "/broken failed" in caplog.text


@ONLY_SQLITE
def test_a_password_that_is_changed_during_a_log_in_lets_nobody_in(
    console: DrawnConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = Passwords.fits

    def slow(self: Passwords, password: str, found: str | None) -> bool:
        right = checked(self, password, found)
        after = hashed(OTHER)
        console.backend.write(lambda store: store.accounts.set_password("lily", after, datetime.now(UTC)))
        return right

    add_user(console, "lily")
    with browser(console) as client, monkeypatch.context() as patch:
        patch.setattr(Passwords, "fits", slow)
        answer = log_in(client, "lily", PASSWORD)
        assert answer.status_code == 401
        assert not client.cookies
        assert client.get("/").headers["location"] == "/login"
    assert console.reader.audit.entries(9, action=AuditAction.LOGIN) == []


@ONLY_SQLITE
def test_who_sits_down_at_a_strange_screen_may_not_guess_its_password_for_ever(console: DrawnConsole) -> None:
    add_user(console, "lily")
    form = {"do": "password", "before": "a guess", "after": OTHER, "again": OTHER}
    with logged_in(console, "lily") as client:
        texts = [client.post("/account", data=form).text for _ in range(12)]
        assert "The present password is wrong." in texts[0]
        assert "Too many tries." in texts[-1]
        assert "Too many tries." in client.post("/account", data={**form, "before": PASSWORD}).text
    with browser(console) as client:
        assert log_in(client, "lily", OTHER).status_code in (401, 429)


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"HX-Request": "true"}, 401),
        ({"Sec-Fetch-Dest": "image"}, 401),
        ({"Accept": "application/json"}, 401),
    ],
    ids=str,
)
def test_only_a_person_who_opens_a_page_is_led_to_the_log_in(
    console: DrawnConsole, headers: dict[str, str], status: int
) -> None:
    """A part of a page or a picture would show the form in its place."""
    add_user(console, "lily")
    with browser(console) as client:
        assert client.get("/search", headers={**BROWSER, **headers}).status_code == status


def test_what_was_not_checked_is_no_failure() -> None:
    limits = LoginLimits(lambda: 100.0)
    for _ in range(10 * FREE_BY_NAME):
        assert limits.begin("lily", "192.0.2.7", known=False) == 0
        limits.end("lily", "192.0.2.7", None)
    for _ in range(AT_ONCE):
        assert limits.begin("lily", "192.0.2.7", known=False) == 0
    assert limits.begin("lily", "192.0.2.7", known=False) > 0
    for _ in range(AT_ONCE):
        limits.end("lily", "192.0.2.7", False)
    assert limits.begin("lily", "192.0.2.7", known=False) == 0


def test_what_can_be_no_text_is_no_password() -> None:
    assert not Passwords().fits("\ud800", hashed(PASSWORD))
    assert not Passwords().fits("\ud800", None)
