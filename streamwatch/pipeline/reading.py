"""The ledger of one picture: every attempt to have it read is recorded."""

import logging
from collections.abc import Callable
from uuid import uuid4

from streamwatch.core.clock import Clock
from streamwatch.core.events import CallEnded, CallStarted, Event
from streamwatch.core.model import CallResult, Engine, Keyframe
from streamwatch.core.sentences import in_words
from streamwatch.pipeline.in_flight import InFlight

log = logging.getLogger(__name__)

LONGEST_NAME = 30  # characters of a camera's name in the log, so that a line has at most 120

Record = Callable[[Event], None]
"""Records an event; returns once it is safely stored."""


class RecordedLedger:
    """A `model.Ledger` that turns attempts into events, and logs each attempt that was or may have been answered.

    call: key of the latest attempt, None before the first. paid: fee units of all attempts that were or may have been
    charged.
    """

    def __init__(
        self,
        record: Record,
        clock: Clock,
        engine: Engine,
        keyframe: Keyframe | None,
        in_flight: InFlight | None = None,
    ) -> None:
        """keyframe: the one that is read; None for a picture given by hand. in_flight: holds each attempt that runs."""
        self._record, self._clock, self._engine, self._keyframe = record, clock, engine, keyframe
        self._in_flight = InFlight() if in_flight is None else in_flight
        self.call: str | None = None
        self.paid = 0

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        """Record the call before anything is sent. Raise StoreError, and then nothing may be sent."""
        self.call = uuid4().hex
        keyframe = None if self._keyframe is None else self._keyframe.key
        self._record(CallStarted(self.call, keyframe, self._engine, attempt, self._clock.now(), picture))
        self._in_flight.began(self.call, self._clock.monotonic())

    def ended(self, attempt: int, result: CallResult) -> None:
        """Record how the call ended. attempt: as in `about_to_pay`; only the latest attempt can end."""
        assert self.call is not None
        self._in_flight.ended(self.call)
        if result.charged is not False:
            self.paid += max(1, result.fee)
        self._record(CallEnded(self.call, result, self._clock.now()))
        # The circuit breaker logs once that there is no connection; each attempt need not.
        level = logging.DEBUG if result.charged is False and result.http_status is None else logging.INFO
        log.log(level, "%s", _line(self._keyframe, result))


def _line(keyframe: Keyframe | None, result: CallResult) -> str:
    """Return a call as one line. It names the passage by the first eight characters of its key."""
    whose = "a picture given by hand"
    if keyframe is not None:
        name = keyframe.camera
        camera = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
        whose = f"{camera}, passage {keyframe.passage[:8]}"
    fee = f", fee {result.fee}" if result.charged else ""
    return f"{whose}: {in_words(result.outcome)} after {result.latency:.2f} s{fee}"
