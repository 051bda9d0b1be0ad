"""The largest pictures that are opened, and the reasons why one is not opened."""

from dataclasses import dataclass
from enum import Enum


class Fault(Enum):
    """The reason why a picture is not opened."""

    FORMAT = "of another format"
    BROKEN = "damaged"
    TOO_LARGE = "too large"


class UnfitPicture(Exception):
    """A picture that is not opened. Its text says what is wrong and fits after "the picture is" or a colon."""

    def __init__(self, fault: Fault, words: str) -> None:
        super().__init__(words)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """Upper limits of what is opened. bytes: of the file. side, pixels: of the picture."""

    bytes: int = 32_000_000
    side: int = 16_384
    pixels: int = 25_000_000


LIMITS = PictureLimits()
"""For pictures that people give: those of usual cameras and phones; decoded they take less than 300 MB."""


def check_size(width: int, height: int, limits: PictureLimits) -> None:
    """Raise UnfitPicture for a picture that would take too much memory when it is decoded. width, height: px."""
    if max(width, height) > limits.side or width * height > limits.pixels:
        raise UnfitPicture(
            Fault.TOO_LARGE,
            f"too large: {width} x {height} pixels; at most {limits.side} a side and {limits.pixels:,} in all",
        )
