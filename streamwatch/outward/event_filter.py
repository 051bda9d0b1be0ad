"""Which events a receiver gets."""

from dataclasses import dataclass

from streamwatch.core.codes import EventType
from streamwatch.store import EventRow

NO_LIST = "none"
"""The word for a decision that rests on no permit."""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Conditions that an event must meet; an empty one is none.

    types: kinds of events. cameras: an event that is about no camera meets it. lists, verdicts: of decisions: the kind
    of the permit (or `none`), and the verdict. outcomes: states of openings. An event of another kind meets the last
    three, so that `verdicts: [deny]` means "of the decisions only these".
    """

    types: frozenset[EventType] = frozenset()
    cameras: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    verdicts: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()

    def __call__(self, event: EventRow) -> bool:
        """Return True if the event meets all conditions. A person's trial of the receiver always does."""
        if event.type is EventType.TEST:
            return True
        if self.types and event.type not in self.types:
            return False
        if self.cameras and event.camera is not None and event.camera not in self.cameras:
            return False
        if event.type is EventType.DECISION:
            kind = event.data.get("permit_kind") or NO_LIST
            return (not self.lists or kind in self.lists) and (
                not self.verdicts or event.data.get("verdict") in self.verdicts
            )
        return event.type is not EventType.OPENING or not self.outcomes or event.data.get("state") in self.outcomes
