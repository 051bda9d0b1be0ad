"""What is known of a barrier at one moment, and what became of one opening."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from streamwatch.core.codes import OpeningState, Position, WithheldReason
from streamwatch.core.redact import hide_credentials


@dataclass(frozen=True, slots=True)
class OpeningOutcome:
    """What became of an opening that was asked for.

    key: of its row in `openings`. reason: why nothing was sent, if withheld. detail: what went wrong, in words.
    """

    key: str
    state: OpeningState
    reason: WithheldReason = WithheldReason.NONE
    detail: str = ""

    @property
    def opened(self) -> bool:
        """Return True if the barrier said that it opens."""
        return self.state is OpeningState.DONE


@dataclass(frozen=True, slots=True)
class BarrierState:
    """One barrier.

    lanes: names of the lanes that it is at. position: None is "not reported". sensed: True if it has a sensor at all.
    fault: what is wrong, as a sentence, and since when; empty and None if nothing is. killed: True if the kill switch
    is on. held_until: the end of holding it open by schedule; None while it is not held. holds: True if it can be held.
    busy: True while an opening is under way. unreleased: True if its relay could not be released. openings: how many
    were asked for since the daemon started, by their state.
    """

    name: str
    lanes: tuple[str, ...] = ()
    position: Position | None = None
    sensed: bool = False
    fault: str = ""
    fault_since: datetime | None = None
    killed: bool = False
    held_until: datetime | None = None
    holds: bool = False
    busy: bool = False
    unreleased: bool = False
    openings: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fault", hide_credentials(self.fault))
