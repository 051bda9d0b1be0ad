"""The grammar decides between what the network half sees."""

import numpy as np
import pytest

from streamwatch import plates
from streamwatch.recognition.decoding import Decoded, PlateDecoder

ALPHABET = ["", *plates.PROVINCES, *map(chr, range(ord("A"), ord("Z") + 1)), *"0123456789", *"警挂学港澳·粵帐店"]
DECODER = PlateDecoder(ALPHABET)


def columns(*seen: dict[str, float], blanks: int = 1) -> np.ndarray:
    """One column for each entry of character -> probability, with empty columns between; the rest is "nothing new"."""
    rows = []
    for chances in seen:
        row = np.zeros(len(ALPHABET), np.float32)
        for char, chance in chances.items():
            row[ALPHABET.index(char)] = chance
        row[0] += 1 - row.sum()
        rows += [np.eye(1, len(ALPHABET), dtype=np.float32)[0]] * blanks + [row]
    return np.array(rows)


def clear(text: str) -> list[dict[str, float]]:
    return [{char: 0.99} for char in text]


def decode(*seen: dict[str, float], blanks: int = 1) -> Decoded:
    decoded = DECODER.decode(columns(*seen, blanks=blanks))
    assert decoded is not None
    return decoded


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("京A12345", "ordinary"),
        ("粤BD12345", "new energy small"),
        ("粤B12345D", "new energy large"),
        ("川A0638警", "police"),
        ("粤Z1234港", "cross-border"),
        ("鲁B1234挂", "trailer"),
        ("京A88888", "ordinary"),
    ],
)
def test_clear_text_is_read_as_it_is(text: str, kind: str) -> None:
    decoded = decode(*clear(text))
    assert (decoded.text, decoded.kind) == (text, kind)
    assert decoded.confidence > 0.95


def test_the_dot_and_variants_of_characters_are_no_hindrance() -> None:
    assert decode(*clear("粵B·12345")).text == "粤B12345"


def test_a_letter_that_can_not_stand_there_counts_for_the_digit() -> None:
    decoded = decode(*clear("京A1OI45"))
    assert decoded.text == "京A10145"
    assert decoded.confidence > 0.95


def test_a_province_that_is_half_seen_is_found_and_doubted() -> None:
    decoded = decode({"店": 0.9, "皖": 0.05, "新": 0.01}, *clear("A12345"))
    assert decoded.text == "皖A12345"
    assert decoded.confidence < 0.85


def test_a_blurred_sichuan_plate_is_not_taken_for_the_army() -> None:
    decoded = decode({"M": 0.7, "川": 0.2}, *clear("A12345"))
    assert decoded.text == "川A12345"
    assert decoded.confidence < 0.95


def test_one_long_eight_does_not_do_for_two() -> None:
    decoded = decode(*clear("京A12388345"[:5]), *clear("8888")[:1], *clear("4"), blanks=1)
    assert decoded.text != "京A123884"
    wide = np.repeat(columns(*clear("京A12834")), 2, axis=0)
    assert DECODER.decode(wide).text == "京A12834"


def test_text_around_the_plate_is_passed_over_at_a_price() -> None:
    decoded = decode(*clear("店帐京A12345店"))
    assert decoded.text == "京A12345"
    assert decoded.confidence < decode(*clear("京A12345")).confidence


@pytest.mark.parametrize("text", ["20131101", "SHANGHAI", "店帐店帐店帐店"])
def test_other_text_is_read_without_confidence(text: str) -> None:
    assert decode(*clear(text)).confidence < 0.35


def test_too_few_columns_hold_no_plate() -> None:
    assert DECODER.decode(columns(*clear("京A1"))) is None
