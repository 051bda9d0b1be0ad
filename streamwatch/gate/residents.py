"""Who stood there when watching began: found once, paid once, and watched until it leaves.

So, too, who came to stand so close to a vehicle that was read that both are one region, which is followed as that one.
"""

from collections.abc import Callable
from datetime import datetime

from streamwatch.gate.bestshot import crop_around, score
from streamwatch.gate.decisions import NO_ANSWER, SECOND_OPINION, Closed, Decision, Opened, Shot
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.likeness import same_vehicle, view_of
from streamwatch.gate.plate_box import box_of, inside, middle, plate_width, vehicle_around
from streamwatch.gate.sight import READABLE, SMALLER, Sight, readable_when_smaller
from streamwatch.gate.standing import Remembered, Standing, stands_still, the_one_there
from streamwatch.gate.track import PaidView, Track, Verdict, patch_of
from streamwatch.model import Box, Corners, Frame, Picture

FIRST_LOOK, SECOND_LOOK = 0.6, 1.4  # s after the start; what is a standing vehicle shows its plate in both
LEAST_PLATE = 60  # px; a narrower plate can not be read, and waiting does not bring it nearer


class Residents:
    """Of one camera. paid: shared with whoever asks whether a vehicle is known."""

    def __init__(self, sight: Sight, paid: list[PaidView], next_passage: Callable[[], int], max_calls: int) -> None:
        self._sight, self._paid, self._next_passage, self._max_calls = sight, paid, next_passage, max_calls
        self._geometry = Geometry((180, 320), None)
        self._started = 0.0
        self._first: tuple[Picture, list[Corners]] | None = None
        self._opening_at: datetime | None = None
        self._settled = False
        self._expected: list[Standing] = []
        self.standing: list[Standing] = []

    def remember(self, vehicle: Remembered) -> int:
        """A vehicle that was paid for by an earlier run and may still be there; returns the number of its passage."""
        view = PaidView(
            self._next_passage(),
            0.0,
            vehicle.luma,
            vehicle.box,
            0.0,
            None,
            None,
            Verdict.READ,
            vehicle.plate,
        )
        self._expected.append(Standing(view.passage, vehicle.opened_at, vehicle.last_seen, view, 0.0, 0.0, calls=0))
        return view.passage

    def begin(self, geometry: Geometry, at: float, expected: list[Standing]) -> None:
        """Another scene. expected: vehicles that were before the camera and probably still are."""
        self._geometry, self._started = geometry, at
        self._first, self._opening_at, self._settled = None, None, False
        self._expected += [*self.standing, *expected]
        self.standing = []

    def boxes(self) -> list[Box]:
        """Where they are, in frame pixels."""
        return [standing.view.box for standing in self.standing]

    def look(self, frame: Frame, small: Picture, at: float, moving: list[Box]) -> list[Decision]:
        """Takes a frame in. moving: things that are followed, in frame pixels."""
        if not self._settled:
            return self._settle(frame, small, at, moving)
        decisions: list[Decision] = []
        for standing in self.standing:
            hidden = any(_hides(box, standing) for box in moving)
            standing.look(frame.luma, hidden, frame.captured_at, at)
            if standing.calls < self._max_calls and (standing.beside or not hidden):
                decisions += self._pay_again(standing, frame, small, at)
        for standing in [s for s in self.standing if s.gone(at)]:
            self.standing.remove(standing)
            decisions.append(_closing(standing, at))
        return decisions

    def beside(self, tracks: list[Track], frame: Frame, small: Picture, at: float) -> list[Decision]:
        """Takes in who stands beside a vehicle that was read: a plate tells that it is another one."""
        decisions: list[Decision] = []
        for track in tracks:
            if not track.outgrown(at) or at < track.next_glance:
                continue
            plate = self._newcomer(track, [t for t in tracks if t is not track and t.seen_at == at], frame)
            if plate is None:
                track.glanced(at)
            else:
                track.alone = track.region
                decisions += self._pay(plate, frame, small, at, beside=True)
        return decisions

    def _newcomer(self, track: Track, others: list[Track], frame: Frame) -> Corners | None:
        """The plate of another vehicle in a track's region, if the first one was read and can be told from it."""
        assert track.alone is not None
        awaited = any(view.verdict is Verdict.PENDING for view in self._paid)
        if awaited or not track.read:
            return None
        known = [self._geometry.box(region) for region in (track.alone, *(other.region for other in others))]
        for plate in self._sight.news(frame, self._geometry.box(track.region.beyond(track.alone)), known):
            readable = plate_width(plate) >= READABLE and self._geometry.watches(middle(plate))
            if readable and self._sight.confirms(plate, frame):
                return None if self._paid_for(plate, known[0], frame.luma) else plate
        return None

    def _paid_for(self, plate: Corners, behind: Box, luma: Picture) -> bool:
        """Whether the vehicle of a plate was paid for. What is around the plate may show the one behind it, too."""
        around = view_of(luma, vehicle_around(plate, luma.shape))
        same = [view for view in self._paid if view.plate is not None and same_vehicle(view.view, around)]
        return bool(same) and not all(same_vehicle(view.view, view_of(luma, behind)) for view in same)

    def finish(self) -> list[Decision]:
        """Watching ends."""
        left, self.standing = self.standing, []
        return [_closing(standing, standing.seen_at) for standing in left]

    def _settle(self, frame: Frame, small: Picture, at: float, moving: list[Box]) -> list[Decision]:
        """In the first pictures: finds plates that stand still."""
        self._opening_at = self._opening_at or frame.captured_at
        if self._first is None and at - self._started >= FIRST_LOOK:
            self._first = frame.luma, self._find(frame)
        if self._first is None or at - self._started < SECOND_LOOK:
            return []
        self._settled = True
        before, plates = self._first
        self._first = None
        decisions: list[Decision] = []
        for plate in plates:
            if the_one_there(self.standing, plate, frame.luma) is not None:
                continue
            free = not any(_touch(box, vehicle_around(plate, frame.luma.shape)) for box in moving)
            if free and stands_still(plate, before, frame.luma) and self._sight.confirms(plate, frame):
                decisions += self._take_in(plate, frame, small, at)
        for standing in self._expected:
            if standing.view.plate_still_there(frame.luma):
                self._go_on(standing, frame, at)
            elif standing.calls:
                decisions.append(_closing(standing, at))
        self._expected = []
        return decisions

    def _find(self, frame: Frame) -> list[Corners]:
        plates = self._sight.all_plates(frame)
        return [p for p in plates if plate_width(p) >= LEAST_PLATE and self._geometry.watches(middle(p))]

    def _take_in(self, plate: Corners, frame: Frame, small: Picture, at: float) -> list[Decision]:
        """A vehicle stands here: one that is expected, or one that was never paid for."""
        known = the_one_there(self._expected, plate, frame.luma)
        if known is None:
            return self._pay(plate, frame, small, at)
        self._expected.remove(known)
        if known.view.plate is None or not known.view.plate_still_there(frame.luma):
            known.view.seen_elsewhere(frame.luma, vehicle_around(plate, frame.luma.shape), plate)
        self._go_on(known, frame, at)
        return []

    def _go_on(self, standing: Standing, frame: Frame, at: float) -> None:
        standing.seen_at, standing.looked_at, standing.last_seen = at, at, frame.captured_at
        standing.view.gone_at = None
        self.standing.append(standing)
        if standing.view not in self._paid:
            self._paid.append(standing.view)

    def _pay(self, plate: Corners, frame: Frame, small: Picture, at: float, beside: bool = False) -> list[Decision]:
        opened_at = frame.captured_at if beside or self._opening_at is None else self._opening_at
        passage = self._next_passage()
        view = self._view(passage, vehicle_around(plate, frame.luma.shape), frame, small, at)
        if beside:
            view.plate = plate  # by this it is watched, also where it can not be read
        self._go_on(Standing(passage, opened_at, frame.captured_at, view, at, at, beside=beside), frame, at)
        reason = "it stands beside a vehicle that was read" if beside else "it stood here when watching began"
        return [Opened(passage, opened_at), self._shot(view, frame, reason)]

    def _pay_again(self, standing: Standing, frame: Frame, small: Picture, at: float) -> list[Decision]:
        """After no answer, or after a doubtful one that a smaller picture may settle."""
        last = standing.view
        doubted = last.verdict is Verdict.DOUBTED and readable_when_smaller(last)
        if last.verdict is not Verdict.FAILED and not doubted:
            return []
        view = self._view(standing.passage, last.box, frame, small, at)
        view.plate, view.scale = last.plate, SMALLER if doubted else 1.0
        standing.view = view
        standing.calls += 1
        self._paid.append(view)
        return [self._shot(view, frame, SECOND_OPINION if doubted else NO_ANSWER)]

    def _view(self, passage: int, box: Box, frame: Frame, small: Picture, at: float) -> PaidView:
        luma = frame.luma[box.y : box.y + box.height, box.x : box.x + box.width].copy()
        region = self._geometry.region(box)
        return PaidView(passage, at, luma, box, score(frame.luma, box, True), region, patch_of(small, region))

    def _shot(self, view: PaidView, frame: Frame, reason: str) -> Shot:
        height, width = frame.luma.shape
        others = [standing.view.box for standing in self.standing if standing.view is not view]
        others += [
            box_of(paid.plate)
            for paid in self._paid
            if paid.plate is not None and paid.gone_at is None and paid.passage != view.passage
        ]
        crop = crop_around(view.box, others, width, height)
        return Shot(view.passage, frame, crop, view.score, reason, view.scale)


def _closing(standing: Standing, at: float) -> Closed:
    standing.view.gone_at = at
    return Closed(standing.passage, standing.opened_at, standing.last_seen)


def _hides(box: Box, standing: Standing) -> bool:
    """Whether a thing that is followed may hide a vehicle. One beside it is touched by it as long as that stands."""
    if standing.beside and standing.view.plate is not None:
        return inside(box, middle(standing.view.plate))
    return _touch(box, standing.view.box)


def _touch(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
