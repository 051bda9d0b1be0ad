"""What every driver of a barrier, and of a sensor, can do."""

import socket
from typing import Protocol

from streamwatch.core.codes import Position
from streamwatch.core.errors import BarrierError

DEADLINE = 1.5
"""Seconds that one exchange with a barrier or a sensor may take, from the look-up of its name to the last byte."""
HELD_FOR = 60.0
"""Seconds after which a relay that times itself lets go of a barrier that is held open, unless `hold` comes again."""


class Barrier(Protocol):
    """A driver. One thread at a time uses it.

    times_itself: True if the relay ends the pulse by itself. Otherwise whoever opens must call `release`, until it
    returns. holds: True if the barrier can be held open. times_holding: True if the relay lets go of it by itself,
    HELD_FOR seconds after the last `hold`. Each method raises BarrierError.
    """

    times_itself: bool
    holds: bool
    times_holding: bool

    def open(self) -> None:
        """Close the contact once: for the length of a pulse, or until `release`. Return when the relay has said yes."""

    def hold(self) -> None:
        """Hold the barrier open until `release`, or for HELD_FOR seconds from now if the relay can count them."""

    def release(self) -> None:
        """Let go of the contact, whatever state it is in."""

    def reach(self) -> None:
        """Find out if the relay is there, without telling it anything. Any thread may call it. Raise BarrierError."""

    def end(self) -> None:
        """Give back what the driver holds open. It raises nothing."""


def connect(host: str, port: int) -> None:
    """Connect to a device and hang up at once. Raise BarrierError."""
    try:
        socket.create_connection((host.strip("[]"), port), DEADLINE).close()
    except OSError as error:
        reason = error.strerror or "it did not answer in time"
        raise BarrierError(f"{host} cannot be reached: {reason}.", "Check its power, cable and address.") from None


class Sensor(Protocol):
    """Tells where a barrier is. One thread at a time uses it."""

    def position(self) -> Position | None:
        """Return the position; None if the sensor says neither open nor closed. Raise BarrierError."""

    def end(self) -> None:
        """Give back what the sensor holds open. It raises nothing."""
