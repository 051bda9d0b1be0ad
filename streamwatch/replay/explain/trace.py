"""What a replay saw and decided, frame by frame, for counting and for a page that people read."""

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
from streamwatch.core.model import Box, Corners, Engine, Frame, JudgedPlate, Keyframe, Passage, PlateText, Point
from streamwatch.core.plates import CHINA, Grammar
from streamwatch.core.sentences import sentence
from streamwatch.gate import Followed, Glance, Why, centre, plate_width
from streamwatch.pipeline.intake import settles
from streamwatch.replay.explain.album import Picture, of_frame, of_keyframe
from streamwatch.store import PassageOutcome

GAP = 10.0  # s; two frames further apart belong to different recordings, between which the timeline leaves time out
PAUSE = 1.0  # s that stand for such a gap
WAITING = {Why.TOO_SHORT, Why.BETTERING}  # reasons to go on looking, not decisions
SAME_FRAME = 0.005  # s
GONE_AFTER = 2.0  # s without a trace of a thing, after which its picture is made
STANDS_WITHIN, STANDS_AFTER = 0.05, 2.0  # of its size by which a box may move; s after which it counts as standing

FrameOf = Callable[[str], Frame | None]
"""The whole frame of a keyframe, by its key, at the time at which it is taken."""


@dataclass(frozen=True, slots=True)
class Look:
    """One frame. at: seconds on the timeline; change: 0 to 1; standing: what decided it has not moved for a while."""

    at: float
    change: float
    why: Why
    standing: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing in one frame. at: seconds on the timeline; best: score of the best view so far, None without one.

    plate: its corners in frame pixels, None for what shows none; state: of its track, "" without one.
    """

    at: float
    best: float | None
    why: Why
    plate: Corners | None = None
    state: str = ""


@dataclass
class Thing:
    """What the gate followed under one number. box, best, plate: of its best view; view: the frame of that.

    What shows no plate has no score: there the view in which it was largest is the best one. largest: part of the
    picture its box filled; size: width and height of the frames; picture: made when it has gone.
    """

    number: int
    box: Box
    size: tuple[int, int]
    samples: list[Sample] = field(default_factory=list)
    largest: float = 0.0
    best: float = 0.0
    plate: Corners | None = None
    view: Frame | None = None
    picture: Picture | None = None
    standing_at: Box | None = None
    standing_since: float = 0.0

    @property
    def whys(self) -> Counter[Why]:
        """Frames by reason."""
        return Counter(sample.why for sample in self.samples)

    @property
    def widths(self) -> list[Point]:
        """Seconds on the timeline and the width of its plate in px."""
        return [(sample.at, plate_width(sample.plate)) for sample in self.samples if sample.plate is not None]

    @property
    def path(self) -> list[Point]:
        """Where the middle of its plate was in each frame."""
        return [centre(sample.plate) for sample in self.samples if sample.plate is not None]

    def plate_at(self, at: float) -> Corners | None:
        """Where its plate was at a time, in seconds on the timeline."""
        return next((sample.plate for sample in self.samples if abs(sample.at - at) < SAME_FRAME), None)

    @property
    def verdict(self) -> Why:
        """The reason that decided most of its frames; where nothing was decided, the last one of all."""
        decided = Counter(sample.why for sample in self.samples if sample.why not in WAITING)
        return decided.most_common(1)[0][0] if decided else self.samples[-1].why


@dataclass(frozen=True, slots=True)
class Read:
    """One plate of an answer. good: sure enough that no second call is worth its price."""

    plate: str
    good: bool
    confidence: float | None


@dataclass
class Sent:
    """A keyframe. taken, sent: seconds on the timeline of its view and of the decision to send it.

    number: of all; vehicle, view: 1 for the first passage and its first keyframe. called: a call was made for it.
    size, frame: width and height of the JPEG and of the whole frame. plate: where it was, None if unknown. reads: None
    without an answer; lost: why there is none; assumed: they are no real ones. part, whole: what was sent, and the
    frame around it.
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
    part: Picture | None = None
    whole: Picture | None = None
    reads: tuple[Read, ...] | None = None
    engine: Engine | None = None
    lost: str = ""
    assumed: bool = False
    called: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """The view of a passage that nothing was paid for. taken: seconds on the timeline; part: what was kept."""

    taken: float
    reason: ViewReason
    part: Picture | None


@dataclass
class Stay:
    """A passage. ordinal: 1 for the first; number: the gate's, of its `Thing`; begin, end: seconds on the timeline.

    kept: None where something was sent, or nothing is kept. outcome, plates: what the database says in the end.
    """

    key: str
    ordinal: int
    number: int
    opened_at: datetime
    begin: float
    end: float
    sent: list[Sent] = field(default_factory=list)
    kept: Kept | None = None
    outcome: PassageOutcome = PassageOutcome.PENDING
    plates: tuple[str, ...] = ()


class Trace:
    """Collects; all that it holds is for reading after the replay.

    size: width and height of the last frame. parts: where on the timeline (s) a recording begins, and its time.
    scene: a picture of the scene with as little in it as was seen.
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

        assumed: no answer is a real one, so that their plates are not to be shown.
        """
        self._min_confidence, self._grammar, self._pictures, self._frame_of = (
            min_confidence,
            grammar,
            pictures,
            frame_of,
        )
        self._assumed = assumed
        self.looks: list[Look] = []
        self.counts: Counter[Why] = Counter()
        self.things: dict[int, Thing] = {}
        self.stays: dict[str, Stay] = {}
        self.parts: list[tuple[float, datetime]] = []
        self.size = (0, 0)
        self.scene: Picture | None = None
        self._emptiest: tuple[float, Frame] | None = None
        self._sent: dict[str, Sent] = {}
        self._live: set[int] = set()
        self._paid: set[int] = set()
        self._last: Frame | None = None

    @property
    def sent(self) -> list[Sent]:
        """All keyframes in the order in which they were sent."""
        return list(self._sent.values())

    @property
    def length(self) -> float:
        """Of the timeline, in seconds."""
        return self.looks[-1].at if self.looks else 0.0

    def looked(self, frame: Frame, glance: Glance) -> None:
        """The gate has looked at a frame; to be told before what followed from it."""
        at = self._place(frame.captured_at)
        self._last, self.size = frame, (frame.luma.shape[1], frame.luma.shape[0])
        self.counts[glance.why] += 1
        standing = False
        for followed in glance.followed:
            thing = self.things.setdefault(followed.passage, Thing(followed.passage, followed.box, self.size))
            self._follow(thing, frame, followed)
            thing.samples.append(Sample(at, followed.best, followed.why, followed.plate, followed.state))
            standing |= followed.why is glance.why and self._stands(thing, followed.box, at)
        self.looks.append(Look(at, glance.change, glance.why, standing))
        if glance.why is not Why.LEARNING and (self._emptiest is None or glance.change < self._emptiest[0]):
            self._emptiest = (glance.change, frame)
        self._let_go({followed.passage for followed in glance.followed}, at)

    def happened(self, event: Event) -> None:
        """What followed from the last frame, or from an answer."""
        match event:
            case PassageOpened(passage, number):
                self._open(passage, number)
            case PassageClosed(passage):
                if passage.key in self.stays:
                    self.stays[passage.key].end = self.position(passage.last_seen)
            case KeyframeTaken(keyframe):
                self._take(keyframe)
            case KeyframeKept(keyframe):
                part = of_keyframe(keyframe) if self._pictures else None
                taken = self.position(keyframe.captured_at)
                self.stays[keyframe.passage].kept = Kept(taken, keyframe.reason, part)
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
        """The replay is over. result_of: what became of a passage, by its key: outcome and plates."""
        self._let_go(set(), float("inf"))
        if self._pictures and self._emptiest is not None:
            self.scene = of_frame(self._emptiest[1], 960)
        self._emptiest = self._last = None
        for stay in self.stays.values():
            stay.outcome, plates = result_of(stay.key)
            stay.plates = () if self._assumed else plates

    def position(self, at: datetime) -> float:
        """Where on the timeline a time lies, in seconds."""
        for begin, time in reversed(self.parts):
            if time <= at:
                return begin + (at - time).total_seconds()
        return 0.0

    def _read(self, plate: PlateText) -> Read:
        settled = settles(JudgedPlate(plate), self._min_confidence, self._grammar)
        return Read(self._grammar.parse(plate.text).text, settled, plate.confidence)

    def _place(self, at: datetime) -> float:
        if self._last is None:
            self.parts.append((0.0, at))
        elif not 0 <= (at - self._last.captured_at).total_seconds() <= GAP:
            self.parts.append((self.length + PAUSE, at))
        begin, time = self.parts[-1]
        return begin + (at - time).total_seconds()

    def _follow(self, thing: Thing, frame: Frame, followed: Followed) -> None:
        self._live.add(thing.number)
        box = followed.box
        filled = box.width * box.height / (self.size[0] * self.size[1])
        if followed.plate is None:
            better = filled > thing.largest
        else:
            better = followed.best is not None and followed.best > thing.best
        thing.largest = max(thing.largest, filled)
        if better or not thing.samples:
            thing.box, thing.best, thing.plate = box, followed.best or 0.0, followed.plate
            thing.view = frame if self._pictures and thing.number not in self._paid else None

    def _stands(self, thing: Thing, box: Box, at: float) -> bool:
        if thing.standing_at is None or _moved(thing.standing_at, box) > STANDS_WITHIN:
            thing.standing_at, thing.standing_since = box, at
        return at - thing.standing_since >= STANDS_AFTER

    def _let_go(self, seen: set[int], at: float) -> None:
        """Makes pictures of what has gone unsent, so that no decoded frame is kept longer than needed."""
        gone = {n for n in self._live - seen if at - self.things[n].samples[-1].at > GONE_AFTER}
        self._live -= gone
        for thing in [self.things[number] for number in gone]:
            if thing.view is not None and thing.number not in self._paid:
                thing.picture = of_frame(thing.view, 480)
            thing.view = None

    def _open(self, passage: Passage, number: int) -> None:
        begin = self.position(passage.opened_at)
        self.stays[passage.key] = Stay(passage.key, len(self.stays) + 1, number, passage.opened_at, begin, begin)

    def _take(self, keyframe: Keyframe) -> None:
        if keyframe.passage not in self.stays:
            self._open(Passage(keyframe.passage, keyframe.camera, keyframe.captured_at, keyframe.captured_at), 0)
        stay = self.stays[keyframe.passage]
        self._paid.add(stay.number)
        taken, frame = self.position(keyframe.captured_at), self._frame_of(keyframe.key)
        sent = Sent(
            keyframe=keyframe.key,
            number=len(self._sent) + 1,
            vehicle=stay.ordinal,
            view=len(stay.sent) + 1,
            captured_at=keyframe.captured_at,
            taken=taken,
            sent=max(taken, self.length),
            crop=keyframe.crop,
            score=keyframe.score,
            reason=keyframe.reason,
            bytes=len(keyframe.jpeg),
            size=(keyframe.width, keyframe.height),
            frame=self.size if frame is None else (frame.luma.shape[1], frame.luma.shape[0]),
            plate=self.things[stay.number].plate_at(taken) if stay.number in self.things else None,
        )
        if self._pictures:
            sent.part = of_keyframe(keyframe)
            sent.whole = None if frame is None else of_frame(frame, 560)
        self._sent[keyframe.key] = sent
        stay.sent.append(sent)
        stay.end = max(stay.end, sent.sent)


def _moved(before: Box, now: Box) -> float:
    """By how much of its size a box has moved or grown."""
    gaps = (
        now.x - before.x,
        now.y - before.y,
        now.x + now.width - before.x - before.width,
        now.y + now.height - before.y - before.height,
    )
    return max(map(abs, gaps)) / max(before.width, before.height)
