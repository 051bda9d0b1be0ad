"""Who is let in, and what an attacker may try in vain. Each test is one attack or one promise."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from consoles import DrawnConsole, console_over
from people import (
    OTHER,
    PASSWORD,
    add_token,
    add_user,
    browser,
    log_in,
    logged_in,
    served,
    set_web,
)
from records import ONLY_SQLITE, Database, rows
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from streamwatch.core.codes import AuditAction, Role
from streamwatch.core.errors import StorageFailed
from streamwatch.store import AuditRow
from streamwatch.web.accounts.entrance import hash_of
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.routing import page


@pytest.fixture
def console(database: Database, tmp_path: Path) -> Iterator[DrawnConsole]:
    with console_over(database.url, tmp_path, visits=[]) as drawn:
        yield drawn


def session_cookie(client: httpx.Client) -> str:
    (value,) = [cookie.value for cookie in client.cookies.jar if "streamwatch" in cookie.name]
    assert value
    return value


def audited(console: DrawnConsole, action: AuditAction) -> list[AuditRow]:
    return console.reader.audit.entries(99, action=action)


def who(request: Request) -> Response:
    """Answer what the one who asks is."""
    principal = principal_of(request)
    assert principal is not None
    cameras = None if principal.cameras is None else sorted(principal.cameras)
    return JSONResponse([principal.name, principal.role, cameras, principal.masks_plates])


WHO = [
    page("/who", who, role=Role.VIEWER),
    page("/who", who, role=Role.VIEWER, methods=("POST",)),
    page("/api/who", who, role=Role.VIEWER),
    page("/api/who", who, role=Role.VIEWER, methods=("POST",)),
    page("/managers", who, role=Role.MANAGER),
]


def test_who_is_alone_on_the_machine_needs_no_log_in_until_there_is_a_user(console: DrawnConsole) -> None:
    with browser(console) as client:
        assert client.get("/").status_code == 200
        assert "Log out" not in client.get("/").text
        add_user(console, "lily")
        answer = client.get("/")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")


@ONLY_SQLITE
@pytest.mark.parametrize("keys", [{"login": "always"}, {"behind_proxy": "127.0.0.1"}, {"host": "192.0.2.7"}])
def test_elsewhere_nobody_is_let_in_without_log_in(console: DrawnConsole, keys: dict[str, str]) -> None:
    set_web(console, **keys)
    with browser(console) as client:
        assert client.get("/").headers["location"] == "/login"
        page = client.get("/login")
        assert page.status_code == 200
        assert "streamwatch user add" in page.text, "it says how to make the first user"


def test_log_in_page_log_out(console: DrawnConsole) -> None:
    add_user(console, "Lily", Role.MANAGER)
    with served(console, WHO) as url, browser(console) as client:
        client.base_url = httpx.URL(url)
        assert client.get("/who?a=1&b=2").headers["location"] == "/login?next=%2Fwho%3Fa%3D1%26b%3D2"
        answer = log_in(client, " lily ", target="/who?a=1&b=2")
        assert (answer.status_code, answer.headers["location"]) == (303, "/who?a=1&b=2")
        assert client.get("/who").json() == ["Lily", "manager", None, False]
        assert client.get("/login").headers["location"] == "/", "who is logged in is not asked again"
        cookie = session_cookie(client)
        out = client.post("/logout")
        assert (out.status_code, out.headers["location"]) == (303, "/login")
        assert out.headers["clear-site-data"] == '"cache"'
        assert client.get("/who").status_code == 303
        stolen = {"Cookie": f"streamwatch-8470={cookie}"}
        assert httpx.get(url + "/who", headers=stolen).status_code == 401, "a cookie stolen before the log-out"
    assert [row.who for row in audited(console, AuditAction.LOGIN)] == ["Lily"]
    assert [row.who for row in audited(console, AuditAction.LOGOUT)] == ["Lily"]
    assert audited(console, AuditAction.LOGIN)[0].address == "127.0.0.1"


def test_the_database_has_neither_password_nor_cookie(console: DrawnConsole, database: Database) -> None:
    add_user(console, "lily")
    with logged_in(console, "lily") as client:
        cookie = session_cookie(client)
    written = [
        str(tuple(row.values() if isinstance(row, dict) else row))
        for table in ("users", "sessions", "audit_log")
        for row in rows(database, f"SELECT * FROM {table}")
    ]
    assert any(hash_of(cookie) in row for row in written)
    assert not any(cookie in row or PASSWORD in row for row in written)


@ONLY_SQLITE
def test_the_cookie_is_for_this_server_and_no_script(console: DrawnConsole) -> None:
    add_user(console, "lily")
    with browser(console) as client:
        words = log_in(client, "lily").headers["set-cookie"].lower()
    assert words.startswith("streamwatch-8470=")
    assert {"httponly", "path=/", "samesite=strict"} <= set(words.split("; "))
    set_web(console, behind_proxy="127.0.0.1")
    with browser(console) as client:
        answer = log_in(client, "lily")
        assert answer.headers["set-cookie"].startswith("__Host-streamwatch-8470=")
        assert {"secure", "httponly", "path=/", "samesite=strict"} <= set(
            answer.headers["set-cookie"].lower().split("; ")
        )
        assert "domain" not in answer.headers["set-cookie"].lower()


@ONLY_SQLITE
def test_a_cookie_that_somebody_planted_is_never_taken_up(console: DrawnConsole) -> None:
    add_user(console, "lily")
    planted = "a" * 43
    with browser(console) as client:
        client.cookies.set("streamwatch-8470", planted, "127.0.0.1", "/")
        answer = log_in(client, "lily")
        assert answer.status_code == 303
        assert planted not in answer.headers["set-cookie"]
    with browser(console, Cookie=f"streamwatch-8470={planted}") as attacker:
        assert attacker.get("/").status_code == 303


@ONLY_SQLITE
def test_a_second_log_in_ends_the_session_of_before(console: DrawnConsole) -> None:
    add_user(console, "lily")
    with logged_in(console, "lily") as client:
        first = session_cookie(client)
        assert log_in(client, "lily").status_code == 303
        assert session_cookie(client) != first
    with browser(console, Cookie=f"streamwatch-8470={first}") as thief:
        assert thief.get("/").status_code == 303


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "SELF"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[bad"}, 403),
        ({"Origin": "file://SELF"}, 403),
        ({}, 403),
        ({"Origin": "SELF"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
    ids=str,
)
def test_a_page_of_another_site_does_nothing_in_my_name(
    console: DrawnConsole, headers: dict[str, str], status: int
) -> None:
    add_user(console, "lily")
    with served(console, WHO) as url, logged_in(console, "lily") as client:
        cookie = f"streamwatch-8470={session_cookie(client)}"
        own = {name: value.replace("SELF", url.replace("file:", "")) for name, value in headers.items()}
        answer = httpx.post(url + "/who", headers={**own, "Cookie": cookie}, data={"a": "b"})
        assert answer.status_code == status
        if status == 403:
            assert "page of another site" in answer.text
            assert httpx.get(url + "/who", headers={**own, "Cookie": cookie}).status_code == 200, "a link may lead here"


@ONLY_SQLITE
def test_a_page_of_another_site_does_nothing_on_a_machine_without_users(console: DrawnConsole) -> None:
    with served(console, WHO) as url:
        assert httpx.post(url + "/who", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert httpx.post(url + "/who", headers={"Origin": "http://evil.example:8470"}).status_code == 403
        assert httpx.post(url + "/who").json()[0] == "local", "no browser sends this"


@ONLY_SQLITE
def test_nobody_is_logged_in_by_a_page_of_another_site(console: DrawnConsole) -> None:
    add_user(console, "thief")
    with browser(console, **{"Sec-Fetch-Site": "cross-site"}) as client:
        assert log_in(client, "thief").status_code == 403
        assert "set-cookie" not in log_in(client, "thief").headers


@ONLY_SQLITE
def test_over_https_a_page_over_http_of_the_same_name_is_another_site(console: DrawnConsole) -> None:
    add_user(console, "lily")
    set_web(console, behind_proxy="127.0.0.1")
    data = {"name": "lily", "password": PASSWORD}
    for origin, status in (("http://127.0.0.1", 403), ("https://127.0.0.1", 303)):
        answer = httpx.post(console.url + "/login", data=data, headers={"Origin": origin, "Host": "127.0.0.1"})
        assert answer.status_code == status


@ONLY_SQLITE
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/\r\nSet-Cookie: a=b",
        "http:evil.example",
        " //evil.example",
        "/%0d%0aSet-Cookie: a=b",
    ],
)
def test_a_log_in_leads_only_to_own_pages(console: DrawnConsole, target: str) -> None:
    add_user(console, "lily")
    with browser(console) as client:
        assert 'name="next" value="/' in client.get("/login", params={"next": target}).text
        answer = log_in(client, "lily", target=target)
        assert answer.status_code == 303
        place = answer.headers["location"]
        assert place.startswith("/")
        assert not place.startswith(("//", "/\\"))
        assert "evil" not in place
        assert [name for name, _ in answer.headers.multi_items()].count("set-cookie") == 1


def test_a_wrong_name_and_a_wrong_password_look_the_same(console: DrawnConsole) -> None:
    add_user(console, "lily")
    add_user(console, "max", Role.VIEWER)
    console.backend.write(lambda store: store.accounts.disable("max", datetime.now(UTC)))
    with browser(console) as client:
        answers = [
            log_in(client, *pair)
            for pair in (("lily", "a wrong password"), ("nobody", "a wrong password"), ("max", PASSWORD), ("", ""))
        ]
    assert {answer.status_code for answer in answers} == {401}
    bodies = {
        answer.text.replace('value="lily"', "")
        .replace('value="nobody"', "")
        .replace('value="max"', "")
        .replace('value=""', "")
        for answer in answers[:3]
    }
    assert len(bodies) == 1
    failed = audited(console, AuditAction.LOGIN_FAILED)
    assert sorted(row.object for row in failed) == ["", "", "lily", "max"], "a name that nobody has may be a password"


@ONLY_SQLITE
@pytest.mark.parametrize("name", ["lily", "nobody"])
def test_guessing_is_slowed_down_the_same_for_every_name(console: DrawnConsole, name: str) -> None:
    add_user(console, "lily")
    with browser(console) as client:
        tries = [log_in(client, name, f"guess number {number}") for number in range(7)]
        assert [answer.status_code for answer in tries[:5]] == [401] * 5
        paused = tries[-1]
        assert paused.status_code == 429
        assert int(paused.headers["retry-after"]) >= 1
        assert "Try again in" in paused.text


@ONLY_SQLITE
def test_who_guesses_at_a_name_does_not_lock_its_owner_out(console: DrawnConsole) -> None:
    add_user(console, "lily")
    with logged_in(console, "lily"):
        pass
    with browser(console) as client:
        for number in range(7):
            log_in(client, "lily", f"guess number {number}")
        assert log_in(client, "lily").status_code == 303, "she was logged in from this address before"


@ONLY_SQLITE
def test_guessing_at_many_names_from_one_address_is_slowed_down(console: DrawnConsole) -> None:
    with browser(console) as client:
        add_user(console, "lily")
        statuses = [log_in(client, f"name{number}", "a wrong password").status_code for number in range(12)]
    assert statuses[:10] == [401] * 10
    assert 429 in statuses[10:]


@ONLY_SQLITE
def test_a_flood_of_log_ins_leaves_the_pages_alone(console: DrawnConsole) -> None:
    add_user(console, "lily")
    with logged_in(console, "lily") as reader:
        statuses: list[int] = []

        def flood() -> None:
            with browser(console) as client:
                statuses.append(log_in(client, "lily", "a wrong password").status_code)

        threads = [threading.Thread(target=flood) for _ in range(30)]
        for thread in threads:
            thread.start()
        assert reader.get("/").status_code == 200
        for thread in threads:
            thread.join()
    assert set(statuses) <= {401, 429, 503}
    assert statuses.count(401) <= 12, "the rest was never hashed"


@ONLY_SQLITE
@pytest.mark.parametrize(
    "fields",
    [
        {"name": "lily", "password": "x" * 100_000},
        {"name": "x" * 100_000, "password": PASSWORD},
        {"name": "lily\0", "password": PASSWORD},
        {"name": "lily", "password": "\ud800".encode("utf-8", "surrogatepass")},
        {"password": PASSWORD},
        {"name": "lily"},
        {},
    ],
    ids=lambda fields: "+".join(fields) + str(len(str(fields))),
)
def test_strange_forms_are_wrong_and_nothing_more(console: DrawnConsole, fields: dict[str, str]) -> None:
    add_user(console, "lily")
    with browser(console) as client:
        assert client.post("/login", data=fields).status_code == 401
        assert client.post("/login", content=b"not a form").status_code == 401
        assert client.post("/login", data={f"f{n}": "x" for n in range(600)}).status_code == 400
        answer = client.post("/login", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
        assert answer.status_code == 413


@ONLY_SQLITE
def test_a_disabled_user_is_out_at_once_and_a_session_ends_in_time(console: DrawnConsole) -> None:
    add_user(console, "lily")
    add_user(console, "max")
    with logged_in(console, "lily") as client, logged_in(console, "max") as other:
        assert client.get("/").status_code == 200
        console.backend.write(lambda store: store.accounts.disable("lily", datetime.now(UTC)))
        assert client.get("/").status_code == 303
        assert other.get("/").status_code == 200
        set_web(console, session_idle=60)
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        token_hash = hash_of(session_cookie(other))
        console.backend.write(lambda store: store.accounts.log_out("nobody's", hour_ago))
        assert other.get("/").status_code == 200
        console.backend.write(lambda store: store.accounts.log_out(token_hash, hour_ago))
        assert other.get("/").status_code == 303


@ONLY_SQLITE
def test_a_role_is_asked_for_and_missing_rights_are_said_in_words(console: DrawnConsole) -> None:
    add_user(console, "lily", Role.GUARD)
    with served(console, WHO) as url, logged_in(console, "lily") as client:
        cookie = {"Cookie": f"streamwatch-8470={session_cookie(client)}", "Accept": "text/html"}
        answer = httpx.get(url + "/managers", headers=cookie)
        assert answer.status_code == 403
        assert "You may not see this page" in answer.text
        assert "/people" not in answer.text, "the navigation shows only what the role may"
        answer = httpx.get(url + "/people", headers=cookie)
        assert answer.status_code == 403


@ONLY_SQLITE
def test_the_cameras_and_the_mask_of_a_user_reach_the_pages(console: DrawnConsole) -> None:
    set_web(console, mask_for=["viewer"])
    add_user(console, "boss")
    add_user(console, "lily", Role.VIEWER, ["entry"])
    with served(console, WHO) as url, logged_in(console, "lily") as client:
        cookie = {"Cookie": f"streamwatch-8470={session_cookie(client)}"}
        assert httpx.get(url + "/who", headers=cookie).json() == ["lily", "viewer", ["entry"], True]
        console.backend.write(lambda store: store.accounts.change_user("lily", Role.GUARD, frozenset({"exit"})))
        assert httpx.get(url + "/who", headers=cookie).json() == ["lily", "guard", ["exit"], False], "from now on"


def test_a_program_with_a_token_may_use_the_api_and_nothing_else(console: DrawnConsole) -> None:
    add_user(console, "lily")
    secret = add_token(console, "barrier", Role.GUARD, ["entry"])
    bearer = {"Authorization": f"Bearer {secret}"}
    with served(console, WHO) as url:
        assert httpx.get(url + "/api/who", headers=bearer).json() == ["token barrier", "guard", ["entry"], False]
        assert httpx.post(url + "/api/who", headers=bearer).status_code == 200, "no CSRF without cookies"
        assert httpx.post(url + "/api/who", headers={**bearer, "Origin": "https://x.example"}).status_code == 200
        assert httpx.get(url + "/who", headers=bearer).status_code == 401, "pages are for people"
        assert console.reader.accounts.tokens()[0].last_used is not None
        console.backend.write(lambda store: store.accounts.revoke_token("barrier", datetime.now(UTC)))
        for credential in (f"Bearer {secret}", "Bearer", "bearer x", "Bearer " + "x" * 5000, "Bearer \xff"):
            answer = httpx.get(url + "/api/who", headers={b"Authorization": credential.encode("latin-1")})
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 401


@ONLY_SQLITE
def test_a_wrong_token_is_refused_even_where_nobody_logs_in(console: DrawnConsole) -> None:
    with served(console, WHO) as url:
        assert httpx.get(url + "/api/who").status_code == 200
        assert httpx.get(url + "/api/who", headers={"Authorization": "Bearer swt_x"}).status_code == 401


@ONLY_SQLITE
def test_a_token_that_has_ended_is_refused(console: DrawnConsole) -> None:
    secret = add_token(console, "short", days=-1)
    with served(console, WHO) as url:
        assert httpx.get(url + "/api/who", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


@ONLY_SQLITE
def test_a_token_in_an_address_is_refused(console: DrawnConsole) -> None:
    secret = add_token(console, "barrier")
    with served(console, WHO) as url:
        answer = httpx.get(f"{url}/api/who?token={secret}")
        assert answer.status_code == 400
        assert "Authorization: Bearer" in answer.json()["detail"]


@ONLY_SQLITE
@pytest.mark.parametrize("by", ["log_out", "disable", "rights", "token"])
def test_a_stream_ends_when_the_one_who_listens_may_no_longer(console: DrawnConsole, by: str) -> None:
    add_user(console, "boss")
    add_user(console, "lily", Role.GUARD)
    secret = add_token(console, "screen")

    def stream(request: Request) -> Response:
        def events() -> Iterator[str]:
            while not console.backend.stopping():
                yield "data: a plate\n\n"
                time.sleep(0.05)

        return StreamingResponse(events(), media_type="text/event-stream")

    now = datetime.now(UTC)
    streams = [page("/stream", stream, role=Role.VIEWER), page("/api/stream", stream, role=Role.VIEWER)]
    with served(console, streams) as url, logged_in(console, "lily") as client:
        cookie = session_cookie(client)
        headers = {"Cookie": f"streamwatch-8470={cookie}"}
        place = "/stream"
        if by == "token":
            headers, place = {"Authorization": f"Bearer {secret}"}, "/api/stream"
        with httpx.stream("GET", url + place, headers=headers, timeout=60) as answer:
            assert answer.status_code == 200
            parts = answer.iter_text()
            assert "a plate" in next(parts)
            console.backend.write(
                {
                    "log_out": lambda store: store.accounts.log_out(hash_of(cookie), now),
                    "disable": lambda store: store.accounts.disable("lily", now),
                    "rights": lambda store: store.accounts.change_user("lily", Role.GUARD, frozenset({"exit"})),
                    "token": lambda store: store.accounts.revoke_token("screen", now),
                }[by]
            )
            for _ in parts:
                pass
        if by != "rights":
            assert httpx.get(url + place, headers=headers).status_code == 401


@ONLY_SQLITE
def test_the_headers_forbid_what_the_pages_do_not_need(console: DrawnConsole) -> None:
    add_user(console, "lily")
    with logged_in(console, "lily") as client:
        for path in ("/", "/login", "/account", "/people", "/nothing"):
            headers = client.get(path).headers
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert "unsafe-inline" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "strict-transport-security" not in headers
            if path != "/login":
                assert headers["cache-control"] == "no-store"
        set_web(console, behind_proxy="127.0.0.1")
        assert client.get("/login").headers["strict-transport-security"] == "max-age=31536000"


@ONLY_SQLITE
def test_a_hash_of_older_parameters_is_renewed_at_the_log_in(console: DrawnConsole) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    now = datetime.now(UTC)
    console.backend.write(lambda store: store.accounts.add_user("lily", Role.ADMIN, None, weak, now))
    with logged_in(console, "lily"):
        pass
    found = console.reader.accounts.credentials("lily", "")
    assert found is not None
    assert found.password.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    with logged_in(console, "lily"):
        pass


@ONLY_SQLITE
def test_a_password_change_ends_all_other_sessions_and_renews_this_one(console: DrawnConsole) -> None:
    add_user(console, "lily")
    with logged_in(console, "lily") as here, logged_in(console, "lily") as there:
        before = session_cookie(here)
        form = {"do": "password", "before": PASSWORD, "after": OTHER, "again": OTHER}
        assert here.post("/account", data={**form, "before": "a wrong password"}).status_code == 422
        assert here.post("/account", data={**form, "again": "another one again"}).status_code == 422
        assert here.post("/account", data={**form, "after": "short", "again": "short"}).status_code == 422
        assert here.post("/account", data=form).status_code == 303
        assert session_cookie(here) != before
        assert here.get("/").status_code == 200
        assert there.get("/").status_code == 303
    with browser(console) as client:
        assert log_in(client, "lily").status_code == 401
        assert log_in(client, "lily", OTHER).status_code == 303
    (entry,) = audited(console, AuditAction.PASSWORD_CHANGED)
    assert (entry.who, entry.object) == ("lily", "lily")


@ONLY_SQLITE
def test_who_searches_for_a_plate_is_written_down_once(console: DrawnConsole) -> None:
    add_user(console, "lily")
    secret = add_token(console, "program")
    with logged_in(console, "lily") as client:
        assert client.get("/search", params={"plate": "京A1"}).status_code == 200
        assert client.get("/search", params={"plate": "京A1", "after": "x"}).status_code != 303
        assert client.get("/search").status_code == 200
        assert client.get("/api/v1/passages", params={"plate": "B2"}).status_code == 200
    bearer = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(console.url + "/api/v1/passages", params={"plate": "C3"}, headers=bearer).status_code == 200
    found = audited(console, AuditAction.PLATE_SEARCHED)
    assert [(row.who, row.object, row.address) for row in found] == [
        ("lily", "B2", "127.0.0.1"),
        ("lily", "京A1", "127.0.0.1"),
    ]


@ONLY_SQLITE
def test_who_takes_data_away_is_written_down(console: DrawnConsole) -> None:
    add_user(console, "lily", Role.MANAGER)
    console.data_dir.mkdir(exist_ok=True)
    with logged_in(console, "lily") as client:
        for name in ("sightings.csv", "passages.xlsx"):
            assert client.get(f"/api/v1/{name}", params={"camera": "entry"}).status_code == 200
    found = audited(console, AuditAction.EXPORTED)
    assert [(row.who, row.object, row.detail["query"]) for row in reversed(found)] == [
        ("lily", "sightings.csv", "camera=entry"),
        ("lily", "passages.xlsx", "camera=entry"),
    ]


@ONLY_SQLITE
def test_nothing_is_given_away_that_cannot_be_written_down(
    console: DrawnConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise StorageFailed("The disk is full.")

    add_user(console, "lily")
    with logged_in(console, "lily") as client:
        monkeypatch.setattr(console.backend, "write", fail)
        for path in ("/search?plate=A1", "/api/v1/sightings.csv"):
            answer = client.get(path)
            assert answer.status_code == 503
            assert "attachment" not in answer.headers.get("content-disposition", "")
        assert client.get("/search").status_code == 200, "what need not be written down is shown"


@ONLY_SQLITE
def test_who_sees_plates_masked_cannot_find_them_out_by_searching(console: DrawnConsole) -> None:
    set_web(console, mask_for=["viewer"])
    add_user(console, "boss")
    add_user(console, "lily", Role.VIEWER)
    with logged_in(console, "lily") as client:
        for path in ("/search", "/api/v1/passages", "/api/v1/sightings"):
            assert client.get(path).status_code == 200
            answer = client.get(path, params=[("plate", ""), ("plate", "京A1")])
            assert answer.status_code == 403
            assert "masked" in answer.text


@ONLY_SQLITE
def test_a_page_that_forgets_it_is_written_down_all_the_same(console: DrawnConsole) -> None:
    def download(request: Request) -> Response:
        return Response("all", headers={"Content-Disposition": 'attachment; filename="all.txt"'})

    add_user(console, "lily")
    others = [*WHO, page("/all.txt", download, role=Role.VIEWER)]
    with served(console, others) as url, logged_in(console, "lily") as client:
        cookie = {"Cookie": f"streamwatch-8470={session_cookie(client)}"}
        assert httpx.get(url + "/who?plate=A1", headers=cookie).status_code == 200
        assert httpx.get(url + "/all.txt?plate=A2", headers=cookie).status_code == 200
    (searched,) = audited(console, AuditAction.PLATE_SEARCHED)
    (exported,) = audited(console, AuditAction.EXPORTED)
    assert (searched.who, searched.object) == ("lily", "A1")
    assert (exported.who, exported.detail["path"]) == ("lily", "/all.txt")
