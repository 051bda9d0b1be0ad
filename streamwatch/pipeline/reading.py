"""Sends one keyframe to an engine, with every attempt in the ledger."""

from collections.abc import Callable
from uuid import uuid4

from streamwatch.clock import Clock
from streamwatch.model import CallResult, Engine
from streamwatch.pipeline.events import CallEnded, CallStarted, Event

Record = Callable[[Event], None]
"""Writes an event down; returns once it is safely stored."""


class RecordedLedger:
    """model.Ledger over `record`.

    call: key of the latest attempt, None before the first. paid: fee units of all attempts that were or may have been
    charged.
    """

    def __init__(self, record: Record, clock: Clock, engine: Engine, keyframe: str | None) -> None:
        self._record, self._clock, self._engine, self._keyframe = record, clock, engine, keyframe
        self.call: str | None = None
        self.paid = 0

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        """The ledger row, before anything is sent."""
        self.call = uuid4().hex
        self._record(CallStarted(self.call, self._keyframe, self._engine, attempt, self._clock.now(), picture))

    def ended(self, attempt: int, result: CallResult) -> None:
        """The same row, completed. attempt: as in `about_to_pay`; the latest is the only one that can end."""
        assert self.call is not None
        if result.charged is not False:
            self.paid += max(1, result.fee)
        self._record(CallEnded(self.call, result, self._clock.now()))
