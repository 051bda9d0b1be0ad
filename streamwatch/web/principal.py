"""The person or program that asks."""

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from streamwatch.core.codes import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The person or program that asks, and what it may see.

    cameras: names of the only cameras that it may see; None for all. masks_plates: True if it sees plates only in part.
    """

    name: str
    role: Role
    cameras: frozenset[str] | None = None
    masks_plates: bool = False

    def sees(self, camera: str) -> bool:
        """Return True if it may see what this camera saw."""
        return self.cameras is None or camera in self.cameras


LOCAL = Principal("local", Role.ADMIN)
"""Anybody on this machine, while there are no users."""


def principal_of(request: HTTPConnection) -> Principal | None:
    """Return who asks; None for somebody who has not logged in."""
    return getattr(request.state, "principal", None)
