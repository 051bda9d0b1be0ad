"""The events on the way from a camera to the rows, in the order in which they are recorded."""

from dataclasses import dataclass
from datetime import datetime

from streamwatch.core.codes import DecisionReason, StateReason, Verdict
from streamwatch.core.errors import RecognitionError
from streamwatch.core.model import CallResult, Engine, Keyframe, Passage, PlateText


@dataclass(frozen=True, slots=True)
class PassageOpened:
    """A vehicle has come. number: the gate's number of the passage, 0 if no gate of this run saw the vehicle."""

    passage: Passage
    number: int = 0


@dataclass(frozen=True, slots=True)
class KeyframeTaken:
    """A view was chosen to be read."""

    keyframe: Keyframe


@dataclass(frozen=True, slots=True)
class KeyframeKept:
    """A view of a vehicle for which nothing was paid was kept for people. No engine will read it."""

    keyframe: Keyframe


@dataclass(frozen=True, slots=True)
class VehiclePushed:
    """A camera that watches by itself has sent a vehicle: a whole passage with its only picture.

    passage: closed. plates: what the camera itself has read; empty: no plate. is_read: False if the picture shows no
    plate and is kept for people only. may_open: its camera is allowed to open a barrier, and has sent it just now.
    """

    passage: Passage
    keyframe: Keyframe
    plates: tuple[PlateText, ...]
    is_read: bool = True
    may_open: bool = False


@dataclass(frozen=True, slots=True)
class KeyframeDropped:
    """A view was given up, and no engine has read it. key, passage: of the keyframe."""

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
    """A view was sent and no answer came. It may have been charged, so it is not sent again."""

    keyframe: Keyframe
    error: RecognitionError


@dataclass(frozen=True, slots=True)
class PassageClosed:
    """A vehicle has gone."""

    passage: Passage


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call is about to be paid for. keyframe: its key, None for a picture given by hand. picture: JPEG or address."""

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
    """An engine has answered; without plates it found none. call: key of the paid call, None for the local engine.

    why: the reason why no call was paid for, if the configured engine is a paid one.
    """

    keyframe: Keyframe
    engine: Engine
    plates: tuple[PlateText, ...]
    call: str | None
    why: StateReason = StateReason.NONE


@dataclass(frozen=True, slots=True)
class PlatesCrossChecked:
    """The local engine has read a picture that was paid for. Chinese characters are those of the paid answer.

    contradicted: the paid plates that the local engine reads otherwise.
    """

    keyframe: Keyframe
    plates: tuple[PlateText, ...]
    contradicted: tuple[PlateText, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFailed:
    """No engine has answered, and none will be asked again about this view."""

    keyframe: Keyframe
    error: RecognitionError


Event = (
    PassageOpened
    | KeyframeTaken
    | KeyframeKept
    | VehiclePushed
    | KeyframeDropped
    | KeyframeWaits
    | KeyframeDoubtful
    | PassageClosed
    | CallStarted
    | CallEnded
    | PlatesRead
    | PlatesCrossChecked
    | ReadFailed
)


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A decision is stored. It is told after the commit, and once more after each change.

    key, sighting, passage, keyframe: keys. captured_at: aware capture time of the picture. read_at: monotonic seconds
    when the reading that it rests on was recorded. live: a camera took the picture in this run, not long ago; what is
    not live opens nothing. wants_second_view: another view, read now, could make it an opening. surely_read: the
    reading is above the lane's bar, and nothing contradicts it. again: its lane has let this plate through just now,
    before another camera.
    """

    key: str
    lane: str
    camera: str
    verdict: Verdict
    reason: DecisionReason
    plate: str
    sighting: str
    passage: str
    keyframe: str
    captured_at: datetime
    read_at: float
    live: bool
    wants_second_view: bool = False
    revised: int = 0
    confidence: float | None = None
    surely_read: bool = False
    again: bool = False
