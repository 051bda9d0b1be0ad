"""The relay of a camera that posts its readings: it opens in the answer to the post of that very vehicle, or never."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.core.errors import BarrierError

SOON = 0.3
"""Seconds within which the thread of a camera waits for a decision after its vehicle was stored."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A camera that waits for its answer. opens: answers with "open", and returns True once that was sent."""

    passage: str
    until: float
    opens: Callable[[], bool]


class CameraRelay:
    """The driver of such a relay, and the one post of its camera that waits for a decision. Any thread may use it.

    Either `open_for` answers the post, or the thread that waits does so after `wait`, never both: whoever takes the
    question away has the answer. The camera times the pulse.
    """

    times_itself, holds, times_holding = True, False, False

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._changed = threading.Condition()
        self._asking: _Asking | None = None

    def wait(self, passage: str, until: float, opens: Callable[[], bool]) -> bool:
        """Wait for an opening for a passage; return True if "open" was answered, False if "no" must be answered now.

        until: seconds of `time.monotonic`. opens: see `_Asking`.
        """
        with self._changed:
            mine = self._asking = _Asking(passage, until, opens)
            self._changed.notify_all()
            while self._asking is mine and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            taken = self._asking is not mine
            self._asking = None
            return taken

    def open_for(self, passage: str) -> None:
        """Answer the post of a passage (by key) with "open", and return once that was sent. Raise BarrierError."""
        with self._changed:
            # The decision may be there before the camera's thread, which has just had the vehicle stored, waits for it.
            self._changed.wait_for(lambda: self._asks_about(passage), SOON)
            asking = self._asking
            if asking is None or not self._asks_about(passage):
                raise BarrierError(
                    f"Camera {self._camera} does not wait for an answer about this vehicle.",
                    "Its relay opens only in the answer to its own post, within a second.",
                )
            self._asking = None
            self._changed.notify_all()
        if not asking.opens():
            raise BarrierError(f"Camera {self._camera} had hung up before the answer was sent.")

    def _asks_about(self, passage: str) -> bool:
        asking = self._asking
        return asking is not None and asking.passage == passage and time.monotonic() < asking.until

    def open(self) -> None:
        """Raise BarrierError: there is no vehicle of which the camera waits to be told."""
        raise BarrierError(
            f"The relay of camera {self._camera} opens only in the answer to its own post, not by hand.",
            "Connect another relay for that, or open with the remote control of the barrier.",
        )

    def hold(self) -> None:
        """Raise BarrierError: such a relay cannot be held."""
        raise BarrierError(f"The relay of camera {self._camera} cannot be held open.")

    def release(self) -> None:
        """Do nothing: the camera ends the pulse."""

    def reach(self) -> None:
        """Do nothing: there is nothing to ask."""

    def end(self) -> None:
        """Do nothing."""


class CameraRelays:
    """The relays that open by the answer to a camera, by the name of the camera."""

    def __init__(self) -> None:
        self._relays: dict[str, CameraRelay] = {}

    def of(self, camera: str) -> CameraRelay:
        """Return the relay of a camera; the same one each time."""
        return self._relays.setdefault(camera, CameraRelay(camera))
