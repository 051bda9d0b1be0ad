"""Who stood there when watching began: found once, paid once, and watched until it leaves."""

from collections.abc import Callable
from datetime import datetime

from streamwatch.gate.bestshot import crop_around, score
from streamwatch.gate.decisions import NO_ANSWER, SECOND_OPINION, Closed, Decision, Opened, Shot
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.plate_box import middle, plate_width, vehicle_around
from streamwatch.gate.sight import SMALLER, Sight, readable_when_smaller
from streamwatch.gate.standing import Remembered, Standing, stands_still, the_one_there
from streamwatch.gate.track import PaidView, Verdict, patch_of
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
            hidden = any(_touch(box, standing.view.box) for box in moving)
            standing.look(frame.luma, hidden, frame.captured_at, at)
            if standing.calls < self._max_calls and not hidden:
                decisions += self._pay_again(standing, frame, small, at)
        for standing in [s for s in self.standing if s.gone(at)]:
            self.standing.remove(standing)
            decisions.append(_closing(standing, at))
        return decisions

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

    def _pay(self, plate: Corners, frame: Frame, small: Picture, at: float) -> list[Decision]:
        assert self._opening_at is not None
        passage = self._next_passage()
        view = self._view(passage, vehicle_around(plate, frame.luma.shape), frame, small, at)
        self._go_on(Standing(passage, self._opening_at, frame.captured_at, view, at, at), frame, at)
        return [Opened(passage, self._opening_at), self._shot(view, frame, "it stood here when watching began")]

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
        crop = crop_around(view.box, others, width, height)
        return Shot(view.passage, frame, crop, view.score, reason, view.scale)


def _closing(standing: Standing, at: float) -> Closed:
    standing.view.gone_at = at
    return Closed(standing.passage, standing.opened_at, standing.last_seen)


def _touch(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )
