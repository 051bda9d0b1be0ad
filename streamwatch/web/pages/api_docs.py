"""The page for people who write programs for the API."""

from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import Role
from streamwatch.web.answers import render
from streamwatch.web.api.application import document
from streamwatch.web.api.reference import Reference
from streamwatch.web.routing import page


def show(request: Request) -> Response:
    """Show the reference of the API."""
    reference = Reference(document())
    return render(request, "api_docs.html", reference=reference, models={model.name for model in reference.models})


ROUTES = [page("/api/docs", show, role=Role.VIEWER)]
