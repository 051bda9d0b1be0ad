"""The plate grammar: every example of the rules, and the table against patterns written out by hand."""

import random
import re

import pytest

from streamwatch.core import plates
from streamwatch.core.plates import CHINA, KINDS, Plate, distance, normalise, normalise_glob, parse

PROV = "[京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新]"
AN = "[A-HJ-NP-Z0-9]"
WRITTEN_OUT = {
    "new energy small": f"{PROV}[A-HJ-NP-Z][A-HJK]{AN}[0-9]{{4}}",
    "new energy large": f"{PROV}[A-HJ-NP-Z][0-9]{{5}}[A-HJK]",
    "cross-border": f"粤Z{AN}{{4}}[港澳]",
    "trailer": f"{PROV}[A-HJ-NP-Z]{AN}{{4}}挂",
    "driving school": f"{PROV}[A-HJ-NP-Z]{AN}{{4}}学",
    "police": f"{PROV}[A-HJ-Z]{AN}{{4}}警",
    "consulate": f"{PROV}[0-9]{{5}}领",
    "old consulate": f"{PROV}[A-HJ-NP-Z]{AN}{{4}}领",
    "embassy": "[0-9]{6}使",
    "old embassy": "使[A-Z0-9]{6}",
    "emergency": f"{PROV}[XS][0-9]{{4}}应急|{PROV}[0-9]{{5}}应急",
    "emergency motorcycle": f"应急{PROV}[0-9]{{3}}[XS]",
    "armed police": f"WJ{PROV}?[0-9]{{4}}[0-9TDSHBXJ]",
    "military": "[A-HJ-NP-Z]{2}[0-9]{5}",
    "civil aviation": f"民航{AN}{{5}}",
    "ordinary": f"{PROV}[A-HJ-Z]{AN}{{5}}",
    "temporary": f"临{PROV}?[A-HJ-NP-Z]?{AN}{{4,6}}|{PROV}[A-HJ-NP-Z]?{AN}{{4,6}}[临试超]",
}
EXAMPLES = {
    "京AD12345": "new energy small",
    "粤BDA1234": "new energy small",
    "粤B12345D": "new energy large",
    "粤Z1234港": "cross-border",
    "鲁B1234挂": "trailer",
    "沪A1234学": "driving school",
    "京A0006警": "police",
    "粤O1234警": "police",
    "粤OA123警": "police",
    "沪22478领": "consulate",
    "沪A0023领": "old consulate",
    "224578使": "embassy",
    "使014578": "old embassy",
    "京X2345应急": "emergency",
    "京12345应急": "emergency",
    "应急京123X": "emergency motorcycle",
    "WJ12345": "armed police",
    "WJ琼12345": "armed police",
    "WJ京1234J": "armed police",
    "VA12345": "military",
    "民航A1234": "civil aviation",
    "粤BP57E7": "ordinary",
    "京OA1234": "ordinary",
    "临A12345": "temporary",
    "京A1234试": "temporary",
}


def test_the_table_holds_every_kind_in_the_order_of_the_rules() -> None:
    assert [kind.name for kind in KINDS] == list(WRITTEN_OUT)
    assert (len(plates.PROVINCES), len(plates.LETTERS), len(plates.OFFICE_LETTERS)) == (31, 24, 25)
    assert (len(plates.SERIAL), len(plates.NEW_ENERGY)) == (34, 10)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_patterns_made_from_the_table_agree_with_those_written_out(kind: plates.Kind) -> None:
    chance = random.Random(kind.name)
    written = re.compile(WRITTEN_OUT[kind.name])
    everything = plates.PROVINCES + plates.SERIAL + "OI使挂学警港澳领应急民航临试超"
    verdicts = set()
    for _ in range(3000):
        text = [chance.choice(place) for place in chance.choice(kind.forms)]
        if chance.random() < 0.6:
            text[chance.randrange(len(text))] = chance.choice(everything)
        if chance.random() < 0.1:
            del text[chance.randrange(len(text))]
        verdict = bool(written.fullmatch("".join(text)))
        assert bool(kind.pattern.fullmatch("".join(text))) == verdict, text
        verdicts.add(verdict)
    assert verdicts == {True, False}


@pytest.mark.parametrize(("text", "kind"), EXAMPLES.items())
def test_each_example_is_of_its_kind(text: str, kind: str) -> None:
    plate = parse(text)
    assert (plate.text, plate.kind, plate.repaired) == (text, kind, False)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("粤 B·P57E7", "粤BP57E7"),
        ("粤Ｂ　Ｐ５７Ｅ７", "粤BP57E7"),
        ("粤b.p57e7", "粤BP57E7"),
        ("粵BP57E7", "粤BP57E7"),
        ("\ufeff粤B\u200b\u2022P5\u22127\u2014E'7\r\n", "粤BP57E7"),
        ("【粤B】(P57E7)", "粤BP57E7"),
        ("粤B\uff65P57E7", "粤BP57E7"),
        ("224•578使", "224578使"),
        ("滬蘇遼貴雲寧贛瓊閩魯陝晉黒學領應臨試掛", "沪苏辽贵云宁赣琼闽鲁陕晋黑学领应临试挂"),
        ("京A1234O", "京A1234O"),
        ("奥BP57E7", "奥BP57E7"),
        ("straße", "STRAßE"),
        (" · ", ""),
        ("", ""),
    ],
)
def test_normalising_removes_noise_and_guesses_nothing(raw: str, text: str) -> None:
    assert normalise(raw) == text
    assert normalise(text) == text


@pytest.mark.parametrize(
    ("glob", "text"),
    [
        ("京A·00001", "京A00001"),
        (" 京a 0000? ", "京A0000?"),
        ("*粵Z·?港", "*粤Z?港"),
        ("京Ａ[0-4]*", "京A[0-4]*"),
        ("京A[1·", "京A1"),
        ("", ""),
    ],
)
def test_a_pattern_keeps_what_stands_for_others(glob: str, text: str) -> None:
    assert normalise_glob(glob) == text


@pytest.mark.parametrize(
    ("raw", "plate"),
    [
        ("粤BP57E7", Plate("粤BP57E7", "ordinary", False, ())),
        ("粤BD1234", Plate("粤BD1234", "ordinary", False, ("may be cut new energy",))),
        ("粤B12345D", Plate("粤B12345D", "new energy large", False, ())),
        ("京OA1234", Plate("京OA1234", "ordinary", False, ("O at position 2",))),
        ("京A1234O", Plate("京A12340", "ordinary", True, ("folded",))),
        ("粤B1234567", Plate("粤B1234567", "", False, ())),
        ("民航A1235B", Plate("民航A1235B", "", False, ())),
        ("BP57E7", Plate("BP57E7", "", False, ())),
        ("", Plate("", "", False, ())),
        ("粤Z12345", Plate("粤Z12345", "ordinary", False, ("港/澳 lost",))),
        ("粤BABC12", Plate("粤BABC12", "ordinary", False, ("more than two letters",))),
        ("粤BABI12", Plate("粤BAB112", "ordinary", True, ("folded",))),
        ("粤BDI2345", Plate("粤BD12345", "new energy small", True, ("folded",))),
        ("粤B1O345D", Plate("粤B10345D", "new energy large", True, ("folded",))),
        ("京AOOO6警", Plate("京A0006警", "police", True, ("folded",))),
        ("使O14578", Plate("使O14578", "old embassy", False, ())),
        ("奥BP57E7", Plate("粤BP57E7", "ordinary", True, ("repaired",))),
        ("景O1234I", Plate("京O12341", "ordinary", True, ("repaired", "folded", "O at position 2"))),
        ("京012345", Plate("京012345", "", False, ())),
        ("京I12345", Plate("京I12345", "", False, ())),
        ("折江", Plate("折江", "", False, ())),
    ],
)
def test_validating_repairs_only_what_then_fits(raw: str, plate: Plate) -> None:
    assert parse(raw) == plate


def test_a_text_that_fits_is_never_repaired() -> None:
    assert parse("京OA1234").text == "京OA1234"
    assert parse("临A12345").text == "临A12345"


def test_plausible_is_a_plate_of_a_known_kind_or_nothing() -> None:
    assert CHINA.plausible("奥 BP57E7") == Plate("粤BP57E7", "ordinary", True, ("repaired",))
    assert CHINA.plausible("出口 EXIT") is None
    assert CHINA.plausible("") is None


@pytest.mark.parametrize(
    ("a", "b", "cost"),
    [
        ("粤BP57E7", "粤BP57E7", 0),
        ("粤BP57E7", "粤8P57E7", 0.25),
        ("粤BP57E7", "粤BPS7E7", 0.25),
        ("粤BP57E7", "粤BF57E7", 0.5),
        ("京AD12345", "京A012345", 0.25),
        ("京AD12345", "京AD1234", 0.75),
        ("粤BP57E7", "BP57E7", 0.75),
        ("沪A8B0D1", "沪AB80Q1", 0.75),
        ("京A12345", "琼A12345", 0.5),
        ("川A12345", "MA12345", 0.5),
        ("粤BP57E7", "川BP57E7", 1),
        ("粤BP57E7", "粤BP5757", 1),
        ("粤B12345", "粤B12354", 1.75),
        ("粤B12345", "粤B1235", 1),
        ("", "粤B", 1.5),
        ("", "", 0),
    ],
)
def test_distance_of_likely_misreads(a: str, b: str, cost: float) -> None:
    assert distance(a, b) == cost
    assert distance(b, a) == cost


@pytest.mark.parametrize(
    ("setting", "text", "kind"),
    [
        ("china", "京A12345", "ordinary"),
        ("china", "KA77AB", ""),
        ("any", "KA77 ab", "other"),
        ("any", "AB1234", "other"),
        *[("any", text, "") for text in ("2011", "59990", "MERC1", "GATE 01", "A80375", "20150511", "AB12")],
        ("cn", "京A12345", "ordinary"),
        ("hk", "京A12345", ""),
        (["cn", "hk"], "京A12345", "ordinary"),
        (["cn", "hk"], "AB 1234", "hk ordinary"),
        (["hk", "[A-Z]{3}[0-9]{3}"], "ABC-123", "other"),
        (["gb", "any"], "KA77AB", "other"),
        ("any", "EXIT", ""),
        ("any", "京A12345", "ordinary"),
        ("[A-Z]{3}[0-9]{3}", "ABC-123", "other"),
        ("[A-Z]{3}[0-9]{3}", "ABC-1234", ""),
    ],
)
def test_a_grammar_is_one_or_several(setting: str | list[str], text: str, kind: str) -> None:
    assert plates.grammar(setting).parse(text).kind == kind


@pytest.mark.parametrize("setting", ["[A-Z", "", ".*", "uk", ["cn", "uk"], ["cn", ""], []])
def test_what_is_no_grammar_is_refused(setting: str | list[str]) -> None:
    with pytest.raises(ValueError, match=r"regular expression|empty text|names no grammar"):
        plates.grammar(setting)


ABROAD = {
    "hk": ("AB1234 HK88 LW2468 F123 T19999", "AB0123 AI12 ABC123 1234 AB12345"),
    "mo": ("MA1234 M1234 MX8017", "AB1234 MA123 MI1234"),
    "tw": ("ABC1230 AB1234 0180QX Q31234 123ABC", "ABO1234 ABCD123 12345"),
    "vn": ("51F12345 30A1280 29LD01234 59X112345", "01F12345 51W12345 F12345"),
    "my": ("WAB1234 B7708 W1801B QAA1A ZA4567", "WIB1234 WAB0123 WAB12345 1234"),
    "sg": ("SGA4137A E75H GBA1511G SHB1703T", "SGA4137F SGA4137 SGA04137A"),
    "gb": ("AB12CDE BD51SMR P808BOD BOD808P AIG1234 ABC123", "AB12CD AQ12CDE I123ABC AB1CDE"),
    "de": ("BOI1001 KAAB123 HHZZ80E MBO8105 TÜAB12 B031234 HVMM123", "KAAB0123 ABCDEF12 KAAB12345 MERCEDES 2011"),
    "fr": ("AB123CD GS801BD 1234AB75 123ABC2A", "AO123CD AB123C 1234AB7"),
    "it": ("AB123CD FZ018BS AB12345", "AQ123CD AB123C"),
    "es": ("1234BCD 0018ZBB R1234BCD M1234AB", "1234ABC 1234BCQ 123BCD"),
    "nl": ("12SBD3 GB801B X018BD AB1234 1SBD23 GBB01B", "12SBD CB801B 12345"),
    "pl": ("WA12345 KR5AC12 WPI80SG PO1234A", "WABC12 W12345 KR5AB12D"),
    "br": ("ABC1D23 ABC1234", "ABC12D3 AB1234"),
    "us": ("7ABC123 ABC1234 123ABC AB12345 ABC123", "1234567 ABCDEFG 2011"),
    "au": ("AB12CD 1AB2CD 123AB8 S018BZE 1ABC123 YAB12C A12BC", "ABCDEF 12345 AB1CD"),
}


@pytest.mark.parametrize("name", ABROAD)
def test_a_table_knows_its_plates_and_no_others(name: str) -> None:
    fits, fails = ABROAD[name]
    known = plates.grammar(name)
    assert {text: known.parse(text).kind.split(" ")[0] for text in fits.split()} == dict.fromkeys(fits.split(), name)
    assert not any(known.parse(text).kind and not known.parse(text).repaired for text in fails.split())


def test_every_table_is_tried_and_every_kind_has_its_own_short_name() -> None:
    assert set(plates.TABLES) == {"cn", *ABROAD}
    names = [kind.name for kinds in plates.TABLES.values() for kind in kinds]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 32, "the column in the database"
    assert all(kind.forms and all(map(all, kind.forms)) for kinds in plates.TABLES.values() for kind in kinds)


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("gb", "A812CDE", "A812CDE"),
        ("gb", "0Y08O0B", "OY08OOB"),
        ("de", "KAABI23", "KAABI23"),
        ("hk", "AB1O34", "AB1034"),
        ("hk", "A8I234", "AB1234"),
        ("es", "I2348CD", "1234BCD"),
        ("fr", "A8-1Z3-CD", "AB123CD"),
        ("br", "A8C1D23", "ABC1D23"),
        ("cn", "粤01234警", "粤O1234警"),
        ("cn", "粤0A123警", "粤OA123警"),
    ],
)
def test_look_alikes_are_decided_by_their_place(name: str, raw: str, text: str) -> None:
    plate = plates.grammar(name).parse(raw)
    assert (plate.text, plate.repaired) == (text, raw.replace("-", "") != text)
    assert plate.kind
