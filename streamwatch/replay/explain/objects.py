"""The objects that the gate followed in a replay, frame by frame: vehicles and others."""

from collections import Counter
from dataclasses import dataclass, field

from streamwatch.core.model import Box, Corners, Frame, Point
from streamwatch.gate import FollowedObject, Why, centre, plate_width
from streamwatch.replay.explain.album import Thumbnail, of_frame

WAITING = {Why.TOO_SHORT, Why.BETTERING}  # reasons to wait, not decisions
SAME_FRAME = 0.005  # s
GONE_AFTER = 2.0  # s without a sample of an object, after which its picture is made
STANDS_WITHIN, STANDS_AFTER = 0.05, 2.0  # part of its size by which a still box may move; s until it counts as still
OBJECT_SIDE = 480  # px; longer side of the picture of an object


@dataclass(frozen=True, slots=True)
class Sample:
    """One object in one frame. at: seconds on the timeline; best: score of the best view so far, None without one.

    plate: its corners in frame pixels, None if it shows no plate; state: of its track, "" without one.
    """

    at: float
    best: float | None
    why: Why
    plate: Corners | None = None
    state: str = ""


@dataclass
class ObjectTrace:
    """An object that the gate followed under one number. Only `ObjectTraces` makes it, so its fields are many.

    box, best, plate: box, score and plate of its best view; view: the frame of that view. The best view of an object
    without a plate is the one in which it is largest. largest: the largest part of the picture that its box filled;
    size: width and height of the frames; picture: made when the object has gone.
    """

    number: int
    box: Box
    size: tuple[int, int]
    samples: list[Sample] = field(default_factory=list)
    largest: float = 0.0
    best: float = 0.0
    plate: Corners | None = None
    view: Frame | None = None
    picture: Thumbnail | None = None
    still_at: Box | None = None
    still_since: float = 0.0

    @property
    def whys(self) -> Counter[Why]:
        """Return the number of its frames by their reason."""
        return Counter(sample.why for sample in self.samples)

    @property
    def widths(self) -> list[Point]:
        """Return seconds on the timeline with the width of the plate in px."""
        return [(sample.at, plate_width(sample.plate)) for sample in self.samples if sample.plate is not None]

    @property
    def path(self) -> list[Point]:
        """Return the centre of its plate in each frame, in frame pixels."""
        return [centre(sample.plate) for sample in self.samples if sample.plate is not None]

    def plate_at(self, at: float) -> Corners | None:
        """Return the corners of its plate at a time on the timeline (s); None if no frame of that time shows it."""
        return next((sample.plate for sample in self.samples if abs(sample.at - at) < SAME_FRAME), None)

    @property
    def verdict(self) -> Why:
        """Return the reason that decided most of its frames; the last one if nothing was decided."""
        decided = Counter(sample.why for sample in self.samples if sample.why not in WAITING)
        return decided.most_common(1)[0][0] if decided else self.samples[-1].why


class ObjectTraces:
    """Collects the objects that the gate followed.

    by_number: all objects; size: width and height of the last frame.
    """

    def __init__(self, *, pictures: bool) -> None:
        """pictures: keep a small picture of each object that was not sent."""
        self.by_number: dict[int, ObjectTrace] = {}
        self.size = (0, 0)
        self._pictures = pictures
        self._live: set[int] = set()
        self._paid: set[int] = set()

    def follow(self, frame: Frame, followed: FollowedObject, at: float) -> bool:
        """Take in one object of a frame; return True if it has stood still for a while."""
        self.size = frame.luma.shape[1], frame.luma.shape[0]
        box = followed.box
        obj = self.by_number.setdefault(followed.passage, ObjectTrace(followed.passage, box, self.size))
        self._live.add(obj.number)
        filled = box.width * box.height / (self.size[0] * self.size[1])
        if followed.plate is None:
            better = filled > obj.largest
        else:
            better = followed.best is not None and followed.best > obj.best
        obj.largest = max(obj.largest, filled)
        if better or not obj.samples:
            obj.box, obj.best, obj.plate = box, followed.best or 0.0, followed.plate
            obj.view = frame if self._pictures and obj.number not in self._paid else None
        obj.samples.append(Sample(at, followed.best, followed.why, followed.plate, followed.state))
        if obj.still_at is None or _moved(obj.still_at, box) > STANDS_WITHIN:
            obj.still_at, obj.still_since = box, at
        return at - obj.still_since >= STANDS_AFTER

    def paid(self, number: int) -> None:
        """Record that a view of an object was sent, so that it needs no other picture."""
        self._paid.add(number)

    def let_go(self, seen: set[int], at: float) -> None:
        """Make the pictures of the objects that have gone, so that no decoded frame is kept longer than needed."""
        gone = {n for n in self._live - seen if at - self.by_number[n].samples[-1].at > GONE_AFTER}
        self._live -= gone
        for obj in [self.by_number[number] for number in gone]:
            if obj.view is not None and obj.number not in self._paid:
                obj.picture = of_frame(obj.view, OBJECT_SIDE)
            obj.view = None


def _moved(before: Box, now: Box) -> float:
    """Return by which part of its size a box has moved or grown."""
    gaps = (
        now.x - before.x,
        now.y - before.y,
        now.x + now.width - before.x - before.width,
        now.y + now.height - before.y - before.height,
    )
    return max(map(abs, gaps)) / max(before.width, before.height)
