"""The trace of a replay: what it saw and decided, frame by frame, for counts and for a page that people read."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from streamwatch.core.codes import ViewReason
from streamwatch.core.events import (
    CallStarted,
    Event,
    KeyframeDoubtful,
    KeyframeDropped,
    KeyframeKept,
    KeyframeTaken,
    KeyframeWaits,
    PassageClosed,
    PassageOpened,
    PlatesRead,
    ReadFailed,
)
from streamwatch.core.model import Box, Corners, Engine, Frame, JudgedPlate, Keyframe, Passage, PlateText
from streamwatch.core.plates import CHINA, Grammar
from streamwatch.core.sentences import sentence
from streamwatch.gate import FrameReport, Why
from streamwatch.pipeline.intake import settles
from streamwatch.replay.explain.album import Thumbnail, of_frame, of_keyframe
from streamwatch.replay.explain.objects import ObjectTrace, ObjectTraces
from streamwatch.store import PassageOutcome

GAP = 10.0  # s; two frames further apart belong to different recordings, and the timeline leaves out the time between
PAUSE = 1.0  # s on the timeline between two recordings

FrameOf = Callable[[str], Frame | None]
"""Returns the whole frame of a keyframe, by its key. It is called when the keyframe is taken."""


@dataclass(frozen=True, slots=True)
class FrameTrace:
    """One frame. at: seconds on the timeline; change: 0 to 1; parked: the object that decided stands still."""

    at: float
    change: float
    why: Why
    parked: bool


@dataclass(frozen=True, slots=True)
class PlateRead:
    """One plate of an answer. good: True if the reading is so sure that no second call is worth its price."""

    plate: str
    good: bool
    confidence: float | None


@dataclass
class SentKeyframe:
    """A keyframe that was sent, with its answer: one field for each fact that the page shows.

    number: its number among all keyframes; vehicle, view: 1 for the first passage and its first keyframe. taken, sent:
    seconds on the timeline of its view and of the decision to send it. size, frame: width and height of the JPEG and of
    the whole frame. plate: corners in frame pixels, None if unknown. part, whole: small copies of what was sent and of
    the frame. reads: None without an answer; lost: why there is no answer; assumed: True if the answer is not a real
    one; called: True if a call was made for it.
    """

    keyframe: str
    number: int
    vehicle: int
    view: int
    captured_at: datetime
    taken: float
    sent: float
    crop: Box
    score: float
    reason: ViewReason
    bytes: int
    size: tuple[int, int]
    frame: tuple[int, int]
    plate: Corners | None = None
    part: Thumbnail | None = None
    whole: Thumbnail | None = None
    reads: tuple[PlateRead, ...] | None = None
    engine: Engine | None = None
    lost: str = ""
    assumed: bool = False
    called: bool = False


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """The kept view of a passage that nothing was paid for. taken: seconds on the timeline; part: a small copy."""

    taken: float
    reason: ViewReason
    part: Thumbnail | None


@dataclass
class PassageTrace:
    """A passage, with what was sent for it: one field for each fact that the page shows.

    ordinal: 1 for the first passage; number: of its `ObjectTrace`; begin, end: seconds on the timeline; kept: None if
    something was sent, or nothing was kept; outcome, plates: what the database says in the end.
    """

    key: str
    ordinal: int
    number: int
    opened_at: datetime
    begin: float
    end: float
    sent: list[SentKeyframe] = field(default_factory=list)
    kept: KeptPicture | None = None
    outcome: PassageOutcome = PassageOutcome.PENDING
    plates: tuple[str, ...] = ()


class RecordedTime:
    """The timeline of a replay, on which the time between two recordings is left out.

    parts: where on the timeline (s) a recording begins, and the capture time of its first frame.
    """

    def __init__(self) -> None:
        self.parts: list[tuple[float, datetime]] = []
        self.length = 0.0
        self._last: datetime | None = None

    def advance(self, at: datetime) -> float:
        """Return where on the timeline the next frame lies, in seconds. at: its capture time."""
        if self._last is None:
            self.parts.append((0.0, at))
        elif not 0 <= (at - self._last).total_seconds() <= GAP:
            self.parts.append((self.length + PAUSE, at))
        self._last = at
        begin, time = self.parts[-1]
        self.length = begin + (at - time).total_seconds()
        return self.length

    def position(self, at: datetime) -> float:
        """Return where on the timeline a time lies, in seconds."""
        for begin, time in reversed(self.parts):
            if time <= at:
                return begin + (at - time).total_seconds()
        return 0.0


class Trace:
    """Collects what a replay saw and decided. It is read after the replay.

    time: the timeline; frames, passages: all of them; scene: a picture of the scene when it was emptiest.
    """

    def __init__(
        self,
        *,
        min_confidence: float,
        pictures: bool,
        frame_of: FrameOf,
        grammar: Grammar = CHINA,
        assumed: bool = False,
    ) -> None:
        """min_confidence: from which a reading settles a plate; pictures: keep small copies of what was seen.

        assumed: True if no answer is a real one, so that the plates are not shown.
        """
        self._min_confidence, self._grammar, self._assumed = min_confidence, grammar, assumed
        self._pictures, self._frame_of = pictures, frame_of
        self._objects = ObjectTraces(pictures=pictures)
        self.time = RecordedTime()
        self.frames: list[FrameTrace] = []
        self.passages: dict[str, PassageTrace] = {}
        self.scene: Thumbnail | None = None
        self._emptiest: tuple[float, Frame] | None = None
        self._sent: dict[str, SentKeyframe] = {}

    @property
    def objects(self) -> dict[int, ObjectTrace]:
        """Return what the gate followed, by its number."""
        return self._objects.by_number

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height of the last frame."""
        return self._objects.size

    @property
    def sent(self) -> list[SentKeyframe]:
        """Return all keyframes in the order in which they were sent."""
        return list(self._sent.values())

    @property
    def length(self) -> float:
        """Return the length of the timeline in seconds."""
        return self.time.length

    @property
    def counts(self) -> Counter[Why]:
        """Return the number of frames by their reason."""
        return Counter(frame.why for frame in self.frames)

    def looked(self, frame: Frame, report: FrameReport) -> None:
        """Take in what the gate saw in a frame. Call this before `happened` gets what followed from the frame."""
        at = self.time.advance(frame.captured_at)
        self._objects.size = frame.luma.shape[1], frame.luma.shape[0]
        parked = False
        for followed in report.followed:
            stands = self._objects.follow(frame, followed, at)
            parked |= followed.why is report.why and stands
        self.frames.append(FrameTrace(at, report.change, report.why, parked))
        if report.why is not Why.LEARNING and (self._emptiest is None or report.change < self._emptiest[0]):
            self._emptiest = (report.change, frame)
        self._objects.let_go({followed.passage for followed in report.followed}, at)

    def happened(self, event: Event) -> None:
        """Take in an event that followed from the last frame or from an answer."""
        match event:
            case PassageOpened(passage, number):
                self._open(passage, number)
            case PassageClosed(passage):
                if passage.key in self.passages:
                    self.passages[passage.key].end = self.time.position(passage.last_seen)
            case KeyframeTaken(keyframe):
                self._take(keyframe)
            case KeyframeKept(keyframe):
                part = of_keyframe(keyframe) if self._pictures else None
                taken = self.time.position(keyframe.captured_at)
                self.passages[keyframe.passage].kept = KeptPicture(taken, keyframe.reason, part)
            case KeyframeWaits(keyframe, error) | KeyframeDoubtful(keyframe, error) | ReadFailed(keyframe, error):
                self._sent[keyframe.key].lost = str(error)
            case KeyframeDropped(key=key, reason=reason):
                self._sent[key].lost = sentence(reason)
            case CallStarted(keyframe=str(key)):
                self._sent[key].called = True
            case PlatesRead(keyframe, engine, plates, _):
                sent = self._sent[keyframe.key]
                sent.reads = tuple(self._read(plate) for plate in plates)
                sent.engine, sent.lost, sent.assumed = engine, "", self._assumed

    def finish(self, result_of: Callable[[str], tuple[PassageOutcome, tuple[str, ...]]]) -> None:
        """Complete the trace after the replay. result_of: returns outcome and plates of a passage, by its key."""
        self._objects.let_go(set(), float("inf"))
        if self._pictures and self._emptiest is not None:
            self.scene = of_frame(self._emptiest[1], 960)
        self._emptiest = None
        for passage in self.passages.values():
            passage.outcome, plates = result_of(passage.key)
            passage.plates = () if self._assumed else plates

    def _read(self, plate: PlateText) -> PlateRead:
        settled = settles(JudgedPlate(plate), self._min_confidence, self._grammar)
        return PlateRead(self._grammar.parse(plate.text).text, settled, plate.confidence)

    def _open(self, passage: Passage, number: int) -> None:
        begin = self.time.position(passage.opened_at)
        self.passages[passage.key] = PassageTrace(
            passage.key, len(self.passages) + 1, number, passage.opened_at, begin, begin
        )

    def _take(self, keyframe: Keyframe) -> None:
        if keyframe.passage not in self.passages:
            self._open(Passage(keyframe.passage, keyframe.camera, keyframe.captured_at, keyframe.captured_at), 0)
        passage = self.passages[keyframe.passage]
        self._objects.paid(passage.number)
        taken, frame = self.time.position(keyframe.captured_at), self._frame_of(keyframe.key)
        sent = SentKeyframe(
            keyframe=keyframe.key,
            number=len(self._sent) + 1,
            vehicle=passage.ordinal,
            view=len(passage.sent) + 1,
            captured_at=keyframe.captured_at,
            taken=taken,
            sent=max(taken, self.length),
            crop=keyframe.crop,
            score=keyframe.score,
            reason=keyframe.reason,
            bytes=len(keyframe.jpeg),
            size=(keyframe.width, keyframe.height),
            frame=self.size if frame is None else (frame.luma.shape[1], frame.luma.shape[0]),
            plate=self.objects[passage.number].plate_at(taken) if passage.number in self.objects else None,
        )
        if self._pictures:
            sent.part = of_keyframe(keyframe)
            sent.whole = None if frame is None else of_frame(frame, 560)
        self._sent[keyframe.key] = sent
        passage.sent.append(sent)
        passage.end = max(passage.end, sent.sent)
