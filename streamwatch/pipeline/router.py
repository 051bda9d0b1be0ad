"""Tables of rules: who reads a waiting keyframe, and what becomes of one whose call failed. The first rule counts.

Pure: a case in, a decision out. Asking changes nothing; the dispatcher and the keyframe reader apply the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from streamwatch.core.codes import StateReason
from streamwatch.core.errors import PictureRefused, RecognitionError, Refused, Transient
from streamwatch.pipeline.calls import UNHINDERED, Standing
from streamwatch.pipeline.outbox import EntryState

NO_ANSWER, TWICE_IN_VAIN = StateReason.CALL_WITHOUT_ANSWER, StateReason.TWO_CALLS_WITHOUT_ANSWER
LOOK_AGAIN = 1.0  # s; the longest sleep between two looks at an outbox whose budget or breakers hold it back
MOST_IN_VAIN = 2  # calls for one vehicle without an answer, after which no further call is paid


class Route(Enum):
    """The reader of a keyframe.

    CALL: the paid engine. LOCAL: the local engine, as configured. LOCAL_FIRST: the local engine; if it is not sure, the
    keyframe waits for a call. FALLBACK: the local engine, in place of a call. NOBODY: no call is paid
    and no local engine stands in. WAIT: it is not decided yet.
    """

    CALL = auto()
    LOCAL = auto()
    LOCAL_FIRST = auto()
    FALLBACK = auto()
    NOBODY = auto()
    WAIT = auto()

    @property
    def free(self) -> bool:
        """True if a keyframe leaves the outbox this way, and no call is made for it."""
        return self not in (Route.CALL, Route.WAIT)


@dataclass(frozen=True, slots=True)
class Case:
    """A waiting keyframe, and how things stand.

    paid: the configured engine costs money. calls: what is known of a call for it. reads_first: the local engine reads
    every picture first. stands_in: it reads where no call can be made. readers_held: no reader is free, and the answers
    to all calls are overdue. seen: the camera itself has read a plate in it, and no call is needed if the local engine
    agrees. late: an opening depended on it, and it has waited for too long.
    """

    state: EntryState
    paid: bool = True
    calls: Standing = UNHINDERED
    reads_first: bool = False
    stands_in: bool = False
    readers_held: bool = False
    seen: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The router's answer for one keyframe. why: an unusual reason. wait: seconds until it is worth asking again."""

    route: Route
    why: StateReason = StateReason.NONE
    wait: float = 0.0


def _local_reads_first(case: Case) -> bool:
    held = case.calls.held or case.readers_held
    return case.state is EntryState.FRESH and (case.reads_first or (case.stands_in and (held or case.seen)))


def _for_second_views(case: Case) -> bool:
    return case.calls.exhausted is not None and case.calls.exhausted.for_second_views


def _is_urgent(case: Case) -> bool:
    return case.state is EntryState.URGENT


def _cannot_be_called(case: Case) -> bool:
    """True if a view that cannot wait cannot be paid for now."""
    return _is_urgent(case) and (case.calls.exhausted is not None or case.calls.wait > 0 or case.readers_held)


def _without_call(case: Case, why: StateReason) -> Decision:
    return Decision(Route.FALLBACK if case.stands_in else Route.NOBODY, why)


def _over_budget(case: Case) -> Decision:
    assert case.calls.exhausted is not None
    return _without_call(case, case.calls.exhausted.reason)


RULES: tuple[tuple[Callable[[Case], bool], Callable[[Case], Decision]], ...] = (
    (lambda case: case.late, lambda case: Decision(Route.NOBODY, StateReason.NO_TIME)),
    (lambda case: not case.paid, lambda case: Decision(Route.LOCAL)),
    (
        lambda case: case.state is EntryState.LOCAL_ONLY,
        lambda case: Decision(Route.FALLBACK, StateReason.CALL_WITHOUT_ANSWER),
    ),
    (
        lambda case: case.calls.in_vain >= MOST_IN_VAIN,
        lambda case: _without_call(case, TWICE_IN_VAIN),
    ),
    (_cannot_be_called, lambda case: _without_call(case, StateReason.NO_TIME)),
    (_local_reads_first, lambda case: Decision(Route.LOCAL_FIRST)),
    (_for_second_views, lambda case: Decision(Route.WAIT, wait=LOOK_AGAIN)),
    (lambda case: case.calls.exhausted is not None, _over_budget),
    (lambda case: case.calls.wait > 0, lambda case: Decision(Route.WAIT, wait=case.calls.wait)),
    (lambda case: True, lambda case: Decision(Route.CALL)),
)


def route(case: Case) -> Decision:
    """Return the decision of the first rule that applies to a waiting keyframe."""
    return next(decide(case) for applies, decide in RULES if applies(case))


class Fate(Enum):
    """The next step for a keyframe whose call failed.

    AGAIN: it waits for another call. ONCE_MORE: it waits for a last call, unless another view of its vehicle is read.
    FALLBACK: the local engine reads it. LOST: nobody reads it.
    """

    AGAIN = auto()
    ONCE_MORE = auto()
    FALLBACK = auto()
    LOST = auto()


def after_failure(error: RecognitionError, charged: bool, state: EntryState, stands_in: bool) -> Fate:
    """Return what becomes of a keyframe. charged: its call was, or may have been, charged.

    A keyframe whose call was certainly not charged is sent again later. One whose call may have been charged is read by
    the local engine. A refusal (quota, credentials) waits for a person, even if it came with HTTP 200. If no local
    engine stands in, a service with a fault gets one more call, preferably for another view of the same vehicle.
    """
    if isinstance(error, Refused) or (not charged and not isinstance(error, PictureRefused)):
        return Fate.AGAIN
    if stands_in:
        return Fate.FALLBACK
    if isinstance(error, Transient) and state is not EntryState.LAST_CALL:
        return Fate.ONCE_MORE
    return Fate.LOST
