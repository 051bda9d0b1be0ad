"""The pages of people, the own account and the audit log, as an admin and as others use them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole, console_over
from people import OTHER, PASSWORD, add_token, add_user, browser, log_in, logged_in
from records import ONLY_SQLITE, Database

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import AccountError
from streamwatch.store import AuditEntry, Store
from streamwatch.store import accounts as of_store
from streamwatch.web.accounts.entrance import hash_of
from streamwatch.web.accounts.login_limits import FORGOTTEN, LONGEST, MOST, LoginLimits, network_of
from streamwatch.web.accounts.passwords import COMMON, LIKE_NAME, Busy, Passwords, require_good, weakness
from streamwatch.web.catalogue import load_catalogues
from streamwatch.web.pages.account import browser_name
from streamwatch.web.pages.audit_log import ACTIONS


@pytest.fixture
def console(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(database.url, tmp_path, visits=[]) as drawn:
        yield drawn


NEW = {"do": "add_user", "name": "max", "role": "guard", "after": OTHER, "again": OTHER}


def test_the_first_user_is_an_admin_and_from_then_on_everybody_logs_in(console: DrawnConsole) -> None:
    with browser(console) as client:
        assert client.post("/people", data=NEW).status_code == 422, "a guard could let nobody else in"
        assert not console.reader.accounts.any_user()
        answer = client.post("/people", data={**NEW, "role": "admin"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert client.get("/people").status_code == 303
        assert log_in(client, "max", OTHER).status_code == 303
        assert client.get("/people").status_code == 200
    (entry,) = console.reader.audit.entries(9, action=AuditAction.USER_ADDED)
    assert (entry.who, entry.object, entry.detail["role"]) == ("local", "max", "admin")


def test_an_admin_adds_changes_and_removes_people(console: DrawnConsole) -> None:
    add_user(console, "boss")
    with logged_in(console, "boss") as client:
        assert client.post("/people", data={**NEW, "camera": ["entry", "exit"]}).status_code == 303
        max_ = console.reader.accounts.user("max")
        assert max_ is not None
        assert (max_.role, max_.cameras) == (Role.GUARD, frozenset({"entry", "exit"}))
        place = "/people/users/max"
        assert client.get(place).status_code == 200
        with logged_in(console, "max", OTHER) as guard:
            assert guard.get("/people").status_code == 403
            (session,) = re.findall(r'name="session" value="(\d+)"', client.get(place).text)
            assert client.post(place, data={"do": "end", "session": session}).status_code == 303
            assert guard.get("/account").status_code == 303
        assert client.post(place, data={"do": "rights", "role": "viewer"}).status_code == 303
        assert client.post(place, data={"do": "password", "after": PASSWORD, "again": PASSWORD}).status_code == 303
        assert client.post(place, data={"do": "disable"}).status_code == 303
        with browser(console) as guard:
            assert log_in(guard, "max").status_code == 401
        assert client.post(place, data={"do": "enable"}).status_code == 303
        assert client.post(place, data={"do": "remove"}).status_code == 422, "not sure"
        assert client.post(place, data={"do": "remove", "sure": "yes"}).status_code == 303
        assert client.get(place).status_code == 404
    done = [entry.action for entry in reversed(console.reader.audit.entries(99, who="boss"))]
    assert done == [
        AuditAction.LOGIN,
        AuditAction.USER_ADDED,
        AuditAction.SESSION_ENDED,
        AuditAction.USER_CHANGED,
        AuditAction.PASSWORD_CHANGED,
        AuditAction.USER_DISABLED,
        AuditAction.USER_ENABLED,
        AuditAction.USER_REMOVED,
    ]


@ONLY_SQLITE
def test_the_last_admin_cannot_be_taken_away(console: DrawnConsole) -> None:
    add_user(console, "boss")
    add_user(console, "max", Role.GUARD)
    with logged_in(console, "boss") as client:
        for form in (
            {"do": "disable"},
            {"do": "remove", "sure": "yes"},
            {"do": "rights", "role": "guard"},
        ):
            answer = client.post("/people/users/boss", data=form)
            assert answer.status_code == 422
            assert "Keep one user who is admin" in answer.text
        assert client.get("/people").status_code == 200


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "<b>x</b>"}, "A name has at most"),
        ({"name": "BOSS"}, "There is a user of this name already."),
        ({"role": "emperor"}, "Choose a role."),
        ({"after": "short", "again": "short"}, "at least 10"),
        ({"again": "not the same at all"}, "differ"),
        ({"camera": "nowhere"}, "no such camera"),
        ({"role": "admin", "camera": "entry"}, "An admin sees all cameras."),
    ],
)
def test_what_is_wrong_is_said_beside_the_form(console: DrawnConsole, changed: dict[str, str], said: str) -> None:
    add_user(console, "boss")
    with logged_in(console, "boss") as client:
        answer = client.post("/people", data={**NEW, **changed})
        assert answer.status_code == 422
        assert said in answer.text
        assert "<b>x</b>" not in answer.text
        assert OTHER not in answer.text
        assert client.post("/people", data={"do": "fly"}).status_code == 400
    assert len(console.reader.accounts.users()) == 1


def test_a_token_is_shown_once_and_revoked(console: DrawnConsole) -> None:
    add_user(console, "boss")
    with logged_in(console, "boss") as client:
        form = {"do": "add_token", "name": "barrier", "role": "viewer", "days": "30", "camera": "exit"}
        answer = client.post("/people", data=form)
        assert answer.headers["cache-control"] == "no-store"
        (secret,) = re.findall(r"swt_[\w-]{43}", answer.text)
        assert secret not in client.get("/people").text
        (token,) = console.reader.accounts.tokens()
        assert (token.role, token.cameras, token.created_by) == (Role.VIEWER, frozenset({"exit"}), "boss")
        assert console.reader.accounts.token(hash_of(secret), datetime.now(UTC)) is not None
        assert client.post("/people", data={**form, "role": "admin"}).status_code == 422
        assert client.post("/people", data={"do": "revoke_token", "name": "barrier"}).status_code == 303
        assert console.reader.accounts.token(hash_of(secret), datetime.now(UTC)) is None
    logged = str([(entry.object, entry.detail) for entry in console.reader.audit.entries(99)])
    assert secret not in logged


def test_everybody_sees_and_ends_only_own_sessions(console: DrawnConsole) -> None:
    add_user(console, "boss")
    add_user(console, "max", Role.VIEWER)
    with logged_in(console, "boss") as boss, logged_in(console, "max") as here, logged_in(console, "max") as there:
        page = here.get("/account").text
        (other,) = re.findall(r'name="session" value="(\d+)"', page)
        now = datetime.now(UTC)
        (of_boss,) = [
            session.id
            for session in console.reader.accounts.sessions(now, now - datetime(2020, 1, 1, tzinfo=UTC), "boss")
        ]
        assert here.post("/account", data={"do": "end", "session": of_boss}).status_code == 422
        assert here.post("/account", data={"do": "end", "session": "x"}).status_code == 422
        assert boss.get("/account").status_code == 200
        assert here.post("/account", data={"do": "end", "session": other}).status_code == 303
        assert there.get("/account").status_code == 303
        assert here.post("/account", data={}).status_code == 400


def _add(entry: AuditEntry, store: Store) -> None:
    store.audit.add(entry)


@ONLY_SQLITE
def test_the_audit_log_is_a_list_with_filters_and_pages(console: DrawnConsole) -> None:
    add_user(console, "boss")
    for number in range(60):
        entry = AuditEntry(datetime.now(UTC), "<i>max</i>", "", AuditAction.PLATE_SEARCHED, f"京A{number:05}", {"n": 1})
        console.backend.write(partial(_add, entry))
    with logged_in(console, "boss") as client:
        first = client.get("/people/audit")
        assert first.text.count("京A") == 49
        assert "<i>max</i>" not in first.text
        (older,) = re.findall(r'href="(/people/audit\?before=\d+)" rel="next"', first.text)
        assert client.get(older).text.count("京A") == 11
        assert client.get("/people/audit", params={"object": "京A00007"}).text.count("京A00007") == 2
        assert client.get("/people/audit", params={"action": "login"}).text.count("京A") == 0
        assert "Nothing found" in client.get("/people/audit", params={"until": "2020-01-01"}).text
        for query in ("before=x", "before=" + "9" * 99, "action=x", "since=x", "since=9999-99-99", "until=9999-12-31"):
            assert client.get(f"/people/audit?{query}").status_code == 200


def test_each_action_has_words_and_each_refusal_of_the_store_a_translation() -> None:
    assert set(ACTIONS) == set(AuditAction)
    chinese = load_catalogues()["zh_Hans"]
    sentences = [value for name, value in vars(of_store).items() if name.isupper() and isinstance(value, str)]
    assert len(sentences) == 6
    assert all(chinese.gettext(sentence) != sentence for sentence in sentences)


@ONLY_SQLITE
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_the_pages_of_people_are_for_everybody(
    console: DrawnConsole, visitor: Visitor, size: tuple[int, int], language: str, dark: bool
) -> None:
    add_user(console, "boss")
    add_user(console, "王师傅", Role.GUARD, ["entry"])
    add_token(console, "barrier")
    page = visitor.open(console.url + "/people", size, language=language, dark=dark)
    assert not findings(page)
    assert not too_wide(page)
    page.fill("#name", "boss")
    page.fill("#password", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(console.url + "/people")
    for path in ("/people", "/people/users/王师傅", "/people/audit", "/account"):
        page.goto(console.url + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.locator("h1").count() == 1
        assert not findings(page), path
        assert not too_wide(page), path


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("correct horse", True),
        ("四个字的密码也可以很长", True),
        ("1234567890", False),
        ("0987654321", False),
        ("abcdefghijkl", False),
        ("aaaaaaaaab", False),
        ("Password1234", False),
        ("Ｐａｓｓｗｏｒｄ１２３４", False),
        ("lily-lily-1", False),
        ("streamwatch!", False),
        ("a\tb and more text", False),
        ("\ud800 and more text", False),
    ],
)
def test_passwords_that_anybody_would_try_are_refused(password: str, good: bool) -> None:
    assert (weakness(password, "lily") is None) is good
    if not good:
        with pytest.raises(AccountError):
            require_good(password, "lily")


def test_a_password_is_the_same_from_every_keyboard() -> None:
    passwords = Passwords()
    found = passwords.hash("ｆｏｕｒ cars é")
    assert found.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.fits("four cars e\u0301", found)
    assert not passwords.fits("four cars e", found)
    assert not passwords.fits("anything", None)
    assert not passwords.fits("anything", "not a hash")
    assert not passwords.is_outdated(found)
    assert weakness("four cars é", "x") is None
    assert LIKE_NAME != COMMON


def test_too_many_passwords_at_once_are_refused() -> None:
    passwords = Passwords()
    with passwords._turn:
        for _ in range(4):
            assert passwords._places.acquire(blocking=False)
        with pytest.raises(Busy):
            passwords.fits("anything", None)


def test_pauses_grow_end_and_are_forgotten() -> None:
    now = 0.0
    limits = LoginLimits(lambda: now)

    def fail(address: str = "192.0.2.7", name: str = "lily") -> float:
        wait = limits.begin(name, address, known=False)
        if not wait:
            limits.end(name, address, succeeded=False)
        return wait

    assert [fail(f"192.0.2.{n}") for n in range(5)] == [0] * 5
    assert fail() == 1
    waits = []
    for _ in range(14):
        now += (wait := fail()) or 0
        waits.append(wait)
        assert fail() == 0, "after the pause it may be tried"
    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == LONGEST
    now += FORGOTTEN
    assert fail() == 0
    assert limits.begin("lily", "192.0.2.99", known=True) == 0
    limits.end("lily", "192.0.2.99", succeeded=True)


def test_what_is_remembered_of_log_ins_is_bounded() -> None:
    limits = LoginLimits()
    for number in range(MOST + 50):
        address = f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1"
        if not limits.begin(f"name{number}", address, known=False):
            limits.end(f"name{number}", address, succeeded=False)
    assert len(limits._names) == len(limits._addresses) == MOST
    assert limits._at_work == {}


def test_an_address_is_what_one_subscriber_has() -> None:
    assert network_of("192.0.2.7") == "192.0.2.7"
    assert network_of("::ffff:192.0.2.7") == "192.0.2.7"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::"
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("a name") == "a name"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/146.0 Safari/537.36",
            "Chrome, Linux",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/146.0 Safari/537.36 Edg/146.0", "Edge, Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1", "Safari, iPhone"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "–"),
    ],
)
def test_a_browser_has_a_short_name(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name
