"""How sure one may be of a decoded plate, and whether it is one at all."""

import math

from streamwatch.recognition.decoding import Decoded

_LEAST_SCORE = -9.0
"""Log probability below which a text is no plate, however well it leads. On real photos the best text that was none
(a maker's name, a date) had -9.4, and plates of which only the province could not be seen had -8 and more."""
# Logistic curve over the lead of a plate before the next best one and its score, both in nats. A lead beyond 6 says no
# more: the other plates were hardly looked at. See the reliability table that `tests/benchmarks/reader.py` prints.
_START, _PER_LEAD, _PER_SCORE, _MOST_LEAD = -0.5, 0.8, 0.45, 6.0


def confidence(plate: Decoded | None) -> float:
    """0 to 1; 0 for what is no plate."""
    if plate is None or plate.score < _LEAST_SCORE:
        return 0.0
    return 1 / (1 + math.exp(-(_START + _PER_LEAD * min(plate.lead, _MOST_LEAD) + _PER_SCORE * plate.score)))
