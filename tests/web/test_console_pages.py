"""Every page of the navigation: in both languages, at both sizes, without errors, without help from outside, small."""

import httpx
import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole
from records import ONLY_SQLITE

from streamwatch.config.settings import Settings
from streamwatch.web.pages.table import PAGES

PATHS = [*(entry.path for entry in PAGES), "/api/docs"]
MOST_BYTES = 150_000
"""Of a page with all that it loads, without pictures."""


@ONLY_SQLITE
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_every_page_is_accessible_and_small(
    console: DrawnConsole, visitor: Visitor, size: tuple[int, int], language: str, dark: bool
) -> None:
    page = visitor.open("about:blank", size, language=language, dark=dark)
    loaded: dict[str, int] = {}
    page.on("response", lambda got: loaded.update({got.url: int(got.headers.get("content-length", 0))}))
    for path in PATHS:
        loaded.clear()
        page.goto(console.url + path)
        assert page.locator("h1").count() == 1, path
        assert page.get_attribute("html", "lang") == {"en": "en", "zh-CN": "zh-Hans"}[language]
        assert not findings(page), path
        assert not too_wide(page), path
        texts = {url: length for url, length in loaded.items() if "/picture" not in url}
        assert console.url + path in texts
        assert sum(texts.values()) < MOST_BYTES, texts


@ONLY_SQLITE
def test_every_page_can_be_reached_by_the_keyboard(console: DrawnConsole, visitor: Visitor) -> None:
    parts = {"lanes": {"in": {"cameras": "entry"}}, "outward": {"webhooks": {"office": {"url": "https://192.0.2.1/"}}}}
    used = Settings.model_validate({"cameras": {"entry": {"source": "entry.mp4"}}, **parts})
    console.backend.settings = console.backend.settings.model_copy(
        update={"lanes": used.lanes, "outward": used.outward}
    )
    page = visitor.open(console.url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    for path in [entry.path for entry in PAGES[1:]]:
        page.locator(f'.pages a[href="{path}"]').focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**{path}**")
        assert page.locator('.pages a[aria-current="page"]').get_attribute("href") == path
    assert path == "/people", "which leads whoever makes tokens for programs to the page for programmers"
    page.locator('main a[href="/api/docs"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/api/docs")


@ONLY_SQLITE
def test_an_error_is_a_page_in_words(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url, headers={"Accept-Language": "zh-CN"}) as client:
        answer = client.get("/no/such/page")
        assert answer.status_code == 404
        assert "这里什么也没有" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@ONLY_SQLITE
@pytest.mark.errors_expected
def test_a_fault_of_a_page_is_told_and_ends_nothing(console: DrawnConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.backend, "snapshot", lambda: 1 / 0)
    answer = httpx.get(console.url)
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "ZeroDivision" not in answer.text
    assert httpx.get(f"{console.url}/search").status_code == 200
