"""Tells which province a blurred first character is, from all the probabilities that the text network gives for it.

In a plate that is 80 pixels wide the province is ten pixels wide. The character that the network then writes down is
mostly wrong, but the probabilities of its thousands of characters still tell the provinces apart. They are a linear
function of what the network has seen (its last layer). So a linear classifier over their logarithms (linear
discriminant analysis, Fisher 1936) is as good as a last layer made for the 31 provinces. The weights were fitted to
drawn plates that were shrunk, blurred, tilted and compressed; `tests/fit_provinces.py` draws and fits them again. They
are useless for any other network.
"""

from collections.abc import Sequence
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from streamwatch.recognition.local.marks import Floats, Probabilities

WEIGHTS = "provinces.npz"
_COLUMNS = 6
"""Of the ten columns of a look, those in which the province may be; the others show the office letter."""
_LEAST = 6e-8
"""A smaller probability makes no difference."""
_SHARPNESS = 0.3
"""Factor by which the classifier's evidence counts, for drawn and real plates alike."""
_FAINTEST = 1e-3
"""Probability of a province that the classifier rules out."""


class ProvinceClassifier:
    """Tells how likely each of `plates.PROVINCES` is, from a look at a plate's first two characters."""

    def __init__(self, entries: npt.NDArray[np.int64], weights: Floats, bias: Floats) -> None:
        """entries: the network's characters that matter. weights: (entries, provinces)."""
        self._entries, self._weights, self._bias = entries, weights, bias

    def provinces(self, columns: Probabilities) -> Floats:
        """Return the log probability of each province. columns: (10, alphabet) of a look that is 80 pixels wide."""
        said = _SHARPNESS * (features(columns, self._entries) @ self._weights + self._bias)
        chances = np.exp(said - said.max())
        return np.asarray(np.log(chances / chances.sum() + _FAINTEST), np.float64)


def features(columns: Probabilities, entries: npt.NDArray[np.int64]) -> Floats:
    """Return the features of a look: the mean logarithms of some characters' probabilities, where anything is seen."""
    where = columns[:_COLUMNS]
    seen = 1 - np.clip(where[:, 0], 0, 1) + _LEAST
    logs = np.log(where[:, entries] + _LEAST)
    logs -= logs.mean(axis=1, keepdims=True)
    return np.asarray((logs * seen[:, None]).sum(axis=0) / seen.sum(), np.float64)


def load_classifier(network: str, alphabet: Sequence[str]) -> ProvinceClassifier | None:
    """Return the classifier that comes with the package; None if it was fitted to another network.

    network: the file name of the network's model. alphabet: its characters.
    """
    with (files("streamwatch.recognition.local") / WEIGHTS).open("rb") as file:
        stored = np.load(file)
        fitted, characters = str(stored["network"]), str(stored["characters"])
        weights, bias = stored["weights"].astype(np.float64), stored["bias"].astype(np.float64)
    places = {char: n for n, char in enumerate(alphabet)}
    if fitted != network or not set(characters) <= set(places):
        return None
    return ProvinceClassifier(np.array([places[char] for char in characters]), weights, bias)
