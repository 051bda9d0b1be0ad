"""The pages of the console, put together for the verbs that serve them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamwatch.app.backend import Backend
    from streamwatch.http.pages import App


def open_pages(backend: "Backend") -> "App":
    """Return the console over a backend, with a database reader of its own. Raise StoreError."""
    from streamwatch.store import open_reader
    from streamwatch.web.console import make_console

    settings = backend.settings
    return make_console(backend, open_reader(settings.database, settings.data_dir))
