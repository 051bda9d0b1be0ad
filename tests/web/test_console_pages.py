"""Every page: it is served, in both languages, to the keyboard, without errors and without help from outside."""

import httpx
import pytest
from browser import DESK, PHONE, Visitor, findings, too_wide
from consoles import DrawnConsole
from records import ONLY_SQLITE


@ONLY_SQLITE
@pytest.mark.parametrize("path", ["/"])
@pytest.mark.parametrize(("size", "language", "dark"), [(DESK, "en", False), (PHONE, "zh-CN", True)])
def test_a_page_is_accessible_at_both_sizes(
    console: DrawnConsole, visitor: Visitor, path: str, size: tuple[int, int], language: str, dark: bool
) -> None:
    page = visitor.open(console.url + path, size, language=language, dark=dark)
    assert page.locator("h1").count() == 1
    assert page.get_attribute("html", "lang") == {"en": "en", "zh-CN": "zh-Hans"}[language]
    assert not findings(page)
    assert not too_wide(page)


@ONLY_SQLITE
def test_an_error_is_a_page_in_words(console: DrawnConsole) -> None:
    with httpx.Client(base_url=console.url, headers={"Accept-Language": "zh-CN"}) as client:
        answer = client.get("/no/such/page")
        assert answer.status_code == 404
        assert "这里什么也没有" in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
