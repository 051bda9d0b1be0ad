"""The grammar decides where the network sees a character only in part."""

import re

import numpy as np
import pytest

from streamwatch.core import plates
from streamwatch.recognition.local.confidence import confidence
from streamwatch.recognition.local.decoding import DecodedPlate, PlateDecoder
from streamwatch.recognition.local.pattern_decoder import PatternDecoder

ALPHABET = ["", *plates.PROVINCES, *map(chr, range(ord("A"), ord("Z") + 1)), *"0123456789", *"警挂学港澳·粵帐店"]
DECODER = PlateDecoder(ALPHABET)


def columns(*seen: dict[str, float], blanks: int = 1) -> np.ndarray:
    """Return one column for each character and its probability, with empty ones between; the rest is "nothing new"."""
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


def read(views: list[np.ndarray], decoder: PlateDecoder = DECODER) -> DecodedPlate:
    decoded = decoder.decode([decoder.alphabet.see(view) for view in views])
    assert decoded is not None
    return decoded


def decode(*seen: dict[str, float], blanks: int = 1) -> DecodedPlate:
    return read([columns(*seen, blanks=blanks)])


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
    assert confidence(decoded) > 0.95


def test_the_dot_and_variants_of_characters_are_no_hindrance() -> None:
    assert decode(*clear("粵B·12345")).text == "粤B12345"


def test_two_lines_are_hardly_a_new_energy_plate() -> None:
    upper, lower = (DECODER.alphabet.see(columns(*clear(text))) for text in ("粤A", "K93312"))
    beside = DECODER.decode([upper.then(lower)])
    above = DECODER.decode([upper.then(lower)], two_lines=True)
    assert beside is not None
    assert above is not None
    assert (beside.text, beside.kind) == ("粤AK93312", "new energy small")
    assert above.kind == "ordinary"
    assert confidence(above) < 0.85 < confidence(beside)


def test_a_letter_that_cannot_stand_there_counts_for_the_digit() -> None:
    decoded = decode(*clear("京A1OI45"))
    assert decoded.text == "京A10145"
    assert confidence(decoded) > 0.95


def test_a_province_that_is_half_seen_is_found_and_doubted() -> None:
    decoded = decode({"店": 0.9, "皖": 0.05, "新": 0.01}, *clear("A12345"))
    assert decoded.text == "皖A12345"
    assert confidence(decoded) < 0.85


@pytest.mark.parametrize("last", [{"0": 0.55, "D": 0.4}, {"2": 0.6, "Z": 0.35}, {"J": 0.6, "1": 0.3}])
def test_a_letter_or_digit_that_the_form_does_not_decide_is_doubted(last: dict[str, float]) -> None:
    """067D was read as 0670 with 0.99, because only other provinces and other forms were weighed."""
    assert confidence(decode(*clear("沪B106"), {"7": 0.99}, last)) < 0.85
    assert confidence(decode(*clear("沪B1"), last, *clear("067"))) < 0.85
    assert confidence(decode(*clear("沪B10670"))) > 0.95


def test_an_o_as_office_letter_is_read_and_never_sure() -> None:
    decoded = decode(*clear("粤O12345"))
    assert decoded.text == "粤O12345"
    assert confidence(decoded) < 0.85
    blurred = decode({"皖": 0.3, "店": 0.6}, {"0": 0.7, "Q": 0.1}, *clear("06417"))
    assert blurred.text == "皖Q06417", "a Q whose tail is nearly lost"
    assert decode(*clear("粤OA123警")).text == "粤OA123警"
    assert decode(*clear("粤01234警")).text == "粤O1234警"


def test_armed_police_keep_a_half_seen_province() -> None:
    assert decode(*clear("WJ"), {"店": 0.85, "京": 0.1}, *clear("1234J")).text == "WJ京1234J"
    assert decode(*clear("WJ琼12345")).text == "WJ琼12345"
    assert decode(*clear("WJ12345")).text == "WJ12345"
    upper, lower = (DECODER.alphabet.see(columns(*clear(text))) for text in ("WJ苏", "0312X"))
    stacked = DECODER.decode([upper.then(lower)], two_lines=True)
    assert stacked is not None
    assert (stacked.text, stacked.kind) == ("WJ苏0312X", "armed police")


def test_a_mark_is_known_by_what_it_is_taken_for() -> None:
    """The network writes 置 where it cannot see 警 clearly, and the plate was read as an ordinary one without it."""
    alphabet = [*ALPHABET, "置"]
    seen = np.pad(columns(*clear("川A0638"), {"8": 0.01}), ((0, 0), (0, 1)))
    seen[-1, -1], seen[-1, 0] = 0.9, 0.09
    assert read([seen], PlateDecoder(alphabet)).text == "川A0638警"


def decoder_for(*names: str) -> PlateDecoder:
    return PlateDecoder(ALPHABET, kinds=plates.grammar(names).kinds)


@pytest.mark.parametrize(
    ("name", "seen", "text"),
    [
        ("hk", "AB1O34", "AB1034"),
        ("gb", "OY080OB", "OY08OOB"),
        ("gb", "AB12CDE", "AB12CDE"),
        ("de", "KAAB123", "KAAB123"),
        ("es", "O018ZBB", "0018ZBB"),
        ("fr", "GSBO1BD", "GS801BD"),
        ("nl", "X0I8BD", "X018BD"),
        ("pl", "WPI80SG", "WPI80SG"),
        ("us", "ABC1234", "ABC1234"),
        ("br", "ABC1D23", "ABC1D23"),
    ],
)
def test_other_countries_look_alikes_are_decided_by_their_place(name: str, seen: str, text: str) -> None:
    assert read([columns(*clear(seen))], decoder_for(name)).text == text
    whole = read([columns(*clear(text))], decoder_for(name))
    assert whole.text == text
    assert confidence(whole) > 0.85


@pytest.mark.parametrize(("name", "seen"), [("hk", "XAB1234"), ("es", "81234BCD"), ("hk", "MERC1")])
def test_a_plate_within_more_text_is_not_sure(name: str, seen: str) -> None:
    assert confidence(read([columns(*clear(seen))], decoder_for(name))) < 0.85


def test_the_rest_of_a_plate_whose_province_is_blurred_is_no_plate_of_another_country() -> None:
    both = decoder_for("cn", "hk")
    assert read([columns({"皖": 0.2}, *clear("AA4586"))], both).text == "皖AA4586"
    alone = read([columns(*clear("AA4586"))], both)
    assert (alone.text, alone.kind) == ("AA4586", "hk ordinary")
    assert confidence(alone) > 0.95


def test_a_blurred_sichuan_plate_is_not_taken_for_the_army() -> None:
    decoded = decode({"M": 0.7, "川": 0.2}, *clear("A12345"))
    assert decoded.text == "川A12345"
    assert confidence(decoded) < 0.98


def test_one_long_eight_does_not_do_for_two() -> None:
    decoded = decode(*clear("京A12388345"[:5]), *clear("8888")[:1], *clear("4"), blanks=1)
    assert decoded.text != "京A123884"
    wide = np.repeat(columns(*clear("京A12834")), 2, axis=0)
    assert read([wide]).text == "京A12834"


def test_text_around_the_plate_is_passed_over_at_a_price() -> None:
    decoded = decode(*clear("店帐京A12345店"))
    assert decoded.text == "京A12345"
    assert confidence(decoded) < confidence(decode(*clear("京A12345")))


@pytest.mark.parametrize("text", ["20131101", "SHANGHAI", "店帐店帐店帐店"])
def test_other_text_is_read_without_confidence(text: str) -> None:
    assert confidence(decode(*clear(text))) == 0


def test_too_few_columns_hold_no_plate() -> None:
    assert DECODER.decode([DECODER.alphabet.see(columns(*clear("京A1")))]) is None


def test_a_province_is_known_by_what_it_is_taken_for() -> None:
    """The network writes 院 where it cannot see 皖 clearly."""
    alphabet = [*ALPHABET, "院"]
    decoder = PlateDecoder(alphabet)
    seen = np.pad(columns({"店": 0.01}, *clear("A12345")), ((0, 0), (0, 1)))
    seen[1, -1], seen[1, 0] = 0.9, 0.09
    assert read([seen], decoder).text == "皖A12345"


def test_views_are_weighed_together() -> None:
    first = columns({"津": 0.5, "沪": 0.2}, *clear("A12345"))
    second = columns({"津": 0.1, "沪": 0.8}, *clear("A12345"))
    assert read([first]).text == "津A12345"
    both = read([first, second])
    assert both.text == "沪A12345"
    assert both.lead < read([second]).lead


def test_the_home_province_decides_what_is_open_and_nothing_else() -> None:
    home = PlateDecoder(ALPHABET, home_province="沪")
    assert read([columns({"津": 0.5, "沪": 0.3}, *clear("A12345"))], home).text == "沪A12345"
    assert read([columns(*clear("津A12345"))], home).text == "津A12345"


def test_without_a_home_every_province_is_as_likely_and_with_one_it_lends_no_confidence() -> None:
    assert read([columns({"藏": 0.45, "粤": 0.4}, *clear("A12345"))]).text == "藏A12345"
    home = PlateDecoder(ALPHABET, home_province="粤")
    assert read([columns(*clear("藏A12345"))], home).score == pytest.approx(
        read([columns(*clear("粤A12345"))], home).score
    )


def test_a_second_opinion_on_the_province_counts() -> None:
    opinion = np.full(len(plates.PROVINCES), -3.0)
    opinion[plates.PROVINCES.index("沪")] = -0.1
    view = DECODER.alphabet.see(columns({"津": 0.5, "沪": 0.3}, *clear("A12345")))
    decoded = DECODER.decode([view], opinion)
    assert decoded is not None
    assert decoded.text == "沪A12345"


def test_two_lines_are_one_plate() -> None:
    upper, lower = (DECODER.alphabet.see(columns(*clear(text))) for text in ("鲁B", "1234挂"))
    decoded = DECODER.decode([upper.then(lower)])
    assert decoded is not None
    assert (decoded.text, decoded.kind) == ("鲁B1234挂", "trailer")


@pytest.mark.parametrize(
    ("pattern", "chances", "text"),
    [
        (
            "[A-Z]{3}[0-9]{3}",
            [{"A": 0.9}, {"B": 0.9}, {"8": 0.6, "B": 0.39}, {"1": 0.9}, {"2": 0.9}, {"3": 0.9}],
            "ABB123",
        ),
        ("[A-Z0-9]{4,9}", [{char: 0.95} for char in "KA77"], "KA77"),
    ],
)
def test_other_countries_plates_are_the_likeliest_text_that_fits(
    pattern: str, chances: list[dict[str, float]], text: str
) -> None:
    decoded = PatternDecoder(DECODER.alphabet.characters, re.compile(pattern)).decode(
        DECODER.alphabet.see(columns(*chances))
    )
    assert decoded is not None
    assert (decoded.text, decoded.kind) == (text, plates.OTHER)


def test_what_fits_no_pattern_is_no_plate() -> None:
    decoder = PatternDecoder(DECODER.alphabet.characters, re.compile("[A-Z]{3}[0-9]{3}"))
    assert decoder.decode(DECODER.alphabet.see(columns(*clear("1234567")))) is None
