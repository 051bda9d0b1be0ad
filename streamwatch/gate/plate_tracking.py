"""Tracking by detection: known plates are found again in each frame, new ones are looked for where something moves."""

from collections.abc import Sequence

from streamwatch.core.model import Corners, FrameCorners
from streamwatch.gate.motion.blobs import Blob
from streamwatch.gate.motion.change import Motion
from streamwatch.gate.motion.geometry import Geometry
from streamwatch.gate.parked import ParkedVehicle
from streamwatch.gate.part_detector import PartDetector
from streamwatch.gate.plates.appearance import upright
from streamwatch.gate.plates.shapes import box_of, centre, overlap
from streamwatch.gate.search import SURVEYS, Search
from streamwatch.gate.tracking.track import Memory, State, Track
from streamwatch.gate.tracking.tracker import Tracker
from streamwatch.gate.tracking.views import PaidOutcome

SAME_TEXT = 0.5  # overlap from which a plate lies where a text was found that no engine could read


class PlateTracking:
    """The plates of one camera, followed from frame to frame, each with its best views."""

    def __init__(self, detector: PartDetector, search: Search, tracker: Tracker, *, keep_unpaid: bool) -> None:
        """keep_unpaid: see `Gate`."""
        self._detector, self._search, self._tracker, self._keep_unpaid = detector, search, tracker, keep_unpaid
        self._scenery: list[Corners] = []

    @property
    def surveyed(self) -> bool:
        """True once all searches for plates that stood there when watching began have been made."""
        return self._search.surveyed

    def begin(self, before: tuple[int, ...], geometry: Geometry, at: float) -> None:
        """Start with frames of a size. before: (height, width) of the frames until now, () for the first ones."""
        self._tracker.resized(before, (geometry.height, geometry.width))
        self._detector.begin(geometry)
        self._search.begin(geometry, at)
        self._scenery = []

    def remember(self, vehicle: ParkedVehicle) -> int:
        """Follow a vehicle that an earlier run paid for, and return the number of its passage."""
        plate = vehicle.plate or self._detector.plate_in(vehicle.luma, vehicle.box)
        passage = self._tracker.next_passage()
        if plate is not None:
            a, b, c, d = ((x - vehicle.box.x, y - vehicle.box.y) for x, y in plate)
            track = Track(passage, plate, vehicle.opened_at, vehicle.last_seen, 0.0, 1.0, State.SETTLED)
            track.appearance.pictures = [upright(vehicle.luma, (a, b, c, d))]
            track.memory, track.announced, track.unseen = Memory.EARLIER_RUN, True, 1
            self._tracker.tracks.append(track)
        return passage

    def follow(self, motion: Motion) -> None:
        """Find the plates of a frame, known and new ones, and keep their best views."""
        if self._tracker.tracks:
            self._tracker.follow(motion.frame, motion.at, lambda plate: motion.is_still(box_of(plate)))
        parts = self._search.due(motion, self._tracker.tracks)
        if parts:
            found = self._search.look(motion, parts)
            for track in self._tracker.detected(motion.frame, motion.at, found, [part.box for part in parts]):
                track.course.at_rest = motion.age <= SURVEYS[-1] and not motion.differs_at(centre(track.course.plate))
        visible = self._tracker.visible(motion.at)
        for track in visible:
            self._keep_views(track, visible, motion)
        plates = [(centre(t.course.plate), t.recorded) for t in visible if t.confirmed and not t.scenery]
        for blob in motion.blobs:
            inside = [recorded for plate, recorded in plates if motion.geometry.covers(blob.region, plate)]
            blob.plate |= bool(inside)
            blob.recorded |= any(inside)

    def answered(
        self, track: Track, plates: Sequence[tuple[bool, FrameCorners | None]] | None, at: float, bare: bool
    ) -> None:
        """Apply the answer to the last paid view of a track; see `Gate.answered`.

        bare: True if the place of its plate does not differ from the empty scene.
        """
        view = track.views.paid[-1]
        if plates is None:
            view.outcome = PaidOutcome.FAILED
        else:
            own = [good for good, corners in plates if view.may_show(corners)]
            view.outcome = PaidOutcome.UNREAD if not own else PaidOutcome.READ if any(own) else PaidOutcome.DOUBTED
        if track.views.was_read:
            track.settle()
        elif view.outcome is PaidOutcome.UNREAD and bare and not track.course.travelled and not track.views.doubted:
            track.become_scenery()
            self._scenery.append(track.course.plate)
        else:
            track.look_again(at)

    def bare(self, motion: Motion) -> list[Blob]:
        """Return the blobs of a frame on which no plate is in view."""
        plates = [centre(track.course.plate) for track in self._tracker.visible(motion.at) if not track.scenery]
        return [b for b in motion.blobs if not any(motion.geometry.covers(b.region, plate) for plate in plates)]

    def _keep_views(self, track: Track, visible: Sequence[Track], motion: Motion) -> None:
        """Keep the frame if it is the best view of a plate so far; while there is none, keep the best for people."""
        views = track.views
        if track.state is not State.SETTLED and self._lies_on_scenery(track):
            track.become_scenery()
        if track.state is not State.SETTLED:
            others = tuple(box_of(t.course.plate) for t in visible if t is not track and t.confirmed)
            views.weigh(motion.frame, motion.at, track.course.plate, others)
        if views.best is not None or track.announced or track.state is State.SETTLED or not self._keep_unpaid:
            views.spare = None
        else:
            views.keep_spare(motion.frame, motion.at, track.course.plate)

    def _lies_on_scenery(self, track: Track) -> bool:
        """True if a plate that never moved lies where a text was found that no engine could read."""
        if track.course.travelled or track.views.paid:
            return False
        return any(overlap(track.course.plate, place) >= SAME_TEXT for place in self._scenery)
