"""Which frames are worth a call: a pure state machine, frames and answers in, decisions out.

A region of change that lasts opens a passage. While its view gets better the gate waits; when it stops getting better
for `patience` seconds, or the vehicle goes, the best view is sent. Before paying, the gate asks the pictures whether
this vehicle was paid for already. After a reading, nothing more is paid until something else stands there.
"""

from collections import Counter
from datetime import datetime

import cv2

from streamwatch.gate.attention import Watchfulness
from streamwatch.gate.background import Background
from streamwatch.gate.decisions import Decision, Shot
from streamwatch.gate.fitted import Fitter
from streamwatch.gate.follow import Follower
from streamwatch.gate.geometry import Geometry
from streamwatch.gate.glance import Followed, Glance, Why
from streamwatch.gate.judge import Judge
from streamwatch.gate.plate_like import plate_like
from streamwatch.gate.regions import find_regions
from streamwatch.gate.residents import Residents
from streamwatch.gate.scene import CHANGED, SceneWatch
from streamwatch.gate.sight import FindPlates, Sight
from streamwatch.gate.standing import Remembered, Standing, standing_of
from streamwatch.gate.track import PaidView, Stage, Track, Verdict
from streamwatch.model import Attention, Corners, Frame, Picture

LEARN_FIRST = 0.6  # s after the start in which change is only learned
SOME_CHANGE = 0.002  # part of the watched picture from which a frame no longer counts as quiet
NEAR_TO_A_CALL = (
    Why.TOO_SMALL,
    Why.TOO_SHORT,
    Why.FRAGMENT,
    Why.SCENERY,
    Why.KNOWN,
    Why.USED_UP,
    Why.NOT_BETTER,
    Why.NO_PLATE,
    Why.BETTERING,
    Why.SENT,
)


class Gate:
    """Watches one camera."""

    def __init__(
        self,
        *,
        threshold: int = 22,
        min_area: float = 0.015,
        patience: float = 0.6,
        close_after: float = 1.0,
        max_calls: int = 3,
        zone: list[tuple[float, float]] | None = None,
        find_plates: FindPlates | None = None,
    ) -> None:
        """threshold: grey levels of change; min_area: fraction of the picture; patience, close_after: seconds;

        max_calls: per passage; zone: polygon in fractions of the picture outside of which nothing is looked at;

        find_plates: says where a BGR picture shows plates, without reading them; None where nothing good can.
        """
        self._min_area, self._zone = min_area, zone
        self._background, self._follower = Background(threshold), Follower()
        self._paid: list[PaidView] = []
        sight = None if find_plates is None else Sight(find_plates, self._paid)
        self._finds_plates = sight is not None
        self._judge = Judge(
            self._follower,
            self._background,
            sight,
            self._paid,
            patience=patience,
            close_after=close_after,
            max_calls=max_calls,
        )
        self._residents = Residents(
            sight or Sight(plate_like, self._paid), self._paid, self._follower.next_passage, max_calls
        )
        self._watchfulness = Watchfulness(min_area)
        self._scene, self._fitter = SceneWatch(), Fitter()
        self._geometry = Geometry((180, 320), zone)
        self._seen: tuple[Frame, Picture, Picture] | None = None
        self._shape: tuple[int, ...] = ()
        self._started = self._change = 0.0
        self._at: datetime | None = None
        self._why = Why.LEARNING
        self.counts = Counter(dict.fromkeys(Why, 0))
        """Frames by why they were sent or not; SENT counts the frame at which an earlier view may have been chosen."""

    @property
    def glance(self) -> Glance | None:
        """What it saw in the last frame; None before the first. Made anew whenever it is asked for."""
        if self._at is None:
            return None
        followed = tuple(
            Followed(t.passage, self._geometry.box(t.region), t.value, None if t.best is None else t.best.score, t.why)
            for t in self._follower.tracks
        )
        return Glance(self._at, self._change, self._why, followed)

    def attention(self, frame: Frame) -> Attention:
        """How closely this camera must be watched, as the next frame shows; it is not taken in by this.

        At ALL, frames that were passed over before it should come first, if they can still be had.
        """
        frame, at = self._fitted(frame), frame.captured_at.timestamp()
        if self._shape != frame.luma.shape:
            self._watchfulness.stir(at)
            return Attention.ALL
        if self._scene.upset:
            return Attention.ALL
        small, change = self._see(frame)
        return self._watchfulness.needed(small, change, frame.luma, at, self._follower.tracks, self._residents.standing)

    def look(self, frame: Frame) -> list[Decision]:
        """Takes the next frame in; capture times must not decrease."""
        decisions = self._look(self._fitted(frame))
        self._seen = None
        self._at = frame.captured_at
        self.counts[self._why] += 1
        return decisions

    def _look(self, frame: Frame) -> list[Decision]:
        at = frame.captured_at.timestamp()
        decisions = self._begin(frame.luma, at) if self._shape != frame.luma.shape else []
        small, change = self._see(frame)
        busy = cv2.countNonZero(change)
        self._change = busy / self._geometry.watched
        self._scene.look(self._change, self._background.shows_nothing, at)
        if self._scene.upset or self._scene.is_another:
            self._why = Why.SCENE_JUMP
            return [*decisions, *(self._begin(frame.luma, at) if self._scene.is_another else [])]
        learning = at - self._started < LEARN_FIRST
        watching = busy >= self._min_area * change.size and not learning
        self._follower.follow(find_regions(change, self._min_area) if watching else [], frame.captured_at, at)
        moving = [self._geometry.box(track.region) for track in self._follower.tracks]
        decisions += self._residents.look(frame, small, at, moving)
        decisions += self._judge.judge(frame, small, at, self._residents.boxes())
        if self._finds_plates:
            decisions += self._residents.beside(self._follower.tracks, frame, small, at)
        self._why = self._explain(learning)
        decisions += self._judge.let_go(small, at)
        if any(isinstance(decision, Shot) for decision in decisions):
            self._why = Why.SENT
        self._background.learn(small, self._vehicles(), at)
        self._scene.note(any(self._fills(track, frame.luma) for track in self._follower.tracks))
        self._watchfulness.looked(small, at)
        return decisions

    def _fitted(self, frame: Frame) -> Frame:
        """A frame in the size so far, if it has another one while a vehicle is followed."""
        return self._fitter.fit(frame, self._shape, bool(self._follower.tracks or self._follower.leaving))

    def _see(self, frame: Frame) -> tuple[Picture, Picture]:
        """The frame's small picture, and where it differs from the empty scene."""
        if self._seen is None or self._seen[0] is not frame:
            small = self._geometry.shrink(frame.luma)
            change = self._geometry.in_zone(self._background.change(small, self._vehicles()))
            self._seen = frame, small, change
        return self._seen[1:]

    def remember(self, vehicle: Remembered) -> int:
        """Before the first frame: a vehicle that an earlier run paid for and that may still stand there.

        Returns the number of that passage; it is closed when the vehicle has gone, and never if it is not there.
        """
        return self._residents.remember(vehicle)

    def answered(self, passage: int, plates: list[tuple[bool, Corners | None]] | None) -> None:
        """What became of the last shot of a passage: its plates (trustworthy?, corners in frame pixels).

        None: this view got no answer and will get none, so that another one is worth a call. Plates that lie on another
        vehicle count for that one.
        """
        view = next((v for v in reversed(self._paid) if v.passage == passage and v.verdict is Verdict.PENDING), None)
        if view is None:
            return
        view.verdict = Verdict.FAILED if plates is None else Verdict.UNREAD
        own = [(good, corners) for good, corners in plates or [] if self._judge.is_own(view, corners)]
        for good, corners in sorted(own, key=lambda plate: plate[0]):
            view.verdict, view.plate = Verdict.READ if good else Verdict.DOUBTED, corners
        track = self._follower.track_of(passage)
        if track is None:
            return
        if view.verdict is Verdict.READ:
            track.known()
        elif track.stage is Stage.SETTLED:
            track.look_again(track.seen_at, suspect=False)

    def last_calls(self) -> list[Decision]:
        """What is worth a call when no frame will come any more; to be asked again after the answers to it."""
        return self._judge.last_calls()

    def finish(self) -> list[Decision]:
        """Closes all passages: the recording has ended, or the daemon stops."""
        tracks = (*self._follower.tracks, *self._follower.leaving)
        decisions = [decision for track in tracks for decision in self._judge.finish(track)]
        self._follower.tracks, self._follower.leaving = [], []
        return [*decisions, *self._residents.finish()]

    def _begin(self, luma: Picture, at: float) -> list[Decision]:
        """The first picture, or another scene. What was read before probably still stands before the camera."""
        decisions: list[Decision] = []
        stayed: list[Standing] = []
        for track in self._follower.tracks:
            standing = standing_of(track)
            decisions += self._judge.finish(track) if standing is None else []
            stayed += [] if standing is None else [standing]
        decisions += [
            closed for track in self._follower.leaving for closed in self._judge.closing(track, track.seen_at)
        ]
        self._follower.tracks, self._follower.leaving = [], []
        self._shape, self._geometry = luma.shape, Geometry(luma.shape, self._zone)
        self._background.start(self._geometry.shrink(luma), at)
        self._judge.begin(self._geometry)
        self._residents.begin(self._geometry, at, stayed)
        self._watchfulness.begin(self._geometry, at)
        self._seen = None
        self._scene.begin(at)
        self._started = at
        return decisions

    def _explain(self, learning: bool) -> Why:
        """The reason that counts for a frame that was not sent."""
        if learning:
            return Why.LEARNING
        if self._follower.tracks:
            return max((track.why for track in self._follower.tracks), key=NEAR_TO_A_CALL.index)
        return Why.TOO_SMALL if self._change >= SOME_CHANGE else Why.QUIET

    def _vehicles(self) -> Picture | None:
        """255 where tracks are, so that the background neither learns them nor lets them vote on the light."""
        tracks = self._follower.tracks
        return self._geometry.mask_of(track.region for track in tracks) if tracks else None

    def _fills(self, track: Track, luma: Picture) -> bool:
        """Whether a thing takes up the picture and shows no plate, or not the one any more that was paid for.

        Not the zone alone: that may be just as large as a vehicle.
        """
        height, width = self._geometry.small_shape
        if track.region.size < CHANGED * height * width:
            return False
        if not track.paid:
            return not track.hits
        plates = [(view, view.plate or view.found) for view in track.paid]
        return not any(plate is not None and view.still_there(plate, luma) for view, plate in plates)
