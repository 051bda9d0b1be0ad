"""Is there a plate in a view, before anything is paid for it?

A free finder of plates is asked, a few times per passage at most, because it costs as much as some thirty frames of the
rest of the gate. Once it has seen a plate that is followed, and the finder is asked again when it is large enough.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from streamwatch.gate.bestshot import Candidate
from streamwatch.gate.plate_again import seen_again
from streamwatch.gate.plate_box import bounds, enlarged, inside, is_cut, middle, moved, plate_width, vehicle_around
from streamwatch.gate.plate_like import plate_like
from streamwatch.gate.track import BROAD, PaidView, Track
from streamwatch.model import Box, Corners, Frame, Picture

FindPlates = Callable[[Picture], Sequence[Corners]]
"""Plate-like regions of a (height, width, 3) BGR picture, as corners in its pixels."""

MOST_LOOKS = 6  # per passage, beside the one before paying
GROWN, LEAST_GROWN = 1.3, 1.1  # the vehicle must be so much wider for another look, less where it promises enough
MISSED_GROWN = 1.15  # the same after a look that showed none
MISSES_PER_HIT = 2  # so many looks that showed no plate are made good by one that does
WIDEST = 0.6  # of a view; no plate fills more of one
ENOUGH = 115  # px; width of a plate that is read surely; a view that shows it need not get better
SMALLER = 0.85  # scale of a picture that is read independently of the same view at full size
READABLE = 90  # px; width of a plate that is still worth a call in a smaller picture
CRISP = 0.7  # less of a plate's edges in one direction than so much of the other: it is blurred by motion
LEAST_CRISP, CRISPER = 0.6, 1.1  # so much will do where it does not grow by this ratio: the vehicle does not brake
LOOK_PIXELS = 100_000  # to which a view is reduced to look for a plate; more of them find hardly more
FADED_PIXELS = 60_000  # to which a view is reduced when its contrast is raised: noise would stand out as well
CRISP_WIDTH = 96  # px; plates are judged at this width
NEAR_WIDTH = 56  # px; a plate whose place is known is seen at this width as surely as at a larger one

TILE, OVERLAP = 640, 200  # px; small plates of a whole picture are found in parts of it
PART_PIXELS = 60_000  # to which such a part is reduced when it is looked at again; other plates are seen in it


class Sight:
    """Asks the finder, and remembers in the track what it said."""

    def __init__(self, find: FindPlates, paid: list[PaidView]) -> None:
        """paid: views of the vehicles before the camera; a plate of theirs is not news."""
        self._find, self._paid = find, paid

    def glimpse(self, track: Track) -> None:
        """Looks at a new best view, if that promises to show more than what was looked at before."""
        best = track.best
        if best is None or best.looked or track.looks >= MOST_LOOKS:
            return
        if _follows(track, best):
            track.with_plate = best
            if not _sure(track) and (good_enough(best) or _outgrown(track, best)):
                self._look_near(track, best)
        elif best.box.width >= track.look_from:
            self.look(track, best)

    def look(self, track: Track, view: Candidate) -> None:
        """Looks for a plate in a view: in the vehicle alone, as the finder misses more the more there is around it.

        But what is upright like a person is not looked at so closely: on a coat, too, there is something to be found.
        """
        view.looked, track.looks = True, track.looks + 1
        part = view.box if _broad(view) else view.crop
        scale = min(1.0, (LOOK_PIXELS / (part.width * part.height)) ** 0.5)
        view.plate = self._plate(view, part, self._find, scale)
        needed = MISSED_GROWN if view.plate is None else 1.05 * ENOUGH / plate_width(view.plate)
        track.look_from = round(min(GROWN, max(LEAST_GROWN, needed)) * view.box.width)
        if view.plate is not None:
            _note_crispness(track, view)
            _note_hit(track, view)

    def _look_near(self, track: Track, view: Candidate) -> None:
        """Whether the finder, too, sees a plate where one was followed to: what it saw once may have been a coat."""
        assert view.plate is not None
        track.looks += 1
        around = vehicle_around(view.plate, view.frame.luma.shape)
        scale = min(1.0, NEAR_WIDTH / plate_width(view.plate))
        there = [p for p in _plates(self._find, view.frame.to_bgr(), around, scale) if _on(p, view.plate)]
        if there and not self._paid_for(view.plate, view.frame.luma):
            # Either may be a part of it: what is found small, and what was found first.
            view.plate, view.looked = max(*there, view.plate, key=plate_width), True
            _note_hit(track, view)
            return
        # It was followed wrongly, or none: the whole view is looked at, and no more of it is believed than before.
        track.with_plate, track.sample = track.sample, None
        self.look(track, view)

    def look_hard(self, track: Track, view: Candidate) -> None:
        """The last look before a view is given up: what the finder misses in it, it may see with more contrast.

        Or else its edges may tell. But not on what is upright like a person: the hem of a coat is a band of strokes.
        """
        if not view.looked and view.plate is None:
            self.look(track, view)
        elif not view.looked and not _sure(track):
            self._look_near(track, view)
        if view.plate is None and track.with_plate is None and _broad(view):
            view.plate = self._plate(view, view.crop, self._find_faded) or self._plate(view, view.crop, plate_like)
            if view.plate is not None:
                _note_hit(track, view)

    def _plate(self, view: Candidate, part: Box, find: FindPlates, scale: float = 1.0) -> Corners | None:
        """The widest plate on the vehicle of a view, in frame pixels. part: of the frame; scale: see `_plates`."""
        own = [
            plate
            for plate in _plates(find, view.frame.to_bgr(), part, scale)
            if inside(view.box, middle(plate))
            and not is_cut(plate, view.frame.luma.shape)
            and not self._paid_for(plate, view.frame.luma)
        ]
        return max(own, key=plate_width, default=None)

    def _paid_for(self, plate: Corners, luma: Picture) -> bool:
        """Whether it belongs to a vehicle that was read and still stands there, behind what is looked at."""
        return any(
            view.plate is not None and view.gone_at is None and _on(view.plate, plate) and view.plate_still_there(luma)
            for view in self._paid
        )

    def _find_faded(self, bgr: Picture) -> Sequence[Corners]:
        """Plates that hardly stand out: the contrast is made the same everywhere (CLAHE, Zuiderveld 1994)."""
        scale = min(1.0, (FADED_PIXELS / (bgr.shape[0] * bgr.shape[1])) ** 0.5)
        lab = cv2.cvtColor(cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2LAB)
        lab[:, :, 0] = cv2.createCLAHE(2.0, (8, 8)).apply(lab[:, :, 0])
        found = self._find(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8))
        return [enlarged(plate, 1 / scale) for plate in found]

    def news(self, frame: Frame, part: Box, known: list[Box]) -> list[Corners]:
        """Plates in a part of a frame, the widest first, that lie in no known place and were not paid for."""
        bgr = frame.to_bgr()
        new = [
            plate
            for scale in (1.0, min(1.0, (PART_PIXELS / (part.width * part.height)) ** 0.5))
            for plate in _plates(self._find, bgr, part, scale)
            if not any(inside(box, middle(plate)) for box in known)
            and not is_cut(plate, frame.luma.shape)
            and not self._paid_for(plate, frame.luma)
        ]
        return sorted(new, key=plate_width, reverse=True)

    def confirms(self, plate: Corners, frame: Frame) -> bool:
        """Whether a nearer look shows the plate, too, or one at the size at which plates are seen best."""
        around, bgr = vehicle_around(plate, frame.luma.shape), frame.to_bgr()
        sizes = (1.0, min(1.0, NEAR_WIDTH / plate_width(plate)))
        return any(_on(found, plate) for scale in sizes for found in _plates(self._find, bgr, around, scale))

    def all_plates(self, frame: Frame) -> list[Corners]:
        """All plates of a whole frame, small ones too; costs as much as twenty looks. Some may come twice.

        In whatever way it is looked for, one plate in twenty is missed, but another one each time: so in three ways.
        """
        bgr = frame.to_bgr()
        return [plate for part in _parts(*frame.luma.shape) for plate in self._in_three_ways(bgr, part)]

    def _in_three_ways(self, bgr: Picture, part: Box) -> list[Corners]:
        smaller = min(1.0, (PART_PIXELS / (part.width * part.height)) ** 0.5)
        ways = (self._find, 1.0), (self._find, smaller), (plate_like, 1.0)
        return [plate for find, scale in ways for plate in _plates(find, bgr, part, scale)]


def _parts(height: int, width: int) -> list[Box]:
    """The whole of a picture, and parts that overlap."""
    parts = [Box(x, y, min(TILE, width - x), min(TILE, height - y)) for y in _steps(height) for x in _steps(width)]
    return [Box(0, 0, width, height), *(parts if len(parts) > 1 else [])]


def _steps(length: int) -> list[int]:
    """Where tiles begin along a side."""
    return list(range(0, max(1, length - OVERLAP), TILE - OVERLAP))


def _plates(find: FindPlates, bgr: Picture, crop: Box, scale: float = 1.0) -> list[Corners]:
    """Plates in a part of a picture, in pixels of the whole. scale: at which they are looked for, at most 1."""
    part = bgr[crop.y : crop.y + crop.height, crop.x : crop.x + crop.width]
    if scale < 1:
        part = np.asarray(cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    found = [enlarged(plate, 1 / scale) for plate in find(np.ascontiguousarray(part))]
    return [moved(p, crop.x, crop.y) for p in found if bounds(p)[2] - bounds(p)[0] <= WIDEST * crop.width]


def _broad(view: Candidate) -> bool:
    """Whether it is not upright like a person."""
    return view.box.width >= BROAD * view.box.height


def _follows(track: Track, view: Candidate) -> bool:
    """Whether the plate that was found before can be made out in a view, too."""
    if track.sample is None or track.trail is None:
        return False
    view.plate = seen_again(track.sample, *track.trail, view)
    if view.plate is not None:
        track.trail = view.box, view.plate
        _note_crispness(track, view)
    return view.plate is not None


def _sure(track: Track) -> bool:
    """Whether the plate that is followed was found often enough, and when it was as wide as it needs to be."""
    return (
        believed(track)
        and track.sample is not None
        and track.sample.plate is not None
        and plate_width(track.sample.plate) >= ENOUGH
    )


def _outgrown(track: Track, view: Candidate) -> bool:
    """Whether a followed plate is so much larger than where it was found that it can be made out better now."""
    if track.sample is None or track.sample.plate is None or view.plate is None:
        return False
    return plate_width(view.plate) >= GROWN * plate_width(track.sample.plate)


def _note_crispness(track: Track, view: Candidate) -> None:
    """Whether the plate of a view is clear; while a vehicle brakes it becomes so, and that is worth waiting for."""
    assert view.plate is not None
    crisp = crispness(view.frame.luma, view.plate)
    view.clear = crisp >= CRISP or LEAST_CRISP <= crisp <= CRISPER * track.crisp
    track.crisp = crisp


def _note_hit(track: Track, view: Candidate) -> None:
    """The finder has seen the plate of a view."""
    assert view.plate is not None
    track.hits, track.with_plate, track.sample, track.trail = track.hits + 1, view, view, (view.box, view.plate)


def _on(place: Corners, plate: Corners) -> bool:
    """Whether the middle of one plate lies on the other."""
    left, top, right, bottom = bounds(place)
    x, y = middle(plate)
    return left <= x <= right and top <= y <= bottom


def believed(track: Track) -> bool:
    """Whether a plate was seen often enough: a finder sees one now and then on a coat or a door."""
    return track.hits > 0 and MISSES_PER_HIT * track.hits >= track.looks - track.hits


def good_enough(view: Candidate) -> bool:
    """Whether the view's plate is so wide and sharp that nothing is won by waiting for a better view."""
    return view.plate is not None and plate_width(view.plate) >= ENOUGH and view.clear


def readable_when_smaller(paid: PaidView) -> bool:
    """Whether a plate was found that can be read in a smaller picture, too, and this was not tried yet."""
    return paid.plate is not None and SMALLER * plate_width(paid.plate) >= READABLE and paid.scale == 1.0


def crispness(luma: Picture, plate: Corners) -> float:
    """How alike the edges of a plate are in both directions, 0 to 1: motion takes those across its path away."""
    left, top, right, bottom = (round(v) for v in bounds(plate))
    part = luma[max(0, top) : bottom, max(0, left) : right]
    if min(part.shape) < 4:
        return 0.0
    size = (CRISP_WIDTH, max(8, round(CRISP_WIDTH * part.shape[0] / part.shape[1])))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    across, down = (float(np.abs(cv2.Sobel(small, cv2.CV_16S, dx, 1 - dx)).mean()) for dx in (1, 0))
    return min(across, down) / max(across, down, 1.0)
