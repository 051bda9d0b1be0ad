"""Who follows the recorder: it learns of sightings in the transaction that saves them, and of the commit after it."""

from typing import Protocol

from streamwatch.core.events import Event
from streamwatch.core.model import Reading, Sighting
from streamwatch.sightings.weighing import Contradicted


class Follower(Protocol):
    """Acts on sightings. All is called in the recorder's thread.

    heard ──▶ begin ──▶ saved, removed … ──▶ committed
                └◀── the transaction failed and is made again
    """

    def heard(self, event: Event, readings: tuple[Reading, ...], contradicted: Contradicted) -> None:
        """Note an event before its transaction begins. readings: that it has brought, each new."""

    def begin(self) -> None:
        """Begin a transaction, maybe after one that failed: what was noted in that one has not happened."""

    def saved(self, sighting: Sighting) -> None:
        """Add rows to the transaction in which a sighting is new or has changed. Raise StoreError."""

    def removed(self, key: str, into: str | None) -> None:
        """Add rows to the transaction in which a sighting (key) was removed. into: key of the one it is part of now."""

    def committed(self) -> None:
        """Act on what was committed. It must not write, and must return at once."""


class Nobody:
    """A follower that does nothing."""

    def heard(self, event: Event, readings: tuple[Reading, ...], contradicted: Contradicted) -> None:
        """Do nothing."""

    def begin(self) -> None:
        """Do nothing."""

    def saved(self, sighting: Sighting) -> None:
        """Do nothing."""

    def removed(self, key: str, into: str | None) -> None:
        """Do nothing."""

    def committed(self) -> None:
        """Do nothing."""
