"""Of a recording that is replayed again no picture is paid for twice: the ledger still holds what was answered."""

from collections.abc import Callable

from streamwatch.core.model import Ledger, PlateText, Recognizer

AnswerTo = Callable[[bytes], tuple[PlateText, ...] | None]
"""What the paid engine said of a JPEG; None where it said nothing."""


class CachedRecognizer:
    """A paid engine that is asked only for pictures which it has not answered.

    spared: how many answers were taken from the ledger.
    """

    def __init__(self, engine: Recognizer, answer_to: AnswerTo) -> None:
        self.engine = engine.engine
        self._engine, self._answer_to = engine, answer_to
        self.spared = 0

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """See Recognizer. Also raises StoreError."""
        answer = self._answer_to(jpeg)
        if answer is None:
            return self._engine.read(jpeg, ledger)
        self.spared += 1
        return list(answer)

    def close(self) -> None:
        """See Recognizer."""
        self._engine.close()
