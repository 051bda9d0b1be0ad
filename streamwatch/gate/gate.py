"""The gate chooses the frames that are worth a call. It is pure: frames and answers in, decisions out.

One frame goes one way through the stages, as a `Motion`: change detection says where something moves, tracking follows
the plates there, the rules decide about each plate, and what was seen is learned. The best view of a plate is sent once
it stops getting better, or when the plate leaves. A vehicle that shows no plate is a passage, too, and is not paid for.
If nothing was paid for a passage, its best view is kept for people.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from streamwatch.core.model import Attention, Frame, FrameCorners, Picture
from streamwatch.gate.attention import AttentionEstimator
from streamwatch.gate.decisions import Decision, Shot
from streamwatch.gate.frame_report import FollowedObject, FrameReport, Why
from streamwatch.gate.motion.change import Motion, MotionDetector
from streamwatch.gate.open_passages import OpenPassages
from streamwatch.gate.parked import ParkedVehicle
from streamwatch.gate.part_detector import FindPlates, PartDetector
from streamwatch.gate.plate_tracking import PlateTracking
from streamwatch.gate.plates.shapes import centre, vehicle_around
from streamwatch.gate.policy import ENOUGH, Enough
from streamwatch.gate.search import Search
from streamwatch.gate.tracking.tracker import Tracker
from streamwatch.gate.tracking.views import PaidOutcome
from streamwatch.gate.without_plate import VehiclesWithoutPlate

SOME_CHANGE = 0.002  # part of the watched picture from which a frame no longer counts as quiet
NEAR_TO_A_CALL = (*tuple(Why)[1:], Why.SENT)


class Gate:
    """The gate of one camera. Its constructor has an argument for each setting of the gate and for each engine."""

    def __init__(
        self,
        *,
        find_plates: FindPlates,
        threshold: int = 22,
        min_area: float = 0.015,
        patience: float = 0.6,
        close_after: float = 1.0,
        max_calls: int = 3,
        zone: list[tuple[float, float]] | None = None,
        sees_letters: Callable[[Picture], bool] | None = None,
        keep_unpaid: bool = True,
        enough: Enough = ENOUGH,
    ) -> None:
        """find_plates: the plate detector. threshold: grey levels from which a pixel counts as changed. min_area: least
        part of the picture that a vehicle fills. patience: seconds without a better view after which a view is sent.
        close_after: seconds without the plate after which its passage ends. max_calls: per passage. zone: polygon in
        fractions of the picture; the gate ignores what lies outside. sees_letters: True if a (height, width, 3) BGR
        picture shows letters; with it a large vehicle without a plate is paid for once, without it never. keep_unpaid:
        keep the best view of a passage if nothing was paid for it. enough: from when on a view need not get better.
        """
        detector = PartDetector(find_plates)
        self._tracker = Tracker()
        self._motion = MotionDetector(
            threshold=threshold,
            min_area=min_area,
            zone=zone,
            close_after=close_after,
            next_passage=self._tracker.next_passage,
        )
        self._plates = PlateTracking(detector, Search(detector, min_area), self._tracker, keep_unpaid=keep_unpaid)
        self._passages = OpenPassages(
            self._tracker,
            detector,
            patience=patience,
            close_after=close_after,
            max_calls=max_calls,
            keep_unpaid=keep_unpaid,
            enough=enough,
        )
        self._without_plate = VehiclesWithoutPlate(sees_letters, keep_unpaid=keep_unpaid)
        self._attention = AttentionEstimator(min_area)
        self._at: datetime | None = None
        self._change, self._why = 0.0, Why.LEARNING
        self.counts = Counter(dict.fromkeys(Why, 0))
        """Frames by the rule that decided. SENT counts the frame of the decision; the sent view may be earlier."""

    @property
    def report(self) -> FrameReport | None:
        """Return what the gate saw in the last frame; None before the first. It is made anew at every call."""
        if self._at is None:
            return None
        geometry = self._motion.geometry
        followed = [
            FollowedObject(
                track.passage,
                vehicle_around(track.course.plate, self._motion.shape),
                None,
                None if track.views.best is None else track.views.best.score,
                self._passages.why(track) or Why.TOO_SHORT,
                track.course.plate,
                track.state.name.lower(),
            )
            for track in self._tracker.visible(self._at.timestamp())
        ]
        followed += [
            FollowedObject(blob.passage, geometry.box(blob.region), None, None, Why.NO_PLATE)
            for blob in self._motion.blobs
            if not blob.plate
        ]
        return FrameReport(self._at, self._change, self._why, tuple(followed))

    def attention(self, frame: Frame) -> Attention:
        """Return how closely this camera must be watched, as the next frame shows. The frame is not taken in.

        At ALL, earlier frames that were skipped should be looked at first, if capture still has them.
        """
        if not self._motion.fits(frame):
            self._attention.wake(frame.captured_at.timestamp())
            return Attention.ALL
        if self._motion.upset:
            return Attention.ALL
        return self._attention.needed(self._motion.compare(frame), self._tracker.tracks)

    def look(self, frame: Frame) -> list[Decision]:
        """Take the next frame in and return what is decided. Capture times must not decrease."""
        if not self._motion.fits(frame):
            self._begin(frame)
        motion = self._motion.take_in(frame)
        decisions: list[Decision] = []
        if not motion.blank:
            self._plates.follow(motion)
            self._without_plate.keep_views(motion)
            decisions = self._passages.decide(motion, surveyed=self._plates.surveyed)
            decisions += self._without_plate.record(motion)
            self._motion.learn(motion, self._plates.bare(motion))
            self._attention.looked(motion.small, motion.at)
        self._at, self._change, self._why = frame.captured_at, motion.part, self._explain(motion, decisions)
        self.counts[self._why] += 1
        return decisions

    def remember(self, vehicle: ParkedVehicle) -> int:
        """Take over, before the first frame, a vehicle that an earlier run paid for and that may still stand there.

        Return the number of its passage. The passage is closed when the vehicle has gone, but not if it is never found.
        """
        return self._plates.remember(vehicle)

    def answered(self, passage: int, plates: list[tuple[bool, FrameCorners | None]] | None) -> None:
        """Take in what became of the last shot of a passage: its plates (trustworthy?, corners in frame pixels).

        None: this view got no answer and will get none, so that another view is worth a call. Plates on other vehicles
        do not count.
        """
        track = next((t for t in self._tracker.tracks if t.passage == passage), None)
        if track is not None and track.views.outcome is PaidOutcome.PENDING:
            bare = not self._motion.differs_at(centre(track.course.plate))
            self._plates.answered(track, plates, self._at_seconds, bare=bare)

    def want_second_view(self, passage: int) -> bool:
        """Have the next view of a plate that was read paid for at once, as an opening depends on it.

        False if the passage has had one, or is not open. If the plate is out of sight until its passage ends, nothing
        is paid.
        """
        track = next((t for t in self._tracker.tracks if t.passage == passage), None)
        return track is not None and track.want_second_view()

    def last_calls(self) -> list[Decision]:
        """Return what is worth a call when no more frames will come. Ask again after the answers to these calls."""
        return self._passages.last_calls(self._at_seconds)

    def finish(self) -> list[Decision]:
        """Return the last decisions, and close all passages: the recording has ended or the daemon stops."""
        return self._passages.finish(self._at_seconds)

    @property
    def _at_seconds(self) -> float:
        """Return the capture time of the last frame in seconds, 0 before the first."""
        return 0.0 if self._at is None else self._at.timestamp()

    def _begin(self, frame: Frame) -> None:
        """Start with the first frame, or with one of another size. Known vehicles are probably still there."""
        at, before = frame.captured_at.timestamp(), self._motion.shape
        self._motion.begin(frame, at)
        self._plates.begin(before, self._motion.geometry, at)
        self._attention.begin(self._motion.geometry, at)
        self._passages.begin(frame.captured_at)

    def _explain(self, motion: Motion, decisions: list[Decision]) -> Why:
        """Return the reason of a frame. If several plates are in view, the one nearest to a call counts."""
        if motion.blank:
            return Why.QUIET
        if any(isinstance(decision, Shot) for decision in decisions):
            return Why.SENT
        if motion.learning:
            return Why.LEARNING
        whys = [why for track in self._tracker.visible(motion.at) if (why := self._passages.why(track)) is not None]
        whys += [Why.NO_PLATE for _ in motion.blobs]
        if whys:
            return max(whys, key=NEAR_TO_A_CALL.index)
        return Why.TOO_SMALL if motion.part >= SOME_CHANGE else Why.QUIET
