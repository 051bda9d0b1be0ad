"""A real browser for tests of pages: one chromium for each worker, driven by playwright.

Every page that a test opens is watched: it may log no error, ask no other machine, and break no rule of its CSP.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
PHONE, DESK = (390, 844), (1400, 900)
"""The two sizes at which pages are looked at, in CSS pixels."""
expect.set_options(timeout=30_000)
SERIOUS = {"serious", "critical"}


class Visitor:
    """Opens pages, each in a browser profile of its own, and collects what goes wrong in them.

    problems: console errors, requests to other machines, exceptions of scripts. A test that expects some clears it.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.problems: list[str] = []

    def open(
        self,
        url: str,
        size: tuple[int, int] = DESK,
        *,
        language: str = "en",
        dark: bool = False,
        scripts: bool = True,
        **more: Any,
    ) -> Page:
        """Return the page at an address once it is loaded. language: as the browser announces it."""
        context = self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=language,
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
            reduced_motion="reduce",
            **more,
        )
        context.set_default_timeout(30_000)
        context.route("**/*", self._only_this_machine)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: self.problems.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(url)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()

    def _only_this_machine(self, route: Route) -> None:
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost", None):
            route.continue_()
        else:
            self.problems.append(f"asks another machine: {route.request.url}")
            route.abort()


def findings(page: Page) -> list[str]:
    """Return what axe-core calls serious or critical on a page, each with its first element."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {found['help']}: {found['nodes'][0]['html'][:200]}"
        for found in violations
        if found["impact"] in SERIOUS
    ]


def too_wide(page: Page) -> bool:
    """Return True if a page must be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a browser for all tests of this process."""
    if CHROMIUM is None:
        pytest.skip("no browser is installed (Debian: chromium)")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Visitor]:
    """Return a visitor. The test fails at its end if a page of it had a problem."""
    started = Visitor(chromium)
    yield started
    started.close()
    if started.problems:
        pytest.fail("\n".join(started.problems))


Shoot = Callable[[Page, str], Path]


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Return a function that saves a page as a picture, for people who look at it."""

    def save(page: Page, name: str) -> Path:
        path = tmp_path / f"{name}.png"
        path.write_bytes(page.screenshot(full_page=True))  # with `path` it would leave threads behind
        return path

    return save
