"""From a text network's probabilities to a plate: the most likely way to read them that the grammar of plates allows.

The network (CTC) says for each of T narrow columns of a picture, left to right, how likely each character of its
alphabet or "nothing new" is. Reading the likeliest character of each column gives any text at all. Here a path may
only spell a form of `plates.KINDS`, place by place, with anything before and after it; so a province that the network
half sees is found, and an O where only a 0 can stand counts for the 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatch import plates

Probabilities = npt.NDArray[np.float32]

_FLOOR = 1e-5
"""Least probability of anything, so that one bad column does not rule a path out."""
_OTHER_TEXT = 0.1
"""What a column costs that is passed over before or after the plate, although something is written there."""
_NOT_A_FORM = -1e9
# What a character that can not stand at a place still says for one that can, by the cost of confusing the two.
_SHARED = {0.25: 0.5, 0.5: 0.25}
_FOLDED = {("0", "O"): 1.0, ("1", "I"): 1.0}
# How likely a kind is at a gate before one has looked. A letter pair such as MA is far more often a blurred 川A than an
# army car; paper plates and motorcycles are not looked for at all.
_RARE = {"military": 0.01, "embassy": 0.1, "old embassy": 0.01, "old consulate": 0.1, "civil aviation": 0.1}
_NOT_SOUGHT = {"temporary", "emergency motorcycle"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """The best plate in some columns.

    score: log probability of the whole path, with what had to be passed over and with how rare the kind is; at most 0.
    """

    text: str
    kind: str
    score: float

    @property
    def confidence(self) -> float:
        """0 to 1: the path's probability per character."""
        return math.exp(min(0.0, self.score) / len(self.text))


class PlateDecoder:
    """Reads plates out of the probabilities of a network with the given alphabet (entry 0 means "nothing new")."""

    def __init__(self, alphabet: Sequence[str]) -> None:
        forms = [(kind.name, form) for kind in plates.KINDS if kind.name not in _NOT_SOUGHT for form in kind.forms]
        self._kinds = [name for name, _ in forms]
        self._lengths = np.array([len(form) for _, form in forms])
        self._priors = np.log([_RARE.get(name, 1.0) for name in self._kinds])
        self._characters = sorted({char for _, form in forms for place in form for char in place} | {"O", "I"})
        self._columns, self._merge = self._merging(alphabet)
        self._separators = [0, *(n for n, char in enumerate(alphabet) if n and not plates.normalise(char))]
        self._weights, self._place_of = self._place_weights([form for _, form in forms])

    def _merging(self, alphabet: Sequence[str]) -> tuple[list[int], npt.NDArray[np.float32]]:
        """The network's entries that are plate characters once normalised, and which character each stands for."""
        row = {char: n for n, char in enumerate(self._characters)}
        entries = [(n, row[plain]) for n, char in enumerate(alphabet) if n and (plain := plates.normalise(char)) in row]
        merge = np.zeros((len(entries), len(row)), np.float32)
        merge[range(len(entries)), [character for _, character in entries]] = 1
        return [n for n, _ in entries], merge

    def _place_weights(self, forms: Sequence[plates.Form]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """(kinds of place, seen character, meant character): how far what is seen speaks for what may stand there.

        And (forms, places): which kind of place each place is; a place beyond the form's end is of any kind.
        """
        confused = np.array([[_weight(meant, seen) for meant in self._characters] for seen in self._characters])
        same = np.eye(len(self._characters))
        kinds = {place: n for n, place in enumerate(dict.fromkeys(place for form in forms for place in form))}
        weights = np.zeros((len(kinds), *same.shape), np.float32)
        for place, n in kinds.items():
            allowed = np.array([char in place for char in self._characters])
            weights[n][:, allowed] = np.where(allowed[:, None], same, confused)[:, allowed]
        place_of = np.zeros((len(forms), self._lengths.max()), np.int64)
        for f, form in enumerate(forms):
            place_of[f, : len(form)] = [kinds[place] for place in form]
        return weights, place_of

    def decode(self, columns: Probabilities) -> Decoded | None:
        """The best plate in (T, len(alphabet)) probabilities; None where there are too few columns for any."""
        seen = columns[:, self._columns] @ self._merge
        shares = (seen @ self._weights).swapaxes(0, 1)
        picks = shares.argmax(axis=2)[:, self._place_of]
        places = np.log(np.clip(shares.max(axis=2), _FLOOR, 1))[:, self._place_of]
        blank = np.log(columns[:, self._separators].sum(axis=1) + _FLOOR)
        scores, paths = self._best_paths(places, picks, blank)
        form = int(np.argmax(scores))
        if scores[form] <= _NOT_A_FORM / 2:
            return None
        text = []
        for n in range(self._lengths[form]):
            stay = np.flatnonzero(paths[:, form] == 2 * n + 1)
            peak = stay[np.argmax(places[stay, form, n])]
            text.append(self._characters[picks[peak, form, n]])
        return Decoded("".join(text), self._kinds[form], float(scores[form]))

    def _best_paths(
        self, places: npt.NDArray[np.float64], picks: npt.NDArray[np.int64], blank: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Viterbi over the states blank, place 0, blank, place 1, …, blank, for all forms at once.

        Returns each form's score, and (T, forms) states of its best path.
        """
        steps, forms, most = places.shape
        every = np.arange(forms)
        emit = np.empty((steps, forms, 2 * most + 1))
        emit[:, :, 0::2] = blank[:, None, None]
        emit[:, :, 1::2] = places
        around = np.maximum(blank, np.log(_OTHER_TEXT))[:, None]
        emit[:, every, 0] = around
        emit[:, every, 2 * self._lengths] = around
        # A place keeps its character while the path stays in it, and two places touch only if their characters differ:
        # otherwise one 8 would do for two.
        changed = picks[1:] != picks[:-1]
        differs = picks[1:, :, 1:] != picks[:-1, :, :-1]
        score = np.full((forms, 2 * most + 1), _NOT_A_FORM)
        score[:, :2] = emit[0, :, :2]
        came = np.zeros((steps, forms, 2 * most + 1), np.int64)
        moves = np.full((3, forms, 2 * most + 1), _NOT_A_FORM)
        for t in range(1, steps):
            moves[0] = score
            moves[0, :, 1::2][changed[t - 1]] = _NOT_A_FORM
            moves[1, :, 1:] = score[:, :-1]
            moves[2, :, 3::2] = np.where(differs[t - 1], score[:, 1:-2:2], _NOT_A_FORM)
            came[t] = moves.argmax(axis=0)
            score = moves.max(axis=0) + emit[t]
        ends = np.stack([score[every, 2 * self._lengths - 1], score[every, 2 * self._lengths]])
        states = 2 * self._lengths - 1 + ends.argmax(axis=0)
        paths = np.empty((steps, forms), np.int64)
        for t in range(steps - 1, -1, -1):
            paths[t] = states
            states = states - came[t, every, states]
        return ends.max(axis=0) + self._priors, paths


def _weight(meant: str, seen: str) -> float:
    # A letter says nothing for a province: where one is too blurred to be seen, noise would always make it a 川.
    if not (meant.isascii() and seen.isascii()):
        return 0.0
    return _FOLDED.get((meant, seen), _SHARED.get(plates.distance(meant, seen), 0.0))
