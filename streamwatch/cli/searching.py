"""The filters that `sightings` and `passages` share."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streamwatch.cli.options import MOST_ROWS, TIMES, checked_span, end_moment, moment, utf8_text
from streamwatch.core.errors import ConfigError
from streamwatch.core.model import Engine

if TYPE_CHECKING:
    from streamwatch.store import PassageOutcome, Search

Plate = Annotated[
    str | None,
    typer.Option(metavar="GLOB", callback=utf8_text, help="A part of the plate, or a pattern with * and ?."),
]
Like = Annotated[
    bool, typer.Option("--like", help="With --plate: also look-alikes (0 for O, one missing), the nearest first.")
]
Camera = Annotated[str | None, typer.Option(callback=utf8_text, help="Only this camera.")]
Since = Annotated[str | None, typer.Option(metavar="TIME", help=f"Seen at or after: {TIMES}.")]
Until = Annotated[str | None, typer.Option(metavar="TIME", help="Seen at or before; a day: to its end.")]
EngineName = Annotated[Engine | None, typer.Option(help="Only plates that this engine read.")]
MinConfidence = Annotated[float | None, typer.Option(min=0, max=1, help="Only plates at least as sure.")]
MaxConfidence = Annotated[float | None, typer.Option(min=0, max=1, help="Only plates at most as sure.")]
Outcome = Annotated[
    Literal["pending", "read", "unsure", "unread", "failed"] | None, typer.Option(help="Only visits with this outcome.")
]
TABLE_ROWS = 50
"""Upper limit of the rows that a table shows without `--limit`."""
Limit = Annotated[
    int | None,
    typer.Option(min=1, max=MOST_ROWS, help=f"At most this number, the newest; else {TABLE_ROWS} in a table."),
]


def search_for(
    plate: str | None,
    like: bool,
    camera: str | None,
    since: str | None,
    until: str | None,
    engine: Engine | None,
    confidence: tuple[float | None, float | None],
    outcomes: "Sequence[PassageOutcome]" = (),
    unread: bool = False,
) -> "Search":
    """Return the search that the options mean. confidence: lower and upper limit. Raise ConfigError."""
    from streamwatch.core.plates import part_of_plate
    from streamwatch.store import Search

    begin, end = checked_span(moment(since), end_moment(until))
    try:
        glob = None if plate is None else part_of_plate(plate)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    search = Search(
        plate=glob,
        like=like,
        cameras=frozenset() if camera is None else frozenset({camera}),
        since=begin,
        until=end,
        engines=frozenset() if engine is None else frozenset({engine}),
        least=confidence[0],
        most=confidence[1],
        outcomes=frozenset(outcomes),
        unread=unread,
    )
    if like and not search.text:
        raise ConfigError("--like needs a text to compare with.", "Write --plate with letters and digits only.")
    return search
