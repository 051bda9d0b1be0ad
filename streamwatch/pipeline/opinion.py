"""How far a paid reading can be believed: what the local engine sees in the same picture, and what other views said.

The local engine errs in the Chinese characters mostly, the province and marks such as 学: in 300 pictures of real
plates in drawn scenes it read the rest wrong in 4, never with a confidence above 0.27, and only the province in 38. So
the rest is weighed where it is a little sure, and its Chinese characters only where it is SURE, as a reason to look
again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from streamwatch.core import plates as grammar
from streamwatch.core.model import PlateText

SURE = 0.97  # confidence of the local engine from which on its Chinese characters count
OBJECTS = 0.27  # the same from which on the rest of its text counts against a reading that has a confidence
OBJECTS_AT_ALL = 0.15  # the same against a reading that has none
ONE_PLATE = 2.0  # distance up to which two texts can be readings of one plate: two wrong characters
REMEMBERED = 500  # passages of which is known what was read


@dataclass(frozen=True, slots=True)
class Weighed:
    """What is to be made of a paid reading.

    plates: the reading as the gate should take it, confidence 1 where another look confirms it, 0 where it is not to be
    believed alone. seen: what of the local reading is to be weighed beside it, with the Chinese characters paid for.
    """

    plates: tuple[PlateText, ...]
    seen: tuple[PlateText, ...]


class Opinions:
    """Of all passages. Not safe to use from several threads at once."""

    def __init__(self) -> None:
        self._read: dict[str, set[str]] = {}
        self._gives_confidence = False

    def weigh(self, passage: str, paid: Sequence[PlateText], local: Sequence[PlateText] | None) -> Weighed:
        """local: what the local engine reads in the same picture; None where it was not asked.

        What the service read in two pictures of one passage is believed. Else a reading is not that the local engine
        contradicts, and one without confidence only if the local engine read the same, or if there is no local engine
        and the service never gives a confidence.
        """
        self._gives_confidence |= any(plate.confidence is not None for plate in paid)
        before = self._read.pop(passage, set())
        looks = [_looked_at(plate, local or ()) for plate in paid]
        weighed = tuple(
            replace(plate, confidence=1.0 if _text(plate) in before else self._belief(plate, look, local is not None))
            for plate, look in zip(paid, looks, strict=True)
        )
        self._read[passage] = before | {_text(plate) for plate in paid}
        if len(self._read) > REMEMBERED:
            del self._read[next(iter(self._read))]
        return Weighed(weighed, tuple(seen for look in looks for seen in look.seen))

    def _belief(self, plate: PlateText, look: "_Look", looked: bool) -> float | None:
        if look.confirms:
            return 1.0
        if look.contradicts or (plate.confidence is None and (looked or self._gives_confidence)):
            return 0.0
        return plate.confidence


def contradicts(local: Sequence[PlateText], paid: Sequence[PlateText]) -> bool:
    """Whether what the local engine reads is a reason not to believe a paid plate."""
    return any(_looked_at(plate, local).contradicts for plate in paid)


@dataclass(slots=True)
class _Look:
    """What the local engine says of one paid plate."""

    confirms: bool = False
    contradicts: bool = False
    seen: list[PlateText] = field(default_factory=list)


def _looked_at(paid: PlateText, local: Sequence[PlateText]) -> _Look:
    look = _Look()
    for other in local:
        if grammar.distance(_text(paid), _text(other), ONE_PLATE) > ONE_PLATE:
            continue
        seen, sure = _with_chinese_of(paid, other), other.confidence or 0.0
        if _text(seen) != _text(paid):
            if sure >= (OBJECTS_AT_ALL if paid.confidence is None else OBJECTS):
                look.contradicts = True
                look.seen.append(seen)
        elif _text(other) != _text(paid) and sure >= SURE:
            look.contradicts = True
        else:
            look.confirms = True
            look.seen.append(seen)
    return look


def _with_chinese_of(paid: PlateText, local: PlateText) -> PlateText:
    ours, theirs = _text(local), _text(paid)
    if len(ours) == len(theirs):
        pairs = zip(ours, theirs, strict=True)
        return replace(local, text="".join(own if other.isascii() else other for own, other in pairs))
    if not ours[:1].isascii() and not theirs[:1].isascii():
        return replace(local, text=theirs[:1] + ours[1:])
    return local


def _text(plate: PlateText) -> str:
    return _parsed(plate.text)


@lru_cache(maxsize=1024)
def _parsed(raw: str) -> str:
    """Every paid plate is compared with every local one, which takes each of them apart many times."""
    return grammar.parse(raw).text
