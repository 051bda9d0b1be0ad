"""How sure one may be of a decoded plate."""

import math

from streamwatch.recognition.decoding import Decoded

_MIDDLE, _PER_NAT_OF_LEAD, _PER_NAT_OF_SCORE = -0.5, 0.8, 0.45


def confidence(plate: Decoded | None) -> float:
    """0 to 1."""
    if plate is None:
        return 0.0
    lead = min(plate.lead, 6.0)
    return 1 / (1 + math.exp(-(_MIDDLE + _PER_NAT_OF_LEAD * lead + _PER_NAT_OF_SCORE * plate.score)))
