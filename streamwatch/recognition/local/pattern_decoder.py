"""Decodes plates for which there is only a pattern: takes the likeliest text of letters and digits that matches."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from streamwatch.core.plates import DIGITS, OTHER
from streamwatch.recognition.local.decoding import DecodedPlate
from streamwatch.recognition.local.marks import Seen

_BEAM, _LEAST = 16, 1e-3
_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + DIGITS


class PatternDecoder:
    """Prefix beam search (Hannun et al. 2014) for texts that match a pattern in full."""

    def __init__(self, characters: Sequence[str], pattern: re.Pattern[str]) -> None:
        """characters: what each of the first entries of `Seen.marks` stands for."""
        self._pattern = pattern
        self._entries = [(n, char) for n, char in enumerate(characters) if char in _CHARACTERS]

    def decode(self, seen: Seen) -> DecodedPlate | None:
        """Return the likeliest text that matches; None if none of the likely texts does."""
        # For each prefix: the probability of all paths that spell it and end with nothing new, or with its last letter.
        beam: dict[str, tuple[float, float]] = {"": (1.0, 0.0)}
        for marks, blank in zip(seen.marks, seen.blank, strict=True):
            likely = [(char, float(marks[n])) for n, char in self._entries if marks[n] > _LEAST]
            grown: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
            for prefix, (resting, spoken) in beam.items():
                grown[prefix][0] += (resting + spoken) * float(blank)
                for char, chance in likely:
                    if prefix.endswith(char):
                        grown[prefix][1] += spoken * chance
                        grown[prefix + char][1] += resting * chance
                    else:
                        grown[prefix + char][1] += (resting + spoken) * chance
            best = sorted(grown.items(), key=lambda item: -sum(item[1]))[:_BEAM]
            beam = {prefix: (resting, spoken) for prefix, (resting, spoken) in best}
        chances = sorted(((sum(ends), text) for text, ends in beam.items()), reverse=True)
        fitting = [(chance, text) for chance, text in chances if chance > 0 and self._pattern.fullmatch(text)]
        if not fitting:
            return None
        score = math.log(fitting[0][0])
        lead = score - math.log(fitting[1][0]) if len(fitting) > 1 else np.inf
        return DecodedPlate(fitting[0][1], OTHER, score, float(lead), ())
