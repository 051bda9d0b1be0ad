"""What happens on the way from a camera to the rows, in the order in which it is written down."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.codes import StateReason
from streamwatch.core.errors import RecognitionError
from streamwatch.core.model import CallResult, Engine, Keyframe, Passage, PlateText


@dataclass(frozen=True, slots=True)
class PassageOpened:
    """A vehicle has come. number: of its passage as the gate counts, 0 where no gate of this run saw it."""

    passage: Passage
    number: int = 0


@dataclass(frozen=True, slots=True)
class KeyframeTaken:
    """A view was chosen to be read."""

    keyframe: Keyframe


@dataclass(frozen=True, slots=True)
class KeyframeKept:
    """A view of a vehicle that nothing was paid for was kept for people; it is never read."""

    keyframe: Keyframe


@dataclass(frozen=True, slots=True)
class KeyframeDropped:
    """A view was given up without being read. key, passage: of the keyframe."""

    key: str
    passage: str
    camera: str
    reason: StateReason


@dataclass(frozen=True, slots=True)
class KeyframeWaits:
    """A view could not be read now and waits for another try. error: why."""

    keyframe: Keyframe
    error: RecognitionError


@dataclass(frozen=True, slots=True)
class KeyframeDoubtful:
    """A view was sent, the answer never came, and nobody knows whether it was charged: it is not sent again."""

    keyframe: Keyframe
    error: RecognitionError


@dataclass(frozen=True, slots=True)
class PassageClosed:
    """A vehicle has gone."""

    passage: Passage


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call is about to be paid. keyframe: its key, None for a picture given by hand. picture: JPEG or address."""

    key: str
    keyframe: str | None
    engine: Engine
    attempt: int
    started_at: datetime
    picture: bytes | str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call was answered, or failed."""

    key: str
    result: CallResult
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class PlatesRead:
    """An engine has answered; no plates is an answer too. call: the key of the paid call, None for the local engine.

    why: the reason why no call was paid for it, where the configured engine is one that is paid.
    """

    keyframe: Keyframe
    engine: Engine
    plates: tuple[PlateText, ...]
    call: str | None
    why: StateReason = StateReason.NONE


@dataclass(frozen=True, slots=True)
class PlatesConfirmed:
    """What the local engine read in a picture that was paid for, the same or not, with paid Chinese characters.

    contradicted: the paid plates that it reads otherwise.
    """

    keyframe: Keyframe
    plates: tuple[PlateText, ...]
    contradicted: tuple[PlateText, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """No engine has answered, and none will be asked again."""

    keyframe: Keyframe
    error: RecognitionError


Event = (
    PassageOpened
    | KeyframeTaken
    | KeyframeKept
    | KeyframeDropped
    | KeyframeWaits
    | KeyframeDoubtful
    | PassageClosed
    | CallStarted
    | CallEnded
    | PlatesRead
    | PlatesConfirmed
    | ReadFailed
)
