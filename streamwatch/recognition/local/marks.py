"""What the text network's alphabet says about the characters of plates: its thousands of entries as a few marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from streamwatch.core import plates
from streamwatch.recognition.local.provinces import MEANT, TAKEN_FOR

Probabilities = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FLOOR = 1e-5
"""Least probability of anything, so that one bad column does not rule a path out."""
_CLEAR = 0.5
"""Probability of a character that is clearly seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What matters of the network's probabilities for one view.

    marks: (T, marks) how likely each plate character is, and each of `MEANT` by what it is taken for. blank: (T,) how
    likely nothing, or a separator.
    """

    marks: Probabilities
    blank: Probabilities

    def then(self, other: "Seen") -> "Seen":
        """Both as one text, with nothing between them."""
        marks = np.concatenate([self.marks, np.zeros((1, self.marks.shape[1]), np.float32), other.marks])
        return Seen(marks, np.concatenate([self.blank, np.ones(1, np.float32), other.blank]))


class Alphabet:
    """Turns the network's probabilities into marks.

    alphabet: the network's entries; entry 0 means "nothing new". characters: the plate characters.
    """

    def __init__(self, alphabet: Sequence[str], characters: Sequence[str]) -> None:
        self.characters = characters
        """What each of the first entries of `Seen.marks` stands for; those by their look-alikes follow."""
        self.row = {char: n for n, char in enumerate(characters)}
        self._entries, self._begins = self._direct(alphabet)
        self._known = np.add.reduceat(np.sign(self._entries), self._begins) > 0
        self._similar, self._shares = _look_alikes(alphabet)
        self._separators = [0, *(n for n, char in enumerate(alphabet) if n and not plates.normalise(char))]
        self._province_rows = [self.row[province] for province in plates.PROVINCES]

    def see(self, columns: Probabilities) -> Seen:
        """What matters of (T, len(alphabet)) probabilities."""
        exact = np.add.reduceat(columns[:, self._entries], self._begins, axis=1) * self._known
        # Not by matrix multiplication: its library would start threads of its own for so small a thing.
        similar = np.einsum("te,ep->tp", columns[:, self._similar], self._shares)
        return Seen(np.concatenate([exact, similar], axis=1), columns[:, self._separators].sum(axis=1))

    def characters_in(self, seen: Seen) -> int:
        """How many letters, digits and other plate characters are clearly seen."""
        marks = seen.marks[:, : len(self.characters)]
        chosen = np.where(marks.max(axis=1) > _CLEAR, marks.argmax(axis=1), -1)
        return int(np.count_nonzero((chosen[1:] >= 0) & (chosen[1:] != chosen[:-1]))) + int(chosen[0] >= 0)

    def provinces(self, seen: Seen) -> Floats:
        """How far a view of a plate's first characters speaks for each of `plates.PROVINCES`; 0 or more."""
        marks = seen.marks.sum(axis=0)
        direct, taken = marks[self._province_rows], marks[len(self.characters) :][: len(plates.PROVINCES)]
        return np.asarray(direct + taken, np.float64)

    def _direct(self, alphabet: Sequence[str]) -> tuple[list[int], list[int]]:
        """The network's entries that are plate characters once normalised, by character; and where each one's begin."""
        entries: dict[str, list[int]] = {char: [] for char in self.characters}
        for n, char in enumerate(alphabet):
            if n and (plain := plates.normalise(char)) in entries:
                entries[plain].append(n)
        # Blanks instead of a character that the network does not know; `_known` takes them out again.
        lists = [entries[char] or [0] for char in self.characters]
        return [n for one in lists for n in one], [0, *accumulate(len(one) for one in lists[:-1])]


def _look_alikes(alphabet: Sequence[str]) -> tuple[list[int], Probabilities]:
    """The network's entries that are taken for one of `MEANT`, and how far each speaks for each."""
    entries = [n for n, char in enumerate(alphabet) if char in TAKEN_FOR]
    shares = np.zeros((len(entries), len(MEANT)), np.float32)
    for row, n in enumerate(entries):
        for meant, share in TAKEN_FOR[alphabet[n]].items():
            shares[row, MEANT.index(meant)] = share
    return entries, shares
