"""Reduces the thousands of entries of the text network's alphabet to marks: plate characters and their look-alikes."""

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
"""A character with a higher probability is clearly seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """The probabilities of one view that matter for plates.

    marks: (T, marks) the probability of each plate character, and of each of `MEANT` by what it is taken for. blank:
    (T,) the probability of nothing, or of a separator.
    """

    marks: Probabilities
    blank: Probabilities

    def then(self, other: "Seen") -> "Seen":
        """Return both as one text, with nothing between them."""
        marks = np.concatenate([self.marks, np.zeros((1, self.marks.shape[1]), np.float32), other.marks])
        return Seen(marks, np.concatenate([self.blank, np.ones(1, np.float32), other.blank]))


class Alphabet:
    """Turns the network's probabilities into marks.

    alphabet: the network's entries; entry 0 means "nothing new". characters: the plate characters.
    """

    def __init__(self, alphabet: Sequence[str], characters: Sequence[str]) -> None:
        self.characters = characters
        """The character for each of the first entries of `Seen.marks`; the entries for look-alikes follow."""
        self.row = {char: n for n, char in enumerate(characters)}
        self._entries, self._begins = self._direct(alphabet)
        self._known = np.add.reduceat(np.sign(self._entries), self._begins) > 0
        self._similar, self._shares = _look_alikes(alphabet)
        self._separators = [0, *(n for n, char in enumerate(alphabet) if n and not plates.normalise(char))]
        self._province_rows = [self.row[province] for province in plates.PROVINCES]

    def see(self, columns: Probabilities) -> Seen:
        """Return the marks of (T, len(alphabet)) probabilities."""
        exact = np.add.reduceat(columns[:, self._entries], self._begins, axis=1) * self._known
        # Matrix multiplication would start threads of its own, even for so small a matrix.
        similar = np.einsum("te,ep->tp", columns[:, self._similar], self._shares)
        return Seen(np.concatenate([exact, similar], axis=1), columns[:, self._separators].sum(axis=1))

    def characters_in(self, seen: Seen) -> int:
        """Return how many letters, digits and other plate characters are clearly seen."""
        marks = seen.marks[:, : len(self.characters)]
        chosen = np.where(marks.max(axis=1) > _CLEAR, marks.argmax(axis=1), -1)
        return int(np.count_nonzero((chosen[1:] >= 0) & (chosen[1:] != chosen[:-1]))) + int(chosen[0] >= 0)

    def provinces(self, seen: Seen) -> Floats:
        """Return how far a view of a plate's first characters speaks for each of `plates.PROVINCES`; 0 or more."""
        marks = seen.marks.sum(axis=0)
        direct, taken = marks[self._province_rows], marks[len(self.characters) :][: len(plates.PROVINCES)]
        return np.asarray(direct + taken, np.float64)

    def _direct(self, alphabet: Sequence[str]) -> tuple[list[int], list[int]]:
        """Return the network's entries for plate characters, normalised, and where those of each character begin."""
        entries: dict[str, list[int]] = {char: [] for char in self.characters}
        for n, char in enumerate(alphabet):
            if n and (plain := plates.normalise(char)) in entries:
                entries[plain].append(n)
        # A character that the network does not know gets the entry for blanks; `_known` sets it to 0 again.
        lists = [entries[char] or [0] for char in self.characters]
        return [n for one in lists for n in one], [0, *accumulate(len(one) for one in lists[:-1])]


def _look_alikes(alphabet: Sequence[str]) -> tuple[list[int], Probabilities]:
    """Return the network's entries that are taken for one of `MEANT`, and how far each speaks for each."""
    entries = [n for n, char in enumerate(alphabet) if char in TAKEN_FOR]
    shares = np.zeros((len(entries), len(MEANT)), np.float32)
    for row, n in enumerate(entries):
        for meant, share in TAKEN_FOR[alphabet[n]].items():
            shares[row, MEANT.index(meant)] = share
    return entries, shares
