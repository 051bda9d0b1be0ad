"""The page that the booth leaves open: what passes, the newest first."""

from starlette.requests import Request
from starlette.responses import Response

from streamwatch.core.codes import Role
from streamwatch.web.answers import render
from streamwatch.web.routing import page


def gate(request: Request) -> Response:
    """Show the newest passages and the cameras."""
    return render(request, "gate.html")


ROUTES = [page("/", gate, role=Role.VIEWER)]
