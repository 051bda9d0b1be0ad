"""Draw worn plates, let the text network see their first two characters, and fit the province classifier.

    python tests/fit_provinces.py [ROUNDS]

A round draws one plate of each province and looks at it twice, as `lines.py` does. A fifth of the rounds is held out
first, to say how many provinces are recognised; then all are used, and the file provinces.npz in
streamwatch/recognition/local is written.
"""

import sys
from pathlib import Path

import numpy as np
from draw_lookalikes import worn

from streamwatch.core import plates
from streamwatch.recognition.local import province_classifier, quads
from streamwatch.recognition.local.networks import network_name, open_network

CHARACTERS = 256
"""Characters of the network that are used, those most often seen; more would hardly help."""
SHRINKAGE = 1.0
"""Added to the variance of each feature, in units of its mean: real plates vary in ways that drawn ones do not."""


class Drawn:
    """An endless source of looks at drawn plates."""

    def __init__(self) -> None:
        self._chance, self._network = np.random.default_rng(31), open_network("rec", 1)
        characters = self._network.get_modelmeta().custom_metadata_map["character"].splitlines()
        self.alphabet = ["", *characters, " "]

    def look(self, province: str) -> list[np.ndarray]:
        """Return what the network sees of one plate: (columns, alphabet) twice, cut closely and with a margin."""
        chance = self._chance
        text = province + chance.choice(list(plates.LETTERS)) + "".join(chance.choice(list(plates.SERIAL), 5))
        picture, corners = worn(text, chance)
        right, down, half = chance.normal(0, 0.012), chance.normal(0, 0.035), 0.37 * (1 + chance.normal(0, 0.08))
        looks = []
        for left, high in ((0.022, half), (0.01, 1.1 * half)):
            piece = quads.part(corners, left + right, 0.284 + right, 0.5 + down - high, 0.5 + down + high)
            cutting = quads.set_upright(picture, piece, 80, 48).astype(np.float32) / 127.5 - 1
            looks.append(self._network.run(None, {"x": np.ascontiguousarray(cutting.transpose(2, 0, 1)[None])})[0][0])
        return looks


def most_seen(drawn: Drawn) -> np.ndarray:
    """Return the entries of the alphabet that the network finds most likely on plates."""
    seen = sum(look.mean(axis=0) for _ in range(20) for province in plates.PROVINCES for look in drawn.look(province))
    seen[[n for n, char in enumerate(drawn.alphabet) if len(char) != 1]] = 0
    return np.argsort(-seen)[:CHARACTERS]


def fit(features: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and bias of a linear discriminant analysis with a shrunk covariance."""
    means = np.array([features[labels == n].mean(axis=0) for n in range(len(plates.PROVINCES))])
    apart = features - means[labels]
    spread = apart.T @ apart / len(apart)
    spread += SHRINKAGE * np.trace(spread) / len(spread) * np.eye(len(spread))
    weights = np.linalg.solve(spread, means.T)
    return weights, -(means.T * weights).sum(axis=0) / 2


def main(rounds: int) -> None:
    drawn = Drawn()
    entries = most_seen(drawn)
    rows, labels = [], []
    for _ in range(rounds):
        for n, province in enumerate(plates.PROVINCES):
            for look in drawn.look(province):
                rows.append(province_classifier.features(look, entries))
                labels.append(n)
    features, known = np.array(rows), np.array(labels)
    held = len(features) // 5
    weights, bias = fit(features[held:], known[held:])
    right = (features[:held] @ weights + bias).argmax(axis=1) == known[:held]
    print(f"{right.mean():.1%} of {held} held-out looks recognised")
    weights, bias = fit(features, known)
    np.savez_compressed(
        Path(province_classifier.__file__).with_name(province_classifier.WEIGHTS),
        network=network_name("rec"),
        characters="".join(drawn.alphabet[n] for n in entries),
        weights=weights.astype(np.float16),
        bias=bias.astype(np.float32),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
