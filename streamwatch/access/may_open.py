"""May this opening be sent at this moment? The rules, in their order; the first one that applies withholds it.

The rules are pure. They are asked twice: when an opening is asked for, and again after its row was written, just before
it is sent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from streamwatch.access.permits import Hours
from streamwatch.core.codes import LaneMode, OpeningCause, Verdict, WithheldReason

ANSWER_WITHIN = 300.0
"""Seconds after the reading in which a person may answer a question. Later the vehicle may be another one: the guard
looks, and opens by hand with a reason."""
COOLED = frozenset({OpeningCause.AUTOMATIC, OpeningCause.REMOTE})
"""The causes that wait for the end of the cool-down. The others have a person who watches, or a schedule."""


@dataclass(frozen=True, slots=True)
class OpeningRules:
    """Limits, in seconds. max_age: from the reading, or from a person's order, to the pulse. cool_down: between two
    openings without a person.
    """

    max_age: float = 3.0
    cool_down: float = 5.0
    answer_within: float = ANSWER_WITHIN


@dataclass(frozen=True, slots=True)
class Asked:
    """An opening that is asked for.

    at: monotonic seconds when that was. read_at: monotonic seconds of the reading it rests on; None if it rests on
    none. mode: of the lane. verdict: of the decision; None without one. live: a camera has just taken the picture.
    """

    cause: OpeningCause
    at: float
    read_at: float | None = None
    mode: LaneMode = LaneMode.MANUAL
    verdict: Verdict | None = None
    live: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the barrier stands.

    killed: the kill switch is on. busy: another opening is under way, or its pulse has not ended. held: the barrier is
    held open by schedule. opened_at: monotonic seconds of the last pulse that was sent; None: none in this run.
    """

    killed: bool = False
    busy: bool = False
    held: bool = False
    stopping: bool = False
    opened_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Question:
    asked: Asked
    standing: Standing
    rules: OpeningRules
    now: float

    @property
    def is_late(self) -> bool:
        """True if the order or the reading is too old. A reading of the future is none of this run."""
        if not 0 <= self.now - self.asked.at <= self.rules.max_age:
            return True
        cause, read_at = self.asked.cause, self.asked.read_at
        limit = {OpeningCause.AUTOMATIC: self.rules.max_age, OpeningCause.ANSWER: self.rules.answer_within}.get(cause)
        if limit is None:
            return False
        return read_at is None or not 0 <= self.now - read_at <= limit

    @property
    def is_hot(self) -> bool:
        """True if the barrier has opened a moment ago and the cause is one that waits."""
        opened = self.standing.opened_at
        return self.asked.cause in COOLED and opened is not None and self.now - opened < self.rules.cool_down

    @property
    def is_allowed(self) -> bool:
        return self.asked.verdict is Verdict.ALLOW

    @property
    def is_automatic(self) -> bool:
        return self.asked.cause is OpeningCause.AUTOMATIC


RULES: tuple[tuple[WithheldReason, Callable[[_Question], bool]], ...] = (
    (WithheldReason.STOPPING, lambda question: question.standing.stopping),
    (WithheldReason.KILLED, lambda question: question.standing.killed),
    (WithheldReason.NOT_ALLOWED, lambda question: question.is_automatic and not question.is_allowed),
    (
        WithheldReason.NOT_AUTOMATIC,
        lambda question: question.is_automatic and question.asked.mode is not LaneMode.AUTOMATIC,
    ),
    (WithheldReason.NOT_LIVE, lambda question: question.is_automatic and not question.asked.live),
    (WithheldReason.TOO_LATE, lambda question: question.is_late),
    (WithheldReason.BUSY, lambda question: question.standing.busy),
    (WithheldReason.HELD_OPEN, lambda question: question.standing.held),
    (WithheldReason.COOL_DOWN, lambda question: question.is_hot),
)
"""The rules in their order."""


def withheld(asked: Asked, standing: Standing, rules: OpeningRules, now: float) -> WithheldReason:
    """Return why an opening may not be sent at `now` (monotonic seconds); NONE if it may."""
    question = _Question(asked, standing, rules, now)
    return next((reason for reason, applies in RULES if applies(question)), WithheldReason.NONE)


def hold_end(schedule: Iterable[Hours], at: datetime) -> datetime | None:
    """Return when holding open ends, if the schedule says that a barrier is held open at a local time; else None.

    at: naive, or aware in the zone of the schedule. Of several spans the last end counts.
    """
    return max((_end(hours, at) for hours in schedule if hours.contain(at)), default=None)


def _end(hours: Hours, at: datetime) -> datetime:
    end = at.replace(hour=hours.end.hour, minute=hours.end.minute, second=hours.end.second, microsecond=0)
    return end if end > at else end + timedelta(days=1)
