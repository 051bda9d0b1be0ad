"""How much attention a camera needs: all while something happens that the gate has not settled, else little."""

from collections.abc import Sequence

import cv2

from streamwatch.gate.geometry import Geometry
from streamwatch.gate.judge import STILL_STEP
from streamwatch.gate.regions import Region, find_regions
from streamwatch.gate.standing import Standing
from streamwatch.gate.track import ASK_AGAIN, RECOGNISED_FOR, Stage, Track, stillness
from streamwatch.model import Attention, Picture

SETTLING = 1.5  # s after the start in which the scene is learned and those who stand in it are found
CALM_FOR = 0.2  # s without anything new after which a look now and then is enough; capture keeps what it passes over
SENSITIVE = 0.12  # part of `min_area` from which a change is worth a look at what came before: a vehicle far away
LINGERS = 0.5  # of that; what has stirred goes on to do so as long as it is not smaller
RESTS_AFTER = 5.0  # s that a thing must have stood still although it is not settled: waiting shows nothing better
MOVED = 0.03  # part of a resting vehicle's place that may differ from the last look
EMPTY = 0.05  # part of a vehicle's place that may differ from the empty scene when it has left


class Watchfulness:
    """Of one camera. It only looks on: what the gate decides does not depend on it."""

    def __init__(self, min_area: float) -> None:
        self._min_area = SENSITIVE * min_area
        self._geometry = Geometry((180, 320), None)
        self._last: Picture | None = None
        self._last_at = self._began = self._stirred_at = 0.0

    def begin(self, geometry: Geometry, at: float) -> None:
        """Another scene."""
        self._geometry, self._last = geometry, None
        self._began, self._stirred_at = at, at - CALM_FOR

    def looked(self, small: Picture, at: float) -> None:
        """The gate has taken this picture in."""
        self._last, self._last_at = small, at

    def stir(self, at: float) -> None:
        """Something happens. The frame may be given back, to look at what came before it: then it lies ahead."""
        self._stirred_at = max(self._stirred_at, at)

    def needed(
        self,
        small: Picture,
        change: Picture,
        luma: Picture,
        at: float,
        tracks: list[Track],
        standing: Sequence[Standing],
    ) -> Attention:
        """For a picture that the gate has not taken in yet. change: 255 where it differs from the empty scene."""
        if self._last is None or at - self._began < SETTLING:
            return Attention.ALL
        if self._stirs(small, change, luma, at, tracks, standing):
            self.stir(at)
        return Attention.ALL if at - self._stirred_at < CALM_FOR else Attention.QUIET

    def _stirs(
        self,
        small: Picture,
        change: Picture,
        luma: Picture,
        at: float,
        tracks: list[Track],
        standing: Sequence[Standing],
    ) -> bool:
        resting = [track for track in tracks if self._rests(track, at) and self._as_it_was(track, small, change)]
        moving = [track for track in tracks if track not in resting]
        if not all(track.read or track.unanswered for track in moving):
            return True
        if any(one.look_is_due(at) and not one.visible(luma) for one in standing):
            return True
        if resting:
            change = cv2.bitwise_and(change, cv2.bitwise_not(self._geometry.mask_of(track.region for track in resting)))
        least = self._min_area * (LINGERS if at - self._stirred_at < CALM_FOR else 1.0)
        if cv2.countNonZero(change) < least * change.size:
            return False
        regions = find_regions(change, least)
        return bool(regions) and not self._all_known(regions, moving, luma, at)

    def _all_known(self, regions: list[Region], moving: list[Track], luma: Picture, at: float) -> bool:
        """Whether each region is a vehicle that was read, on its way, and no two are pieces of one."""
        for region in regions:
            home = max(moving, key=lambda track: track.region.overlap(region), default=None)
            if home is None or home.region.overlap(region) == 0:
                return False
            moving = [track for track in moving if track is not home]
            if at - home.recognised_at < RECOGNISED_FOR:
                continue
            # Where no frame is passed over, the gate itself asks often enough.
            if at - self._last_at < ASK_AGAIN or not home.still_it(luma, self._geometry.box(region), at):
                return False
        return True

    def _rests(self, track: Track, at: float) -> bool:
        """Whether nothing new is to be expected of a thing as long as it looks as it did."""
        if track.stage is Stage.SETTLED:
            return track.changed_since is None
        if track.last_view is None and track.seen_at < self._last_at:
            return True  # it has gone, and there is nothing to send of it
        still = track.still_since is not None and track.seen_at - track.still_since >= RESTS_AFTER
        return still and track.seen_at == self._last_at

    def _as_it_was(self, track: Track, small: Picture, change: Picture) -> bool:
        """Whether a thing's place looks as at the last look; or a settled vehicle has left it, and nothing is there."""
        assert self._last is not None
        if 1 - stillness(small, self._last, track.region, STILL_STEP) <= MOVED:
            return True
        place = change[track.region.top : track.region.bottom, track.region.left : track.region.right]
        return track.stage is Stage.SETTLED and cv2.countNonZero(place) <= EMPTY * place.size
