"""Stands in for the pages."""

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp


def placeholder() -> ASGIApp:
    """Return an application with one sentence."""
    return PlainTextResponse("The console comes here.\n")
