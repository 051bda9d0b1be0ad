"""The pages of the console, made for the verbs that serve them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamwatch.app.backend import Backend
    from streamwatch.http.pages import App


def make_console(backend: "Backend") -> "App":
    """Return the console over a backend. Raise StoreError."""
    from streamwatch.web.placeholder import placeholder

    return placeholder()
