"""/healthz and /metrics over HTTP, without a password: every client that reaches the port may read them."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from streamwatch.health.judgement import health
from streamwatch.health.metrics import CONTENT_TYPE, render_metrics
from streamwatch.health.snapshot import Snapshot

INDEX = "streamwatch\n\n/healthz  200 while all is well, else 503 with the reasons\n/metrics  for Prometheus\n"
NOT_KEPT = {"Cache-Control": "no-store"}


def health_app(snapshot: Callable[[], Snapshot]) -> Starlette:
    """Return the ASGI application. snapshot: called for each answer; what it raises goes through."""

    async def index(_: Request) -> Response:
        return _plain(INDEX)

    async def healthz(_: Request) -> Response:
        ok, reasons = health(snapshot())
        return _plain("ok\n") if ok else _plain("\n".join(reasons) + "\n", status=503)

    async def metrics(_: Request) -> Response:
        return Response(render_metrics(snapshot()), headers={**NOT_KEPT, "Content-Type": CONTENT_TYPE})

    routes = [Route("/", index), Route("/healthz", healthz), Route("/metrics", metrics)]
    app = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _only_get})
    app.router.redirect_slashes = False
    return app


async def _not_found(_: Request, __: Exception) -> Response:
    return _plain("Not found; there are /healthz and /metrics.\n", status=404)


async def _only_get(_: Request, __: Exception) -> Response:
    return _plain("Only GET and HEAD.\n", status=405, headers={"Allow": "GET, HEAD"})


def _plain(text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(text, status, {**NOT_KEPT, **(headers or {})})
