"""The table of the pages that the navigation shows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from streamwatch.core.codes import Role
from streamwatch.web.accounts.principal import Principal
from streamwatch.web.catalogue import N_
from streamwatch.web.routing import Page


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A page of the navigation. title: a source text."""

    path: str
    title: str
    role: Role


PAGES = (
    NavigationEntry("/", N_("Gate"), Role.VIEWER),
    NavigationEntry("/lanes", N_("Lanes"), Role.VIEWER),
    NavigationEntry("/permits", N_("Permits"), Role.GUARD),
    NavigationEntry("/search", N_("Search"), Role.VIEWER),
    NavigationEntry("/unread", N_("Unread"), Role.GUARD),
    NavigationEntry("/cameras", N_("Cameras"), Role.VIEWER),
    NavigationEntry("/costs", N_("Costs"), Role.MANAGER),
    NavigationEntry("/health", N_("Health"), Role.VIEWER),
    NavigationEntry("/outward", N_("Receivers"), Role.ADMIN),
    NavigationEntry("/people", N_("People"), Role.ADMIN),
)


def navigation(
    routes: Sequence[BaseRoute], principal: Principal | None, unused: Collection[str] = ()
) -> list[NavigationEntry]:
    """Return the pages that exist and that this person may see. unused: paths that the settings give no use."""
    there = {route.path for route in routes if isinstance(route, Page)} - set(unused)
    return [
        entry
        for entry in PAGES
        if entry.path in there and principal is not None and principal.role.at_least(entry.role)
    ]
