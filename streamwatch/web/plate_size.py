"""What the width of a plate in the picture means. The limits are those of the gate's rules."""

from dataclasses import dataclass

from streamwatch.gate.policy import ENOUGH, LEAST_WIDTH, SURELY_READ
from streamwatch.gate.tracking.views import SMALL_WIDTH
from streamwatch.web.catalogue import N_


@dataclass(frozen=True, slots=True)
class PlateSize:
    """A range of widths. below: in pixels, None for the last one; tone: good, warn or bad; meaning: a source text."""

    below: float | None
    tone: str
    meaning: str


SIZES = (
    PlateSize(
        LEAST_WIDTH,
        "bad",
        N_("Too small: never sent. At least 100 px are wanted. Move the camera nearer, or zoom in."),
    ),
    PlateSize(
        SURELY_READ,
        "bad",
        N_("Small: often misread, and sent only once the vehicle stands or has gone. At least 100 px are wanted."),
    ),
    PlateSize(
        SMALL_WIDTH,
        "warn",
        N_("Just readable, and sent only once the vehicle stands or has gone. At least 100 px are better."),
    ),
    PlateSize(ENOUGH.width, "good", N_("Good: it can be read.")),
    PlateSize(None, "good", N_("Very good: it is surely read, and sent at once when it is sharp.")),
)


def plate_size(width: float) -> PlateSize:
    """Return what a width in pixels of the camera's picture means."""
    return next(size for size in SIZES if size.below is None or width < size.below)
