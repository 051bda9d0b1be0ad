"""Sends one keyframe to the engine, with every attempt in the ledger."""

from collections.abc import Callable
from uuid import uuid4

from streamwatch.clock import Clock
from streamwatch.errors import RecognitionError
from streamwatch.model import CallResult, Engine, Keyframe, Recognizer
from streamwatch.pipeline.events import CallEnded, CallStarted, Event, PlatesRead, ReadFailed

Record = Callable[[Event], None]
"""Writes an event down; returns once it is safely stored."""


class RecordedLedger:
    """model.Ledger over `record`. `call` is the key of the latest attempt, None before the first."""

    def __init__(self, record: Record, clock: Clock, engine: Engine, keyframe: str | None) -> None:
        self._record, self._clock, self._engine, self._keyframe = record, clock, engine, keyframe
        self.call: str | None = None

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        """The ledger row, before anything is sent."""
        self.call = uuid4().hex
        self._record(CallStarted(self.call, self._keyframe, self._engine, attempt, self._clock.now(), picture))

    def ended(self, attempt: int, result: CallResult) -> None:
        """The same row, completed. attempt: as in `about_to_pay`; the latest is the only one that can end."""
        assert self.call is not None
        self._record(CallEnded(self.call, result, self._clock.now()))


def read_keyframe(keyframe: Keyframe, recognizer: Recognizer, record: Record, clock: Clock) -> PlatesRead | ReadFailed:
    """Has a keyframe read; the outcome is recorded before it is returned. Raises StoreError."""
    ledger = RecordedLedger(record, clock, recognizer.engine, keyframe.key)
    outcome: PlatesRead | ReadFailed
    try:
        plates = recognizer.read(keyframe.jpeg, ledger)
        outcome = PlatesRead(keyframe, recognizer.engine, tuple(plates), ledger.call)
    except RecognitionError as error:
        outcome = ReadFailed(keyframe, error)
    record(outcome)
    return outcome
