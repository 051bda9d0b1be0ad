"""The types that a table of number plates is made of: characters, places, forms and kinds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

DIGITS = "0123456789"

Form = tuple[str, ...]
"""The characters allowed at each place, from the first place to the last."""

O_AND_I = {"O": "0", "I": "1"}
"""Look-alikes: the first character is read as the second one, at a place where only the second one can stand."""
LETTERS_AND_DIGITS = dict(zip("OIZSBG012586", "012586OIZSBG", strict=True))
"""The same for tables whose places are either letters or digits, and hardly ever both."""


@dataclass(frozen=True)
class Kind:
    """One kind of plate.

    forms: the characters that may stand at each place, for each length. folds: look-alikes, see `O_AND_I`.
    """

    name: str
    forms: tuple[Form, ...]
    folds: Mapping[str, str] = field(default_factory=lambda: O_AND_I, repr=False, compare=False)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The pattern whose full matches are exactly the texts that fit a form.

        Compiled when it is first needed, because most countries' plates are never asked for.
        """
        return re.compile("|".join("".join(f"[{place}]" for place in form) for form in self.forms))

    def folded(self, text: str) -> str:
        """Return a text with look-alikes replaced by what can stand at their places, if it fits then; else ""."""
        for form in self.forms:
            if len(form) == len(text):
                candidate = "".join(self._fold(char, place) for char, place in zip(text, form, strict=True))
                if self.pattern.fullmatch(candidate):
                    return candidate
        return ""

    def _fold(self, char: str, place: str) -> str:
        other = self.folds.get(char, char)
        return other if char not in place and other in place else char


def spelled(*patterns: str, **classes: str) -> tuple[Form, ...]:
    """Return the forms that patterns in the short notation of the tables stand for.

    In a pattern 9 stands for any digit and 1 for any digit except 0. A letter stands for the class of that name, and
    for itself if there is no such class.
    """
    places = {"9": DIGITS, "1": DIGITS[1:], **classes}
    return tuple(tuple(places.get(char, char) for char in pattern) for pattern in patterns)


def numbers(most: int, least: int = 1) -> list[str]:
    """Return patterns of numbers of `least` to `most` digits that do not begin with 0."""
    return ["1" + "9" * more for more in range(least - 1, most)]
