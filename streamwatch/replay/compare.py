"""The verb `compare`: pictures that were paid for, read again by the local engine, and how far the two agree.

The paid answer is taken for the truth, which it mostly is. Reads the database and the evidence, and changes nothing.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest

from streamwatch.core.errors import RecognitionError, StorageFailed, StoreError
from streamwatch.core.model import CallResult, PlateText, Recognizer
from streamwatch.core.plates import distance, parse
from streamwatch.pipeline import LocalHelp
from streamwatch.store import DatabaseReader, PaidAnswer

BANDS = (0.99, 0.98, 0.97, 0.95, 0.9, 0.8, 0.0)
"""Lower ends of the bands of confidence, the surest first."""


class Verdict(StrEnum):
    """What the local engine says, compared with what was paid for: the same, one character off, another plate, nothing
    where a plate was paid for, a plate where none was, or none like the service.
    """

    EXACT = "exact"
    ONE_OFF = "one_off"
    DIFFERENT = "different"
    NOTHING = "nothing"
    ONLY_LOCAL = "only_local"
    NO_PLATE = "no_plate"


@dataclass(frozen=True, slots=True)
class Compared:
    """One picture. paid, local: normalised plates, "" for none. confidence: of `local`, which is the one nearest to
    `paid`. saved: local-first would not have paid for it.
    """

    answer: PaidAnswer
    paid: str
    local: str
    confidence: float
    verdict: Verdict
    saved: bool


@dataclass
class Agreement:
    """Counts over pictures. confusions: (paid, local) characters, "" for one that the other has not."""

    pictures: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    saved: int = 0
    saved_wrong: int = 0
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, one: Compared) -> None:
        """Counts one more picture."""
        self.pictures += 1
        self.verdicts[one.verdict] += 1
        self.saved += one.saved
        self.saved_wrong += one.saved and one.verdict is not Verdict.EXACT
        if one.verdict is Verdict.ONE_OFF:
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
        """Counts one more picture."""
        self.total.add(one)
        self.cameras.setdefault(one.answer.camera, Agreement()).add(one)
        if one.local:
            band = next(lower for lower in BANDS if one.confidence >= lower)
            self.bands.setdefault(band, Agreement()).add(one)
        if one.verdict not in (Verdict.EXACT, Verdict.NO_PLATE):
            self.differences.append(one)


def read_again(
    found: Comparison, reader: DatabaseReader, answer: PaidAnswer, help_: LocalHelp, engine: Recognizer
) -> None:
    """Reads one picture and counts it in. Raises StorageFailed."""
    try:
        plates = engine.read(reader.picture(answer), _NothingPaid())
    except StorageFailed:
        raise
    except (StoreError, RecognitionError):
        found.lost += 1
    else:
        found.add(compared(answer, plates, help_.is_sure(plates)))


def compared(answer: PaidAnswer, found: Sequence[PlateText], sure: bool) -> Compared:
    """found: what the local engine says, best first. sure: it would not have been paid for."""
    paid = next((parse(plate.text).text for plate in answer.plates), "")
    texts = [(parse(plate.text).text, plate.confidence or 0.0) for plate in found]
    local, confidence = min(texts, key=lambda text: distance(paid, text[0]), default=("", 0.0))
    return Compared(answer, paid, local, confidence, _verdict(paid, local), sure)


class _NothingPaid:
    """The local engine costs nothing, so that there is nothing to write down."""

    def about_to_pay(self, attempt: int, picture: bytes | str) -> None:
        """Never called."""

    def ended(self, attempt: int, result: CallResult) -> None:
        """Never called."""


def _verdict(paid: str, local: str) -> Verdict:
    if not paid:
        return Verdict.ONLY_LOCAL if local else Verdict.NO_PLATE
    if not local:
        return Verdict.NOTHING
    if paid == local:
        return Verdict.EXACT
    return Verdict.ONE_OFF if _one_off(paid, local) else Verdict.DIFFERENT


def _one_off(a: str, b: str) -> bool:
    """Whether one character is another, or is missing in one of them."""
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    short, long = sorted((a, b), key=len)
    return len(long) == len(short) + 1 and any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _confusion(paid: str, local: str) -> tuple[str, str]:
    """The characters in which two texts that are one off differ."""
    n = next(n for n, (a, b) in enumerate(zip_longest(paid, local)) if a != b)
    if len(paid) == len(local):
        return paid[n], local[n]
    return (paid[n], "") if len(paid) > len(local) else ("", local[n])
