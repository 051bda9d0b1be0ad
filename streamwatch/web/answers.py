"""What a handler returns: a page, a part of a page, a way to another page, or an error in words."""

from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from streamwatch.app.receivers import receiver_names
from streamwatch.web.accounts.principal import principal_of
from streamwatch.web.catalogue import N_, Texts, language_of
from streamwatch.web.context import console_of
from streamwatch.web.pages.table import navigation

_MESSAGE = "message"
_LONGEST_MESSAGE = 500
"""Characters of the message that the next page shows."""
_ERRORS = {
    400: (N_("This request cannot be understood"), N_("Go back and try again.")),
    401: (N_("Please log in"), N_("This page is only for those who have logged in.")),
    403: (N_("You may not see this page"), N_("Ask whoever manages the users for the right to do this.")),
    404: (N_("There is nothing here"), N_("The address is wrong, or what was here has been deleted.")),
    405: (N_("This cannot be done here"), N_("Go back and try again.")),
    410: (N_("It is gone"), N_("It was deleted after the time that the configuration sets.")),
    413: (N_("This is too much"), N_("Send less at once.")),
    429: (N_("Too many tries"), N_("Wait a minute and try again.")),
    500: (N_("Something went wrong here"), N_("The log says more. Watching goes on meanwhile.")),
    503: (N_("The database cannot be read now"), N_("Try again in a moment. Watching goes on meanwhile.")),
}


def texts_of(request: Request) -> Texts:
    """Return the texts in the language of a request."""
    languages = console_of(request).languages
    return languages[language_of(request, languages)]


def words_of(request: Request) -> Callable[[str], str]:
    """Return the function that translates a text for a request; a handler calls it `_`."""
    return texts_of(request).gettext


def render(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template as an answer. It finds `request`, `principal`, `console`, `navigation`, `now` and `message`."""
    message = unquote(request.cookies.get(_MESSAGE, ""))[:_LONGEST_MESSAGE]
    settings = console_of(request).backend.settings
    lanes = bool(settings.lanes)
    used = {"/lanes": lanes, "/permits": lanes, "/outward": bool(receiver_names(settings.outward))}
    unused = [path for path, needed in used.items() if not needed]
    entries = navigation(request.app.routes, principal_of(request), unused)
    response = render_part(request, template, status=status, navigation=entries, message=message, **values)
    if message:
        response.delete_cookie(_MESSAGE, samesite="strict", httponly=True)
    return response


def render_part(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a template of `parts/` as an answer, for a page that is open. It finds what a page finds, but no message
    and no `navigation`.
    """
    console = console_of(request)
    html = console.templates.render(
        template,
        language_of(request, console.languages),
        {
            "request": request,
            "console": console,
            "principal": principal_of(request),
            "languages": console.languages,
            "now": datetime.now(UTC),
            **values,
        },
    )
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"})


def redirect(path: str, message: str = "") -> Response:
    """Return the way to another page of the console. message: a sentence that the next page shows once."""
    response = RedirectResponse(path, 303)
    if message:
        text = quote(message[:_LONGEST_MESSAGE])
        response.set_cookie(_MESSAGE, text, max_age=60, samesite="strict", httponly=True)
    return response


def own_path(text: str) -> str:
    """Return a path of this server with its query; `/` for any other address."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    plain = text.startswith("/") and text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and not parts.scheme and not parts.netloc and not text.startswith("//") else "/"


def error_page(request: Request, status: int, detail: str = "") -> Response:
    """Return an error in words. detail: a translated sentence that says more; shown as it is."""
    title, advice = _ERRORS.get(status, _ERRORS[400 if status < 500 else 500])
    _ = words_of(request)
    if "/pictures/" in request.url.path:
        return Response(f"{HTTPStatus(status).phrase}\n", status, media_type="text/plain")
    return render(request, "error.html", status=status, title=_(title), advice=detail or _(advice))
