"""The relay of a camera that opens in the answer to its own post: at once, or never."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from streamwatch.core.errors import StreamwatchError

ANSWER_WITHIN = 1.0
"""Seconds after the whole post has come in which an opening may still be answered; cameras wait a little longer."""
SENT_WITHIN = 1.0
"""Seconds that the answer may take to the network."""


class NobodyAsks(StreamwatchError):
    """The camera does not wait for an answer about this vehicle, so its relay cannot be pulsed."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """A camera that waits. opens: answers with "open", and returns True once that was sent."""

    passage: str
    until: float
    opens: Callable[[], bool]


class OpeningAnswers:
    """The one post of a camera that waits for a decision. Any thread may use it.

    Either `open_for` answers it or its own thread does after `wait`, never both: whoever takes the question away has
    the answer.
    """

    def __init__(self, camera: str, monotonic: Callable[[], float]) -> None:
        self._camera, self._monotonic = camera, monotonic
        self._changed = threading.Condition()
        self._asking: _Asking | None = None

    def wait(self, passage: str, until: float, opens: Callable[[], bool]) -> bool:
        """Wait for a decision about a passage; return True if "open" was answered, False if "no" must be answered now.

        until: monotonic seconds. opens: see `_Asking`.
        """
        with self._changed:
            mine = self._asking = _Asking(passage, until, opens)
            while self._asking is mine and (left := until - self._monotonic()) > 0:
                self._changed.wait(left)
            taken = self._asking is not mine
            self._asking = None
            return taken

    def open_for(self, passage: str) -> None:
        """Answer the post of a passage with "open", and return once that was sent. Raise NobodyAsks."""
        with self._changed:
            asking = self._asking
            if asking is None or asking.passage != passage or self._monotonic() >= asking.until:
                raise NobodyAsks(
                    f"Camera {self._camera} does not wait for an answer about this vehicle.",
                    "A camera opens only in the answer to its own post, within a second.",
                )
            self._asking = None
            self._changed.notify_all()
        if not asking.opens():
            raise NobodyAsks(f"Camera {self._camera} had hung up before the answer was sent.")
