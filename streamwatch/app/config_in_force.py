"""The settings that the daemon works with at this moment."""

from collections.abc import Callable
from pathlib import Path

from streamwatch.config.settings import Settings


class ConfigInForce:
    """Holds the settings in force. A reload replaces them as a whole; any thread may look.

    now: the settings. read: returns those of the file as it is now; it raises ConfigError. file: where they are
    written.
    """

    def __init__(self, now: Settings, read: Callable[[], Settings], file: Path) -> None:
        self.now, self.read, self.file = now, read, file

    def get(self) -> Settings:
        """Return the settings in force."""
        return self.now
