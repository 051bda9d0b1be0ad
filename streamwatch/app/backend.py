"""The interface between the pages and the program that serves them."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from streamwatch.app.barriers import Barriers
from streamwatch.app.live_view import LiveCameras
from streamwatch.app.outward import Outward
from streamwatch.app.reload import ReloadReport
from streamwatch.config.settings import Settings
from streamwatch.health import Snapshot
from streamwatch.store import Store

T = TypeVar("T")


class Backend(Protocol):
    """The program behind the console: the daemon, or `streamwatch web` over a database."""

    @property
    def settings(self) -> Settings:
        """Return the settings in force; they change after a reload."""

    @property
    def live(self) -> LiveCameras | None:
        """Return the cameras as they are at this moment; None if this program watches none."""

    @property
    def config_file(self) -> Path | None:
        """Return the file whose settings pages may change; None if this program has none."""

    @property
    def barriers(self) -> Barriers | None:
        """Return the barriers; None if this program opens none, because the daemon does."""

    @property
    def outward(self) -> Outward | None:
        """Return the receivers of events; None if this program sends none."""

    def snapshot(self) -> Snapshot | None:
        """Return the state of the daemon; None if there is no daemon."""

    def write(self, call: Callable[[Store], T]) -> T:
        """Run a call in the one writer's thread and return what it returns. Raise what it raises."""

    def reload(self) -> ReloadReport:
        """Take in what config.yaml holds now, and return what followed. Problems are in the report."""

    def stopping(self) -> bool:
        """Return True once the program ends."""
