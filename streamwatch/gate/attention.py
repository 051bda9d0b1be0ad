"""How closely a camera must be watched: every frame while something happens that is not settled, else a few frames."""

from collections.abc import Sequence

import cv2

from streamwatch.core.model import Attention, Picture
from streamwatch.gate.motion.blobs import MOVED, STILL_STEP, Blob, stillness
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.motion.regions import find_regions
from streamwatch.gate.plates.shapes import vehicle_around
from streamwatch.gate.tracking.track import State, Track
from streamwatch.gate.tracking.views import PaidOutcome

SETTLING = 2.6  # s after the start in which the scene is learned and parked vehicles are found
CALM_FOR = 0.2  # s without anything new after which a few frames are enough; capture keeps those that it skips
SENSITIVE = 0.12  # part of `min_area` from which a change may be a vehicle far away: earlier frames are worth a look
LINGERS = 0.5  # part of that size at which a change ends that was large enough before
RESTS_AFTER = 5.0  # s without movement after which an object that is not settled will show no better view
SETTLED_AFTER = 0.4  # s; the same for an object that is settled
EMPTY = 0.05  # part of a vehicle's place that may differ from the empty scene after it has left


class AttentionEstimator:
    """Says how closely one camera must be watched. The decisions of the gate do not depend on it."""

    def __init__(self, min_area: float) -> None:
        self._min_area = SENSITIVE * min_area
        self._geometry = Geometry((180, 320), None)
        self._last: Picture | None = None
        self._last_at = self._began = self._active_at = 0.0

    def begin(self, geometry: Geometry, at: float) -> None:
        """Start with another scene."""
        self._geometry, self._last = geometry, None
        self._began, self._active_at = at, at - CALM_FOR

    def looked(self, small: Picture, at: float) -> None:
        """Record that the gate has taken in this small picture."""
        self._last, self._last_at = small, at

    def wake(self, at: float) -> None:
        """Record that something happens at a time. The time may lie ahead, if earlier frames are looked at first."""
        self._active_at = max(self._active_at, at)

    def needed(self, motion: Motion, tracks: Sequence[Track]) -> Attention:
        """Return how closely to watch, for a frame that the gate has not taken in yet."""
        if self._last is None or motion.at - self._began < SETTLING:
            return Attention.ALL
        if self._is_active(motion, self._last, tracks):
            self.wake(motion.at)
        return Attention.ALL if motion.at - self._active_at < CALM_FOR else Attention.QUIET

    def _is_active(self, motion: Motion, last: Picture, tracks: Sequence[Track]) -> bool:
        """True if a frame may show something that is not settled. last: the small picture of the last look."""
        at, luma, change = motion.at, motion.frame.luma, motion.change
        if any(self._awaited(track) for track in tracks):
            return True
        still = [track for track in tracks if self._stands(track)]
        patches = [track.appearance.patch for track in still if track.appearance.patch is not None]
        if any(not patch.shows_it(luma) for patch in patches):
            return True
        resting = [b.region for b in motion.blobs if self._rests(b) and _as_it_was(b, motion, last)]
        around = [self._geometry.region(vehicle_around(track.course.plate, luma.shape)) for track in still]
        resting += [region for region in around if 1 - stillness(motion.small, last, region, STILL_STEP) <= MOVED]
        leaving = [track for track in tracks if self._drives_on(track)]
        ahead = [vehicle_around(track.course.expected_plate(at), luma.shape) for track in leaving]
        resting += [self._geometry.region(box) for box in ahead]
        if resting:
            change = cv2.bitwise_and(change, cv2.bitwise_not(self._geometry.mask_of(resting)))
        least = self._min_area * (LINGERS if self._last_at - self._active_at < CALM_FOR else 1.0)
        if cv2.countNonZero(change) >= least * change.size and find_regions(change, least):
            return True
        return any(not track.is_found(luma, at) for track in leaving)

    def _awaited(self, track: Track) -> bool:
        """True if more frames may show a better view of a plate, or show that it has gone."""
        if track.state is State.SETTLED:
            return track.course.seen_at < self._last_at and track.course.stands(track.course.seen_at) < SETTLED_AFTER
        if track.state is State.ASKED and track.views.outcome is PaidOutcome.PENDING:
            return False
        return track.course.stands(self._last_at) < RESTS_AFTER

    def _stands(self, track: Track) -> bool:
        """True if a plate stood still in the last look and is settled, or will show no better view."""
        wanted = RESTS_AFTER if track.state in (State.WAITING, State.TENTATIVE) else SETTLED_AFTER
        return track.course.seen_at == self._last_at and track.course.stands(self._last_at) >= wanted

    def _drives_on(self, track: Track) -> bool:
        """True if a plate moved in the last look and is settled."""
        moved = track.course.stands(self._last_at) < SETTLED_AFTER
        return track.state is State.SETTLED and track.course.seen_at == self._last_at and moved

    def _rests(self, blob: Blob) -> bool:
        """True if a blob will show nothing new while it looks as it did in the last look."""
        if blob.seen_at < self._last_at:
            return False
        return blob.stands(self._last_at) >= (SETTLED_AFTER if blob.plate else RESTS_AFTER)


def _as_it_was(blob: Blob, motion: Motion, last: Picture) -> bool:
    """True if the place of a blob looks as in the last look; or its vehicle has left it, and nothing is there."""
    if 1 - stillness(motion.small, last, blob.region, STILL_STEP) <= MOVED:
        return True
    place = motion.change[blob.region.top : blob.region.bottom, blob.region.left : blob.region.right]
    return bool(cv2.countNonZero(place) <= EMPTY * place.size)
