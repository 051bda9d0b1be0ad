"""A free second opinion on a paid reading: does the local engine see the same in the same picture?"""

from collections.abc import Sequence
from dataclasses import replace

from streamwatch import plates as grammar
from streamwatch.model import PlateText

SURE = 0.9  # confidence of the local engine from which on its objection counts
ONE_PLATE = 2.0  # distance up to which two texts can be readings of one plate: two wrong characters


def agreed(paid: Sequence[PlateText], local: Sequence[PlateText]) -> tuple[PlateText, ...]:
    """What the local engine read just as the paid one did."""
    texts = {grammar.parse(plate.text).text for plate in paid}
    return tuple(plate for plate in local if grammar.parse(plate.text).text in texts)


def doubted(paid: Sequence[PlateText], local: Sequence[PlateText]) -> tuple[PlateText, ...]:
    """The paid reading as the gate should take it: confidence 0 where it is not to be believed alone.

    That is where the local engine is sure of another text, and where the service gives no confidence that can be
    believed and the local engine did not read the same.
    """
    return tuple(replace(plate, confidence=0.0) if _doubtful(plate, local) else plate for plate in paid)


def _doubtful(plate: PlateText, local: Sequence[PlateText]) -> bool:
    if agreed([plate], local):
        return False
    text = grammar.parse(plate.text).text
    objects = any(
        (other.confidence or 0.0) >= SURE and grammar.distance(text, grammar.parse(other.text).text) <= ONE_PLATE
        for other in local
    )
    return objects or plate.confidence is None
