"""How the local engine helps the paid one, and when its reading is good enough to save a call."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from streamwatch.core.model import FreeRecognizer, PlateText
from streamwatch.core.plates import CHINA, Grammar

NO_PLATE_BELOW = 0.5
"""Another text in the picture with less confidence is taken for no plate: a sign, a telephone number."""


@dataclass(frozen=True, slots=True)
class LocalHelp:
    """How the local engine helps a paid one.

    engine: returns the engine, loaded at its first use, or None if it is not installed. first: it reads every picture
    first, and no call is paid for what it is sure of. stands_in: it reads where no call can be made. Both are False if
    it is not installed. pay_below: confidence, 0 to 1, from which it is sure.
    """

    engine: Callable[[], FreeRecognizer | None]
    first: bool
    stands_in: bool
    pay_below: float
    grammar: Grammar = CHINA

    def is_sure(self, found: Sequence[PlateText]) -> bool:
        """True if the plates that it found, best first, may stand without a paid call.

        Every plate has to be sure and whole: a doubtful one may be the vehicle's own, and the sure one its neighbour's.
        No plate is not sure: there may be one that only the service can read.
        """
        likely = [plate for plate in found if (plate.confidence or 0.0) >= NO_PLATE_BELOW]
        return bool(likely) and all(self._sure_of(plate) for plate in likely)

    def agrees(self, found: Sequence[PlateText], seen: Collection[str]) -> bool:
        """True if the plates that it found are those that the camera itself has read (normalised), so that no call is
        needed. Two engines that read the same independently of each other are sure, whatever their confidence is.
        """
        parsed = [(self.grammar.plausible(plate.text), plate.confidence or 0.0) for plate in found]
        same = [plate is not None and plate.text in seen for plate, _ in parsed]
        return any(same) and all(same[n] for n, (_, confidence) in enumerate(parsed) if confidence >= NO_PLATE_BELOW)

    def _sure_of(self, plate: PlateText) -> bool:
        parsed = self.grammar.plausible(plate.text)
        return parsed is not None and not parsed.repaired and (plate.confidence or 0.0) >= self.pay_below
