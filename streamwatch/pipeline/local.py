"""When a local reading is good enough to save a paid call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamwatch.core.model import FreeRecognizer, PlateText
from streamwatch.core.plates import CHINA, Grammar

NO_PLATE_BELOW = 0.5
"""Confidence under which another text in the picture is taken for no plate: a sign, a telephone number."""


@dataclass(frozen=True, slots=True)
class LocalHelp:
    """How the local engine helps a paid one.

    engine: returns it, loaded at its first use, or None where it is not installed. first: it reads every picture first,
    and what it is sure of is not paid for. stands_in: it reads where no call can be made. Both are False where it is
    not installed. pay_below: confidence, 0 to 1, from which it is sure.
    """

    engine: Callable[[], FreeRecognizer | None]
    first: bool
    stands_in: bool
    pay_below: float
    grammar: Grammar = CHINA

    def is_sure(self, found: Sequence[PlateText]) -> bool:
        """Whether what it found, best first, may stand without a paid call.

        Every plate has to be sure and whole: one that is doubtful may be the vehicle's own, and the sure one its
        neighbour's. Nothing found is not sure: a plate may be there that only the service can read.
        """
        likely = [plate for plate in found if (plate.confidence or 0.0) >= NO_PLATE_BELOW]
        return bool(likely) and all(self._sure_of(plate) for plate in likely)

    def _sure_of(self, plate: PlateText) -> bool:
        parsed = self.grammar.plausible(plate.text)
        return parsed is not None and not parsed.repaired and (plate.confidence or 0.0) >= self.pay_below
