"""Texts of number plates: normalising them, and the distance of two texts.

The substitution costs are those of Genetec's list of OCR equivalents, with pairs added that Chinese characters and
fonts suggest.
"""

import math
import re
import unicodedata
from itertools import combinations, product

# Spaces, readings of the dot that is printed after the office letter, dashes, and other noise between letters.
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
MOST_PLATES = 32
"""Most plates of one picture: if more are in view, none is large enough to be read."""
LONGEST_TEXT = 24
"""Most characters that an engine may write for one plate, with separators; the longest plate of China has eight."""
_LEGIBLE = re.compile(r"[0-9A-Za-z\u00c0-\u024f\u3007\u3400-\u9fff \u2010-\u2015·•‧∙⋅●・.,_()\[\]-]*")
"""Letters of the Latin alphabet, digits, Chinese characters, and the marks between them."""
_WILD = re.compile(r"([*?]|\[[^\]]*\])")
# Groups of characters that engines confuse, and the cost of such a confusion.
_CONFUSIONS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.25, ("0ODQ", "1I", "2Z", "5S", "8B", "6G")),
    (0.5, ("1ILT7", "MNH", "FP", "BD", "9G")),
    (0.5, ("0DU", "CG", "4A", "UV", "VY", "KX", "EF", "BE", "3B", "38", "PR", "1IJ", "WM")),
    (0.5, ("川M", "川N", "京琼", "津浙沪湘渝", "晋鲁", "赣贵")),
)
_OTHER = 1.0
_EDGE = 0.75
"""Cost of losing or gaining the first or last character: a quarter of all misreads are cut plates."""
_INSIDE = 1.0


def _substitutions() -> dict[tuple[str, str], float]:
    costs: dict[tuple[str, str], float] = {}
    for cost, groups in _CONFUSIONS:
        for group in groups:
            for a, b in combinations(group, 2):
                costs[a, b] = costs[b, a] = min(cost, costs.get((a, b), _OTHER))
    return costs


_SUBSTITUTION = _substitutions()


def _skeletons() -> dict[int, str]:
    """Return the first character of each group of the likeliest confusions, and of each group of provinces."""
    likeliest = [group for cost, groups in _CONFUSIONS for group in groups if cost == _CONFUSIONS[0][0]]
    provinces = [group for _, groups in _CONFUSIONS for group in groups if not re.search("[0-9A-Z]", group)]
    return {ord(character): group[0] for group in likeliest + provinces for character in group}


_SKELETON = _skeletons()


def normalise(raw: str) -> str:
    """Return a text with plain characters only: NFKC, no separators, upper-case letters, mainland forms of characters.

    Nothing is guessed: look-alikes stay. The result is empty if nothing is left.
    """
    return unicodedata.normalize("NFKC", raw).translate(_NORMAL)


def legible(raw: str) -> bool:
    """Return True if a text of an engine can be a plate: not too long, and only letters, digits and Chinese characters.

    A text with control characters, direction marks or markup never is.
    """
    return len(raw) <= LONGEST_TEXT and _LEGIBLE.fullmatch(unicodedata.normalize("NFKC", raw)) is not None


def normalise_glob(glob: str) -> str:
    """Return a pattern normalised as by `normalise`, with its `*`, `?` and `[…]` kept."""
    parts = _WILD.split(unicodedata.normalize("NFKC", glob))
    return "".join(part if _WILD.fullmatch(part) else normalise(part) for part in parts)


def part_of_plate(text: str) -> str:
    """Return the pattern of what a person looks for: a text without `*` and `?` may stand anywhere in a plate.

    Raise ValueError, with a sentence, if a character cannot stand in a plate.
    """
    glob = normalise_glob(text)
    odd = [character for character in glob + "".join(re.findall(r"[\[\]]", text)) if not _may_be_sought(character)]
    if odd:
        raise ValueError(
            f"{text!r} cannot be a part of a plate: {odd[0]!r} occurs in no plate; "
            "write letters and digits, * for any text and ? for one character."
        )
    return glob if not glob or set(glob) & {"*", "?"} else f"*{glob}*"


def _may_be_sought(character: str) -> bool:
    return character.isalnum() or character in "*?"


def distance(a: str, b: str, most: float = math.inf) -> float:
    """Return how unlikely it is that one of two normalised plates is a misread of the other.

    It is symmetric, 0 for equal plates, and the cost of the cheapest edit script: a likely confusion costs 0.25 or 0.5,
    a lost first or last character 0.75, everything else 1. most: a larger distance is returned as infinity, without
    working it out.
    """
    if abs(len(a) - len(b)) * _EDGE > most:
        return math.inf
    row = [0.0]
    for j in range(len(b)):
        row.append(row[j] + _gap(b, j))
    for i, char in enumerate(a):
        above, row = row, [row[0] + _gap(a, i)]
        for j, other in enumerate(b):
            row.append(min(above[j] + _swap(char, other), above[j + 1] + _gap(a, i), row[j] + _gap(b, j)))
        if min(row) > most:
            return math.inf
    return row[-1] if row[-1] <= most else math.inf


def skeleton(plate: str) -> str:
    """Return a normalised plate with one character in place of all that are confused with it most often.

    The search index holds such texts: after a change of the groups a migration must make it anew.
    """
    return plate.translate(_SKELETON)


def confusable(text: str, most: float, skeletons: bool = False) -> dict[str, float]:
    """Return all texts that differ from a normalised one by confusions only, and the distance of each, at most `most`.

    skeletons: return their skeletons instead, each with the smallest distance. The text itself is among them.
    """
    found = {"": 0.0}
    for character in text:
        others = {character: 0.0} | {b: cost for (a, b), cost in _SUBSTITUTION.items() if a == character}
        longer: dict[str, float] = {}
        for (head, so_far), (other, cost) in product(found.items(), others.items()):
            if so_far + cost <= most:
                one = head + (skeleton(other) if skeletons else other)
                longer[one] = min(so_far + cost, longer.get(one, math.inf))
        found = longer
    return found


def unlikeness(part: str, plate: str) -> tuple[float, tuple[int, ...]]:
    """Return the smallest `distance` of a part to any section of a plate, both normalised, and where they differ.

    The places are those of the plate's characters that are not as in the part, first place 0.
    """
    # Each entry: cost, places.
    row: list[tuple[float, tuple[int, ...]]] = [(0.0, ())] * (len(plate) + 1)
    for i, character in enumerate(part):
        above, row = row, [(row[0][0] + _gap(part, i), ())]
        for j, other in enumerate(plate):
            swap, drop, add = above[j], above[j + 1], row[j]
            row.append(
                min(
                    (swap[0] + _swap(character, other), swap[1] if character == other else (*swap[1], j)),
                    (drop[0] + _gap(part, i), drop[1]),
                    (add[0] + _INSIDE, (*add[1], j)),
                )
            )
    return min(row)


def _gap(text: str, index: int) -> float:
    return _EDGE if index in (0, len(text) - 1) else _INSIDE


def _swap(a: str, b: str) -> float:
    return 0.0 if a == b else _SUBSTITUTION.get((a, b), _OTHER)
