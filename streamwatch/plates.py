"""The grammar of Chinese number plates: normalising, validating, repairing and comparing what an engine has read.

`KINDS` is the one table of plate kinds. Each kind is a list of forms and each form a list of places, and a place is the
characters that may stand there. The validator's patterns are made from it, and a decoder that reads character by
character can use the same places.

The kinds restate GA 36-2018; the substitution costs are those of Genetec's list of OCR equivalents, completed by pairs
that Chinese characters and fonts suggest.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import combinations, product

PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
DIGITS = "0123456789"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No I and no O: they are never used in a serial."""
OFFICE_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
"""The second place; O only on older cars of police organs."""
SERIAL = LETTERS + DIGITS
NEW_ENERGY = "ABCDEFGHJK"
"""A to E: battery electric. F to K: other new energy."""

FOLDED = "folded"
REPAIRED = "repaired"
MAY_BE_CUT = "may be cut new energy"
OFFICE_O = "O at position 2"
MARK_LOST = "港/澳 lost"
MANY_LETTERS = "more than two letters"

OTHER = "other"
"""The kind of a plate that only a grammar other than China's knows."""

Form = tuple[str, ...]
"""The characters allowed at each place, from the first to the last."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of plate. forms: what its plates may look like. pattern: matches in full exactly what fits a form."""

    name: str
    forms: tuple[Form, ...]
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        forms = ("".join(f"[{place}]" for place in form) for form in self.forms)
        object.__setattr__(self, "pattern", re.compile("|".join(forms)))


@dataclass(frozen=True, slots=True)
class Grammar:
    """Which texts are plates: those of `KINDS`, and beside them what `others` matches in full; None for no others."""

    others: re.Pattern[str] | None = None

    def parse(self, raw: str) -> "Plate":
        """As the function `parse`; a text that fits only `others` has the kind "other"."""
        text = normalise(raw)
        if self.others and not _kind_of(text) and self.others.fullmatch(text):
            return Plate(text, OTHER, repaired=False, flags=())
        return parse(raw)

    def plausible(self, raw: str) -> "Plate | None":
        """The plate if the text fits a kind, after repair if need be; None where it does not."""
        plate = self.parse(raw)
        return plate if plate.kind else None


@dataclass(frozen=True, slots=True)
class Plate:
    """A normalised plate.

    text: canonical. kind: the name in `KINDS`, "" where it fits none. repaired: a character was replaced to make it fit
    (look-alike or folded O/0, I/1). flags: reasons for less trust, in the words of the constants above.
    """

    text: str
    kind: str
    repaired: bool
    flags: tuple[str, ...]


def _temporary() -> tuple[Form, ...]:
    head = [
        ("临", *province, *letter, *[SERIAL] * count)
        for province, letter, count in product([(PROVINCES,), ()], [(LETTERS,), ()], (4, 5, 6))
    ]
    tail = [(PROVINCES, *letter, *[SERIAL] * count, "临试超") for letter, count in product([(LETTERS,), ()], (4, 5, 6))]
    return (*head, *tail)


_ARMED_TAIL = DIGITS + "TDSHBXJ"

KINDS: tuple[Kind, ...] = (
    Kind("new energy small", ((PROVINCES, LETTERS, NEW_ENERGY, SERIAL, *[DIGITS] * 4),)),
    Kind("new energy large", ((PROVINCES, LETTERS, *[DIGITS] * 5, NEW_ENERGY),)),
    Kind("cross-border", (("粤", "Z", *[SERIAL] * 4, "港澳"),)),
    Kind("trailer", ((PROVINCES, LETTERS, *[SERIAL] * 4, "挂"),)),
    Kind("driving school", ((PROVINCES, LETTERS, *[SERIAL] * 4, "学"),)),
    Kind("police", ((PROVINCES, *[SERIAL] * 5, "警"),)),
    Kind("consulate", ((PROVINCES, *[DIGITS] * 5, "领"),)),
    Kind("old consulate", ((PROVINCES, LETTERS, *[SERIAL] * 4, "领"),)),
    Kind("embassy", ((*[DIGITS] * 6, "使"),)),
    Kind("old embassy", (("使", *[OFFICE_LETTERS + "I" + DIGITS] * 6),)),
    Kind("emergency", ((PROVINCES, "XS", *[DIGITS] * 4, "应", "急"), (PROVINCES, *[DIGITS] * 5, "应", "急"))),
    Kind("emergency motorcycle", (("应", "急", PROVINCES, *[DIGITS] * 3, "XS"),)),
    Kind("armed police", (("W", "J", PROVINCES, *[DIGITS] * 4, _ARMED_TAIL), ("W", "J", *[DIGITS] * 4, _ARMED_TAIL))),
    Kind("military", ((LETTERS, LETTERS, *[DIGITS] * 5),)),
    Kind("civil aviation", (("民", "航", *[SERIAL] * 5),)),
    Kind("ordinary", ((PROVINCES, OFFICE_LETTERS, *[SERIAL] * 5),)),
    Kind("temporary", _temporary()),
)
"""All kinds, in the order in which they are tried: the first full match wins."""

CHINA = Grammar()
ANY = Grammar(re.compile(r"(?=.*[0-9])[A-Z0-9]{4,9}"))
"""Letters and digits, at least one digit: most plates of the world."""


def grammar(setting: str) -> Grammar:
    """The grammar of a setting: "china", "any", or a regular expression for normalised texts. Raises ValueError."""
    if setting in ("china", "any"):
        return CHINA if setting == "china" else ANY
    try:
        pattern = re.compile(setting)
    except re.error as error:
        raise ValueError(f"is neither china nor any, and no regular expression either: {error}") from None
    if pattern.fullmatch(""):
        raise ValueError("matches an empty text, so everything would be a plate")
    return Grammar(pattern)


# Spaces, what engines make of the dot printed after the office letter, dashes, and other noise between letters.
_SEPARATORS = {
    *" \t\r\n\u00a0\u202f\u2060\u3000\ufeff",
    *map(chr, range(0x2000, 0x2010)),
    *"·•・･‧∙⋅●．.,-−_':*|/",
    *map(chr, range(0x2010, 0x2016)),
    *"()[]{}<>〈〉《》「」『』【】〔〕",
}
_VARIANTS = dict(
    zip("粵滬蘇遼貴雲寧贛瓊閩魯陝晉黒學領應臨試掛", "粤沪苏辽贵云宁赣琼闽鲁陕晋黑学领应临试挂", strict=True)
)
_NORMAL = str.maketrans(
    {
        **dict.fromkeys(_SEPARATORS, ""),
        **{letter.lower(): letter for letter in map(chr, range(ord("A"), ord("Z") + 1))},
        **_VARIANTS,
    }
)
_WILD = re.compile(r"([*?]|\[[^\]]*\])")
# Characters that stand on no plate but look like one that does.
_LOOK_ALIKES = str.maketrans("晥奥护折景", "皖粤沪浙京")
_FOLDS = {"O": "0", "I": "1"}

# Groups of characters that engines take for each other, and what it costs to take one for the other.
_CONFUSIONS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.25, ("0ODQ", "1I", "2Z", "5S", "8B", "6G")),
    (0.5, ("1ILT7", "MNH", "FP", "BD", "9G")),
    (0.5, ("0DU", "CG", "4A", "UV", "VY", "KX", "EF", "BE", "3B", "38", "PR", "1IJ", "WM")),
    (0.5, ("川M", "川N", "京琼", "津浙沪湘渝", "晋鲁", "赣贵")),
)
_OTHER = 1.0
_EDGE = 0.75
"""Losing or gaining the first or last character: a quarter of all misreads are cut plates."""
_INSIDE = 1.0


def _substitutions() -> dict[tuple[str, str], float]:
    costs: dict[tuple[str, str], float] = {}
    for cost, groups in _CONFUSIONS:
        for group in groups:
            for a, b in combinations(group, 2):
                costs[a, b] = costs[b, a] = min(cost, costs.get((a, b), _OTHER))
    return costs


_SUBSTITUTION = _substitutions()


def normalise(raw: str) -> str:
    """The text with plain characters only: NFKC, no separators, upper-case letters, mainland forms of characters.

    Nothing is guessed here: what looks like another character stays. Empty where nothing is left.
    """
    return unicodedata.normalize("NFKC", raw).translate(_NORMAL)


def normalise_glob(glob: str) -> str:
    """As `normalise`, of a pattern whose `*`, `?` and `[…]` stay."""
    parts = _WILD.split(unicodedata.normalize("NFKC", glob))
    return "".join(part if _WILD.fullmatch(part) else normalise(part) for part in parts)


def part_of_plate(text: str) -> str:
    """As `normalise_glob`, of what a person looks for: a text without `*` and `?` may stand anywhere in a plate.

    Raises ValueError with a sentence where a character stands in no plate.
    """
    glob = normalise_glob(text)
    odd = [character for character in glob + "".join(re.findall(r"[\[\]]", text)) if not _may_be_sought(character)]
    if odd:
        raise ValueError(
            f"{text!r} is no part of a plate: {odd[0]!r} stands in none; "
            "write letters and digits, * for any text and ? for one character."
        )
    return glob if not glob or set(glob) & {"*", "?"} else f"*{glob}*"


def _may_be_sought(character: str) -> bool:
    return character.isalnum() or character in "*?"


def parse(raw: str) -> Plate:
    """The plate that an engine's text stands for.

    A text that fits no kind is repaired (look-alikes, O and I where only 0 and 1 can stand) if that makes it fit one;
    otherwise it is returned as it was read, with kind "".
    """
    text = normalise(raw)
    kind = _kind_of(text)
    if kind:
        return Plate(text, kind, repaired=False, flags=_doubts(text, kind))
    replaced = text.translate(_LOOK_ALIKES)
    folded = _folded(replaced)
    if not folded:
        return Plate(text, "", repaired=False, flags=())
    repairs = [REPAIRED] if replaced != text else []
    repairs += [FOLDED] if folded != replaced else []
    kind = _kind_of(folded)
    return Plate(folded, kind, repaired=True, flags=(*repairs, *_doubts(folded, kind)))


def distance(a: str, b: str) -> float:
    """How unlikely it is that one of two normalised plates is a misread of the other; 0 for equal ones, symmetric.

    The cheapest edit script: a likely confusion costs 0.25 or 0.5, a lost first or last character 0.75, all else 1.
    """
    row = [0.0]
    for j in range(len(b)):
        row.append(row[j] + _gap(b, j))
    for i, char in enumerate(a):
        above, row = row, [row[0] + _gap(a, i)]
        for j, other in enumerate(b):
            row.append(min(above[j] + _swap(char, other), above[j + 1] + _gap(a, i), row[j] + _gap(b, j)))
    return row[-1]


def _kind_of(text: str) -> str:
    return next((kind.name for kind in KINDS if kind.pattern.fullmatch(text)), "")


def _folded(text: str) -> str:
    """The text with O and I read as digits where no such letter can stand, if it then fits a kind; else ""."""
    for kind in KINDS:
        for form in kind.forms:
            if len(form) == len(text):
                candidate = "".join(_fold(char, place) for char, place in zip(text, form, strict=True))
                if kind.pattern.fullmatch(candidate):
                    return candidate
    return ""


def _fold(char: str, place: str) -> str:
    digit = _FOLDS.get(char, char)
    return digit if char not in place and digit in place else char


def _doubts(text: str, kind: str) -> tuple[str, ...]:
    """Why a plate that fits may still be wrong. Only ordinary plates have a form loose enough to hide a misread."""
    if kind != "ordinary":
        return ()
    serial = text[2:]
    doubts = {
        MAY_BE_CUT: text[1] in LETTERS and serial[0] in NEW_ENERGY and all(char in DIGITS for char in serial[1:]),
        OFFICE_O: text[1] == "O",
        MARK_LOST: text.startswith("粤Z"),
        MANY_LETTERS: sum(char in LETTERS for char in serial) > 2,
    }
    return tuple(flag for flag, holds in doubts.items() if holds)


def _gap(text: str, index: int) -> float:
    return _EDGE if index in (0, len(text) - 1) else _INSIDE


def _swap(a: str, b: str) -> float:
    return 0.0 if a == b else _SUBSTITUTION.get((a, b), _OTHER)
