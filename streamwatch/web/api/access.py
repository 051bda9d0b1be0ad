"""Who may use the API: what a route asks for, and what its handler gets."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import Request

from streamwatch.core.codes import Role
from streamwatch.web.context import Console, console_of
from streamwatch.web.principal import Principal
from streamwatch.web.routing import require

BEARER = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token of the page People, or of `streamwatch token add`."
)
"""Only for the description: whoever asks is already known when a request comes here."""


def _at_least(role: Role) -> Callable[..., Principal]:
    def principal(request: Request) -> Principal:
        require(request, role)
        found: Principal = request.state.principal
        return found

    return principal


def _asks(role: Role) -> Any:
    return Depends(_at_least(role))


Viewer = Annotated[Principal, _asks(Role.VIEWER)]
Guard = Annotated[Principal, _asks(Role.GUARD)]
Manager = Annotated[Principal, _asks(Role.MANAGER)]
Admin = Annotated[Principal, _asks(Role.ADMIN)]
TheConsole = Annotated[Console, Depends(console_of)]
