"""Who may use the API: what a route asks for, and what its handler gets."""

from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import Request

from streamwatch.core.codes import Role
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.context import Console, console_of
from streamwatch.web.routing import require

BEARER = HTTPBearer(
    auto_error=False, scheme_name="token", description="A token of the page People, or of `streamwatch user token add`."
)
"""Only for the description: whoever asks is already known when a request comes here."""


class _AtLeast:
    """A dependency that lets in those who have a role, and says who asks."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def __call__(self, request: Request) -> Principal:
        """Return who asks. Raise HTTPException if that does not suffice."""
        require(request, self.role)
        found: Principal = request.state.principal
        return found


def _asks(role: Role) -> Any:
    return Depends(_AtLeast(role))


def role_of(dependency: object) -> Role | None:
    """Return the role that a dependency asks for; None for any other one."""
    return dependency.role if isinstance(dependency, _AtLeast) else None


Viewer = Annotated[Principal, _asks(Role.VIEWER)]
Guard = Annotated[Principal, _asks(Role.GUARD)]
Manager = Annotated[Principal, _asks(Role.MANAGER)]
Admin = Annotated[Principal, _asks(Role.ADMIN)]
TheConsole = Annotated[Console, Depends(console_of)]
