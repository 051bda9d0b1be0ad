"""The relay of a camera that posts its readings: it opens if the answer to its request says so."""

import threading
import time

from streamwatch.core.errors import BarrierError
from streamwatch.outward.barriers.barrier import DEADLINE


class CameraRelay:
    """Hands one opening over to whoever answers the camera. `answer` is for the thread that answers it.

    The camera times the pulse. An opening that no answer takes with it within DEADLINE seconds is taken back.
    """

    times_itself, holds, times_holding = True, False, False

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._changed = threading.Condition()
        self._wanted = False

    def open(self) -> None:
        """Wait until an answer takes the opening with it."""
        until = time.monotonic() + DEADLINE
        with self._changed:
            self._wanted = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._wanted, max(0.0, until - time.monotonic()))
            missed, self._wanted = self._wanted, False
        if missed:
            raise BarrierError(
                f"Camera {self._camera} has asked nothing that could be answered with an opening.",
                "Its relay opens only by the answer to a reading or to a heartbeat.",
            )

    def answer(self, seconds: float) -> bool:
        """Wait so long for an opening, and return True if the answer must open. It is then taken, once."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted, max(0.0, seconds))
            taken, self._wanted = self._wanted, False
            self._changed.notify_all()
            return taken

    def hold(self) -> None:
        """Raise BarrierError: such a relay cannot be held."""
        raise BarrierError(f"The relay of camera {self._camera} cannot be held open.")

    def release(self) -> None:
        """Do nothing: the camera ends the pulse."""

    def end(self) -> None:
        """Do nothing."""


class CameraRelays:
    """The relays that open by the answer to a camera, by the name of the camera."""

    def __init__(self) -> None:
        self._relays: dict[str, CameraRelay] = {}

    def of(self, camera: str) -> CameraRelay:
        """Return the relay of a camera; the same one each time."""
        return self._relays.setdefault(camera, CameraRelay(camera))
