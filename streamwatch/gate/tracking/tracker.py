"""The tracker: it assigns the plates of a frame to the tracks of the frames before."""

import math
from collections.abc import Callable, Iterable, Sequence

from streamwatch.core.model import Box, Corners, Frame
from streamwatch.detection import Detection
from streamwatch.gate.plates.appearance import upright
from streamwatch.gate.plates.shapes import box_of, centre, inside, is_whole, overlap, plate_width
from streamwatch.gate.tracking.track import MAYBE, State, Track

MOST_TRACKS = 16  # in view at once
NEAR = 1.2  # widths of a plate; largest distance of a detection from where the plate is expected
FAR = 3.5  # the same for a plate whose velocity is not known yet, or that is fast
GROWN = 1.6  # largest ratio of widths between two looks, or in LONG_AWAY if they lie further apart
CHECK_EVERY = 0.5  # s between two looks at the pixels of a plate that stands still
CHECK_AGAIN = 0.2  # s; the same for a plate that is out of sight
AWAY = 1.5  # s out of sight after which only its appearance continues a track
LONG_AWAY = 0.35  # s out of sight after which a plate is re-identified by its appearance
STARTS = 0.4  # score from which a detection begins a track; a lower one can only continue a track
TENTATIVE_FOR = 1.0  # s without a second hit after which a tentative track is dropped
MISSES = 2  # looks without a second hit after which it is dropped
ALIKE_SIDES = 0.02  # part by which the ratio of the sides may differ in frames of the same view


class Tracker:
    """The tracks of one camera. tracks: those whose passages are not closed, in view or out of sight."""

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self._passages = 0

    def next_passage(self) -> int:
        """Return a number that no passage had before."""
        self._passages += 1
        return self._passages

    def visible(self, at: float) -> list[Track]:
        """Return the tracks whose plate is in the frame of that time."""
        return [track for track in self.tracks if track.course.seen_at == at]

    def resized(self, before: tuple[int, ...], now: tuple[int, ...]) -> None:
        """Adapt the tracks to frames of another (height, width). Frames of other proportions show another view."""
        alike = len(before) == 2 and abs(before[0] * now[1] / (before[1] * now[0]) - 1) < ALIKE_SIDES
        self.tracks = [track for track in self.tracks if track.confirmed]
        for track in self.tracks:
            if alike:
                track.scale(now[1] / before[1])
            else:
                track.out_of_view()

    def follow(self, frame: Frame, at: float, still: Callable[[Corners], bool]) -> None:
        """Find the plates of earlier frames in this one by their pixels.

        still: True if nothing has moved at a plate's place since the last frame.
        """
        for track in self.tracks:
            look = track.appearance
            if track.unseen:
                self._reappears(track, frame, at)
            elif look.patch is not None and still(track.course.plate) and at - look.checked_at < CHECK_EVERY:
                track.stood(frame, at)
            elif look.patch is not None and look.patch.shows_it(frame.luma):
                look.checked_at = at
                track.stood(frame, at)
            elif look.template is not None:
                place = look.template.find(frame.luma, track.course.plate, track.course.expected(at))
                if place is not None:
                    track.followed(frame, at, place)
        self.tracks = [track for track in self.tracks if not self._is_part_of_another(track, at)]

    def _reappears(self, track: Track, frame: Frame, at: float) -> None:
        """Find a plate that was hidden and stood still where it was, if it is the same one."""
        look = track.appearance
        if look.patch is None or at - look.checked_at < CHECK_AGAIN:
            return
        look.checked_at = at
        plate = look.patch.plate
        if look.patch.shows_it(frame.luma) and look.shows(upright(frame.luma, plate)):
            track.course.plate = plate
            track.stood(frame, at)

    def _is_part_of_another(self, track: Track, at: float) -> bool:
        """True if a track began with the visible part of a half hidden plate that is wholly in view again."""
        if track.views.paid or track.announced or track.course.seen_at != at:
            return False
        older = [one for one in self.visible(at) if one.confirmed and one.evidence.born_at < track.evidence.born_at]
        return any(inside(box_of(one.course.plate), centre(track.course.plate)) for one in older)

    def detected(self, frame: Frame, at: float, found: Sequence[Detection], parts: Iterable[Box]) -> list[Track]:
        """Take in what the detector saw in parts of a frame; return the tracks that are new."""
        parts = list(parts)
        free = list(self.tracks)
        born: list[Track] = []
        room = MOST_TRACKS - sum(track.memory is None for track in self.tracks)
        for detection in sorted(found, key=lambda one: -one.score):
            track = self._match(detection.corners, free, frame, at)
            if track is None and any(overlap(detection.corners, t.course.plate) > 0.3 for t in self.visible(at)):
                continue
            if track is None:
                track = self._revived(detection.corners, free, frame, at)
            if track is not None:
                free.remove(track)
                track.hit(frame, at, detection.corners, detection.score)
            elif detection.score >= STARTS and len(born) < room:
                born.append(self._new(frame, at, detection))
        for track in free:
            missed = track.course.seen_at != at or track.state is State.TENTATIVE
            if missed and any(inside(part, centre(track.course.plate)) for part in parts):
                track.evidence.misses += 1
        self.tracks += born
        self.tracks = [t for t in self.tracks if not _vanished(t, at)]
        return born

    def known_as(self, track: Track, at: float) -> Track | None:
        """Return the paid track that shows the plate of this track's best view; None if there is none.

        A paid track that is in view elsewhere does not count. This track must have a best view.
        """
        assert track.views.best is not None
        picture = upright(track.views.best.frame.luma, track.views.best.plate)
        for other in self.tracks:
            if other is track or not other.appearance.pictures or (not other.views.paid and other.memory is None):
                continue
            if other.course.seen_at == at and overlap(other.course.plate, track.course.plate) < 0.1:
                continue
            if other.appearance.shows(picture):
                return other
        return None

    def join(self, older: Track, track: Track) -> None:
        """Join two tracks of one vehicle: the older one goes on."""
        older.go_on_as(track)
        self.tracks = [one for one in self.tracks if one is not track]

    def _match(self, plate: Corners, free: list[Track], frame: Frame, at: float) -> Track | None:
        """Return the track whose expected place is nearest to a plate, among those that it may belong to."""
        width = plate_width(plate)
        nearest, distance = None, math.inf
        for track in free:
            ratio = width / max(1.0, track.course.width)
            passed = at - track.course.seen_at
            grown = GROWN ** max(1.0, min(passed, AWAY) / LONG_AWAY)
            if passed > AWAY or not 1 / grown <= ratio <= grown:
                continue
            speed = math.hypot(*track.course.velocity) * max(passed, 0.1)
            reach = NEAR * max(width, track.course.width) + min(speed, (FAR - NEAR) * width)
            if track.evidence.hits < 2:
                reach = max(reach, min(FAR, NEAR + 10 * passed) * width)
            away = math.dist(centre(plate), track.course.expected(at))
            if away < reach and away < distance and (passed < LONG_AWAY or _alike(track, plate, frame)):
                nearest, distance = track, away
        return nearest

    def _revived(self, plate: Corners, free: list[Track], frame: Frame, at: float) -> Track | None:
        """Return the track out of sight that is re-identified by a plate."""
        hidden = [t for t in free if t.course.seen_at < at and t.appearance.pictures]
        if not hidden or plate_width(plate) < 30 or not is_whole(plate, frame.luma.shape):
            return None
        picture = upright(frame.luma, plate)
        return next((track for track in hidden if track.appearance.shows(picture)), None)

    def _new(self, frame: Frame, at: float, detection: Detection) -> Track:
        track = Track(self.next_passage(), detection.corners, frame.captured_at, frame.captured_at, at, detection.score)
        track.evidence.hits = 0
        track.evidence.born_at = track.views.improved_at = track.course.moved_at = at
        track.hit(frame, at, detection.corners, detection.score)
        return track


def _alike(track: Track, plate: Corners, frame: Frame) -> bool:
    """True if a plate may belong to a track by its appearance."""
    return not track.appearance.pictures or track.appearance.shows(upright(frame.luma, plate), MAYBE)


def _vanished(track: Track, at: float) -> bool:
    """True if the detector saw the plate of a track once and never again."""
    if track.state is not State.TENTATIVE or track.views.paid:
        return False
    return track.evidence.misses >= MISSES or at - track.evidence.hit_at > TENTATIVE_FOR
