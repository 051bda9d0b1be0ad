"""Saves calls when a recording is played again: the ledger still holds the answers that were paid for."""

from collections.abc import Callable

from streamwatch.core.model import Ledger, PlateText, Recognizer

AnswerTo = Callable[[bytes], tuple[PlateText, ...] | None]
"""Returns what the paid engine said of a JPEG; None if it said nothing."""


class CachedRecognizer:
    """A paid engine that is asked only about pictures for which the ledger has no answer.

    spared: the number of answers that came from the ledger.
    """

    def __init__(self, engine: Recognizer, answer_to: AnswerTo) -> None:
        self.engine = engine.engine
        self._engine, self._answer_to = engine, answer_to
        self.spared = 0

    def read(self, jpeg: bytes, ledger: Ledger) -> list[PlateText]:
        """Return the plates of a picture; see Recognizer. Also raise StoreError."""
        answer = self._answer_to(jpeg)
        if answer is None:
            return self._engine.read(jpeg, ledger)
        self.spared += 1
        return list(answer)

    def close(self) -> None:
        """Close the engine; see Recognizer."""
        self._engine.close()
