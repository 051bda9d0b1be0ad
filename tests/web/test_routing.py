"""Every address has a role, and no template holds a script, a style or an address of another machine."""

import re
from pathlib import Path

import httpx
import pytest
from consoles import DrawnConsole
from records import ONLY_SQLITE
from starlette.requests import Request

import streamwatch.web
from streamwatch.core.codes import Role
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.answers import own_path
from streamwatch.web.console import make_console
from streamwatch.web.routing import Page, require

WEB = Path(streamwatch.web.__file__).parent
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
OPEN_TO_ALL = {"/static/{name:path}", "/language", "/login", "/logout"}


@ONLY_SQLITE
def test_every_page_has_a_role(console: DrawnConsole) -> None:
    app = make_console(console.backend, console.reader)
    pages = [route for route in app.routes if isinstance(route, Page)]
    assert len(pages) > 2
    assert [route.path for route in app.routes if not isinstance(route, Page)] == ["/api"]  # see test_api_rules.py
    assert {route.path for route in pages if route.role is None} <= OPEN_TO_ALL


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_script_and_no_style(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.findall(r"<[^>{]*\s(?:style|on\w+)=", text)
    assert not re.findall(r"<script(?![^>]*\ssrc=)|<style|javascript:", text)
    assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", text)


def test_a_role_may_what_lower_ones_may() -> None:
    def asks(role: Role) -> Request:
        return Request({"type": "http", "state": {"principal": Principal("x", role)}})

    require(asks(Role.MANAGER), Role.GUARD)
    with pytest.raises(Exception, match="403"):
        require(asks(Role.GUARD), Role.MANAGER)
    with pytest.raises(Exception, match="401"):
        require(Request({"type": "http", "state": {}}), Role.VIEWER)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/search?plate=1", "/search?plate=1"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/\t/evil.example", "/"),
        ("", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_a_redirect_stays_on_this_server(text: str, path: str) -> None:
    assert own_path(text) == path


@ONLY_SQLITE
def test_static_files_are_kept_by_browsers_and_change_their_address(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url) as client:
        page = client.get("/").text
        address = re.findall(r'href="(/static/css/base\.css\?v=\w+)"', page)[0]
        kept = client.get(address)
        assert "immutable" in kept.headers["cache-control"]
        assert client.get("/static/css/base.css").headers["cache-control"] == "no-cache"
        assert client.get(address, headers={"If-None-Match": kept.headers["etag"]}).status_code == 304
        for name in ("..%2fconsole.py", "css/../../console.py", "%2e%2e/console.py", "css"):
            assert client.get(f"/static/{name}").status_code == 404


@ONLY_SQLITE
def test_the_language_is_chosen_and_kept(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url, headers={"Accept-Language": "fr, zh-TW;q=0.8, en;q=0.5"}) as client:
        assert 'lang="zh-Hans"' in client.get("/").text
        answer = client.post("/language", data={"language": "en", "back": "/?camera=entry"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/?camera=entry")
        assert 'lang="en"' in client.get("/").text
        assert client.post("/language", data={"language": "../../x"}).status_code == 400
