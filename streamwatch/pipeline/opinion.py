"""A free second opinion on a paid reading: does the local engine see the same in the same picture?"""

from collections.abc import Sequence
from dataclasses import replace

from streamwatch import plates as grammar
from streamwatch.model import PlateText

SURE = 0.9  # confidence of the local engine from which on its objection to a confident reading counts
LIKELY = 0.75  # the same, to a reading without confidence
ONE_PLATE = 2.0  # distance up to which two texts can be readings of one plate: two wrong characters


def agreed(paid: Sequence[PlateText], local: Sequence[PlateText]) -> tuple[PlateText, ...]:
    """What the local engine read just as the paid one did."""
    texts = {grammar.parse(plate.text).text for plate in paid}
    return tuple(plate for plate in local if grammar.parse(plate.text).text in texts)


def evidence(paid: Sequence[PlateText], local: Sequence[PlateText]) -> tuple[PlateText, ...]:
    """What of the local reading is to be weighed: its assent, and its sure objection to what has no confidence."""
    open_to_doubt = [plate for plate in paid if plate.confidence is None]
    return (*agreed(paid, local), *(other for other in local if any(_objects(other, plate) for plate in open_to_doubt)))


def doubted(paid: Sequence[PlateText], local: Sequence[PlateText]) -> tuple[PlateText, ...]:
    """The paid reading as the gate should take it: confidence 0 where it is not to be believed alone.

    That is where the local engine is sure of another text, and where the service gives no confidence that can be
    believed and the local engine did not read the same.
    """
    return tuple(replace(plate, confidence=0.0) if _doubtful(plate, local) else plate for plate in paid)


def _doubtful(plate: PlateText, local: Sequence[PlateText]) -> bool:
    if agreed([plate], local):
        return False
    return plate.confidence is None or any(_objects(other, plate) for other in local)


def _objects(local: PlateText, paid: PlateText) -> bool:
    """Whether the local engine is sure enough that this plate reads otherwise."""
    gap = grammar.distance(grammar.parse(paid.text).text, grammar.parse(local.text).text)
    enough = LIKELY if paid.confidence is None else SURE
    return (local.confidence or 0.0) >= enough and 0 < gap <= ONE_PLATE
