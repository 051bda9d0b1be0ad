"""Draw worn plates, let the text network read their first or last characters, print the tables of `provinces.py`.

    python tests/draw_lookalikes.py [ROUNDS]

A round draws one plate of each province and one of each mark, shrunk to 45 to 110 pixels' width, blurred, tilted, faded
and compressed.
"""

import sys
from collections import Counter, defaultdict

import cv2
import numpy as np
from drawing import draw_plate

from streamwatch.core import plates
from streamwatch.recognition.local import quads
from streamwatch.recognition.local.networks import open_network

MARKS = {"警": "white", "学": "yellow", "挂": "yellow", "领": "black", "港": "black", "澳": "black", "使": "black"}
"""Marks at the end of a plate, with its colour; they compete with those that are not in the table."""
LEAST_MARK = 0.3
LEAST_SEEN, LEAST_SHARE, DOUBT = 0.0015, 0.05, 0.003
"""Limits of a look-alike: mean probability over all provinces, share for one, and what is added against chance."""


def worn(text: str, chance: np.random.Generator, kind: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return a small picture of a plate, and the corners of the plate in it."""
    kind = kind or chance.choice(["blue", "yellow", "black"], p=[0.6, 0.3, 0.1])
    sheet = np.full((300, 640, 3), chance.uniform(20, 200), np.float32)
    sheet[80:220, 100:540] = draw_plate(text, kind, 440)
    scale = chance.uniform(45, 110) / 440
    turn = np.vstack([cv2.getRotationMatrix2D((320, 150), chance.normal(0, 3), 1), [0, 0, 1]])
    lean = chance.normal(0, 0.06)
    turn = np.array([[1, lean, -150 * lean], [0, 1, 0], [0, 0, 1]]) @ turn
    sheet = cv2.warpPerspective(sheet, turn, (640, 300), borderMode=cv2.BORDER_REPLICATE)
    corners = np.array([[[100, 80], [540, 80], [540, 220], [100, 220]]], np.float32)
    corners = cv2.perspectiveTransform(corners, turn)[0] * scale
    sheet = cv2.resize(sheet, None, fx=2.5 * scale, fy=2.5 * scale, interpolation=cv2.INTER_AREA)
    sheet = cv2.GaussianBlur(sheet, (0, 0), chance.uniform(0.75, 2.75))
    sheet = cv2.resize(sheet, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA)
    sheet = (sheet - sheet.mean()) * chance.uniform(0.25, 1.1) + chance.uniform(50, 190)
    sheet = np.clip(sheet + chance.normal(0, chance.uniform(1, 7), sheet.shape), 0, 255).astype(np.uint8)
    jpeg = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, int(chance.uniform(45, 92))])[1]
    return cv2.imdecode(jpeg, cv2.IMREAD_COLOR), corners.astype(np.float32)


def marks(rounds: int, alphabet: list[str], network: object) -> None:
    """Print what each mark is taken for, among the other marks, letters and digits."""
    chance = np.random.default_rng(12)
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for _ in range(rounds):
        for mark in [*MARKS, ""]:
            last = chance.choice(list(plates.DIGITS))
            text = "京A" + "".join(chance.choice(list(plates.DIGITS), 3)) + last
            end = mark or chance.choice(list(plates.SERIAL))
            picture, corners = worn(text + end, chance, MARKS.get(mark, "blue"))
            right = chance.normal(0, 0.01)
            piece = quads.part(corners, 0.6 + right, 1.02 + right, 0.08, 0.92)
            cutting = quads.set_upright(picture, piece, 150, 48).astype(np.float32) / 127.5 - 1
            columns = network.run(None, {"x": np.ascontiguousarray(cutting.transpose(2, 0, 1)[None])})[0][0]
            column = int(columns[:, alphabet.index(last)].argmax())
            clear = columns[column, alphabet.index(last)] > 0.05
            mass = columns[column + 1 if clear else len(columns) // 2 :].sum(axis=0) / rounds
            for entry in np.argsort(-mass)[:40]:
                seen[alphabet[entry]][mark] += float(mass[entry])
    for mark in MARKS:
        taken = [(chances[mark] / (chances.total() + DOUBT), char) for char, chances in seen.items()]
        likely = [
            (share, char)
            for share, char in sorted(taken, reverse=True)
            if share >= LEAST_MARK and "\u4e00" <= char <= "\u9fff" and char not in MARKS
        ]
        print(mark, "".join(f"{char}{round(100 * share)}" for share, char in likely))


def main(rounds: int) -> None:
    chance = np.random.default_rng(11)
    network = open_network("rec", 1)
    alphabet = ["", *network.get_modelmeta().custom_metadata_map["character"].splitlines(), " "]
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for n in range(rounds):
        for province in plates.PROVINCES:
            letter = chance.choice(list(plates.LETTERS))
            picture, corners = worn(province + letter + "".join(chance.choice(list(plates.SERIAL), 5)), chance)
            right, down, half = chance.normal(0, 0.01), chance.normal(0, 0.03), 0.37 * (1 + chance.normal(0, 0.06))
            left, width = (0.01, 80) if n % 2 else (0.022, 104)
            piece = quads.part(corners, left + right, 0.284 + right, 0.5 + down - half, 0.5 + down + half)
            cutting = quads.set_upright(picture, piece, width, 48).astype(np.float32) / 127.5 - 1
            columns = network.run(None, {"x": np.ascontiguousarray(cutting.transpose(2, 0, 1)[None])})[0][0]
            column = int(columns[:, alphabet.index(letter)].argmax())
            before = columns[:column] if column and columns[column, alphabet.index(letter)] > 0.05 else columns
            mass = before.sum(axis=0) / rounds
            for entry in np.argsort(-mass)[:40]:
                seen[alphabet[entry]][province] += float(mass[entry])
    special = {char for kind in plates.KINDS for form in kind.forms for place in form for char in place}
    for province in plates.PROVINCES:
        taken = [
            (chances[province] / (chances.total() + DOUBT), char)
            for char, chances in seen.items()
            if "\u4e00" <= char <= "\u9fff" and plates.normalise(char) not in special and chances.total() >= LEAST_SEEN
        ]
        likely = sorted(((share, char) for share, char in taken if share >= LEAST_SHARE), reverse=True)
        print(province, "".join(f"{char}{round(100 * share)}" for share, char in likely))
    marks(rounds, alphabet, network)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 150)
