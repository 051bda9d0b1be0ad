"""Fixtures and checks of every test: it leaves no error in the program's log and no thread behind."""

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium, shoot, visitor
from consoles import console
from hypothesis import settings
from records import Database, new_database
from servers import Server, running_server

settings.register_profile("same every time", derandomize=True, deadline=None, database=None)
settings.load_profile("same every time")

__all__ = ["chromium", "console", "shoot", "visitor"]  # fixtures that all tests may ask for

GRACE = 5.0  # s that the threads of a test have for their end


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "errors_expected: this test provokes ERROR lines in streamwatch's log")


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Return a PostgreSQL server for all tests of this process. No test may stop it."""
    with running_server() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return an empty database of each kind."""
    return new_database(request, tmp_path)


@pytest.fixture(autouse=True)
def _leaves_nothing_behind(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + GRACE
    while (left := set(threading.enumerate()) - before) and time.monotonic() < until:
        time.sleep(0.02)
    assert not left, f"threads left behind: {sorted(t.name for t in left)}"
    if not request.node.get_closest_marker("errors_expected"):
        records = [r for phase in ("setup", "call") for r in caplog.get_records(phase)]
        errors = [r.getMessage() for r in records if r.levelno >= logging.ERROR and r.name.startswith("streamwatch")]
        assert not errors, f"ERROR in the log: {errors}"
