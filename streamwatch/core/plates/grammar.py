"""Grammars: which texts are plates. A grammar combines tables of kinds, by name, with patterns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from streamwatch.core.plates import china
from streamwatch.core.plates.abroad import ABROAD
from streamwatch.core.plates.china import LETTERS, NEW_ENERGY
from streamwatch.core.plates.kinds import DIGITS, Kind
from streamwatch.core.plates.spelling import normalise

FOLDED = "folded"
REPAIRED = "repaired"
MAY_BE_CUT = "may be cut new energy"
OFFICE_O = "O at position 2"
MARK_LOST = "港/澳 lost"
MANY_LETTERS = "more than two letters"

OTHER = "other"
"""The kind of a plate that fits a pattern but no table."""

TABLES: dict[str, tuple[Kind, ...]] = {"cn": china.KINDS, **ABROAD}
"""The kinds of plates, by the name of their grammar."""

_ANY = re.compile(r"(?=(?:.*[A-Z]){2})(?=(?:.*[0-9]){2})(?!.*[A-Z]{4})(?!.*[0-9]{5})[A-Z0-9]{5,8}")
"""Fits most plates of the world and few other texts: at least two letters and two digits, no word, no long number.
It is a stopgap: a grammar by name is better."""
# Characters that are on no Chinese plate, and the characters of plates that they look like.
_LOOK_ALIKES = str.maketrans("晥奥护折景", "皖粤沪浙京")


@dataclass(frozen=True, slots=True)
class Plate:
    """A normalised plate.

    text: canonical. kind: the name in a table, "" if it fits none. repaired: True if a look-alike was replaced so that
    it fits. flags: reasons for less trust, from the constants above.
    """

    text: str
    kind: str
    repaired: bool
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Says which texts are plates: those of `kinds`, tried in this order, and full matches of `others`, if set."""

    kinds: tuple[Kind, ...] = china.KINDS
    others: re.Pattern[str] | None = None

    def parse(self, raw: str) -> Plate:
        """Return the plate that the text of an engine stands for.

        If a text fits nothing, its look-alikes (such as an O where only a 0 can stand) are replaced if that makes it
        fit a kind; otherwise it is returned as it was read, with kind "". A text that fits only `others` is of kind
        "other".
        """
        text = normalise(raw)
        kind = self._kind_of(text)
        if kind:
            return Plate(text, kind, repaired=False, flags=_doubts(text, kind))
        if self.others and self.others.fullmatch(text):
            return Plate(text, OTHER, repaired=False, flags=())
        replaced = text.translate(_LOOK_ALIKES)
        folded = next(filter(None, (kind.folded(replaced) for kind in self.kinds)), "")
        if not folded:
            return Plate(text, "", repaired=False, flags=())
        repairs = [REPAIRED] if replaced != text else []
        repairs += [FOLDED] if folded != replaced else []
        kind = self._kind_of(folded)
        return Plate(folded, kind, repaired=True, flags=(*repairs, *_doubts(folded, kind)))

    def plausible(self, raw: str) -> Plate | None:
        """Return the plate if a text fits, repaired if necessary; None if it does not fit."""
        plate = self.parse(raw)
        return plate if plate.kind else None

    def _kind_of(self, text: str) -> str:
        return next((kind.name for kind in self.kinds if kind.pattern.fullmatch(text)), "")


CHINA = Grammar()
ANY = Grammar(others=_ANY)
_NAMED = {**{name: Grammar(kinds) for name, kinds in TABLES.items()}, "china": CHINA, "any": ANY}


def grammar(setting: str | Sequence[str]) -> Grammar:
    """Return the grammar of a setting. Raise ValueError, with a sentence that says what is wrong.

    setting: a name of `TABLES`, "china" (the same as "cn"), "any" (plates of China, and all that looks like a plate),
    or a regular expression for normalised texts; or several of these. A single expression adds to the plates of China.
    """
    if isinstance(setting, str):
        return _NAMED.get(setting) or Grammar(others=_pattern(setting))
    if not setting:
        raise ValueError("names no grammar, so nothing would be a plate")
    parts = [_NAMED.get(one) or Grammar((), _pattern(one)) for one in setting]
    patterns = [part.others.pattern for part in parts if part.others]
    others = re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None
    return Grammar(tuple(dict.fromkeys(chain.from_iterable(part.kinds for part in parts))), others)


def parse(raw: str) -> Plate:
    """Return what `Grammar.parse` returns for the plates of China."""
    return CHINA.parse(raw)


def _pattern(setting: str) -> re.Pattern[str]:
    names = f"is neither the name of a grammar ({', '.join(TABLES)}, china, any) nor a regular expression"
    if re.fullmatch("[A-Za-z]+", setting):
        raise ValueError(f"{names} that a plate with a digit could match")
    try:
        pattern = re.compile(setting)
    except re.error as error:
        raise ValueError(f"{names}: {error}") from None
    if pattern.fullmatch(""):
        raise ValueError("matches an empty text, so everything would be a plate")
    return pattern


def _doubts(text: str, kind: str) -> tuple[str, ...]:
    """Return why a plate that fits may still be wrong. Only ordinary plates have forms that can hide a misread."""
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
