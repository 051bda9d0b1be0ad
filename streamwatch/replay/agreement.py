"""The agreement of paid and local answers: the work of `compare`.

The local engine reads pictures again that were paid for. The paid answer counts as the truth, which it mostly is. The
database and the evidence are read and not changed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest

from streamwatch.core.errors import RecognitionError, StorageFailed, StoreError
from streamwatch.core.model import PlateText, Recognizer
from streamwatch.core.plates import distance, parse
from streamwatch.pipeline import LocalHelp
from streamwatch.recognition.null_ledger import NullLedger
from streamwatch.store import DatabaseReader, PaidAnswer

BANDS = (0.99, 0.98, 0.97, 0.95, 0.9, 0.8, 0.0)
"""Lower ends of the bands of confidence, the surest band first."""


class Match(StrEnum):
    """How the local answer matches the paid one.

    EXACT: the same plate. ONE_OFF: one character differs. DIFFERENT: another plate. NOTHING: only the paid answer has a
    plate. ONLY_LOCAL: only the local answer has one. NO_PLATE: neither has one.
    """

    EXACT = "exact"
    ONE_OFF = "one_off"
    DIFFERENT = "different"
    NOTHING = "nothing"
    ONLY_LOCAL = "only_local"
    NO_PLATE = "no_plate"


@dataclass(frozen=True, slots=True)
class Compared:
    """One picture. paid, local: normalised plates, "" for none; local is the one nearest to `paid`.

    confidence: of `local`; saved: True if local-first would not have paid for this picture.
    """

    answer: PaidAnswer
    paid: str
    local: str
    confidence: float
    match: Match
    saved: bool


@dataclass
class Agreement:
    """Counts over pictures. confusions: pairs of (paid, local) characters, "" for a missing character."""

    pictures: int = 0
    matches: Counter[Match] = field(default_factory=Counter)
    saved: int = 0
    saved_wrong: int = 0
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, one: Compared) -> None:
        """Count one more picture."""
        self.pictures += 1
        self.matches[one.match] += 1
        self.saved += one.saved
        self.saved_wrong += one.saved and one.match is not Match.EXACT
        if one.match is Match.ONE_OFF:
            self.confusions[_confusion(one.paid, one.local)] += 1


@dataclass
class Comparison:
    """All that was compared. bands: by the lower end of the confidence. lost: pictures that are gone or damaged."""

    pay_below: float
    total: Agreement = field(default_factory=Agreement)
    cameras: dict[str, Agreement] = field(default_factory=dict)
    bands: dict[float, Agreement] = field(default_factory=dict)
    differences: list[Compared] = field(default_factory=list)
    lost: int = 0

    def add(self, one: Compared) -> None:
        """Count one more picture."""
        self.total.add(one)
        self.cameras.setdefault(one.answer.camera, Agreement()).add(one)
        if one.local:
            band = next(lower for lower in BANDS if one.confidence >= lower)
            self.bands.setdefault(band, Agreement()).add(one)
        if one.match not in (Match.EXACT, Match.NO_PLATE):
            self.differences.append(one)


def read_again(
    found: Comparison, reader: DatabaseReader, answer: PaidAnswer, help_: LocalHelp, engine: Recognizer
) -> None:
    """Read one picture and count it. Raise StorageFailed."""
    try:
        plates = engine.read(reader.picture(answer), NullLedger())
    except StorageFailed:
        raise
    except (StoreError, RecognitionError):
        found.lost += 1
    else:
        found.add(compared(answer, plates, help_.is_sure(plates)))


def compared(answer: PaidAnswer, found: Sequence[PlateText], sure: bool) -> Compared:
    """Return the comparison of one picture.

    found: the local answer, best plate first; sure: True if local-first would not have paid.
    """
    paid = next((parse(plate.text).text for plate in answer.plates), "")
    texts = [(parse(plate.text).text, plate.confidence or 0.0) for plate in found]
    local, confidence = min(texts, key=lambda text: distance(paid, text[0]), default=("", 0.0))
    return Compared(answer, paid, local, confidence, _match(paid, local), sure)


def _match(paid: str, local: str) -> Match:
    if not paid:
        return Match.ONLY_LOCAL if local else Match.NO_PLATE
    if not local:
        return Match.NOTHING
    if paid == local:
        return Match.EXACT
    return Match.ONE_OFF if _one_off(paid, local) else Match.DIFFERENT


def _one_off(a: str, b: str) -> bool:
    """True if one character differs, or is missing in one of the texts."""
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    short, long = sorted((a, b), key=len)
    return len(long) == len(short) + 1 and any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _confusion(paid: str, local: str) -> tuple[str, str]:
    """Return the characters in which two texts differ that are one off."""
    n = next(n for n, (a, b) in enumerate(zip_longest(paid, local)) if a != b)
    if len(paid) == len(local):
        return paid[n], local[n]
    return (paid[n], "") if len(paid) > len(local) else ("", local[n])
